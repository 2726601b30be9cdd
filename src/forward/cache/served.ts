// What is given from the cache: fresh answers, aged; stale ones while upstreams fail (RFC 8767); remembered failures.
import { ageReply, staleReply } from '../../dns/ttl.ts'
import type { Answered, Failed, Lease } from '../types.ts'
import type { CacheMetrics } from './cache-metrics.ts'
import type { Entry } from './entry.ts'
import type { RememberedFailure } from './failures.ts'
import { unpackReply } from './packed.ts'
import type { Store } from './store.ts'

export interface ServedOptions {
  readonly counters: CacheMetrics
  readonly store: Pick<Store, 'get'>
  /** The cache's own time, ms. */
  readonly now: () => number
  /** Whether an entry is to be asked for again now, before its end. */
  readonly isDue: (entry: Entry, time: number) => boolean
  /** For how long after its end an answer may be given, ms. */
  readonly stale: () => number
}

/** RFC 8767, 4: what a stale answer holds for, s. */
export const staleTtl = 30

/** An answer is asked for again before its end where it holds for so many s, was used so often, and this part is left. */
const prefetchFrom = { ttl: 10, hits: 3, left: 0.1 }
/** The store need not know of a use this soon after another, ms. */
const recentlyUsed = 1000

export function createServed({ counters, store, now, isDue, stale: longestStale }: ServedOptions) {
  const hits = counters.hits.cell()

  /** How long an entry is still good for an answer, if only a stale one; ms. */
  function servableFor(entry: Entry | undefined, time: number): number {
    return entry === undefined ? 0 : Math.max(0, entry.expiresAt + longestStale() - time)
  }

  function fresh(entry: Entry, time: number): Answered {
    hits.value++
    entry.hits++
    const age = seconds(time - entry.storedAt)
    const left = secondsLeft(entry.expiresAt - time)
    const cached = { age, left, stale: false, lease: leaseOf(entry) }
    return {
      reply: ageReply(unpackReply(entry.packed), age),
      ...giverOf(entry),
      cached,
    }
  }

  /** What is given by it is used as if it had been asked for here. */
  function leaseOf(entry: Entry): Lease {
    return {
      use(time) {
        if (entry.isGone || time >= entry.expiresAt || isDue(entry, time)) return undefined
        // What was used longest ago goes first: once in a while is enough to tell.
        if (time - entry.usedAt > recentlyUsed) {
          entry.usedAt = time
          store.get(entry.key)
        }
        hits.value++
        entry.hits++
        return seconds(time - entry.storedAt)
      },
    }
  }

  /** `why`: what became of the try to get a newer one. */
  function stale(entry: Entry, why: string): Answered {
    counters.servedStale.add(1)
    const time = now()
    const age = seconds(time - entry.storedAt)
    const left = secondsLeft(servableFor(entry, time))
    const reply = staleReply(unpackReply(entry.packed), age, staleTtl)
    return {
      reply,
      ...giverOf(entry),
      tries: why,
      cached: { age, left, stale: true },
    }
  }

  function failed({ failed, at, until }: RememberedFailure): Failed {
    counters.failures.add(1)
    const time = now()
    return {
      ...failed,
      cached: {
        age: seconds(time - at),
        left: secondsLeft(until - time),
        stale: false,
      },
    }
  }

  return { fresh, stale, failed, servableFor }
}

/** It is used often enough, and near its end. */
export function isWorthPrefetching(entry: Entry, time: number): boolean {
  if (entry.prefetched || entry.hits < prefetchFrom.hits) return false
  const whole = entry.expiresAt - entry.storedAt
  return whole >= prefetchFrom.ttl * 1000 && entry.expiresAt - time <= whole * prefetchFrom.left
}

function giverOf({ upstream, transport }: Entry): Pick<Answered, 'upstream' | 'transport'> {
  return { upstream, transport }
}

const seconds = (ms: number): number => Math.floor(ms / 1000)
/** Rounded up, as a TTL lowered by whole seconds of age is. */
const secondsLeft = (ms: number): number => Math.ceil(ms / 1000)
