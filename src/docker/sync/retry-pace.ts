// When to reconnect: a local engine within a second, as clients cannot be identified without it and a try is cheap; a remote
// one with exponential backoff and jitter, as many may be waiting for it.
import { createBackoff } from '../../lib/backoff.ts'

/** How a connection went that is over; ms. */
export interface ConnectionTimes {
  /** From the attempt until the first list was read. */
  readonly settingUp: number
  /** From then to its end. */
  readonly lasted: number
}

export interface RetryPace {
  /** Until the next attempt, ms; undefined: the last one was never live. */
  next(last: ConnectionTimes | undefined): number
}

const first = 100
/** With the time that it takes to connect and to list, the engine's names are right within a second of its return. */
const longestHere = 800
const longestElsewhere = 10_000
/** A connection that lasts this long was a good one, ms. */
const lasting = 30_000

/** `random` gives [0, 1). */
export function createRetryPace(isLocal: () => boolean, random: () => number): RetryPace {
  const here = createBackoff(first, longestHere, () => 1)
  const elsewhere = createBackoff(first, longestElsewhere, random)
  return {
    next(last) {
      if (last !== undefined && last.lasted >= lasting) {
        here.reset()
        elsewhere.reset()
      }
      if (!isLocal()) return elsewhere.next()
      // An engine whose connections end at once is listed no more than half of the time.
      const wait = here.next()
      const idle = last === undefined ? 0 : last.settingUp - last.lasted
      return Math.max(wait, Math.min(longestElsewhere, idle))
    },
  }
}
