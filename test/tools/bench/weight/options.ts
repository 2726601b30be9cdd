// `npm run weight -- [--against DIR] [--rounds 5] [--seconds 15] [--only commands,start] [--engine 26.1] [--json FILE]`. Pure.
import { parseArgs } from 'node:util'
import { readNumber } from '../options.ts'

/** What can be measured without an engine; with one, it is the containers alone. */
export const parts = ['commands', 'start', 'idle'] as const
export type Part = (typeof parts)[number]

export interface WeightOptions {
  /** The other checkout. */
  readonly against?: string
  readonly rounds: number
  /** How long an idle server is watched. */
  readonly seconds: number
  readonly only: readonly Part[]
  /** The version of a Docker engine to run beside. */
  readonly engine?: string
  readonly json?: string
}

/** Throws with what is wrong and what would be right. */
export function parseWeight(argv: readonly string[]): WeightOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...argv],
    options: { against: text, rounds: text, seconds: text, only: text, engine: text, json: text },
  })
  const only = (values.only ?? parts.join()).split(',')
  const unknown = only.find((name) => !parts.some((part) => part === name))
  if (unknown !== undefined) throw new Error(`--only ${unknown}: parts are ${parts.join(', ')}`)
  const rounds = readNumber('rounds', values.rounds ?? '5', 1, 99)
  if (!Number.isInteger(rounds)) throw new Error(`--rounds ${values.rounds}: a whole number`)
  return {
    rounds,
    seconds: readNumber('seconds', values.seconds ?? '15', 1, 600),
    only: parts.filter((part) => only.includes(part)),
    ...(values.against === undefined ? {} : { against: values.against }),
    ...(values.engine === undefined ? {} : { engine: values.engine }),
    ...(values.json === undefined ? {} : { json: values.json }),
  }
}
