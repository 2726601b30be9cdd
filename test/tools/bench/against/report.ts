// Pure: pairs of measurements → a verdict for each row, as a table and as JSON.
import { tabulate } from '../forward/table.ts'
import { type Machine, machineLine } from '../machine.ts'
import type { Figures } from '../measure.ts'
import { rounded } from '../report/report.ts'
import { median } from '../report/summary.ts'
import { percent } from '../report/tables.ts'
import type { Checkout } from './checkout.ts'
import { type Estimate, estimate, fewest, wanted } from './interval.ts'
import type { AgainstOptions, RowKind } from './options.ts'
import { type Point, type Side, sides } from './pairs.ts'

export interface Judged {
  readonly row: string
  readonly title: string
  /** Median CPU of the server for each answer, µs. */
  readonly cpu: Readonly<Record<Side, number>>
  /** Of all questions, of 1. */
  readonly lost: Readonly<Record<Side, number>>
  readonly ratio: Estimate
  /** This by that, pair by pair; of a pair with a void point: undefined. */
  readonly ratios: readonly (number | undefined)[]
  readonly voids: readonly { readonly pair: number; readonly side: Side; readonly why: string }[]
  readonly verdict: 'ok' | 'falls short' | 'too few pairs' | 'not measured'
}

export interface AgainstReport {
  readonly machine: Machine
  readonly builds: Readonly<Record<Side, Checkout>>
  readonly options: AgainstOptions
  readonly rows: readonly Judged[]
  readonly points: readonly Point[]
}

export function judgeRows(
  points: readonly Point[],
  { rows, limit }: Pick<AgainstOptions, 'rows' | 'limit'>,
): Judged[] {
  return rows.map((row) => judgeRow(points, row, limit))
}

/**
 * A row that nothing is known of has not passed: a build that does not answer would be the cheapest. Too few pairs are no
 * fault where no more were asked for.
 */
export function hasPassed(rows: readonly Judged[], { pairs }: Pick<AgainstOptions, 'pairs'>): boolean {
  return rows.every(({ verdict }) => verdict === 'ok' || (verdict === 'too few pairs' && pairs < fewest))
}

function judgeRow(points: readonly Point[], { name, title }: RowKind, limit: number): Judged {
  const own = points.filter(({ row }) => row === name)
  const voids = own.flatMap(({ pair, side, figures }) => {
    const why = whyVoid(figures)
    return why === undefined ? [] : [{ pair, side, why }]
  })
  const standing = own.filter(
    ({ pair, side }) => !voids.some((each) => each.pair === pair && each.side === side),
  )
  const ratios = [...new Set(own.map(({ pair }) => pair))].map((pair) => {
    const [ours, theirs] = sides.map((side) =>
      standing.find((point) => point.pair === pair && point.side === side),
    )
    return ours === undefined || theirs === undefined ? undefined : ours.figures.cpu / theirs.figures.cpu
  })
  const ratio = estimate(ratios.filter((each) => each !== undefined))
  return {
    ...{ row: name, title, ratio, ratios, voids },
    cpu: forEach((side) => median(figuresOf(standing, side).map(({ cpu }) => cpu))),
    lost: forEach((side) => {
      const list = figuresOf(own, side)
      return sum(list.map(({ lost }) => lost)) / sum(list.map(({ sent }) => sent))
    }),
    verdict: verdictOn(ratio, limit),
  }
}

function verdictOn({ median, low, confidence }: Estimate, limit: number): Judged['verdict'] {
  if (Number.isNaN(median)) return 'not measured'
  if (confidence < wanted) return 'too few pairs'
  return low > limit ? 'falls short' : 'ok'
}

/** A wrong answer, a server that did not start, or none that answered. */
function whyVoid({ fault, cpu }: Figures): string | undefined {
  return fault ?? (cpu > 0 ? undefined : 'no answers, or no CPU that was counted')
}

export function writeAgainst({ machine, builds, options, rows }: AgainstReport): string {
  const { pairs, seconds, limit } = options
  const head = ['row', 'this µs/answer', 'that µs/answer', 'this / that', 'interval', 'holds with', 'pairs']
  const lines = rows.map((row) => [
    ...[row.title, ...sides.map((side) => shown(row.cpu[side], 2)), shown(row.ratio.median, 3)],
    ...[intervalOf(row.ratio), percentOf(row.ratio.confidence), pairsOf(row), lostOf(row), row.verdict],
  ])
  const texts = [
    ...sides.map((side) => `${side}: ${builds[side].folder} (${builds[side].state})`),
    `Measured on ${machineLine(machine)}. Pairs: ${pairs}; seconds of each measurement: ${seconds}; limit: ${limit}.`,
    tabulate([...head, 'lost', ''], lines),
    ...rows.flatMap(({ title, voids }) =>
      voids.map(({ pair, side, why }) => `VOID: ${title}, pair ${pair + 1}, ${side}: ${why}`),
    ),
  ]
  for (const side of sides.filter((each) => builds[each].isStale)) {
    texts.push(
      `${builds[side].folder}: dist is older than src. Run \`npm run build\` there if that is not meant.`,
    )
  }
  if (rows.some(({ ratio }) => ratio.confidence < wanted)) {
    texts.push(
      `An interval that holds with ${wanted * 100} % takes ${fewest} pairs: with fewer no row is judged.`,
    )
  }
  return texts.join('\n\n')
}

export function againstJson(report: AgainstReport): string {
  return `${JSON.stringify(report, rounded, 2)}\n`
}

function pairsOf({ ratios, voids }: Judged): string {
  const whole = ratios.filter((each) => each !== undefined).length
  return voids.length === 0 ? String(whole) : `${whole} of ${ratios.length}, ${voids.length} VOID`
}

const intervalOf = ({ low, high }: Estimate) =>
  Number.isNaN(low) ? '–' : `${low.toFixed(3)} to ${high.toFixed(3)}`
const lostOf = ({ lost }: Judged) =>
  sides.every((side) => !(lost[side] > 0)) ? '0' : sides.map((side) => percent(lost[side] || 0)).join(' / ')
const percentOf = (share: number) => `${(share * 100).toFixed(1)} %`
const shown = (number: number, digits: number) => (Number.isFinite(number) ? number.toFixed(digits) : '–')
const forEach = <T>(make: (side: Side) => T): Record<Side, T> => ({ this: make('this'), that: make('that') })
const figuresOf = (points: readonly Point[], side: Side) =>
  points.filter((point) => point.side === side).map(({ figures }) => figures)
const sum = (list: readonly number[]) => list.reduce((total, each) => total + each, 0)
