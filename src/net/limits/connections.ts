// TCP connections, counted per asker and in all. Over a limit the one unused for longest makes room (RFC 7766, 6.2.3).
import type { Config } from '../../config/types.ts'
import type { Asker } from './askers.ts'
import type { LimitCounters } from './counters.ts'

/** What the accounting asks of a connection. */
export interface Connection {
  /** No question is in hand; half a one does not count. */
  isIdle(): boolean
  close(): void
}

/** A connection's place among the others. */
export interface Place {
  readonly asker: Asker
  readonly connection: Connection
  /** A question came whole: the connection is the last to make room now. */
  used(): void
  /** Says how many bytes are kept for it at the moment; false: more than may be, for it or in all. */
  holds(bytes: number): boolean
  leave(): void
}

export interface Connections {
  /** undefined: there is no room. */
  enter(asker: Asker, connection: Connection): Place | undefined
  /** How long a connection may be idle now, ms: the less, the more are open. */
  idle(): number
  count(): number
  bytes(): number
}

type Settings = Pick<
  Config['limits'],
  'connections' | 'connectionsPerAsker' | 'idle' | 'bytesPerConnection' | 'bytes'
>

export function createConnections(settings: Settings, counters: LimitCounters): Connections {
  /** The longest unused first. */
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

  function createPlace(asker: Asker, connection: Connection): Place {
    let own = 0
    const place: Place = {
      asker,
      connection,
      used() {
        if (!all.delete(place)) return
        all.add(place)
        asker.connections.delete(place)
        asker.connections.add(place)
      },
      holds(bytes) {
        if (!all.has(place)) return false
        held += bytes - own
        own = bytes
        const limit = own > settings.bytesPerConnection ? 'bytesPerConnection' : 'bytes'
        if (limit === 'bytes' && (own === 0 || held <= settings.bytes)) return true
        counters.reached.add(1, limit, 'closed')
        return false
      },
      leave() {
        if (!all.delete(place)) return
        asker.connections.delete(place)
        held -= own
      },
    }
    return place
  }

  return {
    enter(asker, connection) {
      const hasRoom = makeRoom(asker.connections, 'connectionsPerAsker') && makeRoom(all, 'connections')
      if (!hasRoom) return undefined
      const place = createPlace(asker, connection)
      all.add(place)
      asker.connections.add(place)
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
