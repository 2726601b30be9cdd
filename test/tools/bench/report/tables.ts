// Pure: figures as tables, for the terminal and for docs/bench.md.

import type { Point } from '../curve.ts'
import { tabulate } from '../forward/table.ts'
import type { Mode } from '../peers.ts'
import type { Titles } from '../servers/contender.ts'
import { workloads } from '../workloads.ts'
import type { Summary } from './summary.ts'
import type { Verdict } from './targets.ts'

const modeNames: Readonly<Record<Mode, string>> = { full: 'saturation', steady: '20,000/s' }

/** A table for each workload. */
export function peerTables(summaries: readonly Summary[], titles: Titles): string {
  const head = ['server', 'at', 'CPU µs/answer', '× berth', 'answers/s', 'busy', 'median µs', 'p99 µs']
  return workloads
    .map(({ key, title }) => {
      const rows = summaries.filter(({ workload }) => workload === key)
      if (rows.length === 0) return ''
      const sorted = [...rows].sort((a, b) => orderOf(a) - orderOf(b))
      return `### ${title}\n\n${tabulate(
        [...head, 'lost', 'peak MiB'],
        sorted.map((each) => peerRow(each, titles)),
      )}`
    })
    .filter(Boolean)
    .join('\n\n')
}

/** At saturation first; servers as the workload lists them. */
function orderOf({ workload, server, mode }: Summary): number {
  const { servers } = workloads.find(({ key }) => key === workload)!
  return servers.indexOf(server) + (mode === 'full' ? 0 : servers.length)
}

function peerRow(summary: Summary, titles: Titles): string[] {
  const title = titles[summary.server]!
  const { mode, cpu, ratio, rate, busy, median, p99, lost, memory, fault } = summary
  if (fault !== undefined) return [title, modeNames[mode], 'VOID', ...Array<string>(6).fill(''), fault]
  return [
    ...[title, modeNames[mode], cpu.toFixed(2), ratio?.toFixed(2) ?? '', grouped(rate), percent(busy)],
    ...[grouped(median), grouped(p99), lost === 0 ? '0' : percent(lost), (memory / 2 ** 20).toFixed(0)],
  ]
}

export function targetTable(verdicts: readonly Verdict[], titles: Titles): string {
  const rows = verdicts.map(({ what, server, mode, most, limit, outOfReach, measured, verdict }) => {
    return [
      `${what}: ${titles[server]}`,
      modeNames[mode],
      outOfReach === undefined
        ? `≤ ${most}`
        : `≤ ${most.toFixed(2)} (${outOfReach.wanted}: the floor is ${outOfReach.floor.toFixed(2)})`,
      limit === undefined ? '' : `≤ ${limit}`,
      measured?.toFixed(2) ?? '',
      verdict,
    ]
  })
  return tabulate(['berth by …', 'at', 'target', 'limit', 'measured', ''], rows)
}

export function curveTable(points: readonly Point[], titles: Titles): string {
  const rows = points.map(({ names, networks, cpu, rate, memory, server, fault }) => [
    ...[titles[server]!, grouped(names), grouped(networks), fault === undefined ? cpu.toFixed(2) : 'VOID'],
    ...[grouped(rate), (memory / 2 ** 20).toFixed(0)],
  ])
  return tabulate(['server', 'names', 'networks', 'CPU µs/answer', 'answers/s', 'peak MiB'], rows)
}

export function grouped(number: number): string {
  return Number.isFinite(number) ? Math.round(number).toLocaleString('en-US') : '–'
}

/** Of 1; small shares keep two figures. */
export function percent(share: number): string {
  const value = share * 100
  return `${value >= 1 ? value.toFixed(0) : value.toPrecision(2)} %`
}
