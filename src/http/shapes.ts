// A metric: its name and help for Prometheus, and where its numbers are.
import type { Counter, Histogram, HistogramCell } from '../lib/counters.ts'

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What counters of any labels have in common, as far as reading goes. */
export type AnyCounter = Pick<Counter<string>, 'labelNames'> & {
  readonly cells: ReadonlyMap<string, Sample>
}
export type AnyHistogram = Pick<Histogram<string>, 'bounds' | 'labelNames'> & {
  readonly cells: ReadonlyMap<
    string,
    {
      readonly labels: Sample['labels']
      readonly cell: Pick<HistogramCell, 'counts' | 'sum' | 'count'>
    }
  >
}

/** One metric: its name and help for Prometheus, and where its numbers are. */
export type Series =
  | {
      readonly name: string
      readonly help: string
      readonly kind: 'counter' | 'gauge'
      readonly source: AnyCounter | (() => readonly Sample[])
      /** What several processes' numbers come to, where it is not their sum: the least of them. */
      readonly least?: boolean
    }
  | {
      readonly name: string
      readonly help: string
      readonly kind: 'histogram'
      readonly source: AnyHistogram
    }

export type PlainSeries = Exclude<Series, { kind: 'histogram' }>

export function one(value: () => number) {
  return () => [{ labels: {}, value: value() }]
}

export function counter(name: string, help: string, source: AnyCounter): Series {
  return { name, help, kind: 'counter', source }
}

export function gauge(name: string, help: string, source: PlainSeries['source']): PlainSeries {
  return { name, help, kind: 'gauge', source }
}

export function histogram(name: string, help: string, source: AnyHistogram): Series {
  return { name, help, kind: 'histogram', source }
}
