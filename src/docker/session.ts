// One connection to an engine, from its first answer to its end: subscribe, list, then live.
import { type Clock, sleep, type Timer } from '../lib/clock.ts'
import { BerthError, explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import type { Apart } from './apart.ts'
import type { EngineClient } from './client.ts'
import type { DockerCounters } from './counters.ts'
import { createEar, type Ear } from './ear.ts'
import { readEngineClock } from './engine-clock.ts'
import { follow } from './hints.ts'
import type { Reconcile } from './reconcile.ts'
import { readEvents } from './stream.ts'
import type { Versions } from './versions.ts'

export interface SessionOptions {
  engine: string
  client: EngineClient
  reconcile: Reconcile
  /** Between full lists, ms, as it is now. */
  resync: () => number
  /** Is given what makes the next full list come at once. */
  listing(listNow: () => void): void
  clock: Clock
  random: () => number
  log: Logger
  counters: DockerCounters
  /** Aborted: the session ends. */
  signal: AbortSignal
  /** Once each, the version of its own later where the headers of a ping have not told it. */
  version(told: Pick<Versions, 'version' | 'apiVersion' | 'product'>): void
  /** The engine's clock is ahead of ours by so much, ms; 0 where it can't be told from the way there and back. */
  skewed(ms: number): void
  /** The same as an earlier connection told it: then nothing waits for /info, which may be slow. */
  readonly skew: number | undefined
  /** Where its networks are, if not here: told before `live` in the first connection. */
  apart(told: Apart | undefined): void
  /** The first list is read: facts are whole. */
  live(): Promise<void>
  /** Something of ours failed on what the engine told; it lists again. */
  stumbled(error: unknown): void
}

/** Why a session that was live ended. `answering`: the engine may well be there. */
export interface Ending {
  readonly reason: string
  readonly answering: boolean
}

/** Events of this long ago are told again, so that none falls between headers and subscription. Seconds. */
const overlap = 5
/** Without an answer for so long it is pinged, ms: a little more than half of the time below, so that both take turns. */
const pingEvery = 2_100
/** Between checks whether the event stream has gone deaf, ms; with its grace well within 10 s. */
const listenEvery = 4_000
/** Between full lists where the engine can't say whether the stream tells everything, ms. */
const unsureEvery = 8_000
/** Without an answer for this long an engine is out of reach, ms. */
export const reach = 5_000
/** Lists may run ahead of the event stream by less than this, ms. */
const explanationTime = 2_000
/** From one full list's end to the next one that events ask for, ms; and no less than the list took. */
const listsApart = 1_000
/** Ids in one line of the log. */
const mostNamed = 10

/** Rejects with a BerthError where it does not come to be live. */
export async function runSession(options: SessionOptions): Promise<Ending> {
  const { engine, client, reconcile, clock, counters, signal } = options
  const over = new AbortController()
  let ending: Ending = { reason: 'stopped', answering: true }
  const end = (reason: string, answering: boolean) => {
    if (over.signal.aborted) return
    ending = { reason, answering }
    over.abort()
    // Nothing that is under way is waited for: an engine that answers nothing any more would be there for 10 s yet.
    reconcile.hold()
    client.close()
  }
  const stop = () => end('stopped', true)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  // Woken by an event that asks for a full list. Asked for while one is on its way, another one follows.
  let isAsked = false
  let wake = () => {}
  const poke = () => {
    isAsked = true
    wake()
  }

  const waitForList = async (ms: number, least: number) => {
    const notBefore = clock.monotonic() + least
    const woken = new AbortController()
    const end = () => woken.abort()
    let timer: Timer | undefined
    wake = () => {
      const left = notBefore - clock.monotonic()
      if (left <= 0) end()
      else timer ??= clock.setTimeout(end, left)
    }
    over.signal.addEventListener('abort', end, { once: true })
    if (over.signal.aborted) end()
    else if (isAsked) wake()
    await sleep(clock, ms, woken.signal)
    clock.clearTimeout(timer)
    over.signal.removeEventListener('abort', end)
    wake = () => {}
    isAsked = false
  }

  options.listing(() => poke())
  try {
    // First and alone: it tells best what it is that answers here.
    const versions = await client.version()
    options.version(versions)
    versions.askVersion?.().then(
      (version) => options.version({ ...versions, ...(version === undefined ? {} : { version }) }),
      (error) => options.log.debug({ engine, problem: explain(error) }, 'a Docker engine tells no version'),
    )
    const engineClock = await readEngineClock({
      ...{ clock, skew: options.skew, second: versions.second, skewed: options.skewed },
      async systemTime() {
        const info = await client.info()
        options.apart(info?.apart)
        return info?.systemTime
      },
      wasSet: () => end('its clock has been set', true),
      silent(error) {
        if (over.signal.aborted) throw error
        options.log.debug({ engine, problem: explain(error) }, 'a Docker engine does not tell its clock')
      },
    })
    const pulse: Pulse = { answered: clock.monotonic() }
    const ear = createEar(hearing(client, clock, pulse), clock, engineClock.now)
    const sinceSeconds = Math.floor(engineClock.now() / 1000) - overlap
    const stream = await client.events({ sinceSeconds, signal: over.signal })
    readEvents(stream, {
      event(event) {
        counters.events.add(1, engine)
        try {
          ear.hear(event)
          if (follow(event, reconcile)) poke()
        } catch (error) {
          options.stumbled(error)
          poke()
        }
      },
      unreadable: () => counters.errors.add(1, engine, 'line'),
      closed: (error) =>
        end(
          error === undefined ? 'its event stream ended' : `its event stream broke: ${explain(error)}`,
          true,
        ),
    })
    await reconcile.fullList(client).catch((error) => {
      if (over.signal.aborted) return
      counters.errors.add(1, engine, 'list')
      throw error
    })
    if (over.signal.aborted) throw new BerthError('ENGINE', ending.reason)
    await options.live()
    if (over.signal.aborted) return ending
    pulse.answered = clock.monotonic()
    await Promise.all([
      engineClock.learn().catch(() => {}),
      pingWhileLive(options, pulse, over.signal, end),
      listWhileLive(options, over.signal, waitForList, end),
      listenWhileLive(options, ear, over.signal, () => poke(), end),
    ])
    return ending
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

type End = (reason: string, answering: boolean) => void

/** When the engine last answered one of those that ask it regularly, ms. */
interface Pulse {
  answered: number
}

/** The client, as far as its events are told again: an answer to that shows as well as a ping that the engine is there. */
function hearing(client: EngineClient, clock: Clock, pulse: Pulse): Pick<EngineClient, 'pastEvents'> {
  return {
    async pastEvents(from, to) {
      const told = await client.pastEvents(from, to)
      pulse.answered = clock.monotonic()
      return told
    },
  }
}

async function pingWhileLive(
  { engine, client, clock, counters }: SessionOptions,
  pulse: Pulse,
  over: AbortSignal,
  end: End,
) {
  const sinceAnswer = () => clock.monotonic() - pulse.answered
  let wait = pingEvery
  while (!over.aborted) {
    await sleep(clock, wait, over)
    if (over.aborted) return
    // Another question that it answers says as much.
    wait = pingEvery - sinceAnswer()
    if (wait > 0) continue
    try {
      await client.ping(Math.max(250, reach - sinceAnswer()))
      pulse.answered = clock.monotonic()
      wait = pingEvery
    } catch {
      if (over.aborted) return
      counters.errors.add(1, engine, 'ping')
      wait = Math.min(pingEvery, Math.max(250, reach - sinceAnswer()))
      if (sinceAnswer() >= reach - 10) {
        end(`it has answered no ping for ${reach / 1000} s`, false)
      }
    }
  }
}

async function listenWhileLive(
  { engine, clock, log, counters }: SessionOptions,
  ear: Ear,
  over: AbortSignal,
  list: () => void,
  end: End,
) {
  let listedAt = clock.monotonic()
  while (!over.aborted) {
    await sleep(clock, listenEvery, over)
    if (over.aborted) return
    let unsure = false
    try {
      const told = await ear.check(over)
      if (over.aborted) return
      unsure = told.unsure
      if (told.deaf.length > 0) {
        counters.drift.add(1, engine)
        const missed = told.deaf
          .slice(0, mostNamed)
          .map(({ type, action, id }) => `${type} ${action} ${id.slice(0, 12)}`)
        log.warn({ engine, missed }, 'the event stream of a Docker engine has gone deaf')
        end('its event stream did not tell what had happened', true)
      }
    } catch (error) {
      if (over.aborted) return
      // A proxy may refuse it, a clock may have been set: the full list finds out as well.
      unsure = true
      counters.errors.add(1, engine, 'past')
      log.debug({ engine, problem: explain(error) }, 'a Docker engine does not tell its past events')
    }
    if (unsure && clock.monotonic() - listedAt >= unsureEvery) {
      listedAt = clock.monotonic()
      list()
    }
  }
}

async function listWhileLive(
  { engine, client, reconcile, resync, clock, random, log, counters }: SessionOptions,
  over: AbortSignal,
  wait: (ms: number, least: number) => Promise<void>,
  end: End,
) {
  let drifts = 0
  let failed = false
  let least = 0
  while (!over.aborted) {
    // A tenth of jitter either way, so that many berths do not ask at once.
    const pause = resync() * (0.9 + 0.2 * random())
    await wait(failed ? Math.min(pause, reach) : pause, least)
    if (over.aborted) return
    const began = clock.monotonic()
    try {
      const suspects = await reconcile.fullList(client)
      failed = false
      counters.lastSync.cell(engine).value = clock.now() / 1000
      if (suspects.size > 0) await sleep(clock, explanationTime, over)
      if (over.aborted) return
      const missed = reconcile.unexplained(suspects)
      drifts = missed.length === 0 ? 0 : drifts + 1
      if (missed.length === 0) continue
      counters.drift.add(1, engine)
      log.warn(
        { engine, missed: missed.slice(0, mostNamed), count: missed.length },
        'the full list of a Docker engine told what its events had not',
      )
      if (drifts >= 2) end('its event stream misses what happens', true)
    } catch (error) {
      if (over.aborted) return
      failed = true
      counters.errors.add(1, engine, 'list')
      log.debug({ engine, problem: explain(error) }, 'the full list of a Docker engine failed')
    } finally {
      least = Math.max(listsApart, clock.monotonic() - began)
    }
  }
}
