// Questions that upstreams could not answer a moment ago are not asked again at once (RFC 9520): the wait doubles
// with each failure in a row, and an answer ends it.
import { LRUCache } from 'lru-cache'
import { nameBeside } from '../key.ts'
import type { Failed } from '../types.ts'
import type { Entry } from './entry.ts'
import type { Store } from './store.ts'

export interface RememberedFailure {
  readonly failed: Failed
  /** ms, by the cache's own time. */
  readonly at: number
  /** When upstreams are asked again, where there is no old answer. */
  readonly until: number
}

export interface Failures {
  /** What came of the last try, where it is too early for another. `recheck`: the wait where an old answer is there, ms. */
  recall(key: string, recheck?: number): RememberedFailure | undefined
  note(key: string, failed: Failed): void
  forget(key: string): void
  /** By key; also those that are over, as far as they still count for how long the next one is remembered. */
  all(): Iterable<[string, RememberedFailure]>
}

/** RFC 9520, 3.2: at least 1 s, no more than 5 minutes; ms. */
const firstWait = 1000
/** Whoever waits for the name has nothing meanwhile, and most failures are soon over. */
const longestWait = 5000
/** A failure is not in a row with one so long before it, ms. */
const inARow = 60_000
/** Names are askers' to choose. */
const kept = 4096

/** When upstreams are asked again. `recheck`: as above. */
function askedAgainAt({ at, until }: RememberedFailure, recheck?: number): number {
  return recheck === undefined ? until : at + recheck
}

export function createFailures(now: () => number): Failures {
  const notes = new LRUCache<string, RememberedFailure>({ max: kept })
  return {
    recall(key, recheck) {
      if (notes.size === 0) return undefined
      const note = notes.get(key)
      if (note === undefined) return undefined
      return now() < askedAgainAt(note, recheck) ? note : undefined
    },
    note(key, failed) {
      const { reason } = failed
      // Ours to say, not the upstreams': there is nothing to spare them.
      if (reason !== 'unreachable' && reason !== 'failed') return
      const at = now()
      const before = notes.get(key)
      const isInARow = before !== undefined && at < before.until + inARow
      const last = isInARow ? before.until - before.at : firstWait / 2
      notes.set(key, { failed, at, until: at + Math.min(last * 2, longestWait) })
    },
    forget: (key) => void (notes.size > 0 && notes.delete(key)),
    all: () => notes.entries(),
  }
}

/** If only while upstreams fail. */
export function isGiven(entry: Entry | undefined, { stale, time }: Waiting): entry is Entry {
  return entry !== undefined && entry.expiresAt + stale > time
}

/** What the wait after a failure depends on. */
export interface Waiting {
  readonly store: Pick<Store, 'peek'>
  /** For how long after its end an answer may be given, ms. */
  readonly stale: number
  /** The wait where there is such an answer, ms. */
  readonly failureRecheck: number
  readonly time: number
}

/** Until upstreams are asked again, ms: longer where whoever asks has an old answer meanwhile. */
export function waitAfter(key: string, failure: RememberedFailure, waiting: Waiting): number {
  const { store, failureRecheck, time } = waiting
  const isOldThere = isGiven(store.peek(key), waiting) || isGiven(store.peek(nameBeside(key)), waiting)
  return askedAgainAt(failure, isOldThere ? failureRecheck : undefined) - time
}
