// One connection to an engine, from its first answer to its end: subscribe, list, then follow.
import { type Clock, sleep, type Timer } from '../../lib/clock.ts'
import { BerthError, explain } from '../../lib/errors.ts'
import type { Logger } from '../../lib/log.ts'
import type { EngineClient } from '../api/client.ts'
import { readEvents } from '../api/event-stream.ts'
import type { EngineVersion } from '../api/versions.ts'
import type { DockerMetrics } from '../docker-metrics.ts'
import { type Isolation, isolationOf } from '../model/isolation.ts'
import { readEngineClock } from './engine-clock.ts'
import { handleEvent } from './event-handler.ts'
import type { Reconciler } from './reconciler.ts'
import { createStreamCheck, type StreamCheck } from './stream-check.ts'

export interface ConnectionOptions {
  engine: string
  client: EngineClient
  reconciler: Reconciler
  /** Between full lists, ms, as it is now. */
  resync: () => number
  /** Passes a function that starts the next full list at once. */
  listing(listNow: () => void): void
  clock: Clock
  random: () => number
  log: Logger
  counters: DockerMetrics
  /** Aborted: the session ends. */
  signal: AbortSignal
  /** Called again once the engine's own version is known, where a ping's headers lack it. */
  version(told: Pick<EngineVersion, 'version' | 'apiVersion' | 'product'>): void
  /** How far the engine's clock is ahead of ours, ms; 0: less than a round trip. */
  skewed(ms: number): void
  /** The same from an earlier connection: then nothing waits for /info, which may be slow. */
  readonly skew: number | undefined
  /** Where its networks are, if not here; called before `live` in the first connection. */
  isolation(told: Isolation | undefined): void
  /** The first list is read: the state is complete. */
  live(): Promise<void>
  /** An internal error in processing an event; a full list follows. */
  failedInternally(error: unknown): void
}

/** Why a session that was live ended. `answering`: the engine may well be there. */
export interface Ending {
  readonly reason: string
  readonly answering: boolean
}

/** Events of this long ago are requested again, so that none is lost before the subscription. Seconds. */
const overlap = 5
/** Pinged after this long without an answer, ms: more than half of `checkEvery`, so that both take turns. */
const pingEvery = 2_100
/** Between checks of the event stream, ms; with its grace well within 10 s. */
const checkEvery = 4_000
/** Between full lists where those checks are inconclusive, ms. */
const inconclusiveEvery = 8_000
/** An engine without an answer for this long is unreachable, ms. */
export const silenceLimit = 5_000
/** Lists may run ahead of the event stream by less than this, ms. */
const explanationTime = 2_000
/** From a full list's end to the next that events ask for, ms; at least as long as the list took. */
const listsApart = 1_000
/** Ids in one line of the log. */
const mostNamed = 10

