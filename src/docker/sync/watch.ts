// Follows one engine for as long as berth runs: connects, logs, and reconnects.
import { setImmediate as turn } from 'node:timers/promises'
import type { EngineConfig } from '../../config/types.ts'
import { type Clock, sleep, type Timer } from '../../lib/clock.ts'
import { explain } from '../../lib/errors.ts'
import type { Logger } from '../../lib/log.ts'
import { isLocal } from '../../registry/locality.ts'
import type { Store } from '../../registry/store.ts'
import { createEngineClient, type EngineClient } from '../api/client.ts'
import type { EngineVersion } from '../api/versions.ts'
import type { DockerMetrics } from '../docker-metrics.ts'
import { supportsNoGateway } from '../model/gateways.ts'
import type { LabelRules } from '../model/grants.ts'
import { addressesOf, type Isolation, type ProcessLocation, sharesNetworks } from '../model/isolation.ts'
import { type Ending, runConnection, silenceLimit } from './connection.ts'
import { createLogLimit, problemLog } from './log-limit.ts'
import { createOutageLog } from './outage-log.ts'
import { createPublisher } from './publisher.ts'
import { createReconciler } from './reconciler.ts'
import { type ConnectionTimes, createRetryPace } from './retry-pace.ts'
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

export interface WatchInfo extends Partial<Pick<EngineVersion, 'version' | 'product' | 'apiVersion'>> {
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
  counters: DockerMetrics
  random: () => number
  /** Where this process is, as things are now. */
  here?: () => ProcessLocation
  /** One for each connection, so that none inherits sockets that hang. */
  createClient?: typeof createEngineClient
}

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
  const pace = createRetryPace(() => isLocal(store.current().engines, engine), random)
  // There from the start: a rate needs the zero before the first.
  for (const counter of [counters.events, counters.drift, counters.lateNames, counters.reconnects]) {
    counter.add(0, engine)
  }
  const notices = createLogLimit(clock)
  const warnings = createWarnings(engine, notices, counters, log)
  const outages = createOutageLog(engine, clock, log)
  const reconciler = createReconciler({
    ...{ engine, clock, random, failed },
    changed: (eventTime) => publisher.changed(eventTime),
    labelRules: () => labelRules,
    refused: warnings.imagesRefused,
    late: (names) => counters.lateNames.add(names, engine),
    ...problemLog(engine, notices, log),
    leftOut: warnings.leftOut,
    supportsNoGateway: () => supportsNoGateway(info.apiVersion),
    // A remote one may not report its clock, and that be another than ours.
    engineNow: () => (isLocal(store.current().engines, engine) ? clock.now() + (skew ?? 0) : undefined),
  })
  const publisher = createPublisher({
    ...{ engine, store, clock, reconciler },
    isConnected: () => info.connected,
    engineNow: () => clock.now() + (skew ?? 0),
    lag: counters.lag.cell(engine),
    failed: warnings.internal,
  })
  let resync = firstResync
  let labelRules = firstRules
  let listNow = () => {}
  let info: WatchInfo = { connected: false }
  let running: Promise<void> | undefined
  let everSynced = false
  let awayTimer: Timer | undefined
  /** How far the engine's clock is ahead of ours, ms; undefined: it has not told yet. */
  let skew: number | undefined
  let apart: Isolation | undefined
  let finishFirst = () => {}
  const firstSync = new Promise<void>((resolve) => {
    finishFirst = resolve
  })
  counters.connected.cell(engine)
  counters.lastSync.cell(engine)
  counters.lateNames.cell(engine)
  counters.drift.cell(engine)

  function failed(error: unknown) {
    if (!info.connected) return
    counters.errors.add(1, engine, 'inspect')
    log.debug({ engine, problem: explain(error) }, 'an inspect failed and will be tried again')
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
  async function connect(): Promise<ConnectionTimes | undefined> {
    let client: EngineClient | undefined
    let liveSince: number | undefined
    const began = clock.monotonic()
    try {
      client = createClient(config, clock, warnings.malformed, warnings.plainPaths)
      const ending = await runConnection({
        ...{ engine, client, reconciler, clock, random, log, counters },
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
        isolation(told) {
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
        failedInternally: publisher.failedInternally,
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
    while (!publisher.publishPart(true)) {
      await turn()
      if (stopping.signal.aborted) return
    }
    clock.clearTimeout(awayTimer)
    awayTimer = undefined
    const { problem: _, ...rest } = info
    info = { ...rest, connected: true }
    counters.connected.cell(engine).value = 1
    counters.lastSync.cell(engine).value = clock.now() / 1000
    publisher.goLive()
    finishFirst()
    const { networks, containers } = reconciler.inventory()
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
    if (answering) awayTimer = clock.setTimeout(goAway, silenceLimit)
    else goAway()
    // Socket proxies end quiet streams every few minutes; who is back at once needs no line in the log.
    if (answering) log.debug({ engine, reason }, 'event stream of Docker engine closed, connecting again')
    else outages.report(reason, everSynced)
  }

  function fail(error: unknown) {
    counters.errors.add(1, engine, 'connect')
    const problem = explain(error)
    info = { ...info, connected: false, problem }
    outages.report(problem, everSynced)
  }

  function goAway() {
    awayTimer = undefined
    store.apply({ kind: 'away', engine, away: true })
  }

  function warnOfApart() {
    // Of a remote one everybody knows that.
    if (apart === undefined || !isLocal(store.current().engines, engine)) return
    const { networks, containers } = reconciler.inventory()
    if (sharesNetworks(apart, here(), addressesOf(networks.values(), containers.values()))) return
    warnings.isolated(apart)
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
      reconciler.regrant()
    },
    async stop() {
      stopping.abort()
      await running
      clock.clearTimeout(awayTimer)
      publisher.stop()
      finishFirst()
    },
    firstSync,
    info: () => info,
  }
}
