// The composition root: builds every room, starts and stops them in order.
//
//   question   socket → scope → fast answers ─ kept ──────────────→ socket       net → resolve → registry
//                       └ gate → scope → table, policy ─ ours ─────────┘
//                                              └ not ours → cache → upstreams ┘  forward
//   event      engine → stream → dirty → inspect → facts → snapshot              docker → registry
//   scrape     http → counters, snapshot                                         http
import { randomBytes, randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Config, Upstream } from './config/types.ts'
import { createCookies } from './dns/cookie.ts'
import { createDockerCounters } from './docker/counters.ts'
import { createWatch, type Watch } from './docker/watch.ts'
import { createCache } from './forward/cache/cache.ts'
import { createCacheCounters } from './forward/cache/counters.ts'
import { createForwardCounters } from './forward/counters.ts'
import { createExchange } from './forward/exchange.ts'
import { createLoopGuard, type Reached } from './forward/loop.ts'
import type { Forward } from './forward/types.ts'
import { followUpstreams, type ResolverFiles, systemFiles, type Upstreams } from './forward/upstreams.ts'
import { apiRoutes } from './http/api.ts'
import { healthRoutes } from './http/health.ts'
import { createInspector } from './http/inspect.ts'
import { createMetrics, metricsRoute } from './http/metrics.ts'
import { createHttpServer, type HttpServer } from './http/server.ts'
import { type Clock, sleep, systemClock } from './lib/clock.ts'
import { explain } from './lib/errors.ts'
import { isLoopback } from './lib/interfaces.ts'
import { canonicalAddress } from './lib/ip.ts'
import type { Logger } from './lib/log.ts'
import { createLosses } from './lib/losses.ts'
import { createAddresses } from './net/addresses.ts'
import { chooseUdp } from './net/choose-udp.ts'
import { createLimitCounters } from './net/limits/counters.ts'
import { createLimits } from './net/limits/limits.ts'
import { createListeners, type Listeners } from './net/listeners.ts'
import { createStore, type Store } from './registry/store.ts'
import { createDnsCounters } from './resolve/counters.ts'
import { createFastAnswers } from './resolve/fast.ts'
import { holdsDockerAddress } from './resolve/guard.ts'
import { createPipeline } from './resolve/pipeline.ts'
import { createResolver } from './resolve/resolver.ts'

export interface App {
  /** Resolves once sockets are bound and each engine's first sync is done or has failed. Rejects where nothing can be bound. */
  start(): Promise<void>
  /** Drains for at most 1.5 s. */
  stop(): Promise<void>
  readonly listeners: Listeners
  readonly watches: readonly Watch[]
  readonly store: Store
  readonly upstreams: Upstreams
}

export interface AppOptions {
  readonly config: Config
  readonly log: Logger
  readonly clock?: Clock
  readonly resolverFiles?: ResolverFiles
}

/** What is open at the end of this gets SERVFAIL, ms. */
const drainFor = 1500
/** Between tries at an HTTP address that is taken, ms. */
const httpRetryEvery = 5000
/** A probe for loops needs no answer, only time to come back, ms. */
const probeTimeout = 2000
/** A burst of events moves the listeners once, and a storm of them no more often than this, ms. */
const addressesSettle = 10
const addressesPause = 200

