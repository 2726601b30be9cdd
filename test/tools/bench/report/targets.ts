// Pure: what berth should be, beside others, and what it is. A target that even the floor is above, which looks nothing up,
// asks for what no server does: it is as near to the floor instead as the first target has it.
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
  /** What it should be: the target, or by the floor where that is above it. */
  readonly most: number
  readonly limit: number | undefined
  /** The floor's figure by the other's, where it is above the target, and that. */
  readonly outOfReach: { readonly floor: number; readonly wanted: number } | undefined
  /** undefined: one of the two was not measured, or is void. */
  readonly measured: number | undefined
  readonly verdict: 'ok' | 'missed' | 'over the limit' | 'not measured'
}

const both: readonly Mode[] = ['full', 'steady']
const floor = 'C floor'
/** berth's CPU by the floor's. */
const nearFloor = 1.3

export const targets: readonly Target[] = [
  cpuTarget('local A', 'a', floor, nearFloor, 1.6),
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
      const byTheirs = (name: string) => {
        const [one, theirs] = [name, server].map((each) => find(summaries, { workload, mode }, each))
        return one === undefined || theirs === undefined ? undefined : one[figure] / theirs[figure]
      }
      const [measured, least] = [byTheirs(subject), figure === 'cpu' ? byTheirs(floor) : undefined]
      const outOfReach =
        server !== floor && least !== undefined && least > most ? { floor: least, wanted: most } : undefined
      const target = outOfReach === undefined ? most : nearFloor * outOfReach.floor
      const worst = outOfReach === undefined ? limit : undefined
      const verdict = verdictOn(measured, target, worst)
      return { ...{ what, server, mode, outOfReach, measured, verdict }, most: target, limit: worst }
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
