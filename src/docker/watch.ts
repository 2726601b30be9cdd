// Follows one engine for as long as berth runs: connects, keeps the store current, reconnects.
import { setImmediate as turn } from 'node:timers/promises'
import type { EngineConfig } from '../config/types.ts'
import { type Clock, sleep, type Timer } from '../lib/clock.ts'
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import { isLocal } from '../registry/locality.ts'
import type { Store } from '../registry/store.ts'
import { type Apart, addressesOf, type Here, isAmong } from './apart.ts'
import { createEngineClient, type EngineClient } from './client.ts'
import type { DockerCounters } from './counters.ts'
import { knowsNone } from './gateways.ts'
import type { LabelRules } from './grants.ts'
import { createNotices, logComplaints } from './notices.ts'
import { createOutages } from './outages.ts'
import { type Course, createPace } from './pace.ts'
import { createReconcile } from './reconcile.ts'
import { type Ending, reach, runSession } from './session.ts'
import type { Versions } from './versions.ts'
import { createWarnings } from './warnings.ts'

export interface Watch {
  start(): void
  /** Time between full lists from now on, ms; the next one comes at once. */
  setResync(ms: number): void
  setLabelRules(rules: LabelRules): void
  /** Ends the connection; resolves once nothing is under way. */
  stop(): Promise<void>
  /** Resolves once the first sync is done or the first attempt has failed. Never rejects. */
  readonly firstSync: Promise<void>
  info(): WatchInfo
}

export interface WatchInfo extends Partial<Pick<Versions, 'version' | 'product' | 'apiVersion'>> {
  readonly connected: boolean
  /** Why it is not connected, in a sentence. */
  readonly problem?: string
}

export interface WatchOptions {
  engine: EngineConfig
  /** Between full lists, ms. */
  resync: number
  labelRules: LabelRules
  store: Store
  clock: Clock
  log: Logger
  counters: DockerCounters
  random: () => number
  /** Where this process is, as things are now. */
  here?: () => Here
  /** One for each connection, so that none inherits sockets that hang. */
  createClient?: typeof createEngineClient
}

/** Between two swaps; what changes meanwhile makes one, ms. */
const swapDelay = 1
/** Labels of names (limits.ts) that one swap may change: some ten milliseconds' worth, then questions have their turn. */
const swapCost = 10_000

