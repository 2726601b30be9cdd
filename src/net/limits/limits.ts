// The accounting of askers: what each of them, and all together, may hold and spend. Sockets and forwarding ask here before
// they do any work.
import type { Config } from '../../config/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { createAskers } from './askers.ts'
import { type Connection, createConnections, type Place } from './connections.ts'
import { createFairQueue, type FairQueue, type Line, type QueueItem } from './fair-queue.ts'
import { createFairShare, type ShareAccount } from './fair-share.ts'
import type { LimitMetrics } from './limit-metrics.ts'
import { createRateLimit, type RateLimitOptions } from './rate-limit.ts'

export type LimitSettings = Config['limits']

/** What to do with a datagram. over: ignore it, the asker has had its share; slip and drop: the asker is over its rate. */
export type Admission = 'pass' | 'slip' | 'drop' | 'over'

export interface Limits {
  /** One object, whose values change with the configuration. */
  readonly settings: LimitSettings
  /** What is held already stays, even if it is more than the new limits allow. */
  update(settings: LimitSettings): void
  readonly counters: LimitMetrics
  /** Counts a datagram from this address, as the socket gives it. */
  admit(address: string): Admission
  /** A place for a new connection, and its asker's line in the queue; undefined: close it. */
  connect(address: string, connection: Connection): (Place & { readonly line: Line }) | undefined
  /** In which order questions on connections are answered. */
  readonly queue: FairQueue
  /** How long a connection may be idle now, ms. */
  idle(): number
  /**
   * Counts a question to be forwarded; the caller calls the result once, when that is over. undefined: too many are under
   * way. The asker then gets SERVFAIL with extended error 23: glibc goes to its next server at once and musl asks again at
   * once, whereas silence or REFUSED would cost them 5 s.
   */
  claim(address: string): (() => void) | undefined
  /** Runs the claimed work when it is this asker's turn: asking an upstream costs as much as many local answers. */
  start(address: string, work: () => void): void
  /** For gauges. */
  held(): { connections: number; inFlight: number; bytes: number; askers: number }
}

export interface LimitsOptions extends Pick<RateLimitOptions, 'counters' | 'isOurs' | 'table'> {
  readonly settings: LimitSettings
  readonly clock: Clock
  /** Whether an IPv6 address is on a Docker network, whose containers share a /64. */
  readonly isOnNetwork: (bytes: Uint8Array) => boolean
  /** How many datagrams our sockets have lost for want of room; undefined: not known. */
  readonly lost: () => number | undefined
  readonly idled?: () => number
  readonly afterTurn?: (run: () => void) => void
  /** See createFairQueue. */
  readonly soon?: ((run: () => void) => void) | undefined
}

/** Work to be done once. */
class Job implements QueueItem {
  readonly line: Line
  isQueued = false
  private work: (() => void) | undefined

  constructor(line: Line, work: () => void) {
    this.line = line
    this.work = work
  }

  hasNext(): boolean {
    return this.work !== undefined
  }

  takeNext(): void {
    const { work } = this
    this.work = undefined
    work?.()
  }
}

/** Addresses remembered besides those that hold something: about 450 bytes each. */
const remembered = 10_000
/** What taking a connection costs, in answers to datagrams. */
const connectionCost = 4

export function createLimits(options: LimitsOptions): Limits {
  const { counters, clock } = options
  const settings = { ...options.settings }
  const capacity = () => remembered + settings.connections + settings.inFlight
  const askers = createAskers({ capacity, isOnNetwork: options.isOnNetwork })
  const connections = createConnections(settings, counters)
  const rateLimit = createRateLimit({ settings, counters, isOurs: options.isOurs, table: options.table })
  const share = createFairShare({
    clock,
    idled: options.idled ?? (() => performance.eventLoopUtilization().idle),
    lost: options.lost,
    afterTurn: options.afterTurn ?? ((run) => void setImmediate(run)),
  })
  const dropped = counters.reached.cell('fairShare', 'dropped')
  const waited = counters.reached.cell('fairShare', 'waited')
  const hasShare = (account: ShareAccount, messages?: number) =>
    share.admit(account, messages) || !settings.fairShare
  const queue = createFairQueue(
    clock,
    ({ share }) => {
      if (hasShare(share)) return true
      waited.value++
      return false
    },
    options.soon,
  )
  let inFlight = 0

  return {
    settings,
    update: (next) => void Object.assign(settings, next),
    counters,
    queue,
    admit(address) {
      const asker = askers.of(address)
      if (!share.admit(asker.share) && settings.fairShare) {
        dropped.value++
        return 'over'
      }
      return rateLimit(asker.rate, address, share.now())
    },
    connect(address, connection) {
      const asker = askers.of(address)
      if (!hasShare(asker.share, connectionCost)) {
        counters.reached.add(1, 'fairShare', 'refused')
        return undefined
      }
      asker.connections ??= new Set()
      const place = connections.enter(asker.connections, connection)
      return place && { ...place, line: asker.line }
    },
    idle: connections.idle,
    claim(address) {
      const asker = askers.of(address)
      // No asker may have more than is still free: however many take all they can, some is left for the next.
      const free = settings.inFlight - inFlight
      const limit = free < settings.inFlightPerAsker ? 'inFlight' : 'inFlightPerAsker'
      if (asker.inFlight >= Math.min(free, settings.inFlightPerAsker)) {
        counters.reached.add(1, limit, 'refused')
        return undefined
      }
      inFlight++
      asker.inFlight++
      return () => {
        inFlight--
        asker.inFlight--
      }
    },
    start(address, work) {
      queue.join(new Job(askers.of(address).line, work))
    },
    held: () => ({
      connections: connections.count(),
      inFlight,
      bytes: connections.bytes(),
      askers: askers.size(),
    }),
  }
}
