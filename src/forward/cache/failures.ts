// Questions that upstreams could not answer a moment ago are not asked again at once (RFC 9520): the wait doubles
// with each failure in a row, and an answer ends it.
import { LRUCache } from 'lru-cache'
import type { Failed } from '../types.ts'

export interface RememberedFailure {
  readonly failed: Failed
  /** ms, by the cache's own time. */
  readonly at: number
  /** When upstreams are asked again. */
  readonly until: number
}

export interface Failures {
  /** What came of the last try, where it is too early for another. */
  recall(key: string): RememberedFailure | undefined
  /** `least`: no new try before this many ms, whatever the count. */
  note(key: string, failed: Failed, least?: number): void
  forget(key: string): void
  /** By key; also those that are over, as far as they still count for how long the next one is remembered. */
  all(): Iterable<[string, RememberedFailure]>
}

/** RFC 9520, 3.2: at least 1 s, no more than 5 minutes; ms. */
const firstWait = 1000
/** Silence is mostly the network's fault and soon over; an upstream's own failure less so. */
const longestWait = { unreachable: 5000, failed: 30_000 }
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
    recall(key) {
      if (notes.size === 0) return undefined
      const note = notes.get(key)
      return note !== undefined && now() < note.until ? note : undefined
    },
    note(key, failed, least = 0) {
      const { reason } = failed
      // Ours to say, not the upstreams': there is nothing to spare them.
      if (reason !== 'unreachable' && reason !== 'failed') return
      const at = now()
      const before = notes.get(key)
      const last = before !== undefined && at < before.until + inARow ? before.wait : firstWait / 2
      const wait = Math.min(last * 2, longestWait[reason])
      notes.set(key, { failed, at, wait, until: at + Math.max(wait, least) })
    },
    forget: (key) => void (notes.size > 0 && notes.delete(key)),
    all: () => notes.entries(),
  }
}