export async function createApp({
  config,
  log,
  clock = systemClock,
  resolverFiles = systemFiles,
}: AppOptions): Promise<App> {
  const store = createStore(config.docker.engines.map(({ name }) => name))
  const dockerCounters = createDockerCounters()
  const dnsCounters = createDnsCounters()
  const forwardCounters = createForwardCounters()
  const cacheCounters = createCacheCounters()
  const stopped = new AbortController()

  const addresses = createAddresses(clock)
  // Listeners need the handler, the handler the upstreams, and those the listeners, to leave ourselves out.
  let listeners: Listeners | undefined
  const limits = createLimits({
    settings: config.limits,
    counters: createLimitCounters(),
    clock,
    table: store.current,
    lost: createLosses(() => new Set(listeners?.bound().map(({ port }) => port))),
    isOurs(asker) {
      const address = canonicalAddress(asker) ?? asker
      return (
        isLoopback(address) || addresses.current().own.has(address) || store.current().owners.has(address)
      )
    },
    isOnNetwork: (bytes) => store.current().subnets.contains(bytes),
  })

  const isOurs = (host: string, port: number) => listeners?.isOurs(host, port) ?? false
  const exchange = createExchange({
    clock,
    log,
    counters: forwardCounters,
    randomId: () => randomInt(0x10000),
    random: Math.random,
    claim: limits.claim,
    inTurn: limits.start,
  })
  const loops = createLoopGuard({
    ask: (upstream, question) =>
      exchange.ask({
        ...{ ...question, asker: 'berth', upstreams: [upstream] },
        ...{ policy: 'sequential', timeout: probeTimeout },
      }),
    randomToken: () => randomBytes(16).toString('hex'),
    clock,
    log,
    counters: forwardCounters,
  })
  const upstreams = await followUpstreams({
    configured: config.forward.upstreams,
    files: resolverFiles,
    read: (file) => readFile(file, 'utf8'),
    isOurs,
    loopStateOf: loops.stateOf,
    onChange: () => loops.check(reachedBy(config.forward, upstreams.candidates())),
    clock,
    log,
  })
  const ask: Forward = ({ route, ...asked }) => {
    const reachable = route.upstreams.filter(({ host, port }) => !isOurs(host, port))
    const { timeout } = config.forward
    return exchange.ask({ ...asked, upstreams: reachable, policy: route.policy, timeout })
  }
  // Outermost is the guard: a probe that comes back, and upstreams that are put aside, are nothing to keep.
  const forward = loops.around(
    createCache({
      ask,
      settings: config.cache,
      isDown: ({ upstreams }) => exchange.isDown(upstreams),
      isCacheable: (reply, route) => route.zone !== undefined || !holdsDockerAddress(store.current(), reply),
      counters: cacheCounters,
      forwardCounters,
      claim: limits.claim,
      clock,
      log,
    }),
  )
  const resolver = createResolver({
    config,
    store,
    addresses: addresses.current,
    upstreams: upstreams.current,
    random: Math.random,
  })
  const handle = createPipeline({
    resolver,
    forward,
    // A line for each question takes the whole way.
    fast: config.log.queries
      ? undefined
      : createFastAnswers({ resolver, counters: dnsCounters, clock, random: Math.random }),
    cookies: createCookies({ randomBytes, seconds: () => Math.floor(clock.now() / 1000) }),
    identity: config.identity,
    counters: dnsCounters,
    clock,
    log,
    logQueries: config.log.queries,
  })
  listeners = createListeners({
    ...{ listen: config.listen, addresses, handle, limits, clock, log },
    listenUdp: await chooseUdp(config.udp, log),
  })

  let settling = false
  let lookedAt = clock.monotonic()
  store.onSwap(() => {
    // A network that came or went may have brought or taken an address of ours.
    if (settling) return
    settling = true
    const pause = Math.max(addressesSettle, lookedAt + addressesPause - clock.monotonic())
    clock.setTimeout(() => {
      settling = false
      lookedAt = clock.monotonic()
      listeners.refresh()
    }, pause)
  })

  const watches = config.docker.engines.map((engine) =>
    createWatch({
      engine,
      resync: config.docker.resync,
      store,
      clock,
      log,
      counters: dockerCounters,
      random: Math.random,
    }),
  )
  const metrics = createMetrics({
    store,
    docker: dockerCounters,
    dns: dnsCounters,
    forward: forwardCounters,
    cache: cacheCounters,
    limits,
  })
  const http =
    config.http &&
    createHttpServer({
      address: config.http,
      log,
      routes: [
        metricsRoute(metrics),
        ...healthRoutes(store),
        ...apiRoutes(createInspector({ resolver, forward, zone: config.zone, clock })),
      ],
    })

  return {
    listeners,
    watches,
    store,
    upstreams,
    async start() {
      await listeners.start()
      // What comes back can be seen once we listen.
      upstreams.start()
      if (http !== undefined) await startHttp(http, clock, log, stopped.signal)
      for (const watch of watches) watch.start()
      await Promise.all(watches.map(({ firstSync }) => firstSync))
    },
    async stop() {
      stopped.abort()
      const timeUp = new AbortController()
      const timer = setTimeout(() => timeUp.abort(), drainFor)
      upstreams.stop()
      loops.stop()
      await listeners.stop(timeUp.signal)
      clearTimeout(timer)
      exchange.stop()
      await Promise.all([...watches.map((watch) => watch.stop()), http?.stop()])
    },
  }
}

/** Every upstream by each way that leads to it: a network's resolver gets names of all domains, a subnet's is one way. */
function reachedBy(
  { zones, networks }: Config['forward'],
  standard: readonly Upstream[],
): readonly Reached[] {
  return [
    ...standard.map((upstream) => ({ domain: '', upstream })),
    ...networks.flatMap(({ upstreams }) => upstreams.map((upstream) => ({ domain: '', upstream }))),
    ...zones
      .filter(({ upstreams }, i) => zones.findIndex((zone) => zone.upstreams === upstreams) === i)
      .flatMap(({ suffix, upstreams }) => upstreams.map((upstream) => ({ domain: suffix, upstream }))),
  ]
}

/** DNS does not wait for HTTP: a taken port is said, and tried again. */
async function startHttp(http: HttpServer, clock: Clock, log: Logger, signal: AbortSignal): Promise<void> {
  try {
    await http.start()
  } catch (error) {
    log.error({ why: explain(error) }, 'no metrics and no API yet, will try again')
    void (async () => {
      while (!signal.aborted) {
        await sleep(clock, httpRetryEvery, signal)
        if (signal.aborted) return
        const failed = await http.start().then(
          () => undefined,
          (problem: unknown) => problem,
        )
        if (failed === undefined) {
          log.info({}, 'metrics and API are there now')
          return
        }
      }
    })()
  }
}
