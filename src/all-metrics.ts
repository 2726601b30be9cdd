// All metrics in the order of /metrics. Each is declared in the room that counts it.
import { Gauge, type Metric } from './lib/metrics.ts'
import { version } from './version.ts'

type Group = Readonly<Record<string, Metric>>

/** What each answering process counts for itself. */
export type ServingMetrics = Readonly<Record<'dns' | 'fast' | 'forward' | 'cache' | 'limits', Group>>

/** `lostLines`: of the log. */
export function servingMetrics(groups: ServingMetrics, lostLines: Metric): Metric[] {
  const { dns, fast, forward, cache, limits } = groups
  return [...[dns, fast, forward, cache, limits].flatMap((group) => Object.values(group)), lostLines]
}

/** `serving`: of this process, or the sums over all. */
export function allMetrics(
  serving: readonly Metric[],
  { workers, docker, table, config }: Readonly<Record<'workers' | 'docker' | 'table' | 'config', Group>>,
): Metric[] {
  const build = new Gauge('berth_build_info', 'Always 1; the labels carry the versions.', 'version', 'node')
  build.add(1, version, process.version)
  return [build, ...serving, ...[workers, docker, table, config].flatMap((group) => Object.values(group))]
}
