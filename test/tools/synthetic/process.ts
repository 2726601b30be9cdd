// The synthetic engine as a process of its own: called by child.ts, or started by hand (see server.ts).
import { parseArgs } from 'node:util'
import { serveCalls } from '../bench/forward/calls.ts'
import { seededRandom } from '../servers/random.ts'
import { type Churn, createChurn } from './churn.ts'
import { type SyntheticEngine, type SyntheticOptions, startSyntheticEngine } from './server.ts'

let engine: SyntheticEngine
let churn: Churn | undefined

/** `movers`: how many containers come and go. */
export interface Rate {
  readonly rate: number
  readonly movers: number
  readonly seed: number
}

const actions = {
  async open(options: SyntheticOptions): Promise<string> {
    engine = await startSyntheticEngine(options)
    return engine.url
  },
  /** One churn for the whole run: it knows what it has moved. */
  churn({ rate, movers, seed }: Rate): void {
    churn ??= createChurn({ engine, movers, random: seededRandom(seed) })
    churn.stop()
    if (rate > 0) churn.run(rate)
  },
  events: () => engine.events(),
  answered: () => Object.fromEntries(engine.answered),
  /** For each [asker, name]. */
  expected: (asked: readonly (readonly [string, string])[]) =>
    asked.map(([asker, name]) => engine.estate.expected(asker, name)),
  seen: (askers: readonly string[]) =>
    askers.flatMap((asker) =>
      engine.estate
        .namesSeenBy(asker)
        .map((name) => [asker, name, engine.estate.expected(asker, name)] as const),
    ),
  close: () => engine.close(),
}

export type EngineActions = typeof actions

if (process.send !== undefined) serveCalls(actions)
else {
  const number = (text: string) => ({ type: 'string', default: text }) as const
  const options = { networks: number('50'), containers: number('1000'), names: number('10') } as const
  const more = { rate: number('0'), movers: number('10'), latency: number('0') } as const
  const { values } = parseArgs({ options: { ...options, ...more } })
  const size = {
    networks: Number(values.networks),
    containers: Number(values.containers),
    names: Number(values.names),
  }
  console.log(await actions.open({ size, latency: Number(values.latency) }))
  actions.churn({ rate: Number(values.rate), movers: Number(values.movers), seed: 1 })
  process.on('SIGINT', () => process.exit())
  process.on('exit', () => engine.close())
}
