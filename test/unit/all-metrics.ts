// Every metric of berth, as the first process has them.
import { allMetrics, servingMetrics } from '../../src/all-metrics.ts'
import { createConfigMetrics } from '../../src/config/config-metrics.ts'
import { createDockerMetrics } from '../../src/docker/docker-metrics.ts'
import { fastGauges } from '../../src/fast/fast-metrics.ts'
import { createCacheMetrics } from '../../src/forward/cache/cache-metrics.ts'
import { createForwardMetrics } from '../../src/forward/forward-metrics.ts'
import { createOutput } from '../../src/lib/output.ts'
import { createLimitMetrics, limitGauges } from '../../src/net/limits/limit-metrics.ts'
import { createStore } from '../../src/registry/store.ts'
import { tableMetrics } from '../../src/registry/table-metrics.ts'
import { createDnsMetrics } from '../../src/resolve/dns-metrics.ts'
import { createWorkerMetrics } from '../../src/workers/worker-metrics.ts'

/** `connections`: what the limits hold now. */
export function createServingGroups(connections = 3) {
  const held = { connections, inFlight: 2, bytes: 100, askers: 7 }
  return {
    dns: createDnsMetrics(),
    fast: fastGauges(() => ({ answers: 8, bytes: 900 })),
    forward: createForwardMetrics(),
    cache: createCacheMetrics(),
    limits: { ...createLimitMetrics(), ...limitGauges(() => held) },
  }
}

export function listServing(groups: ReturnType<typeof createServingGroups>) {
  return servingMetrics(groups, createOutput(() => {}).lost)
}

export function createAllMetrics() {
  const store = createStore(['local'])
  const serving = createServingGroups()
  const groups = {
    workers: createWorkerMetrics(() => 1),
    docker: createDockerMetrics(),
    table: tableMetrics(store.current),
    config: createConfigMetrics(1_700_000_000),
  }
  return { store, ...serving, ...groups, metrics: allMetrics(listServing(serving), groups) }
}
