// Pure: several rounds of each server in each workload → one row of figures, with its ratio to berth.
import type { Figures } from '../measure.ts'
import type { Mode, Row } from '../peers.ts'
import type { Key } from '../workloads.ts'

/** Medians of the rounds; of memory the most, of losses the share of all rounds. Units as in Figures. */
export interface Summary {
  readonly workload: Key
  readonly server: string
  readonly mode: Mode
  readonly cpu: number
  readonly rate: number
  readonly busy: number
  readonly median: number
  readonly p99: number
  /** Of 1. */
  readonly lost: number
  readonly memory: number
  readonly checked: number
  /** CPU by that of berth in the same workload and mode. */
  readonly ratio: number | undefined
  /** The CPU figure of each round. */
  readonly rounds: readonly number[]
  /** A wrong answer: the row says nothing. */
  readonly fault?: string
}

export const subject = 'berth'

export function summarize(rows: readonly Row[]): Summary[] {
  const summaries = rows.map(summarizeRow)
  return summaries.map((each) => ({ ...each, ratio: ratioOf(find(summaries, each, subject), each) }))
}

/** The same workload and mode of another server, if its figures stand. */
export function find(
  summaries: readonly Summary[],
  { workload, mode }: Pick<Summary, 'workload' | 'mode'>,
  server: string,
): Summary | undefined {
  return summaries.find(
    (each) =>
      each.workload === workload && each.mode === mode && each.server === server && each.fault === undefined,
  )
}

function summarizeRow({ workload, server, mode, rounds }: Row): Summary {
  const middle = (figure: (round: Figures) => number) => median(rounds.map(figure))
  const total = (figure: (round: Figures) => number) => rounds.reduce((sum, round) => sum + figure(round), 0)
  const fault = rounds.find((round) => round.fault !== undefined)?.fault
  return {
    ...{ workload, server, mode },
    cpu: middle(({ cpu }) => cpu),
    rate: middle(({ rate }) => rate),
    busy: middle(({ busy }) => busy),
    median: middle((round) => round.median),
    p99: middle(({ p99 }) => p99),
    lost:
      total(({ lost }) => lost) /
      Math.max(
        1,
        total(({ sent }) => sent),
      ),
    memory: Math.max(...rounds.map(({ memory }) => memory)),
    checked: total(({ checked }) => checked),
    ratio: undefined,
    rounds: rounds.map(({ cpu }) => cpu),
    ...(fault === undefined ? {} : { fault }),
  }
}

function ratioOf(base: Summary | undefined, { cpu, fault }: Summary): number | undefined {
  return base === undefined || fault !== undefined ? undefined : cpu / base.cpu
}

/** Of an even number, the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (sorted.length - 1) / 2
  return ((sorted[Math.floor(at)] ?? Number.NaN) + (sorted[Math.ceil(at)] ?? Number.NaN)) / 2
}
