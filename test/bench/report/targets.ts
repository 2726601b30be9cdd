// Pure: what berth should be, beside others, and what it is.
import type { Mode } from '../peers.ts'
import type { Key } from '../workloads.ts'
import { find, type Summary, subject } from './summary.ts'

interface Target {
  readonly what: string
  readonly workload: Key
  readonly figure: 'cpu' | 'p99'
  readonly modes: readonly Mode[]
  readonly server: string
  /** berth's figure by the other's, at most. */
  readonly most: number
  /** What it may be at the very most. */
  readonly limit?: number
}

export interface Verdict {
  readonly what: string
  readonly server: string
  readonly mode: Mode
  readonly most: number
  readonly limit: number | undefined
  /** undefined: one of the two was not measured, or is void. */
  readonly measured: number | undefined
  readonly verdict: 'ok' | 'missed' | 'over the limit' | 'not measured'
}

const both: readonly Mode[] = ['full', 'steady']

export const targets: readonly Target[] = [
  cpuTarget('local A', 'a', 'C floor', 1.3, 1.6),
  cpuTarget('local A', 'a', 'unbound', 1, 1.15),
  cpuTarget('local A', 'a', 'dnsmasq', 0.8),
  cpuTarget('local A', 'a', 'aardvark-dns', 0.5),
  cpuTarget('local A', 'a', 'Docker', 0.1),
  cpuTarget('cached external', 'c', 'unbound', 1),
  cpuTarget('misses', 'd', 'dnsmasq', 1.5, 2.5),
  cpuTarget('TCP', 'e', 'unbound', 1.5),
  {
    ...{ what: '99th percentile, local A', workload: 'a', figure: 'p99', modes: ['steady'] },
    ...{ server: 'unbound', most: 1.5 },
  },
]

function cpuTarget(what: string, workload: Key, server: string, most: number, limit?: number): Target {
  return {
    ...{ what: `CPU, ${what}`, workload, figure: 'cpu', modes: both, server, most },
    ...(limit === undefined ? {} : { limit }),
  }
}

export function judge(summaries: readonly Summary[]): Verdict[] {
  return targets.flatMap(({ what, workload, figure, modes, server, most, limit }) =>
    modes.map((mode): Verdict => {
      const [ours, theirs] = [subject, server].map((name) => find(summaries, { workload, mode }, name))
      const measured = ours === undefined || theirs === undefined ? undefined : ours[figure] / theirs[figure]
      return { ...{ what, server, mode, most, limit, measured }, verdict: verdictOn(measured, most, limit) }
    }),
  )
}

function verdictOn(
  measured: number | undefined,
  most: number,
  limit = Number.POSITIVE_INFINITY,
): Verdict['verdict'] {
  if (measured === undefined || Number.isNaN(measured)) return 'not measured'
  if (measured <= most) return 'ok'
  return measured <= limit ? 'missed' : 'over the limit'
}
