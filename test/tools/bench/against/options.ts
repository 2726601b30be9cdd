// `npm run bench -- --against DIR [--pairs 7] [--rows local,tcp] [--limit 1.03] [--seconds 3] [--out FOLDER]`. Pure.
import { parseArgs } from 'node:util'
import { readNumber } from '../options.ts'
import type { Mode } from '../peers.ts'
import type { Key } from '../workloads.ts'

export interface RowKind {
  readonly name: string
  readonly title: string
  readonly workload: Key
  readonly mode: Mode
}

const both = (name: string, title: string, workload: Key): RowKind[] => [
  { name, title: `${title}, saturation`, workload, mode: 'full' },
  { name: `${name}-steady`, title: `${title}, 20,000/s`, workload, mode: 'steady' },
]

/** All that there is to compare. Rows of one workload are measured on the same processes. */
export const rowKinds: readonly RowKind[] = [
  ...both('local', 'local A', 'a'),
  ...both('mix', 'local AAAA, NODATA and NXDOMAIN', 'b'),
  ...both('cached', 'cached external names', 'c'),
  ...both('misses', 'cache misses', 'd'),
  ...both('tcp', 'local A over TCP', 'e'),
]
const usual = ['local', 'local-steady', 'cached', 'misses', 'tcp']

export interface AgainstOptions {
  /** The other checkout. */
  readonly against: string
  readonly pairs: number
  readonly rows: readonly RowKind[]
  /** A row may be so many times as dear as in the other build. */
  readonly limit: number
  /** Of each run of dnsperf. */
  readonly seconds: number
  readonly out: string
}

/** Whether these arguments are for us. */
export const asksForBuild = (argv: readonly string[]): boolean =>
  argv.some((word) => word === '--against' || word.startsWith('--against='))

/** Throws with what is wrong and what would be right. */
export function parseAgainst(argv: readonly string[]): AgainstOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...argv],
    options: { against: text, pairs: text, rows: text, limit: text, seconds: text, out: text },
  })
  if (!values.against) throw new Error('--against: the folder of another checkout of berth, built')
  const pairs = readNumber('pairs', values.pairs ?? '7', 2, 99)
  if (!Number.isInteger(pairs)) throw new Error(`--pairs ${values.pairs}: a whole number`)
  return {
    against: values.against,
    pairs,
    rows: chooseRows(values.rows?.split(',') ?? usual),
    limit: readNumber('limit', values.limit ?? '1.03', 0.1, 10),
    seconds: readNumber('seconds', values.seconds ?? '3', 0.5, 10),
    out: values.out ?? 'bench-out',
  }
}

/** In the order they are measured in, whatever the order of the names. */
function chooseRows(names: readonly string[]): RowKind[] {
  const unknown = names.find((name) => !rowKinds.some((kind) => kind.name === name))
  if (unknown !== undefined) {
    throw new Error(`--rows ${unknown}: rows are ${rowKinds.map(({ name }) => name).join(', ')}`)
  }
  return rowKinds.filter(({ name }) => names.includes(name))
}
