// The one accounting of askers: what each may hold and spend, and all of them together. Sockets and the forwarder ask
// here before they work for anybody.
import type { Config } from '../../config/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { type Asker, createAskers } from './askers.ts'
import { type Connection, createConnections, type Place } from './connections.ts'
import type { LimitCounters } from './counters.ts'
import { createTurns, type Taker, type Turns } from './fair-queue.ts'
import { createShare } from './fair-share.ts'

export type LimitSettings = Config['limits']

/** What becomes of a datagram. over: nothing, the asker has had its share; slip and drop: it is over its rate. */
export type Admission = 'pass' | 'slip' | 'drop' | 'over'

export interface Limits {
  /** As they are now: one object whose values change with the configuration. */
  readonly settings: LimitSettings
  /** Others from now on; what is held stays, also where it is more than may be taken now. */
  update(settings: LimitSettings): void
  readonly counters: LimitCounters
  /** Counts a datagram from this address, as the socket tells it. */
  admit(address: string): Admission
  /** A place for a new connection; undefined: it is to be closed. */
  connect(address: string, connection: Connection): Place | undefined
  /** Whose question on a connection is next. */
  readonly turns: Turns
  /** How long a connection may be idle now, ms. */
  idle(): number
  /**
   * Counts a question to be forwarded. Whoever gets a release calls it once, when that is over; undefined: too many
   * are under way. The asker then gets SERVFAIL with extended error 23: glibc goes to its next server at once, musl
   * asks again at once, where silence and REFUSED would cost either of them 5 s.
   */
  claim(address: string): (() => void) | undefined
  /** Does what was claimed when it is this asker's turn: asking an upstream costs what many local answers do. */
  start(address: string, work: () => void): void
  /** For gauges. */
  held(): { connections: number; inFlight: number; bytes: number; askers: number }
}

export interface LimitsOptions {
  readonly settings: LimitSettings
  readonly counters: LimitCounters
  readonly clock: Clock
  /** Whether an IPv6 address is on a Docker network, whose containers share a /64. */
  readonly isOnNetwork: (bytes: Uint8Array) => boolean
  /** Loopback and known containers: rates are not for them unless `rateAll`. */
  readonly isOurs: (address: string) => boolean
  /** What `isOurs` goes by; an asker is judged anew when it is another. */
  readonly table: () => unknown
  /** How many datagrams our sockets have lost for want of room; undefined where it is not known. */
  readonly lost: () => number | undefined
  readonly idled?: () => number
  readonly afterTurn?: (run: () => void) => void
  /** As createTurns has it. */
  readonly soon?: ((run: () => void) => void) | undefined
}

/** One thing to be done, once. */
class Errand implements Taker {
  readonly asker: Asker
  isInLine = false
  private work: (() => void) | undefined

  constructor(asker: Asker, work: () => void) {
    this.asker = asker
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

/** Addresses remembered besides those that hold something: about 3 MB when all of them are in use. */
const remembered = 10_000
/** What taking a connection costs, in answers to datagrams. */
const connectionCost = 4

export function createLimits(options: LimitsOptions): Limits {
  const { counters, clock } = options
  const settings = { ...options.settings }
  const capacity = () => remembered + settings.connections + settings.inFlight
  const askers = createAskers({
    capacity,
    isOnNetwork: options.isOnNetwork,
  })
  const connections = createConnections(settings, counters)
  const share = createShare({
    clock,
    idled: options.idled ?? (() => performance.eventLoopUtilization().idle),
    lost: options.lost,
    afterTurn: options.afterTurn ?? ((run) => void setImmediate(run)),
  })
  const dropped = counters.reached.cell('fairShare', 'dropped')
  const waited = counters.reached.cell('fairShare', 'waited')
  const mayAsk = (asker: Asker) => {
    if (share.admit(asker) || !settings.fairShare) return true
    waited.value++
    return false
  }
  const turns = createTurns(clock, mayAsk, options.soon)
  let inFlight = 0

  function isExempt(asker: Asker, address: string): boolean {
    if (settings.rateAll) return false
    const table = options.table()
    if (asker.judgedBy !== table) {
      asker.judgedBy = table
      asker.isExempt = options.isOurs(address)
    }
    return asker.isExempt
  }

  /** The limit that this question is over. */
  function overRate(asker: Asker): 'rate' | 'ratePerPrefix' | undefined {
    const now = share.now()
    const { rate, ratePerPrefix } = settings
    if (rate > 0 && !asker.bucket.take(now, rate)) return 'rate'
    if (ratePerPrefix > 0 && !asker.prefix.take(now, ratePerPrefix)) return 'ratePerPrefix'
    return undefined
  }

  return {
    settings,
    update: (next) => void Object.assign(settings, next),
    counters,
    turns,
    admit(address) {
      const asker = askers.of(address)
      if (!share.admit(asker) && settings.fairShare) {
        dropped.value++
        return 'over'
      }
      if (isExempt(asker, address)) return 'pass'
      const limit = overRate(asker)
      if (limit === undefined) return 'pass'
      asker.pressed++
      const slips = settings.slip > 0 && asker.pressed % settings.slip === 0
      counters.reached.add(1, limit, slips ? 'slipped' : 'dropped')
      return slips ? 'slip' : 'drop'
    },
    connect(address, connection) {
      const asker = askers.of(address)
      if (!share.admit(asker, connectionCost) && settings.fairShare) {
        counters.reached.add(1, 'fairShare', 'refused')
        return undefined
      }
      return connections.enter(asker, connection)
    },
    idle: connections.idle,
    claim(address) {
      const asker = askers.of(address)
      // Nobody may have more than is still free: however many take what they can, some is left for the next.
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
      turns.join(new Errand(askers.of(address), work))
    },
    held: () => ({
      connections: connections.count(),
      inFlight,
      bytes: connections.bytes(),
      askers: askers.size(),
    }),
  }
}
