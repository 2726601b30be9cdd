// Forwarding one question to upstreams: bounds on how many are under way, and everything that must be closed at the end.
import type { Upstream } from '../config/types.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/log.ts'
import type { Carrier } from './attempt.ts'
import { createClaims } from './claims.ts'
import type { ForwardCounters } from './counters.ts'
import { createHealth } from './health.ts'
import { createTcp } from './tcp.ts'
import { type ExchangeQuestion, type Parts, startTries } from './tries.ts'
import type { Forwarded } from './types.ts'
import { createUdp } from './udp.ts'

export interface ExchangeOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly counters: ForwardCounters
  /** A 16-bit number nobody can guess. */
  readonly randomId: () => number
  /** [0, 1), for the choice of upstreams. */
  readonly random: () => number
  /** A place for one more question of this asker, given back by calling it; undefined: there is none. */
  readonly claim?: (asker: string) => (() => void) | undefined
  readonly udp?: Carrier
  readonly tcp?: Carrier
}

export interface Exchange {
  /** Never rejects, but for a mistake of our own. */
  ask(asked: ExchangeQuestion): Promise<Forwarded>
  inFlight(): number
  /** Sockets open now. */
  sockets(): number
  /** Ends what is open and closes every socket. */
  stop(): void
}

export function createExchange(options: ExchangeOptions): Exchange {
  const { clock, log, counters, randomId, random } = options
  const spoofed = (upstream: Upstream) => counters.spoofed.add(1, health.label(upstream))
  const exhausted = () => counters.exhausted.add(1)
  const socketOptions = { clock, randomId, spoofed, exhausted }
  const udp = options.udp ?? createUdp(socketOptions)
  const tcp = options.tcp ?? createTcp(socketOptions)
  const health = createHealth({ clock, log, counters, udp, random })
  const parts: Parts = { clock, counters, health, carriers: { udp, tcp } }
  const claim = options.claim ?? createClaims()
  const running = new Set<(result: Forwarded) => void>()

  return {
    inFlight: () => running.size,
    sockets: () => udp.sockets() + tcp.sockets(),
    ask(asked) {
      if (asked.upstreams.length === 0) {
        return Promise.resolve({ failure: 'there is no upstream to ask', reason: 'none' })
      }
      const release = claim(asked.asker)
      if (release === undefined) {
        counters.rejects.add(1)
        return Promise.resolve({ failure: 'too many questions are being forwarded', reason: 'busy' })
      }
      return new Promise((resolve) => {
        try {
          const end = startTries(parts, asked, (result) => {
            running.delete(end)
            release()
            resolve(result)
          })
          running.add(end)
        } catch (error) {
          // Our own mistake must not take the place for good.
          release()
          throw error
        }
      })
    },
    stop() {
      for (const end of running) end({ failure: 'berth is stopping', reason: 'unreachable' })
      health.stop()
      udp.close()
      tcp.close()
    },
  }
}
