// What the cache counts.
import { Counter, Gauge } from '../../lib/metrics.ts'

export type CacheMetrics = ReturnType<typeof createCacheMetrics>

export function createCacheMetrics() {
  return {
    entries: new Gauge('berth_cache_entries', 'Cached replies, by type: success or denial.', 'type'),
    bytes: new Gauge('berth_cache_bytes', 'Approximate memory used by cached replies.'),
    hits: new Counter('berth_cache_hits_total', 'Queries answered from the cache.'),
    misses: new Counter('berth_cache_misses_total', 'Queries sent on to upstreams.'),
    /** While upstreams failed or were slow. */
    servedStale: new Counter('berth_cache_served_stale_total', 'Expired answers served.'),
    failures: new Counter('berth_cache_failures_total', 'Queries answered by a cached upstream failure.'),
    prefetch: new Counter('berth_cache_prefetch_total', 'Popular answers refreshed before they expired.'),
    evictions: new Counter('berth_cache_evictions_total', 'Cached replies evicted to make room.'),
  }
}
