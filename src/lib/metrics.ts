// Metrics. Each is declared once, with name, help and labels, in the room that counts it. To count is plain arithmetic on
// cells, one per combination of label values; they are read when somebody scrapes.

type Labels = Readonly<Record<string, string>>

/** Of a histogram: the observations in each bucket (not cumulated), then the sum of the observed values. Else one value. */
export interface Series {
  readonly labels: Labels
  readonly numbers: readonly number[]
}

/** What is common to all metrics when they are read. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labelNames: readonly string[]
  /** How the values of several processes become one. */
  readonly aggregator: 'sum' | 'min'
  /** Upper bounds of a histogram's buckets; else none. */
  readonly bounds: readonly number[]
  read(): readonly Series[]
}

/** By label value, one level for each label; the last level holds cells. */
type Branches = Map<string, unknown>

abstract class CellMetric<Cell extends { readonly labels: Labels }> implements Metric {
  abstract readonly type: Metric['type']
  /** Cells, found without building a key. */
  readonly #branches: Branches = new Map()
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  readonly aggregator: Metric['aggregator'] = 'sum'
  readonly bounds: readonly number[] = []
  readonly cells = new Map<string, Cell>()

  constructor(name: string, help: string, ...labelNames: string[]) {
    this.name = name
    this.help = help
    this.labelNames = labelNames
  }

  protected abstract make(labels: Labels): Cell

  abstract read(): readonly Series[]

  /** Made at first use. Label values come in the order of `labelNames`. Hot paths hold on to their cells. */
  cell(...values: string[]): Cell {
    return this.find(values)
  }

  protected find(values: readonly string[]): Cell {
    let branches = this.#branches
    const last = values.length - 1
    for (let i = 0; i < last; i++) {
      let next = branches.get(values[i]!) as Branches | undefined
      if (next === undefined) {
        next = new Map()
        branches.set(values[i]!, next)
      }
      branches = next
    }
    const value = values[last] ?? ''
    let cell = branches.get(value) as Cell | undefined
    if (cell === undefined) {
      cell = this.#findByKey(values)
      branches.set(value, cell)
    }
    return cell
  }

  #findByKey(values: readonly string[]): Cell {
    const key = values.join('\0')
    let cell = this.cells.get(key)
    if (cell === undefined) {
      cell = this.make(Object.fromEntries(this.labelNames.map((name, i) => [name, values[i] ?? ''])))
      this.cells.set(key, cell)
    }
    return cell
  }

  /** Drops the cells with this label value: what it names is gone for good. */
  forget(label: string, value: string): void {
    for (const [key, { labels }] of this.cells) if (labels[label] === value) this.cells.delete(key)
    this.#branches.clear()
  }
}

export interface CounterCell {
  readonly labels: Labels
  value: number
}

export class Counter extends CellMetric<CounterCell> {
  readonly type: 'counter' | 'gauge' = 'counter'

  protected make(labels: Labels): CounterCell {
    return { labels, value: 0 }
  }

  add(amount: number, ...values: string[]): void {
    this.find(values).value += amount
  }

  read(): readonly Series[] {
    // Without labels, it is 0 before it first happens.
    if (this.labelNames.length === 0) this.cell()
    return Array.from(this.cells.values(), ({ labels, value }) => ({ labels, numbers: [value] }))
  }
}

export class Gauge extends Counter {
  override readonly type = 'gauge'
}

/** Of several processes' values the least holds. */
export class LeastGauge extends Gauge {
  override readonly aggregator = 'min'
}

/** A gauge without labels, computed when it is read. */
export function computedGauge(name: string, help: string, value: () => number): Metric {
  const read = () => [{ labels: {}, numbers: [value()] }]
  return { name, help, type: 'gauge', labelNames: [], aggregator: 'sum', bounds: [], read }
}

/** CoreDNS's duration buckets, seconds: 0.25 ms … 8.192 s, doubling. */
export const durationBuckets: readonly number[] = Array.from({ length: 16 }, (_, n) => 0.00025 * 2 ** n)

export class HistogramCell {
  readonly labels: Labels
  /** Observations at or under each bound and above the one before; the last: above all bounds. */
  readonly counts: number[]
  sum = 0
  private readonly bounds: readonly number[]

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels
    this.bounds = bounds
    this.counts = Array(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    let i = 0
    while (i < this.bounds.length && value > this.bounds[i]!) i++
    this.counts[i] = this.counts[i]! + 1
    this.sum += value
  }
}

export class Histogram extends CellMetric<HistogramCell> {
  readonly type = 'histogram'
  override readonly bounds: readonly number[]

  constructor(name: string, help: string, bounds: readonly number[], ...labelNames: string[]) {
    super(name, help, ...labelNames)
    this.bounds = bounds
  }

  protected make(labels: Labels): HistogramCell {
    return new HistogramCell(labels, this.bounds)
  }

  read(): readonly Series[] {
    return Array.from(this.cells.values(), ({ labels, counts, sum }) => ({
      labels,
      numbers: [...counts, sum],
    }))
  }
}
