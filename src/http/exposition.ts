// /metrics: renders metrics as Prometheus's text when it is scraped. The only importer of prom-client.
import prom from 'prom-client'
import { type Clock, systemClock } from '../lib/clock.ts'
import type { Metric, Series } from '../lib/metrics.ts'
import { createLag } from './lag.ts'
import { problem, type Request, type Route } from './server.ts'

export interface Exposition {
  /** The body of a scrape. */
  text(): Promise<string>
  readonly contentType: string
}

export interface ExpositionOptions {
  /** Adds the process's own metrics, most of them prom-client's: memory, CPU, event loop, garbage collection. Default: true. */
  process?: boolean
  /** Fetches the other processes' numbers. Never rejects. */
  refresh?: () => Promise<void>
  clock?: Clock
}

/** Gauges whose names end in _total, which Prometheus's linter takes for counters; the ones with labels stay. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

/** prom-client's interval between event loop measurements, ms: the longest there is, since ours are cheaper. */
const never = 2 ** 31 - 1

export function createExposition(
  metrics: readonly Metric[],
  { process = true, refresh, clock = systemClock }: ExpositionOptions = {},
): Exposition {
  const registry = new prom.Registry()
  const lag = createLag(clock)
  for (const metric of metrics) registry.registerMetric(metricOf(metric))
  if (process) {
    prom.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: never })
    for (const name of misnamed) registry.removeSingleMetric(name)
    for (const metric of lag.metrics) {
      registry.removeSingleMetric(metric.name)
      registry.registerMetric(metricOf(metric))
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

/** `refuse` returns why a request is refused. */
export function metricsRoute(
  exposition: Exposition,
  refuse: (request: Request) => string | undefined = () => undefined,
): Route {
  return {
    path: '/metrics',
    async handle(request) {
      const refusal = refuse(request)
      if (refusal !== undefined) return problem(403, refusal)
      return { status: 200, type: exposition.contentType, body: await exposition.text() }
    },
  }
}

/** All that a prom-client registry reads of a metric to write its text. */
function metricOf(metric: Metric): prom.Metric {
  const { name, help, type, aggregator } = metric
  const get = () => ({ name, help, type, aggregator, values: metric.read().flatMap(samplesOf(metric)) })
  return { name, help, type, get } as unknown as prom.Metric
}

function samplesOf({ name, type, bounds }: Metric) {
  return ({ labels, numbers }: Series): object[] => {
    if (type !== 'histogram') return [{ labels, value: numbers[0] }]
    const counts = numbers.slice(0, -1)
    let sum = 0
    const buckets = counts.map((count, i) => {
      sum += count
      const le = i < bounds.length ? String(bounds[i]) : '+Inf'
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: sum }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: numbers.at(-1) },
      { metricName: `${name}_count`, labels, value: sum },
    ]
  }
}
