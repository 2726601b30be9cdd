// Flushes and lists the caches of all processes as one. A flush gets its number here and reaches every process.
import type { Cache } from '../forward/cache/cache.ts'
import type { Flushes } from '../forward/cache/flush.ts'
import type { Caches, FromAll } from '../http/caches.ts'
import type { Done } from './messages.ts'
import type { Pool } from './pool.ts'
import type { Outcome } from './supervisor.ts'

export interface CachesOptions {
  /** The first process's own. */
  readonly cache: Pick<Cache, 'flush' | 'holdings'>
  readonly flushes: Pick<Flushes, 'last'>
  readonly pool: Pick<Pool, 'ask'>
}

export function createCaches({ cache, flushes, pool }: CachesOptions): Caches {
  return {
    async flush(names) {
      const flush = { number: flushes.last() + 1, names }
      const [own, outcomes] = await Promise.all([cache.flush(flush), pool.ask({ kind: 'flush', flush })])
      return gather(own, outcomes, ({ flushed }) => flushed)
    },
    async holdings(subject, limit) {
      const [own, outcomes] = await Promise.all([
        cache.holdings(subject, limit),
        pool.ask({ kind: 'holdings', subject, limit }),
      ])
      return gather(own, outcomes, ({ holdings }) => holdings)
    },
  }
}

/** A worker that is gone, or still starting, holds nothing. */
function gather<T>(own: T, outcomes: readonly Outcome[], read: (done: Done) => T | undefined): FromAll<T> {
  const told = [{ worker: 1, ...own }]
  const silent: number[] = []
  for (const [i, outcome] of outcomes.entries()) {
    const worker = i + 2
    if (outcome === 'silent') silent.push(worker)
    else if (outcome !== 'gone') {
      const its = read(outcome)
      if (its !== undefined) told.push({ worker, ...its })
    }
  }
  return { told, silent }
}
