// The composition root: builds every room, starts and stops them in order, and applies changes of the configuration.
//
//   question   socket → serving → socket, here and in each worker                see serving.ts
//   event      engine → stream → work queue → inspect → snapshot              docker → registry
//                                                     └ change → workers         workers
//   scrape     http → metrics, snapshot                                          http
import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { allMetrics, servingMetrics } from './all-metrics.ts'
import type { ConfigMetrics } from './config/config-metrics.ts'
import { remoteEngines } from './config/local-engines.ts'
import type { Config } from './config/types.ts'
import { createDockerMetrics } from './docker/docker-metrics.ts'
import type { LabelRules } from './docker/model/grants.ts'
import { createEngines, type Engines } from './docker/sync/engines.ts'
import { createTokens } from './forward/loop/probe-token.ts'
import { createLoopGuard } from './forward/loop/prober.ts'
import type { ResolverFiles, Upstreams } from './forward/upstreams.ts'
import { apiRoutes } from './http/api.ts'
import { createCacheDesk } from './http/cache-desk.ts'
import { createExposition, metricsRoute } from './http/exposition.ts'
import { createGuard } from './http/guard.ts'
import { healthRoutes } from './http/health.ts'
import { createInspector } from './http/inspect.ts'
import { createRebindableServer } from './http/rebindable-server.ts'
import { type Clock, passingTime, systemClock } from './lib/clock.ts'
import { addressesIn } from './lib/interfaces.ts'
import type { Logger } from './lib/log.ts'
import type { Counter } from './lib/metrics.ts'
import { mayBeInUserNamespace } from './lib/user-namespace.ts'
import type { Listeners } from './net/listeners.ts'
import { createGone } from './registry/gone.ts'
import { createPublicNameWarnings } from './registry/public-names.ts'
import { createStore, type Store } from './registry/store.ts'
import { tableMetrics } from './registry/table-metrics.ts'
import { createServing } from './serving.ts'
import { createCaches } from './workers/cache-admin.ts'
import { forkWorkers } from './workers/fork.ts'
import { createPool } from './workers/pool.ts'
import type { Fork } from './workers/supervisor.ts'
import { addTallies, sumMetrics } from './workers/tally.ts'

/** Cached answers of one name that `berth query` shows. */
const mostOfName = 100

export interface App {
  /**
   * Resolves once sockets are bound, here and in each worker, and each engine's first sync is done or has failed.
   * Rejects if nothing can be bound.
   */
  start(): Promise<void>
  /**
   * Applies this configuration from the next question on; what did not change is not touched. Resolves once new addresses
   * are bound and new engines read, as far as possible.
   */
  update(config: Config): Promise<void>
  /** Drains for at most 1.5 s; abandons a start under way. */
  stop(): Promise<void>
  readonly listeners: Listeners
  readonly engines: Engines
  readonly store: Store
  upstreams(): Upstreams
}

export interface AppOptions {
  readonly config: Config
  readonly configMetrics: ConfigMetrics
  readonly log: Logger
  /** Log lines that could not be written. */
  readonly lostLines: Counter
  readonly clock?: Clock
  readonly resolverFiles?: ResolverFiles
  /** Default: forks this program. */
  readonly fork?: Fork
}