export function createWatch({
  engine: config,
  resync: firstResync,
  labelRules: firstRules,
  store,
  clock,
  log,
  counters,
  random,
  here = () => ({ addresses: new Set(), mayBeInUserNamespace: true }),
  createClient = createEngineClient,
}: WatchOptions): Watch {
  const engine = config.name
  const stopping = new AbortController()
  const pace = createPace(() => isLocal(store.current().engines, engine), random)
  const lag = counters.lag.cell(engine)
  // There from the start: a rate needs the zero before the first.
  for (const counter of [counters.events, counters.drift, counters.lateNames, counters.reconnects]) {
    counter.add(0, engine)
  }
  const notices = createNotices(clock)
  const warnings = createWarnings(engine, notices, counters, log)
  const outages = createOutages(engine, clock, log)
  const reconcile = createReconcile({
    ...{ engine, clock, random, changed, failed },
    labelRules: () => labelRules,
    refused: warnings.imagesRefused,
    late: (names) => counters.lateNames.add(names, engine),
    ...logComplaints(engine, notices, log),
    leftOut: warnings.leftOut,
    mayHaveNone: () => knowsNone(info.apiVersion),
    // A remote one may not tell its clock, and that be another than ours.
    engineNow: () => (isLocal(store.current().engines, engine) ? clock.now() + (skew ?? 0) : undefined),
  })
  let resync = firstResync
  let labelRules = firstRules
  let listNow = () => {}
  let info: WatchInfo = { connected: false }
  let running: Promise<void> | undefined
  let everSynced = false
  let everTold = false
  let awayTimer: Timer | undefined
  let swapTimer: Timer | undefined
  let swappedAt = Number.NEGATIVE_INFINITY
  let isSwapping = false
  let swapTimes: number[] = []
  /** How far the engine's clock is ahead of ours, ms; undefined: it has not told yet. */
  let skew: number | undefined
  let apart: Apart | undefined
  let finishFirst = () => {}
  const firstSync = new Promise<void>((resolve) => {
    finishFirst = resolve
  })
  counters.connected.cell(engine)
  counters.lastSync.cell(engine)
  counters.lateNames.cell(engine)
  counters.drift.cell(engine)

  function changed(eventTime: number | undefined) {
    if (!info.connected) return
    if (eventTime !== undefined && eventTime > 0) swapTimes.push(eventTime)
    if (isSwapping || swapTimer !== undefined) return
    if (clock.monotonic() - swappedAt < swapDelay) {
      swapTimer = clock.setTimeout(swap, swapDelay)
      return
    }
    // A process that is being started asks within milliseconds: not even a timer's turn is to be lost.
    isSwapping = true
    queueMicrotask(swap)
  }

  function failed(error: unknown) {
    if (!info.connected) return
    counters.errors.add(1, engine, 'inspect')
    log.debug({ engine, problem: explain(error) }, 'an inspect failed and will be tried again')
  }

  /** A fault of ours; what is known is told anew as a whole, and so comes right as far as it can. */
  function stumbled(error: unknown) {
    everTold = false
    warnings.internal(error)
  }

  function swap() {
    isSwapping = false
    swapTimer = undefined
    swappedAt = clock.monotonic()
    // Out of connection the facts may be half old: the next full list speaks.
    if (!info.connected) return
    try {
      if (!tellSome()) swapTimer = clock.setTimeout(swap, swapDelay)
      else observeLag()
    } catch (error) {
      stumbled(error)
    }
  }

  /** Whether that was all. What the store knows of this engine may be another watch's, of its former address. */
  function tellSome(isFirst = false): boolean {
    if (!everTold) reconcile.tellAnew(store.factsOf(engine))
    everTold = true
    const { networks, containers, isAll } = reconcile.takeChanges(swapCost)
    const unfinished = isFirst && !isAll
    store.apply({ kind: 'told', engine, networks, containers, ...(unfinished ? { unfinished } : {}) })
    return isAll
  }

  function observeLag() {
    const engineNow = clock.now() + (skew ?? 0)
    for (const time of swapTimes) lag.observe(Math.max(0, engineNow - time) / 1000)
    swapTimes = []
  }

  async function run() {
    while (!stopping.signal.aborted) {
      const course = await connect()
      finishFirst()
      if (stopping.signal.aborted) return
      await sleep(clock, pace.next(course), stopping.signal)
    }
  }

  /** One connection, from attempt to end; undefined: it was never live. Never rejects. */
  async function connect(): Promise<Course | undefined> {
    let client: EngineClient | undefined
    let liveSince: number | undefined
    const began = clock.monotonic()
    try {
      client = createClient(config, clock, warnings.strange, warnings.plainPaths)
      const ending = await runSession({
        ...{ engine, client, reconcile, clock, random, log, counters },
        resync: () => resync,
        listing(now) {
          listNow = now
        },
        signal: stopping.signal,
        version({ version, product, apiVersion }) {
          const { connected, problem } = info
          info = {
            ...{ connected, apiVersion },
            ...(problem === undefined ? {} : { problem }),
            ...(version === undefined ? {} : { version }),
            ...(product === undefined ? {} : { product }),
          }
          warnings.version(apiVersion)
        },
        apart(told) {
          apart = told
          if (info.connected) warnOfApart()
        },
        skew,
        skewed(ms) {
          skew = ms
        },
        live() {
          liveSince = clock.monotonic()
          return goLive()
        },
        stumbled,
      })
      if (!stopping.signal.aborted) lose(ending)
    } catch (error) {
      if (!stopping.signal.aborted) fail(error)
    } finally {
      client?.close()
      counters.connected.cell(engine).value = 0
      info = { ...info, connected: false }
    }
    if (liveSince === undefined) return undefined
    return { settingUp: liveSince - began, lasted: clock.monotonic() - liveSince }
  }

  /** Of a whole estate too, no question waits for more than a part. */
  async function goLive() {
    while (!tellSome(true)) {
      await turn()
      if (stopping.signal.aborted) return
    }
    clock.clearTimeout(awayTimer)
    awayTimer = undefined
    const { problem: _, ...rest } = info
    info = { ...rest, connected: true }
    counters.connected.cell(engine).value = 1
    counters.lastSync.cell(engine).value = clock.now() / 1000
    swapTimes = []
    // What has come meanwhile.
    swap()
    finishFirst()
    const { networks, containers } = reconcile.facts()
    warnOfApart()
    const fields = {
      engine,
      address: config.address.text,
      version: info.version,
      apiVersion: info.apiVersion,
    }
    const counts = { networks: networks.size, containers: containers.size }
    const seconds = outages.end()
    if (!everSynced) log.info({ ...fields, ...counts }, 'following Docker engine')
    else if (seconds !== undefined) log.info({ ...fields, ...counts, seconds }, 'Docker engine is back')
    else log.debug({ engine }, 'event stream of Docker engine opened again')
    everSynced = true
  }

  function lose({ reason, answering }: Ending) {
    counters.reconnects.add(1, engine)
    outages.begin()
    info = { ...info, connected: false, problem: reason }
    if (answering) awayTimer = clock.setTimeout(goAway, reach)
    else goAway()
    // Socket proxies end quiet streams every few minutes; who is back at once needs no line in the log.
    if (answering) log.debug({ engine, reason }, 'event stream of Docker engine closed, connecting again')
    else outages.tell(reason, everSynced)
  }

  function fail(error: unknown) {
    counters.errors.add(1, engine, 'connect')
    const problem = explain(error)
    info = { ...info, connected: false, problem }
    outages.tell(problem, everSynced)
  }

  function goAway() {
    awayTimer = undefined
    store.apply({ kind: 'away', engine, away: true })
  }

  function warnOfApart() {
    // Of a remote one everybody knows that.
    if (apart === undefined || !isLocal(store.current().engines, engine)) return
    const { networks, containers } = reconcile.facts()
    if (isAmong(apart, here(), addressesOf(networks.values(), containers.values()))) return
    warnings.apart(apart)
  }

  return {
    start() {
      running ??= run()
    },
    setResync(ms) {
      resync = ms
      listNow()
    },
    setLabelRules(rules) {
      labelRules = rules
      reconcile.grantAnew()
    },
    async stop() {
      stopping.abort()
      await running
      clock.clearTimeout(awayTimer)
      clock.clearTimeout(swapTimer)
      swapTimer = undefined
      finishFirst()
    },
    firstSync,
    info: () => info,
  }
}
