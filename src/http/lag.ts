// How late the event loop comes to its timers. prom-client finds out with a hundred timers a second, which is most of what an
// idle process does; here it is four, and none while nobody scrapes.
import type { Clock, Timer } from '../lib/clock.ts'
import { computedGauge, type Metric } from '../lib/metrics.ts'

export interface Lag {
  readonly metrics: readonly Metric[]
  /** It is scraped: what was measured since the last time is told now, and measuring goes on. */
  take(): void
}

/** Between measurements, ms. */
const measureEvery = 250
/** Whoever has not scraped for so long has gone, ms; above the intervals that scrapers have. */
const scrapedWithin = 300_000

type Statistics = ReturnType<typeof statisticsOf>

/** As prom-client calls them, so that dashboards find them. */
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
  let told = statisticsOf(measured)
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
      computedGauge(`nodejs_eventloop_lag_${part}seconds`, help, () => read(told)),
    ),
    take() {
      scrapedAt = clock.monotonic()
      told = statisticsOf(measured)
      measured = []
      if (timer === undefined) measure()
    },
  }
}

/** Of none, all are 0. */
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
    /** The least that so many are not above. */
    quantile: (share: number) => sorted[Math.max(0, Math.ceil(share * length) - 1)] ?? 0,
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
