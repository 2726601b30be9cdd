// Plain integers for what is counted while serving; http/metrics copies them out when it is scraped.

/** A counter with labels: one cell per combination of label values, made at first use. */
export class Counter<Label extends string = never> {
  readonly cells = new Map<string, { readonly labels: Readonly<Record<Label, string>>; value: number }>()
  readonly labelNames: readonly Label[]

  constructor(...labelNames: Label[]) {
    this.labelNames = labelNames
  }

  /** The cell for these label values, in the order of `labelNames`; hold on to it on hot paths. */
  cell(...values: string[]): { value: number } {
    const key = values.length === 1 ? values[0]! : values.join('\u0000')
    let cell = this.cells.get(key)
    if (cell === undefined) {
      const labels = Object.fromEntries(this.labelNames.map((name, i) => [name, values[i] ?? '']))
      cell = { labels: labels as Record<Label, string>, value: 0 }
      this.cells.set(key, cell)
    }
    return cell
  }

  add(amount: number, ...values: string[]): void {
    this.cell(...values).value += amount
  }

  /** Drops the cells that have this value for this label: what it names is gone for good. */
  forget(label: Label, value: string): void {
    for (const [key, { labels }] of this.cells) if (labels[label] === value) this.cells.delete(key)
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

/** A histogram with labels, seconds. */
export class Histogram<Label extends string = never> {
  readonly bounds: readonly number[]
  readonly cells = new Map<
    string,
    { readonly labels: Readonly<Record<Label, string>>; cell: HistogramCell }
  >()
  readonly labelNames: readonly Label[]

  constructor(bounds: readonly number[], ...labelNames: Label[]) {
    this.bounds = bounds
    this.labelNames = labelNames
  }

  cell(...values: string[]): HistogramCell {
    const key = values.length === 1 ? values[0]! : values.join('\u0000')
    let entry = this.cells.get(key)
    if (entry === undefined) {
      const labels = Object.fromEntries(this.labelNames.map((name, i) => [name, values[i] ?? '']))
      entry = { labels: labels as Record<Label, string>, cell: new HistogramCell(this.bounds) }
      this.cells.set(key, entry)
    }
    return entry.cell
  }

  /** As a counter's. */
  forget(label: Label, value: string): void {
    for (const [key, { labels }] of this.cells) if (labels[label] === value) this.cells.delete(key)
  }
}
