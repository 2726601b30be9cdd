// All workers of the first process: passes messages to and from them, and between them.
import { takeApart } from '../config/reading.ts'
import type { Config } from '../config/types.ts'
import type { Fill } from '../forward/cache/fill.ts'
import type { LoopStates, ProbingGuard } from '../forward/loop/prober.ts'
import type { Bindable } from '../net/listener.ts'
import type { StoreChange } from '../registry/types.ts'
import type { Request } from './messages.ts'
import { createSupervisor, type Outcome, type Supervisor, type SupervisorOptions } from './supervisor.ts'
import type { Tally } from './tally.ts'
import { createWorkerMetrics } from './worker-metrics.ts'

export interface Pool {
  /** Starts the workers, with the state then; resolves once each answers questions, or has failed at its first attempt. */
  start(sources: PoolSources): Promise<void>
  change(change: StoreChange): void
  loops(states: LoopStates): void
  fill(fill: Fill): void
  listen(listen: readonly Bindable[]): void
  /** Resolves once all running workers use it. */
  configure(config: Config): Promise<void>
  /** Resolves once their counters are up to date, except of those that take longer than 1 s. */
  refresh(): Promise<void>
  /** Resolves once all have handled every earlier message; after 10 s at the latest. */
  catchUp(): Promise<void>
  /** Resolves to each worker's outcome, in order; after 5 s at the latest. */
  ask(request: Request): Promise<readonly Outcome[]>
  /** What all workers have counted, including those that exited. */
  tallies(): readonly Tally[]
  /** Workers that answer questions. */
  ready(): number
  readonly metrics: ReturnType<typeof createWorkerMetrics>
  stop(): Promise<void>
}

export interface PoolOptions extends Pick<SupervisorOptions, 'fork' | 'clock' | 'log' | 'random'> {
  /** Processes that answer, the first one included. */
  readonly processes: number
}

/** The first process's own parts. */
export interface PoolSources extends Pick<SupervisorOptions, 'initialState'> {
  readonly cache: { take(fill: Fill): void }
  readonly guard: Pick<ProbingGuard, 'caught' | 'suspect'>
  /** Sums counters; gauges of workers that exited are left out. */
  readonly addTallies: (tallies: readonly Tally[]) => Tally
}

/** How long a worker may take, ms. */
const timeouts = { ask: 5000, listen: 2000, configure: 5000, refresh: 1000, catchUp: 10_000 }

export function createPool({ processes, ...common }: PoolOptions): Pool {
  let supervisors: readonly Supervisor[] = []
  const ready = () => supervisors.filter((supervisor) => supervisor.isReady()).length
  const metrics = createWorkerMetrics(() => 1 + ready())
  /** What workers that exited had counted. */
  let former: Tally = new Map()
  let isStopped = false

  function create(worker: number, { cache, guard, addTallies, initialState }: PoolSources): Supervisor {
    const supervisor = createSupervisor({
      ...{ ...common, worker, initialState },
      onMessage(message) {
        if (message.kind === 'suspect') guard.suspect(message.silent, message.name)
        else if (message.kind === 'caught') {
          const { token } = message
          supervisor.tell({ kind: 'caught', token, upstream: guard.caught(token) })
        } else {
          for (const fill of message.fills) {
            cache.take(fill)
            for (const other of supervisors) if (other !== supervisor) other.fill(fill)
          }
        }
      },
      onDeath(tally) {
        if (tally !== undefined) former = addTallies([former, tally])
        if (!isStopped) metrics.restarts.add(1)
      },
    })
    return supervisor
  }

  const all = async (each: (supervisor: Supervisor) => Promise<unknown>) => {
    await Promise.all(supervisors.map(each))
  }

  return {
    start(sources) {
      supervisors = Array.from({ length: processes - 1 }, (_, i) => create(i + 2, sources))
      return all((supervisor) => supervisor.start())
    },
    change(change) {
      for (const supervisor of supervisors) supervisor.tell({ kind: 'change', change })
    },
    loops(states) {
      for (const supervisor of supervisors) supervisor.tell({ kind: 'loops', states })
    },
    fill(fill) {
      for (const supervisor of supervisors) supervisor.fill(fill)
    },
    listen: (listen) =>
      void all((supervisor) => supervisor.call({ kind: 'listen', listen }, timeouts.listen)),
    async configure(config) {
      if (supervisors.length === 0) return
      const { rest, parts } = takeApart(config)
      await all(async (supervisor) => {
        // One at a time, so that neither side delays its questions.
        for (const part of parts) await supervisor.call({ kind: 'part', part }, timeouts.configure)
        await supervisor.call({ kind: 'configure', config: rest, parts: parts.length }, timeouts.configure)
      })
    },
    refresh: () => all((supervisor) => supervisor.call({ kind: 'count' }, timeouts.refresh)),
    catchUp: () => all((supervisor) => supervisor.call({ kind: 'count' }, timeouts.catchUp)),
    ask: (request) => Promise.all(supervisors.map((supervisor) => supervisor.call(request, timeouts.ask))),
    tallies: () => [former, ...supervisors.flatMap((supervisor) => supervisor.tally() ?? [])],
    ready,
    metrics,
    stop() {
      isStopped = true
      return all((supervisor) => supervisor.stop())
    },
  }
}
