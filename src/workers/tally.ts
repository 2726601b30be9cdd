// Metrics of several processes as one: what each counted, as plain data, and the totals.
import type { Metric, Series } from '../lib/metrics.ts'

/** What one process counted, by the metric's name. */
export type Tally = ReadonlyMap<string, readonly Series[]>

export function readTally(metrics: readonly Metric[]): Tally {
  return new Map(metrics.map((metric) => [metric.name, metric.read()]))
}

/** What remains of processes that exited: what they counted, but no gauges. */
export function addTallies(metrics: readonly Metric[], tallies: readonly Tally[]): Tally {
  const lasting = metrics.filter(({ type }) => type !== 'gauge')
  return new Map(lasting.map((metric) => [metric.name, combine(metric, tallies)]))
}

/** The same metrics, with the other processes' numbers added when they are read. */
export function sumMetrics(metrics: readonly Metric[], others: () => readonly Tally[]): Metric[] {
  return metrics.map((metric) => {
    return { ...metric, read: () => combine(metric, [readTally([metric]), ...others()]) }
  })
}

function combine({ name, aggregator }: Metric, tallies: readonly Tally[]): Series[] {
  const combined = new Map<string, Series & { readonly numbers: number[] }>()
  for (const { labels, numbers } of tallies.flatMap((tally) => tally.get(name) ?? [])) {
    const key = Object.values(labels).join('\0')
    const total = combined.get(key)?.numbers
    if (total === undefined) combined.set(key, { labels, numbers: [...numbers] })
    else {
      for (const [i, number] of numbers.entries()) {
        total[i] = aggregator === 'min' ? Math.min(total[i]!, number) : total[i]! + number
      }
    }
  }
  return [...combined.values()]
}
