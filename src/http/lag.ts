// Measures event loop lag. prom-client takes a hundred timers a second, most of an idle process's work; this takes four,
// and none unless a scraper reads the metrics.
import type { Clock, Timer } from '../lib/clock.ts'
import { computedGauge, type Metric } from '../lib/metrics.ts'

export interface Lag {
  readonly metrics: readonly Metric[]
  /** Call at each scrape: publishes what was measured since the last one, and measures on. */
  take(): void
}

/** Interval between measurements, ms. */
const measureEvery = 250
/** Measuring stops this long after the last scrape, ms; longer than any scrape interval. */
const scrapedWithin = 300_000

type Statistics = ReturnType<typeof statisticsOf>

/** prom-client's names, so that dashboards find them. */
const gauges: readonly (readonly [part: string, help: string, read: (of: Statistics) => number])[] = [
  ['', 'Lag of event loop in seconds.', ({ last }) => last],
  ['min_', 'The minimum recorded event loop delay.', ({ min }) => min],
  ['max_', 'The maximum recorded event loop delay.', ({ max }) => max],
  ['mean_', 'The mean of the recorded event loop delays.', ({ mean }) => mean],
  ['stddev_', 'The standard deviation of the recorded event loop delays.', ({ deviation }) => deviation],
  ['p50_', 'The 50th percentile of the recorded event loop delays.', ({ quantile }) => quantile(0.5)],
  ['p90_', 'The 90th percentile of the recorded event loop delays.', ({ quantile }) => quantile(0.9)],
  ['p99_', 'The 99th percentile of the recorded event loop delays.', ({ quantile }) => quantile(0.99)],
]

export function createLag(clock: Clock): Lag {
  /** Seconds. */
  let measured: number[] = []
  let published = statisticsOf(measured)
  let scrapedAt = 0
  let timer: Timer | undefined

  function measure(): void {
    const due = clock.monotonic() + measureEvery
    timer = clock.setTimeout(() => {
      const now = clock.monotonic()
      measured.push(Math.max(0, now - due) / 1000)
      timer = undefined
      if (now - scrapedAt < scrapedWithin) measure()
    }, measureEvery)
  }

  return {
    metrics: gauges.map(([part, help, read]) =>
      computedGauge(`nodejs_eventloop_lag_${part}seconds`, help, () => read(published)),
    ),
    take() {
      scrapedAt = clock.monotonic()
      published = statisticsOf(measured)
      measured = []
      if (timer === undefined) measure()
    },
  }
}

/** All 0 if nothing was measured. */
function statisticsOf(seconds: readonly number[]) {
  const sorted = seconds.toSorted((a, b) => a - b)
  const { length } = sorted
  const mean = sum(sorted) / Math.max(1, length)
  return {
    last: seconds.at(-1) ?? 0,
    min: sorted[0] ?? 0,
    max: sorted.at(-1) ?? 0,
    mean,
    deviation: Math.sqrt(sum(sorted.map((each) => (each - mean) ** 2)) / Math.max(1, length)),
    /** The lowest value that at least this share of the values does not exceed. */
    quantile: (share: number) => sorted[Math.max(0, Math.ceil(share * length) - 1)] ?? 0,
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
