// Forwarding one question to upstreams: bounds on how many are under way, and everything that must be closed at the end.
import type { Upstream } from '../config/types.ts'
import type { Form } from '../dns/relay.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/log.ts'
import { Slots } from '../lib/slots.ts'
import type { Carrier } from './attempt.ts'
import { ActiveQuery } from './attempts.ts'
import { createDeadlines } from './deadlines.ts'
import { createEdnsStatuses } from './edns-status.ts'
import type { ForwardMetrics } from './forward-metrics.ts'
import { createHealth } from './health.ts'
import type { ExchangeQuestion } from './query-attempt.ts'
import type { Parts } from './schedule.ts'
import { createTcp } from './tcp-carrier.ts'
import type { DialTcp, DialUdp, Forwarded } from './types.ts'
import { createUdp } from './udp-carrier.ts'

export interface ExchangeOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly counters: ForwardMetrics
  /** An unpredictable 16-bit number. */
  readonly randomId: () => number
  /** [0, 1), for the choice of upstreams. */
  readonly random: () => number
  /** A place for one more question of this asker, given back by calling it; undefined: there is none. */
  readonly claim: (asker: string) => (() => void) | undefined
  /** Does the work when it is this asker's turn. */
  readonly inTurn: (asker: string, work: () => void) => void
  /** What is left out of questions to certain servers, by their texts. Default: nothing but what they are found not to take. */
  readonly formOf?: () => ReadonlyMap<string, Form>
  /** How UDP sockets are opened. Default: Node's. */
  readonly dial?: DialUdp | undefined
  /** How TCP connects to addresses that Node cannot express. Default: by Node all the same. */
  readonly dialTcp?: DialTcp | undefined
  readonly udp?: Carrier
  readonly tcp?: Carrier
}

export interface Exchange {
  /** Never rejects, but for a mistake of our own. */
  ask(asked: ExchangeQuestion): Promise<Forwarded>
  /** Whether every one of them has failed its health check. */
  isDown(upstreams: readonly Upstream[]): boolean
  inFlight(): number
  /** Ends what is open and closes every socket. */
  stop(): void
}

const noForms: ReadonlyMap<string, Form> = new Map()
const stopping: Forwarded = { failure: 'berth is stopping', reason: 'unreachable' }

export function createExchange(options: ExchangeOptions): Exchange {
  const { clock, log, counters, randomId, random, claim, inTurn, dial, dialTcp } = options
  const spoofed = (upstream: Upstream) => counters.spoofed.add(1, health.label(upstream))
  const exhausted = () => counters.exhausted.add(1)
  const socketOptions = { clock, randomId, spoofed, exhausted }
  const udp = options.udp ?? createUdp({ ...socketOptions, ...(dial === undefined ? {} : { dial }) })
  const tcp = options.tcp ?? createTcp({ ...socketOptions, dialTcp })
  const carriers = { udp, tcp }
  const configured = options.formOf ?? (() => noForms)
  const label = (upstream: Upstream) => health.label(upstream)
  const statuses = createEdnsStatuses({ clock, log, counters, carriers, configured, label })
  const health = createHealth({ clock, log, counters, udp, statuses, random })
  const parts: Parts = { clock, counters, health, statuses, carriers }
  let isStopped = false
  const deadlines = createDeadlines(clock)
  const running = new Slots<ActiveQuery>()

  return {
    isDown: health.isDown,
    inFlight: () => running.size,
    ask(asked) {
      if (asked.upstreams.length === 0) {
        return Promise.resolve({ failure: 'there is no upstream to ask', reason: 'none' })
      }
      const release = claim(asked.asker)
      if (release === undefined) {
        counters.rejects.add(1)
        return Promise.resolve({ failure: 'too many questions are being forwarded', reason: 'busy' })
      }
      return new Promise<Forwarded>((resolve, reject) => {
        inTurn(asked.asker, () => {
          let slot: number | undefined
          // Also where our own mistake ended it: it must not take the place for good.
          const leave = () => {
            release()
            if (slot !== undefined) running.remove(slot)
          }
          if (isStopped) {
            leave()
            return resolve(stopping)
          }
          try {
            const query = new ActiveQuery(parts, deadlines, asked, (result) => {
              leave()
              resolve(result)
            })
            query.begin()
            slot = running.add(query)
          } catch (error) {
            leave()
            reject(error)
          }
        })
      })
    },
    stop() {
      isStopped = true
      for (const query of running.all()) query.finish(stopping)
      deadlines.stop()
      health.stop()
      statuses.stop()
      udp.close()
      tcp.close()
    },
  }
}
