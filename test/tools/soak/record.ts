// What `npm run latency` has measured of an engine's changes: when each happened, when berth was told, and when it was right.
import type { HeardEvent } from '../../engine/events.ts'
import { figuresOf, findLate, type Times } from './bounds.ts'
import type { Exchange, Tap } from './tap.ts'

/** Of one change; times in ms since 1970. */
export interface Change {
  readonly happenedAt: number
  /** When its event came to berth, where that can be seen. */
  readonly toldAt: number | undefined
  readonly rightAt: number
  /** When the engine had done it, where it tells of it before that. */
  readonly doneAt: number | undefined
  /** What berth asked about it meanwhile. */
  readonly asked: readonly Exchange[]
}

export type Changes = Readonly<Record<string, readonly Change[]>>

/** A change that was answered. `id`: the container's; times in ms since 1970. */
export interface Seen {
  readonly event: HeardEvent
  readonly id: string
  readonly rightAt: number
  readonly doneAt?: number
}

/** `tap`: where berth is told through one. */
export function changeOf({ event, id, rightAt, doneAt }: Seen, tap: Tap | undefined): Change {
  const toldAt = tap?.toldAt(event, id)
  const asked = tap === undefined || toldAt === undefined ? [] : tap.asked(toldAt, rightAt, id)
  return { happenedAt: event.time, toldAt, rightAt, doneAt, asked }
}

/** From when it happened to when berth was right, ms. */
export const sinceHappened = (changes: Changes): Times =>
  timesOf(changes, ({ rightAt, happenedAt }) => rightAt - happenedAt)

/** From when berth was told, and it was done. */
export const sinceTold = (changes: Changes): Times => timesOf(changes, lateness)

function lateness({ rightAt, toldAt, doneAt = 0 }: Change): number | undefined {
  return toldAt === undefined ? undefined : rightAt - Math.max(toldAt, doneAt)
}

function timesOf(changes: Changes, time: (change: Change) => number | undefined): Times {
  const entries = Object.entries(changes).map(([what, list]) => [
    what,
    list.flatMap((each) => time(each) ?? []),
  ])
  return Object.fromEntries(entries)
}

export const plainHead = headOf([
  'what',
  'containers running',
  'times',
  'median, ms',
  '99th percentile, ms',
  'longest, ms',
])

export function plainRows(times: Times, running: number): string[] {
  return Object.entries(times).map(([what, list]) => {
    const { count, ...figures } = figuresOf(list)
    return rowOf([what, running, count, ...Object.values(figures).map(text)])
  })
}

/** Of an engine that tells late: what is its part, and what is berth's. All of one row are of the same changes. */
export const toldHead = headOf([
  ...['what', 'containers running', 'times', 'told late: median, ms', 'asked after that, ms', 'answered, ms'],
  ...['right after it was told: median, ms', '99th percentile, ms', 'longest, ms'],
  ...['after it happened: median, ms', '99th percentile, ms', 'longest, ms'],
])

export function toldRows(changes: Changes, running: number): string[] {
  return Object.entries(changes).map(([what, list]) => {
    const seen = list.flatMap((each) => (each.toldAt === undefined ? [] : { ...each, toldAt: each.toldAt }))
    if (seen.length === 0) return rowOf([what, running, 0, ...Array(9).fill('–')])
    const told = figuresOf(seen.flatMap((each) => lateness(each) ?? []))
    const happened = figuresOf(seen.map(({ rightAt, happenedAt }) => rightAt - happenedAt))
    const late = figuresOf(seen.map(({ toldAt, happenedAt }) => toldAt - happenedAt))
    const until = (time: (exchange: Exchange) => number) => {
      // It was right without.
      const needed = seen.filter(({ asked, rightAt }) =>
        asked.some(({ answeredAt }) => answeredAt <= rightAt),
      )
      if (needed.length * 2 < seen.length) return '–'
      return text(figuresOf(needed.map(({ asked, toldAt }) => Math.max(0, time(asked[0]!) - toldAt))).median)
    }
    return rowOf([
      ...[what, running, seen.length, text(late.median)],
      ...[until(({ askedAt }) => askedAt), until(({ answeredAt }) => answeredAt)],
      ...[text(told.median), text(told.high), text(told.most)],
      ...[text(happened.median), text(happened.high), text(happened.most)],
    ])
  })
}

/** What took too long: an engine that tells late is not berth's to mend, so of that one only what it told is judged. */
export function findLateChanges(changes: Changes, tap: Tap | undefined): string[] {
  return tap === undefined ? findLate(sinceHappened(changes)) : findLate(sinceTold(changes), 100)
}

const text = (ms: number) => ms.toFixed(1)

function headOf(cells: readonly string[]): string {
  return `${rowOf(cells)}\n${cells.map(() => '|---').join('')}|`
}

function rowOf(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`
}
