// Questions that upstreams could not answer a moment ago are not asked again at once (RFC 9520): the wait doubles
// with each failure in a row, and an answer ends it.
import { LRUCache } from 'lru-cache'
import type { Failed } from '../types.ts'

export interface RememberedFailure {
  readonly failed: Failed
  /** ms, by the cache's own time. */
  readonly at: number
}

export interface Failures {
  /** What came of the last try, where it is too early for another. `recheck`: the wait where an old answer is there, ms. */
  recall(key: string, recheck?: number): RememberedFailure | undefined
  note(key: string, failed: Failed): void
  forget(key: string): void
}

/** RFC 9520, 3.2: at least 1 s, no more than 5 minutes; ms. */
const firstWait = 1000
/** Whoever waits for the name has nothing meanwhile, and most failures are soon over. */
const longestWait = 5000
/** A failure is not in a row with one so long before it, ms. */
const inARow = 60_000
/** Names are askers' to choose. */
const kept = 4096

interface Note extends RememberedFailure {
  readonly wait: number
}

export function createFailures(now: () => number): Failures {
  const notes = new LRUCache<string, Note>({ max: kept })
  return {
    recall(key, recheck) {
      if (notes.size === 0) return undefined
      const note = notes.get(key)
      return note !== undefined && now() < note.at + (recheck ?? note.wait) ? note : undefined
    },
    note(key, failed) {
      const { reason } = failed
      // Ours to say, not the upstreams': there is nothing to spare them.
      if (reason !== 'unreachable' && reason !== 'failed') return
      const at = now()
      const before = notes.get(key)
      const last = before !== undefined && at < before.at + before.wait + inARow ? before.wait : firstWait / 2
      const wait = Math.min(last * 2, longestWait)
      notes.set(key, { failed, at, wait })
    },
    forget: (key) => void (notes.size > 0 && notes.delete(key)),
  }
}