export async function createApp(options: AppOptions): Promise<App> {
  const { configMetrics, log, lostLines, clock = systemClock } = options
  let { config } = options
  const { udp, workers } = config
  let isStopped = false
  const { engines: configured } = config.docker
  const store = createStore(
    configured.map(({ name }) => name),
    remoteEngines(configured),
  )
  const dockerMetrics = createDockerMetrics()
  // Shared by all answering processes.
  const cookieSecret = randomBytes(16)
  const probeKey = randomBytes(16)
  const goneKey = [randomBytes(4).readInt32LE(), randomBytes(4).readInt32LE()] as const
  const gone = createGone({ key: goneKey, now: passingTime(clock) }, store.current())
  store.onSwap(gone.follow)
  store.onSwap(createPublicNameWarnings(store.current(), log, () => config.zone))

  /** For workers: settings read at start stay as they were, and the API's token stays out of their memory. */
  const forWorkers = (): Config => ({
    ...{ ...config, udp, workers },
    docker: { ...config.docker, engines: [] },
    api: { ...config.api, token: undefined },
  })

  const pool = createPool({
    processes: workers,
    fork: options.fork ?? forkWorkers(process.argv[1]!, log),
    ...{ clock, log, random: Math.random },
  })
  store.onChange(pool.change)
  const serving = await createServing({
    ...{ config, store, gone, log, clock, cookieSecret },
    ...(options.resolverFiles === undefined ? {} : { resolverFiles: options.resolverFiles }),
    createLoops(parts) {
      const { make: randomToken } = createTokens({ key: probeKey, randomBytes })
      const guard = createLoopGuard({
        ...{ ...parts, randomToken, clock, log },
        onChange: () => pool.loops(guard.states()),
      })
      return guard
    },
    onBound: pool.listen,
    ...(workers === 1 ? {} : { onFill: pool.fill }),
  })
  const ownMetrics = servingMetrics(serving.metrics, lostLines)
  const initialState = () => ({
    ...{ config: forWorkers(), listen: serving.listeners.bound(), told: store.asChanges() },
    ...{ loops: serving.loops.states(), cookieSecret, probeKey },
    ...{ gone: gone.serialize(), goneKey, lastFlush: serving.flushes.last() },
  })

  const engines = createEngines({
    ...{ docker: config.docker, labelRules: labelRulesOf(config), store, clock, log },
    counters: dockerMetrics,
    random: Math.random,
    here: () => ({
      addresses: addressesIn(networkInterfaces()),
      mayBeInUserNamespace: mayBeInUserNamespace(),
    }),
  })
  const metrics = allMetrics(workers === 1 ? ownMetrics : sumMetrics(ownMetrics, pool.tallies), {
    workers: pool.metrics,
    docker: dockerMetrics,
    table: tableMetrics(store.current),
    config: configMetrics,
  })
  const exposition = createExposition(metrics, { clock, ...(workers === 1 ? {} : { refresh: pool.refresh }) })
  const inspector = () => {
    const { forward, resolver } = serving
    const holdings = (name: string) => serving.cache.holdings({ name, below: false }, mostOfName)
    return createInspector({ resolver: resolver(), forward, holdings, zone: config.zone, clock })
  }
  const caches = createCaches({ cache: serving.cache, flushes: serving.flushes, pool })
  const hosts = () => config.api.hosts
  const routes = [
    metricsRoute(exposition, createGuard(hosts).refuseMetrics),
    ...healthRoutes(store),
    ...apiRoutes(
      {
        names: (as) => inspector().names(as),
        query: (...asked) => inspector().query(...asked),
      },
      undefined,
      {
        hosts,
        tokenDigest: () => config.api.token?.digest,
        hasHostView: (address) => serving.resolver().scope(address, address).view === 'host',
      },
      createCacheDesk({ caches, resolver: serving.resolver, log }),
    ),
  ]
  const http = createRebindableServer({ routes, clock, log })
  const socket = createRebindableServer({ routes, what: 'metrics and API on the socket', clock, log })
  const socketPlace = ({ api: { socket: path, group } }: Config) =>
    path === undefined ? undefined : { path, group }

  return {
    listeners: serving.listeners,
    engines,
    store,
    upstreams: serving.upstreams,
    async start() {
      await serving.start()
      if (isStopped) return
      const ready = pool.start({
        ...{ initialState, cache: serving.cache, guard: serving.loops },
        addTallies: (tallies) => addTallies(ownMetrics, tallies),
      })
      await Promise.all([http.serveAt(config.http), socket.serveAt(socketPlace(config))])
      await Promise.all([engines.start(), ready])
      // Once we say `ready`, any process may be asked.
      await pool.catchUp()
    },
    async update(next) {
      config = next
      await Promise.all([
        ...[serving.update(next), pool.configure(forWorkers())],
        ...[http.serveAt(next.http), socket.serveAt(socketPlace(next))],
        engines.update(next.docker, labelRulesOf(next)),
      ])
      await pool.catchUp()
    },
    async stop() {
      isStopped = true
      await Promise.all([serving.stop(), pool.stop()])
      await Promise.all([engines.stop(), http.stop(), socket.stop()])
    },
  }
}

function labelRulesOf({ zone, labels }: Config): LabelRules {
  return { zone, allow: labels.allow }
}
