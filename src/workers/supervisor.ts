// Supervises one worker: starts the process, checks that it responds, and replaces it if it does not.
import type { Fill } from '../forward/cache/fill.ts'
import { createBackoff } from '../lib/backoff.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Logger } from '../lib/log.ts'
import { type CacheSync, createCacheSync } from './cache-sync.ts'
import type { Done, FromWorker, InitialState, Request, ToWorker } from './messages.ts'
import type { Tally } from './tally.ts'

/** A child process, by default a worker. */
export interface Child<Message = ToWorker> {
  readonly pid: number | undefined
  /** In order. `sent`: the system has taken it; not called if the process is gone. Never throws. */
  send(message: Message, sent?: () => void): void
  /** SIGKILL. */
  kill(): void
}

/** Starts a process. `onEnd` is called once, with the reason; nothing follows it. Never throws. */
export type Fork = (handlers: {
  readonly onMessage: (message: FromWorker) => void
  readonly onEnd: (why: string) => void
}) => Child

export interface Supervisor {
  /** Resolves once a worker answers questions, or the first one has failed to. */
  start(): Promise<void>
  /** Discarded while there is no worker: the next one starts with the current state. */
  tell(message: ToWorker): void
  /** Resolves when it is done, when the worker is gone, or after `timeout` ms. */
  call(request: Request, timeout: number): Promise<Outcome>
  fill(fill: Fill): void
  /** What the worker had counted when it last reported; undefined: no report yet. */
  tally(): Tally | undefined
  /** Whether a worker answers questions. */
  isReady(): boolean
  stop(): Promise<void>
}

/** The outcome of a request. A worker that is still starting is `gone` too: it handles all messages before it answers. */
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
  /** For messages that the supervisor does not handle itself. */
  readonly onMessage: (message: Exclude<FromWorker, { kind: 'ready' | 'done' }>) => void
  /** The worker exited; with what it had counted. */
  readonly onDeath: (tally: Tally | undefined) => void
}

/** Between requests for a sign of life, ms. */
const askEvery = 1000
/** Unanswered requests before it is replaced, and while it starts. They are counted, not timed: while we do not run, none is. */
const mostUnheard = 10
const mostUnheardAtStart = 60
/** Before the next worker starts, ms: the first wait and the longest; and how long one must run for the wait to be reset. */
const firstWait = 200
const longestWait = 30_000
const wellAfter = 10_000
/** For a worker to stop, ms: it has 1.5 s for what is in hand. */
const farewell = 2000

interface Running {
  readonly child: Child
  readonly fills: CacheSync
  readonly calls: Map<number, (outcome: Outcome) => void>
  /** Requests since its last message. */
  unheard: number
  readyAt: number | undefined
  tally: Tally | undefined
  /** Why we killed it. */
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

  /** Whether it responds. */
  function look(): void {
    if (running === undefined || isStopped) return
    const most = running.readyAt === undefined ? mostUnheardAtStart : mostUnheard
    if (running.unheard === most) {
      running.verdict = `no response for ${(most * askEvery) / 1000} s`
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
      'a worker died, starting another',
    )
    timer = clock.setTimeout(spawn, wait)
  }

  function call(request: Request, timeout: number): Promise<Outcome> {
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
      const deadline = clock.setTimeout(late, timeout)
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
      // One that is still starting has nothing in hand, and may take long to see the message.
      if (last.readyAt === undefined) last.child.kill()
      else {
        last.child.send({ kind: 'stop' })
        timer = clock.setTimeout(last.child.kill, farewell)
      }
      await gone
    },
  }
}
