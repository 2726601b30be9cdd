// The workers beside the first process, all together: what it tells them, and what they tell it and each other.
import { takeApart } from '../config/reading.ts'
import type { Config } from '../config/types.ts'
import type { Fill } from '../forward/cache/fill.ts'
import type { LoopStates, ProbingGuard } from '../forward/loop/prober.ts'
import type { Tally } from '../http/tally.ts'
import { Counter } from '../lib/counters.ts'
import type { Bindable } from '../net/listener.ts'
import type { StoreChange } from '../registry/types.ts'
import type { Request } from './messages.ts'
import { createSeat, type Outcome, type SeatOptions } from './seat.ts'

export interface Pool {
  /** Resolves once every worker answers questions, or has failed to at its first try. */
  start(): Promise<void>
  change(change: StoreChange): void
  loops(states: LoopStates): void
  fill(fill: Fill): void
  listen(listen: readonly Bindable[]): void
  /** Resolves once all go by it, as far as they are there. */
  configure(config: Config): Promise<void>
  /** Resolves once their numbers are those of now; without those that take longer than 1 s. */
  refresh(): Promise<void>
  /** Resolves once all have done what they were told before; after 10 s at the latest. */
  catchUp(): Promise<void>
  /** What came of it at each, the second process first; after 5 s at the latest. */
  ask(request: Request): Promise<readonly Outcome[]>
  /** What all workers have counted, the dead included. */
  tallies(): readonly Tally[]
  /** Workers that answer questions. */
  ready(): number
  readonly restarts: Counter
  stop(): Promise<void>
}

export interface PoolOptions extends Pick<SeatOptions, 'fork' | 'clock' | 'log' | 'random' | 'beginning'> {
  /** Processes that answer, the first one included. */
  readonly processes: number
  /** The first process's own parts. */
  readonly cache: { take(fill: Fill): void }
  readonly guard: Pick<ProbingGuard, 'caught' | 'suspect'>
  /** What stays of the numbers of those that are gone. */
  readonly addTallies: (tallies: readonly Tally[]) => Tally
}

/** How long each may take, ms. */
const patience = { ask: 5000, listen: 2000, configure: 5000, refresh: 1000, catchUp: 10_000 }

export function createPool({ processes, cache, guard, addTallies, ...common }: PoolOptions): Pool {
  const restarts = new Counter()
  let buried: Tally = new Map()
  let isStopped = false

  const seats = Array.from({ length: processes - 1 }, (_, i) => {
    const seat = createSeat({
      ...common,
      worker: i + 2,
      onMessage(message) {
        if (message.kind === 'suspect') guard.suspect(message.silent, message.name)
        else if (message.kind === 'caught') {
          const { token } = message
          seat.tell({ kind: 'caught', token, upstream: guard.caught(token) })
        } else {
          for (const fill of message.fills) {
            cache.take(fill)
            for (const other of seats) if (other !== seat) other.fill(fill)
          }
        }
      },
      onDeath(tally) {
        if (tally !== undefined) buried = addTallies([buried, tally])
        if (!isStopped) restarts.add(1)
      },
    })
    return seat
  })
  const all = async (each: (seat: (typeof seats)[0]) => Promise<unknown>) => {
    await Promise.all(seats.map(each))
  }

  return {
    start: () => all((seat) => seat.start()),
    change(change) {
      for (const seat of seats) seat.tell({ kind: 'change', change })
    },
    loops(states) {
      for (const seat of seats) seat.tell({ kind: 'loops', states })
    },
    fill(fill) {
      for (const seat of seats) seat.fill(fill)
    },
    listen: (listen) => void all((seat) => seat.call({ kind: 'listen', listen }, patience.listen)),
    configure(config) {
      const { rest, parts } = takeApart(config)
      return all(async (seat) => {
        // One at a time: neither side is kept from its questions.
        for (const part of parts) await seat.call({ kind: 'part', part }, patience.configure)
        await seat.call({ kind: 'configure', config: rest, parts: parts.length }, patience.configure)
      })
    },
    refresh: () => all((seat) => seat.call({ kind: 'count' }, patience.refresh)),
    catchUp: () => all((seat) => seat.call({ kind: 'count' }, patience.catchUp)),
    ask: (request) => Promise.all(seats.map((seat) => seat.call(request, patience.ask))),
    tallies: () => [buried, ...seats.flatMap((seat) => seat.tally() ?? [])],
    ready: () => seats.filter((seat) => seat.isReady()).length,
    restarts,
    stop() {
      isStopped = true
      return all((seat) => seat.stop())
    },
  }
}
