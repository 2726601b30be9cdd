// TCP connections, counted per asker and in total. At a limit the least recently used one makes room (RFC 7766, 6.2.3).
import type { Config } from '../../config/types.ts'
import type { LimitMetrics } from './limit-metrics.ts'

/** What the accounting asks of a connection. */
export interface Connection {
  /** No question is being answered; an incomplete one does not count. */
  isIdle(): boolean
  close(): void
}

/** A connection's place among the others. */
export interface Place {
  readonly connection: Connection
  /** A whole question came: the connection is the last to make room now. */
  used(): void
  /** Call it with the bytes buffered for the connection now; false: more than allowed, for it or in total. */
  holds(bytes: number): boolean
  leave(): void
}

export interface Connections {
  /** `own`: the asker's, the least recently used first; only this module writes it. undefined: there is no room. */
  enter(own: Set<Place>, connection: Connection): Place | undefined
  /** How long a connection may be idle now, ms: the more are open, the shorter. */
  idle(): number
  count(): number
  bytes(): number
}

type Settings = Pick<
  Config['limits'],
  'connections' | 'connectionsPerAsker' | 'idle' | 'bytesPerConnection' | 'bytes'
>

export function createConnections(settings: Settings, counters: LimitMetrics): Connections {
  /** The least recently used first. */
  const all = new Set<Place>()
  let held = 0

  function makeRoom(places: ReadonlySet<Place>, limit: 'connections' | 'connectionsPerAsker'): boolean {
    // More than one has to go where the limit has become less.
    for (const place of places) {
      if (places.size < settings[limit]) return true
      if (!place.connection.isIdle()) continue
      counters.reached.add(1, limit, 'closed')
      place.leave()
      place.connection.close()
    }
    if (places.size < settings[limit]) return true
    counters.reached.add(1, limit, 'refused')
    return false
  }

  function createPlace(own: Set<Place>, connection: Connection): Place {
    let bytes = 0
    const place: Place = {
      connection,
      used() {
        if (!all.delete(place)) return
        all.add(place)
        own.delete(place)
        own.add(place)
      },
      holds(now) {
        if (!all.has(place)) return false
        held += now - bytes
        bytes = now
        const limit = bytes > settings.bytesPerConnection ? 'bytesPerConnection' : 'bytes'
        if (limit === 'bytes' && (bytes === 0 || held <= settings.bytes)) return true
        counters.reached.add(1, limit, 'closed')
        return false
      },
      leave() {
        if (!all.delete(place)) return
        own.delete(place)
        held -= bytes
      },
    }
    return place
  }

  return {
    enter(own, connection) {
      const hasRoom = makeRoom(own, 'connectionsPerAsker') && makeRoom(all, 'connections')
      if (!hasRoom) return undefined
      const place = createPlace(own, connection)
      all.add(place)
      own.add(place)
      return place
    },
    idle() {
      const free = 1 - all.size / settings.connections
      return settings.idle * Math.min(1, Math.max(0.1, 2 * free))
    },
    count: () => all.size,
    bytes: () => held,
  }
}
