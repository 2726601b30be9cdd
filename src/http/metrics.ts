// /metrics: plain counters copied into Prometheus's text when it is scraped. The only importer of prom-client.
import prom from 'prom-client'
import { type Clock, systemClock } from '../lib/clock.ts'
import { createLag } from './lag.ts'
import { listSeries, type Sources } from './series.ts'
import { problem, type Request, type Route } from './server.ts'
import type { AnyHistogram, Sample, Series } from './shapes.ts'

export interface Metrics {
  /** What /metrics answers. */
  text(): Promise<string>
  readonly contentType: string
}

export interface MetricsOptions {
  /** Numbers of the process, most of them prom-client's: memory, CPU, event loop, garbage collection. Default: true. */
  process?: boolean
  /** Brings the numbers up to date, where others have to be asked for theirs. Never rejects. */
  refresh?: () => Promise<void>
  clock?: Clock
}

/** Gauges whose names end in _total, which Prometheus's linter takes for counters; the labelled ones stay. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

/** prom-client's way to measure the event loop is a timer with this interval, ms: as long as there is one, for ours is cheaper. */
const never = 2 ** 31 - 1

export function createMetrics(sources: Sources, options: MetricsOptions = {}): Metrics {
  return expose(listSeries(sources), options)
}

export function expose(
  series: readonly Series[],
  { process = true, refresh, clock = systemClock }: MetricsOptions = {},
): Metrics {
  const registry = new prom.Registry()
  const lag = createLag(clock)
  for (const item of series) registry.registerMetric(metricOf(item))
  if (process) {
    prom.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: never })
    for (const name of misnamed) registry.removeSingleMetric(name)
    for (const item of lag.series) {
      registry.removeSingleMetric(item.name)
      registry.registerMetric(metricOf(item))
    }
  }
  return {
    async text() {
      await refresh?.()
      if (process) lag.take()
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}

/** `refuse` says why a request gets nothing. */
export function metricsRoute(
  metrics: Metrics,
  refuse: (request: Request) => string | undefined = () => undefined,
): Route {
  return {
    path: '/metrics',
    async handle(request) {
      const refusal = refuse(request)
      if (refusal !== undefined) return problem(403, refusal)
      return { status: 200, type: metrics.contentType, body: await metrics.text() }
    },
  }
}

/** All that a prom-client registry asks of a metric when it writes its text. */
function metricOf(item: Series): prom.Metric {
  const { name, help, kind: type } = item
  const get = () => ({ name, help, type, aggregator: 'sum', values: samplesOf(item) })
  return { name, help, type, get } as unknown as prom.Metric
}

function samplesOf(item: Series): (Sample & { metricName?: string })[] {
  if (item.kind === 'histogram') return [...histogramSamples(item.name, item.source)]
  if (typeof item.source === 'function') return [...item.source()]
  const cells = [...item.source.cells.values()]
  // What has no labels exists before it first happens.
  return cells.length === 0 && item.source.labelNames.length === 0 ? [{ labels: {}, value: 0 }] : cells
}

function* histogramSamples(name: string, { bounds, cells }: AnyHistogram) {
  for (const { labels, cell } of cells.values()) {
    let sum = 0
    for (const [i, count] of cell.counts.entries()) {
      sum += count
      const le = i < bounds.length ? String(bounds[i]) : '+Inf'
      yield { metricName: `${name}_bucket`, labels: { ...labels, le }, value: sum }
    }
    yield { metricName: `${name}_sum`, labels, value: cell.sum }
    yield { metricName: `${name}_count`, labels, value: cell.count }
  }
}
