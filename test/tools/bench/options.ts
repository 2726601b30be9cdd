// `npm run bench -- [curve | profile] [--rounds 3] [--seconds 2] [--only a,b] [--servers berth,unbound] [--out FOLDER]`;
// against/options.ts has what comes with --against. Pure.
import { parseArgs } from 'node:util'
import { type Key, keys } from './workloads.ts'

export interface Options {
  /** all: the peers, then the curve, written to docs; the others print alone what they say. */
  readonly part: 'all' | 'peers' | 'curve' | 'profile'
  readonly rounds: number
  /** Of each run of dnsperf. */
  readonly seconds: number
  readonly only: readonly Key[]
  /** The start of contenders' names; empty: all. */
  readonly servers: readonly string[]
  /** Where JSON and chart go besides. */
  readonly out?: string
}

const parts = ['all', 'peers', 'curve', 'profile'] as const

/** Throws with what is wrong and what would be right. */
export function parseOptions(argv: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { rounds: text, seconds: text, only: text, servers: text, out: text },
    allowPositionals: true,
  })
  const [word = 'all', ...rest] = positionals
  const part = parts.find((each) => each === word)
  if (part === undefined || rest.length > 0) {
    throw new Error(`${positionals.join(' ')}: one of ${parts.join(', ')} is what there is to run`)
  }
  const only = (values.only ?? keys.join()).split(',')
  const unknown = only.find((each) => !keys.some((key) => key === each))
  if (unknown !== undefined) throw new Error(`--only ${unknown}: workloads are ${keys.join(', ')}`)
  return {
    part,
    rounds: readNumber('rounds', values.rounds ?? '3', 1, 20),
    seconds: readNumber('seconds', values.seconds ?? '2', 0.5, 10),
    only: keys.filter((key) => only.includes(key)),
    servers: (values.servers ?? '').split(',').filter(Boolean),
    ...(values.out === undefined ? {} : { out: values.out }),
  }
}

export function readNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (number >= least && number <= most) return number
  throw new Error(`--${name} ${text}: a number from ${least} to ${most}`)
}

/** Whether a contender is among those asked for: "berth" is all that start so. */
export function isChosen({ servers }: Pick<Options, 'servers'>, name: string): boolean {
  return servers.length === 0 || servers.some((each) => name.toLowerCase().startsWith(each.toLowerCase()))
}
