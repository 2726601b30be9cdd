// A worker process: answers questions as the first process does, from a copy of its table and configuration, and reports to
// it. It follows no engine and serves no HTTP.
import { randomBytes } from 'node:crypto'
import { servingMetrics } from '../all-metrics.ts'
import { type Part, putTogether } from '../config/reading.ts'
import type { Config } from '../config/types.ts'
import { createFlushes, type Flushes } from '../forward/cache/flush.ts'
import { createLoopFollower, type LoopFollower } from '../forward/loop/follower.ts'
import { createTokens } from '../forward/loop/probe-token.ts'
import { type Clock, passingTime } from '../lib/clock.ts'
import { explain } from '../lib/errors.ts'
import type { Logger, LogOptions } from '../lib/log.ts'
import type { Counter } from '../lib/metrics.ts'
import type { Bindable } from '../net/listener.ts'
import { createGone, type Gone } from '../registry/gone.ts'
import type { Store } from '../registry/store.ts'
import { createServing, type Serving } from '../serving.ts'
import { createCacheSync } from './cache-sync.ts'
import type { Done, FromWorker, ToWorker } from './messages.ts'
import { createReplica, type Replica } from './replica.ts'
import { readTally } from './tally.ts'

/** The channel to the first process. */
export interface Channel {
  /** `sent`: the system has taken it. Never throws. */
  send(message: FromWorker, sent?: () => void): void
  onMessage(listener: (message: ToWorker) => void): void
  /** The first process is gone. */
  onClose(listener: () => void): void
}

export interface WorkerOptions {
  readonly channel: Channel
  readonly clock: Clock
  readonly lostLines: Counter
  readonly createLog: (options: Pick<LogOptions, 'level' | 'fields'>) => Logger
}

/** How long the first process may take to say whose a probe is, ms; then it is answered as any other question. */
const verdictWithin = 1000
/** Between reports of suspected loops, ms. */
const suspectEvery = 100

/** Resolves when the process is to exit; true: it was told to, and has answered what was in hand. */
export function runWorker({ channel, clock, lostLines, createLog }: WorkerOptions): Promise<boolean> {
  /** By token, probes that came back and wait for the first process's verdict. */
  const probes = new Map<string, (upstream: string | undefined) => void>()
  let suspectedAt = Number.NEGATIVE_INFINITY
  let config: Config
  let parts: Part[] = []
  let listen: readonly Bindable[] = []
  let replica: Replica
  let gone: Gone
  let flushes: Flushes
  let loops: LoopFollower
  let log: Logger
  let serving: Serving | undefined
  /** Slow messages are handled one after the other. */
  let work: Promise<unknown> = Promise.resolve()

  function tellCaught(token: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const settle = (upstream: string | undefined) => {
        probes.delete(token)
        clock.clearTimeout(timer)
        resolve(upstream)
      }
      const timer = clock.setTimeout(() => settle(undefined), verdictWithin)
      probes.get(token)?.(undefined)
      probes.set(token, settle)
      channel.send({ kind: 'caught', token })
    })
  }

  function tellSuspect(silent: readonly string[], name: string): void {
    const now = clock.monotonic()
    if (now - suspectedAt < suspectEvery) return
    suspectedAt = now
    channel.send({ kind: 'suspect', silent, name })
  }

  function prepare(message: ToWorker & { kind: 'start' }): void {
    log = createLog({ level: message.config.log.level, fields: { worker: message.worker } })
    config = message.config
    listen = message.listen
    const { isOurs: isToken } = createTokens({ key: message.probeKey, randomBytes })
    loops = createLoopFollower({ isToken, tellCaught, tellSuspect })
    loops.follow(message.loops)
    replica = createReplica(message.told, clock)
    flushes = createFlushes(message.lastFlush)
    const { store } = replica
    gone = createGone(
      { key: message.goneKey, now: passingTime(clock), initial: message.gone },
      store.current(),
    )
    store.onSwap(gone.follow)
  }

  async function start(store: Store, cookieSecret: Uint8Array): Promise<void> {
    const fills = createCacheSync({
      send: (fills, sent) => channel.send({ kind: 'fills', fills }, sent),
      clock,
    })
    serving = await createServing({
      ...{ config: here(), store, gone, flushes, log, clock, cookieSecret },
      createLoops: () => loops,
      isFirst: false,
      onFill: fills.add,
    })
    await serving.start()
    channel.send({ kind: 'ready' })
  }

  /** The configuration, at the addresses that the first process has. */
  const here = (): Config => ({ ...config, listen })

  function done(id: number, more: Pick<Done, 'flushed' | 'holdings'> = {}): void {
    const metrics = serving === undefined ? [] : servingMetrics(serving.metrics, lostLines)
    channel.send({ kind: 'done', id, tally: readTally(metrics), ...more })
  }

  return new Promise((resolve) => {
    const then = (task: () => Promise<void>) => {
      work = work.then(task).catch((error: unknown) => {
        log.error({ why: explain(error) }, 'a worker cannot continue')
        resolve(false)
      })
    }

    const hear: { [Kind in ToWorker['kind']]: (message: Extract<ToWorker, { kind: Kind }>) => void } = {
      start(message) {
        prepare(message)
        then(() => start(replica.store, message.cookieSecret))
      },
      listen(message) {
        listen = message.listen
        then(async () => {
          await serving?.listeners.update(listen)
          done(message.id)
        })
      },
      part({ part, id }) {
        parts.push(part)
        done(id)
      },
      configure(message) {
        if (parts.length === message.parts) config = putTogether(message.config, parts)
        parts = []
        then(async () => {
          await serving?.update(here())
          done(message.id)
        })
      },
      count: ({ id }) => done(id),
      flush({ id, flush }) {
        if (serving !== undefined) void serving.cache.flush(flush).then((flushed) => done(id, { flushed }))
        else {
          flushes.note(flush)
          done(id)
        }
      },
      holdings({ id, subject, limit }) {
        if (serving === undefined) done(id)
        else void serving.cache.holdings(subject, limit).then((holdings) => done(id, { holdings }))
      },
      change: ({ change }) => replica.store.apply(change),
      fills({ fills }) {
        for (const fill of fills) serving?.cache.take(fill)
      },
      loops: ({ states }) => loops.follow(states),
      caught: ({ token, upstream }) => probes.get(token)?.(upstream),
      stop: () => void (serving?.stop() ?? Promise.resolve()).then(() => resolve(true)),
    }

    channel.onMessage((message) => {
      if (message.kind !== 'start') replica.heard()
      const take = hear[message.kind] as (message: ToWorker) => void
      take(message)
    })
    channel.onClose(() => resolve(false))
  })
}
