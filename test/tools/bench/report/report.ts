// Pure: what a run has measured, as text for the terminal and for docs/bench.md.
import { type Point, steepness } from '../curve.ts'
import { type Machine, machineLine } from '../machine.ts'
import type { Titles } from '../servers/contender.ts'
import type { Summary } from './summary.ts'
import { curveTable, peerTables, targetTable } from './tables.ts'
import type { Verdict } from './targets.ts'

export interface Report {
  readonly machine: Machine
  readonly titles: Titles
  readonly rounds: number
  /** Of each run of dnsperf. */
  readonly seconds: number
  readonly rows: readonly Summary[]
  readonly verdicts: readonly Verdict[]
  readonly points: readonly Point[]
}

/** What there is of it. */
export function writeReport({ machine, titles, rounds, seconds, rows, verdicts, points }: Report): string {
  const texts = [
    `Measured on ${machineLine(machine)}. Rounds: ${rounds}; seconds of each measurement: ${seconds}.`,
  ]
  if (rows.length > 0) texts.push(peerTables(rows, titles), `### Targets\n\n${targetTable(verdicts, titles)}`)
  if (points.length > 0) {
    texts.push(`### As the table grows\n\n${steepnessText(points)}\n\n${curveTable(points, titles)}`)
  }
  return texts.join('\n\n')
}

/** From end to end, at most. */
const steepest = 1.5

function steepnessText(points: readonly Point[]): string {
  return (['names', 'networks'] as const)
    .map((along) => {
      const [berth, unbound] = ['berth', 'unbound'].map((server) => steepness(points, along, server))
      const other = Number.isNaN(unbound) ? '' : `, unbound's ${unbound!.toFixed(2)} times`
      // Where unbound has no such curve, its end is as dear as its beginning by right.
      const isFlat = berth! <= steepest && !(berth! > unbound!)
      const verdict = Number.isNaN(berth) ? 'not measured' : isFlat ? 'ok' : 'missed'
      const target = `at most ${steepest}${other === '' ? '' : " and unbound's"}: ${verdict}`
      return `Along ${along}, berth's dearest point is ${berth!.toFixed(2)} times its cheapest${other} (${target}).`
    })
    .join(' ')
}

/** For JSON. Four figures are more than a measurement is true to. */
export const rounded = (_: string, value: unknown) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value

export function reportJson(report: Report): string {
  return `${JSON.stringify(report, rounded, 2)}\n`
}