/** Rejects with a BerthError if it never becomes live. */
export async function runConnection(options: ConnectionOptions): Promise<Ending> {
  const { engine, client, reconciler, clock, counters, signal } = options
  const over = new AbortController()
  let ending: Ending = { reason: 'stopped', answering: true }
  const end = (reason: string, answering: boolean) => {
    if (over.signal.aborted) return
    ending = { reason, answering }
    over.abort()
    // Calls under way are cut: an unresponsive engine would hold them for 10 s.
    reconciler.pause()
    client.close()
  }
  const stop = () => end('stopped', true)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  // Woken by an event that asks for a full list. If one is under way, another follows.
  let isRequested = false
  let wake = () => {}
  const requestList = () => {
    isRequested = true
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
    else if (isRequested) wake()
    await sleep(clock, ms, woken.signal)
    clock.clearTimeout(timer)
    over.signal.removeEventListener('abort', end)
    wake = () => {}
    isRequested = false
  }

  options.listing(() => requestList())
  try {
    // First and alone: its errors show best what answers here.
    const versions = await client.version()
    options.version(versions)
    versions.askVersion?.().then(
      (version) => options.version({ ...versions, ...(version === undefined ? {} : { version }) }),
      (error) => options.log.debug({ engine, problem: explain(error) }, 'a Docker engine reports no version'),
    )
    const engineClock = await readEngineClock({
      ...{ clock, skew: options.skew, second: versions.second, skewed: options.skewed },
      async systemTime() {
        const info = await client.info()
        options.isolation(info && isolationOf(info.host))
        return info?.systemTime
      },
      wasSet: () => end('its clock has been set', true),
      silent(error) {
        if (over.signal.aborted) throw error
        options.log.debug({ engine, problem: explain(error) }, 'a Docker engine does not report its clock')
      },
    })
    const pulse: Pulse = { answered: clock.monotonic() }
    const ear = createStreamCheck(withPulse(client, clock, pulse), clock, engineClock.now)
    const sinceSeconds = Math.floor(engineClock.now() / 1000) - overlap
    const stream = await client.events({ sinceSeconds, signal: over.signal })
    readEvents(stream, {
      event(event) {
        counters.events.add(1, engine)
        try {
          ear.observe(event)
          if (handleEvent(event, reconciler)) requestList()
        } catch (error) {
          options.failedInternally(error)
          requestList()
        }
      },
      unreadable: () => counters.errors.add(1, engine, 'line'),
      closed: (error) =>
        end(
          error === undefined ? 'its event stream ended' : `its event stream broke: ${explain(error)}`,
          true,
        ),
    })
    await reconciler.fullList(client).catch((error) => {
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
      checkWhileLive(options, ear, over.signal, () => requestList(), end),
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

/** The client's past events, whose answers prove the engine reachable as a ping does. */
function withPulse(client: EngineClient, clock: Clock, pulse: Pulse): Pick<EngineClient, 'pastEvents'> {
  return {
    async pastEvents(from, to) {
      const told = await client.pastEvents(from, to)
      pulse.answered = clock.monotonic()
      return told
    },
  }
}

async function pingWhileLive(
  { engine, client, clock, counters }: ConnectionOptions,
  pulse: Pulse,
  over: AbortSignal,
  end: End,
) {
  const sinceAnswer = () => clock.monotonic() - pulse.answered
  let wait = pingEvery
  while (!over.aborted) {
    await sleep(clock, wait, over)
    if (over.aborted) return
    // Any other answer counts as much.
    wait = pingEvery - sinceAnswer()
    if (wait > 0) continue
    try {
      await client.ping(Math.max(250, silenceLimit - sinceAnswer()))
      pulse.answered = clock.monotonic()
      wait = pingEvery
    } catch {
      if (over.aborted) return
      counters.errors.add(1, engine, 'ping')
      wait = Math.min(pingEvery, Math.max(250, silenceLimit - sinceAnswer()))
      if (sinceAnswer() >= silenceLimit - 10) {
        end(`it has answered no ping for ${silenceLimit / 1000} s`, false)
      }
    }
  }
}

async function checkWhileLive(
  { engine, clock, log, counters }: ConnectionOptions,
  ear: StreamCheck,
  over: AbortSignal,
  list: () => void,
  end: End,
) {
  let listedAt = clock.monotonic()
  while (!over.aborted) {
    await sleep(clock, checkEvery, over)
    if (over.aborted) return
    let unsure = false
    try {
      const told = await ear.check(over)
      if (over.aborted) return
      unsure = told.inconclusive
      if (told.missed.length > 0) {
        counters.drift.add(1, engine)
        const missed = told.missed
          .slice(0, mostNamed)
          .map(({ type, action, id }) => `${type} ${action} ${id.slice(0, 12)}`)
        log.warn({ engine, missed }, 'the event stream of a Docker engine missed events; reconnecting')
        end('its event stream missed events', true)
      }
    } catch (error) {
      if (over.aborted) return
      // A proxy may refuse it, or a clock may have been set: a full list does as well.
      unsure = true
      counters.errors.add(1, engine, 'past')
      log.debug({ engine, problem: explain(error) }, 'a Docker engine does not return its past events')
    }
    if (unsure && clock.monotonic() - listedAt >= inconclusiveEvery) {
      listedAt = clock.monotonic()
      list()
    }
  }
}

async function listWhileLive(
  { engine, client, reconciler, resync, clock, random, log, counters }: ConnectionOptions,
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
    await wait(failed ? Math.min(pause, silenceLimit) : pause, least)
    if (over.aborted) return
    const began = clock.monotonic()
    try {
      const suspects = await reconciler.fullList(client)
      failed = false
      counters.lastSync.cell(engine).value = clock.now() / 1000
      if (suspects.size > 0) await sleep(clock, explanationTime, over)
      if (over.aborted) return
      const missed = reconciler.unexplained(suspects)
      drifts = missed.length === 0 ? 0 : drifts + 1
      if (missed.length === 0) continue
      counters.drift.add(1, engine)
      log.warn(
        { engine, missed: missed.slice(0, mostNamed), count: missed.length },
        'the full list of a Docker engine shows changes that its events did not',
      )
      if (drifts >= 2) end('its event stream keeps missing events', true)
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
