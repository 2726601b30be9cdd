// Counters and histograms as plain numbers, cheap on the serving path; http/metrics reads them at each scrape.

/** By the values of labels, one after the other; at the end what is there. */
type Branches = Map<string, unknown>

/** One entry per combination of label values, made at first use. */
abstract class Labelled<
  Label extends string,
  Entry extends { readonly labels: Readonly<Record<Label, string>> },
> {
  readonly cells = new Map<string, Entry>()
  readonly labelNames: readonly Label[]
  /** The same once more, so that none is found by a text that has to be written first. */
  readonly #branches: Branches = new Map()

  constructor(labelNames: readonly Label[]) {
    this.labelNames = labelNames
  }

  protected abstract make(labels: Readonly<Record<Label, string>>): Entry

  /** `values` in the order of `labelNames`. */
  protected find(values: readonly string[]): Entry {
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
    let entry = branches.get(value) as Entry | undefined
    if (entry === undefined) {
      entry = this.#findByText(values)
      branches.set(value, entry)
    }
    return entry
  }

  #findByText(values: readonly string[]): Entry {
    const key = values.join('\u0000')
    let entry = this.cells.get(key)
    if (entry === undefined) {
      const labels = Object.fromEntries(this.labelNames.map((name, i) => [name, values[i] ?? '']))
      entry = this.make(labels as Record<Label, string>)
      this.cells.set(key, entry)
    }
    return entry
  }

  /** Drops the cells that have this value for this label: what it names is gone for good. */
  forget(label: Label, value: string): void {
    for (const [key, { labels }] of this.cells) if (labels[label] === value) this.cells.delete(key)
    this.#branches.clear()
  }
}

interface CounterCell<Label extends string> {
  readonly labels: Readonly<Record<Label, string>>
  value: number
}

/** A counter with labels. */
export class Counter<Label extends string = never> extends Labelled<Label, CounterCell<Label>> {
  constructor(...labelNames: Label[]) {
    super(labelNames)
  }

  protected make(labels: Readonly<Record<Label, string>>): CounterCell<Label> {
    return { labels, value: 0 }
  }

  /** The cell for these label values, in the order of `labelNames`; hold on to it on hot paths. */
  cell(...values: string[]): { value: number } {
    return this.find(values)
  }

  add(amount: number, ...values: string[]): void {
    this.find(values).value += amount
  }
}

/** CoreDNS's duration buckets, seconds: 0.25 ms … 8.192 s, doubling. */
export const durationBuckets: readonly number[] = Array.from({ length: 16 }, (_, n) => 0.00025 * 2 ** n)

/** A histogram's one cell: how many observations fell at or under each bound, not yet cumulated. */
export class HistogramCell {
  readonly counts: number[]
  sum = 0
  count = 0
  private readonly bounds: readonly number[]

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = Array(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    let i = 0
    while (i < this.bounds.length && value > this.bounds[i]!) i++
    this.counts[i] = this.counts[i]! + 1
    this.sum += value
    this.count++
  }
}

interface HistogramEntry<Label extends string> {
  readonly labels: Readonly<Record<Label, string>>
  readonly cell: HistogramCell
}

/** A histogram with labels, seconds. */
export class Histogram<Label extends string = never> extends Labelled<Label, HistogramEntry<Label>> {
  readonly bounds: readonly number[]

  constructor(bounds: readonly number[], ...labelNames: Label[]) {
    super(labelNames)
    this.bounds = bounds
  }

  protected make(labels: Readonly<Record<Label, string>>): HistogramEntry<Label> {
    return { labels, cell: new HistogramCell(this.bounds) }
  }

  cell(...values: string[]): HistogramCell {
    return this.find(values).cell
  }
}
