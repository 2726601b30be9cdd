// Pure: what was measured of each build → a table of medians, with the ratio of the two.
import { tabulate } from '../forward/table.ts'
import { median } from '../report/summary.ts'

export const sides = ['this', 'that'] as const
export type Side = (typeof sides)[number]

export type Unit = 'ms' | 'MiB' | 'ms a second' | ''

/** One measurement. */
export interface Point {
  readonly row: string
  readonly unit: Unit
  readonly side: Side
  readonly value: number
}

interface Row {
  readonly row: string
  readonly unit: Unit
  /** Medians. NaN where nothing was measured. */
  readonly values: Readonly<Record<Side, number>>
}

/** In the order in which rows were first measured. */
export function rowsOf(points: readonly Point[]): Row[] {
  const units = new Map(points.map(({ row, unit }) => [row, unit]))
  return [...units].map(([row, unit]) => {
    const of = (side: Side) =>
      median(points.filter((point) => point.row === row && point.side === side).map(({ value }) => value))
    return { row, unit, values: { this: of('this'), that: of('that') } }
  })
}

export function writeTable(points: readonly Point[], measured: readonly Side[]): string {
  const head = measured.length === 1 ? ['', 'this'] : ['', 'that', 'this', 'this / that']
  const lines = rowsOf(points).map(({ row, unit, values }) => {
    const cells = measured.toReversed().map((side) => shown(values[side], unit))
    const ratio = measured.length === 1 ? [] : [(values.this / values.that).toFixed(2)]
    return [row, ...cells, ...ratio]
  })
  return tabulate(head, lines)
}

function shown(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '–'
  const digits = unit === '' || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)}${unit === '' ? '' : ` ${unit}`}`
}
