// The synthetic engine in a process of its own, as a test or a benchmark has it.
import { startWorker } from '../bench/forward/calls.ts'
import type { EngineActions, Rate } from './process.ts'
import type { SyntheticOptions } from './server.ts'

export interface EngineProcess {
  readonly url: string
  /** About so many events a second from now on, by the last `movers` containers of the plan; 0: nothing changes. */
  churn(rate: Rate): Promise<void>
  /** Events so far that berth follows. */
  events(): Promise<number>
  /** Answers so far, by what was asked for. */
  answered(): Promise<Record<string, number>>
  /** What each name is to each asker at this moment, sorted; empty: NXDOMAIN. */
  expected(asked: readonly (readonly [asker: string, name: string])[]): Promise<(readonly string[])[]>
  /** All that these askers see at this moment: asker, name, addresses. */
  seen(askers: readonly string[]): Promise<readonly (readonly [string, string, readonly string[]])[]>
  stop(): Promise<void>
}

export async function startEngineProcess(options: SyntheticOptions): Promise<EngineProcess> {
  const worker = startWorker('../../synthetic/process.ts')
  const call = <K extends keyof EngineActions>(name: K, argument?: Parameters<EngineActions[K]>[0]) =>
    worker.call<Awaited<ReturnType<EngineActions[K]>>>(name, argument)
  return {
    url: await call('open', options),
    churn: (rate) => call('churn', rate),
    events: () => call('events'),
    answered: () => call('answered'),
    expected: async (asked) => [...(await call('expected', asked))],
    seen: (askers) => call('seen', askers),
    async stop() {
      await call('close')
      worker.stop()
    },
  }
}
