// One worker's place: starts a process in it, listens for whether it lives, and starts another where it does not.
import type { Fill } from '../forward/cache/fill.ts'
import type { Tally } from '../http/tally.ts'
import { createBackoff } from '../lib/backoff.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Logger } from '../lib/log.ts'
import { type CacheSync, createCacheSync } from './cache-sync.ts'
import type { Done, FromWorker, InitialState, Request, ToWorker } from './messages.ts'

/** Another process of ours, as the one that started it has it; a worker where nothing else is said. */
export interface Child<Message = ToWorker> {
  readonly pid: number | undefined
  /** In order. `sent`: the system has taken it; not called where the process is gone. Never throws. */
  send(message: Message, sent?: () => void): void
  /** At once, whatever it does. */
  kill(): void
}

/** Starts a process. `onEnd` is called once, with a few words on why; nothing comes after it. Never throws. */
export type Fork = (handlers: {
  readonly onMessage: (message: FromWorker) => void
  readonly onEnd: (why: string) => void
}) => Child

export interface Supervisor {
  /** Resolves once a worker answers questions, or the first one has failed to. */
  start(): Promise<void>
  /** Nobody is told while there is no worker: the next one begins with how things are then. */
  tell(message: ToWorker): void
  /** Resolves when it is done, when the worker is gone, or after so many ms: a stuck one keeps nobody waiting. */
  call(request: Request, patience: number): Promise<Outcome>
  fill(fill: Fill): void
  /** What the worker counted when it was last heard of; undefined: nothing yet. */
  tally(): Tally | undefined
  /** Whether a worker answers questions. */
  isReady(): boolean
  stop(): Promise<void>
}

/** What came of a request. Gone is a worker too that has not begun to answer: it does what it was told before it does. */
export type Outcome = Done | 'gone' | 'silent'

export interface SupervisorOptions {
  /** From 2 on: the first process is 1. */
  readonly worker: number
  readonly fork: Fork
  readonly clock: Clock
  readonly log: Logger
  /** [0, 1) */
  readonly random: () => number
  readonly initialState: () => InitialState
  /** What is not for the supervisor itself. */
  readonly onMessage: (message: Exclude<FromWorker, { kind: 'ready' | 'done' }>) => void
  /** A worker has died; with what it had counted. */
  readonly onDeath: (tally: Tally | undefined) => void
}

/** How often a worker is asked how it is, ms. */
const askEvery = 1000
/** It is replaced after so many times without a word; more while it starts. Where we have no time to ask, none counts. */
const mostUnheard = 10
const mostUnheardAtStart = 60
/** Before the next worker starts, ms: the first wait and the longest; and for how long one has to live to count as well. */
const firstWait = 200
const longestWait = 30_000
const wellAfter = 10_000
/** For a worker that is told to stop, ms: it has 1.5 s for what is in hand. */
const farewell = 2000

interface Running {
  readonly child: Child
  readonly fills: CacheSync
  readonly calls: Map<number, (outcome: Outcome) => void>
  /** How often it was asked since it was last heard of. */
  unheard: number
  readyAt: number | undefined
  tally: Tally | undefined
  /** Why we ended it. */
  verdict: string | undefined
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { worker, fork, clock, log } = options
  const backoff = createBackoff(firstWait, longestWait, options.random)
  let running: Running | undefined
  let timer: Timer | undefined
  let calls = 0
  let isStopped = false
  let settled = () => {}
  let ended = () => {}

  function spawn(): void {
    const child = fork({
      onMessage: (message) => hear(mine, message),
      onEnd: (why) => end(mine, why),
    })
    const fills = createCacheSync({
      send: (fills, sent) => child.send({ kind: 'fills', fills }, sent),
      clock,
    })
    const mine: Running = {
      ...{ child, fills, calls: new Map(), unheard: 0 },
      ...{ readyAt: undefined, tally: undefined, verdict: undefined },
    }
    running = mine
    child.send({ kind: 'start', worker, ...options.initialState() })
    timer = clock.setTimeout(look, askEvery)
  }

  function hear(from: Running, message: FromWorker): void {
    from.unheard = 0
    if (message.kind === 'ready') {
      from.readyAt = clock.monotonic()
      log.debug({ worker, pid: from.child.pid }, 'a worker answers')
      settled()
    } else if (message.kind === 'done') {
      from.tally = message.tally
      from.calls.get(message.id)?.(message)
    } else options.onMessage(message)
  }

  /** Whether it still turns: one that does not, answers nobody. */
  function look(): void {
    if (running === undefined || isStopped) return
    const most = running.readyAt === undefined ? mostUnheardAtStart : mostUnheard
    if (running.unheard === most) {
      running.verdict = `not heard of for ${(most * askEvery) / 1000} s`
      running.child.kill()
    } else {
      running.unheard++
      void call({ kind: 'count' }, askEvery)
    }
    timer = clock.setTimeout(look, askEvery)
  }

  function end(dead: Running, why: string): void {
    running = undefined
    clock.clearTimeout(timer)
    for (const done of [...dead.calls.values()]) done('gone')
    options.onDeath(dead.tally)
    settled()
    ended()
    if (isStopped) return
    const now = clock.monotonic()
    if (dead.readyAt !== undefined && now - dead.readyAt > wellAfter) backoff.reset()
    const wait = backoff.next()
    log.error(
      { worker, pid: dead.child.pid, why: dead.verdict ?? why, wait },
      'a worker died, another takes its place',
    )
    timer = clock.setTimeout(spawn, wait)
  }

  function call(request: Request, patience: number): Promise<Outcome> {
    const to = running
    if (to === undefined) return Promise.resolve('gone')
    const id = calls++
    return new Promise((resolve) => {
      const done = (outcome: Outcome) => {
        clock.clearTimeout(deadline)
        to.calls.delete(id)
        resolve(outcome)
      }
      const late = () => done(to.readyAt === undefined ? 'gone' : 'silent')
      const deadline = clock.setTimeout(late, patience)
      to.calls.set(id, done)
      to.child.send({ ...request, id })
    })
  }

  return {
    start: () =>
      new Promise((resolve) => {
        settled = resolve
        spawn()
      }),
    tell: (message) => running?.child.send(message),
    call,
    fill: (fill) => running?.fills.add(fill),
    tally: () => running?.tally,
    isReady: () => running?.readyAt !== undefined,
    async stop() {
      isStopped = true
      clock.clearTimeout(timer)
      const last = running
      if (last === undefined) return
      const gone = new Promise<void>((resolve) => {
        ended = resolve
      })
      // One that only starts has nothing in hand, and may take long to hear that it is to stop.
      if (last.readyAt === undefined) last.child.kill()
      else {
        last.child.send({ kind: 'stop' })
        timer = clock.setTimeout(last.child.kill, farewell)
      }
      await gone
    },
  }
}
