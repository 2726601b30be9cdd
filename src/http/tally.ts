// The numbers of several processes as one: what each counted, as plain data, and the sums of them.
import type { AnyHistogram, Sample, Series } from './shapes.ts'

/** What one process counted: a series' name → its cells. */
export type Tally = ReadonlyMap<string, readonly Cell[]>

/** Of a histogram: how many fell into each bucket, not cumulated, and the sum of all; of others the one number. */
interface Cell {
  readonly labels: Sample['labels']
  readonly numbers: readonly number[]
}

export function readTally(series: readonly Series[]): Tally {
  return new Map(series.map((item) => [item.name, cellsOf(item)]))
}

/** What of them stays when the processes that counted are gone: what happened, but nothing of how things are. */
export function addTallies(series: readonly Series[], tallies: readonly Tally[]): Tally {
  const lasting = series.filter(({ kind }) => kind !== 'gauge')
  return new Map(lasting.map((item) => [item.name, combine(item, tallies)]))
}

/** These series, others' numbers added as they are when they are read. */
export function sumSeries(series: readonly Series[], others: () => readonly Tally[]): Series[] {
  return series.map((item) => {
    const { name } = item
    const cells = () => combine(item, [new Map([[name, cellsOf(item)]]), ...others()])
    if (item.kind === 'histogram') return { ...item, source: histogramOf(item.source, cells) }
    const samples = () => cells().map(({ labels, numbers }) => ({ labels, value: numbers[0]! }))
    if (typeof item.source === 'function') return { ...item, source: samples }
    const source = {
      labelNames: item.source.labelNames,
      get cells() {
        return new Map(samples().map((sample) => [keyOf(sample.labels), sample]))
      },
    }
    return { ...item, source }
  })
}

function histogramOf({ bounds, labelNames }: AnyHistogram, cells: () => readonly Cell[]): AnyHistogram {
  return {
    bounds,
    labelNames,
    get cells() {
      return new Map(
        cells().map(({ labels, numbers }) => {
          const counts = numbers.slice(0, -1)
          const count = counts.reduce((total, each) => total + each, 0)
          return [keyOf(labels), { labels, cell: { counts, sum: numbers.at(-1)!, count } }]
        }),
      )
    },
  }
}

function cellsOf(item: Series): Cell[] {
  if (item.kind === 'histogram') {
    return [...item.source.cells.values()].map(({ labels, cell: { counts, sum } }) => {
      return { labels, numbers: [...counts, sum] }
    })
  }
  const samples = typeof item.source === 'function' ? item.source() : [...item.source.cells.values()]
  return samples.map(({ labels, value }) => ({ labels, numbers: [value] }))
}

function combine(item: Series, tallies: readonly Tally[]): Cell[] {
  const isLeast = item.kind !== 'histogram' && item.least === true
  const combined = new Map<string, { readonly labels: Sample['labels']; readonly numbers: number[] }>()
  for (const tally of tallies) {
    for (const { labels, numbers } of tally.get(item.name) ?? []) {
      const key = keyOf(labels)
      const sum = combined.get(key)
      if (sum === undefined) combined.set(key, { labels, numbers: [...numbers] })
      else {
        for (const [i, number] of numbers.entries()) {
          sum.numbers[i] = isLeast ? Math.min(sum.numbers[i]!, number) : sum.numbers[i]! + number
        }
      }
    }
  }
  return [...combined.values()]
}

function keyOf(labels: Sample['labels']): string {
  return Object.values(labels).join('\0')
}
