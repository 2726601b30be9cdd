// What the cache counts.
import { Counter } from '../../lib/counters.ts'

export function createCacheCounters() {
  return {
    /** Replies kept now, by success and denial. */
    entries: new Counter('type'),
    /** What they take, bytes. */
    bytes: new Counter(),
    hits: new Counter(),
    /** Questions that went on to upstreams. */
    misses: new Counter(),
    /** Answers out of date, while upstreams failed or were slow. */
    servedStale: new Counter(),
    /** Questions answered by a failure just before, without a new try. */
    failures: new Counter(),
    /** Answers in demand that were asked for again before their end. */
    prefetch: new Counter(),
    /** Replies put out for lack of room. */
    evictions: new Counter(),
  }
}

export type CacheCounters = ReturnType<typeof createCacheCounters>
