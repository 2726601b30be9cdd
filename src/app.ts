// The composition root: builds every room, starts and stops them in order, and hands each what changes with the
// configuration.
//
//   question   socket → scope → fast answers ─ kept ──────────────→ socket       net → resolve → registry
//                       └ gate → scope → table, policy ─ ours ─────────┘
//                                              └ not ours → cache → upstreams ┘  forward
//   event      engine → stream → dirty → inspect → facts → snapshot              docker → registry
//   scrape     http → counters, snapshot                                         http
import { randomBytes, randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type { ConfigCounters } from './config/counters.ts'
import type { Config, Upstream } from './config/types.ts'
import { createCookies } from './dns/cookie.ts'
import { createDockerCounters } from './docker/counters.ts'
import { createEngines, type Engines } from './docker/engines.ts'
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
import { createMovingServer } from './http/moving.ts'
import { type Clock, passingTime, systemClock } from './lib/clock.ts'
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
  /**
   * Goes by this configuration from the next question on; what did not change is not touched. Resolves once new
   * addresses are bound and new engines read, as far as they can be.
   */
  update(config: Config): Promise<void>
  /** Drains for at most 1.5 s. */
  stop(): Promise<void>
  readonly listeners: Listeners
  readonly engines: Engines
  readonly store: Store
  upstreams(): Upstreams
}

export interface AppOptions {
  readonly config: Config
  readonly configCounters: ConfigCounters
  readonly log: Logger
  readonly clock?: Clock
  readonly resolverFiles?: ResolverFiles
}

/** What is open at the end of this gets SERVFAIL, ms. */
const drainFor = 1500
/** A probe for loops needs no answer, only time to come back, ms. */
const probeTimeout = 2000
/** A burst of events moves the listeners once, and a storm of them no more often than this, ms. */
const addressesSettle = 10
const addressesPause = 200

export async function createApp({
  config: firstConfig,
  configCounters,
  log,
  clock = systemClock,
  resolverFiles = systemFiles,
}: AppOptions): Promise<App> {
  let config = firstConfig
  const store = createStore(config.docker.engines.map(({ name }) => name))
  const dockerCounters = createDockerCounters()
  const dnsCounters = createDnsCounters()
  const forwardCounters = createForwardCounters()
  const cacheCounters = createCacheCounters()
  let isStopped = false

  const addresses = createAddresses(clock)
  // Listeners need the handler, the handler the upstreams, and those the listeners, to leave ourselves out.
  let listeners: Listeners | undefined
  let setup: ReturnType<typeof createSetup> | undefined
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
  const checkLoops = () => loops.check(reachedBy(config.forward, upstreams.candidates()))
  const follow = (configured: Config['forward']['upstreams']) =>
    followUpstreams({
      ...{ configured, isOurs, clock, log },
      files: resolverFiles,
      read: (file) => readFile(file, 'utf8'),
      loopStateOf: loops.stateOf,
      onChange() {
        checkLoops()
        setup?.fast?.forgetForwarded()
      },
    })
  let upstreams = await follow(config.forward.upstreams)
  const ask: Forward = ({ route, ...asked }) => {
    const reachable = route.upstreams.filter(({ host, port }) => !isOurs(host, port))
    const { timeout } = config.forward
    return exchange.ask({ ...asked, upstreams: reachable, policy: route.policy, timeout })
  }
  const passing = passingTime(clock)
  // Outermost is the guard: a probe that comes back, and upstreams that are put aside, are nothing to keep.
  const cache = createCache({
    ...{ ask, clock, log, forwardCounters },
    now: passing,
    settings: config.cache,
    isDown: ({ upstreams }) => exchange.isDown(upstreams),
    isCacheable: (reply, route) => route.zone !== undefined || !holdsDockerAddress(store.current(), reply),
    counters: cacheCounters,
    claim: limits.claim,
  })
  const forward = loops.around(cache.forward)
  const cookies = createCookies({ randomBytes, seconds: () => Math.floor(clock.now() / 1000) })

  /** All that decides by the configuration: cheap to make, holds nothing that would be missed, swapped whole. */
  function createSetup() {
    const resolver = createResolver({
      ...{ config, store, random: Math.random },
      addresses: addresses.current,
      upstreams: () => upstreams.current(),
    })
    // A line for each question takes the whole way.
    const fast = config.log.queries
      ? undefined
      : createFastAnswers({ resolver, counters: dnsCounters, clock, passing, random: Math.random })
    const handle = createPipeline({
      ...{ resolver, forward, fast, cookies, clock, log },
      identity: config.identity,
      counters: dnsCounters,
      logQueries: config.log.queries,
    })
    return { handle, fast, inspector: createInspector({ resolver, forward, zone: config.zone, clock }) }
  }
  setup = createSetup()
  listeners = createListeners({
    ...{ listen: config.listen, addresses, limits, clock, log },
    handle: (query) => setup!.handle(query),
    fast: () => setup!.fast,
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

  const engines = createEngines({
    ...{ docker: config.docker, store, clock, log },
    counters: dockerCounters,
    random: Math.random,
  })
  const metrics = createMetrics({
    config: configCounters,
    store,
    docker: dockerCounters,
    dns: dnsCounters,
    forward: forwardCounters,
    cache: cacheCounters,
    limits,
  })
  const http = createMovingServer({
    ...{ clock, log },
    routes: [
      metricsRoute(metrics),
      ...healthRoutes(store),
      ...apiRoutes({
        names: (as) => setup!.inspector.names(as),
        query: (name, type, as) => setup!.inspector.query(name, type, as),
      }),
    ],
  })

  return {
    listeners,
    engines,
    store,
    upstreams: () => upstreams,
    async start() {
      await listeners.start()
      // What comes back can be seen once we listen.
      upstreams.start()
      await http.serveAt(config.http)
      await engines.start()
    },
    async update(next) {
      const isFollowed = isDeepStrictEqual(next.forward.upstreams, config.forward.upstreams)
      const nextUpstreams = isFollowed ? upstreams : await follow(next.forward.upstreams)
      if (isStopped) return
      const formerUpstreams = upstreams
      const isCacheSame = isDeepStrictEqual(next.cache, config.cache)
      log.level = next.log.level
      config = next
      upstreams = nextUpstreams
      setup = createSetup()
      limits.update(next.limits)
      if (!isCacheSame) cache.update(next.cache)
      if (!isFollowed) {
        formerUpstreams.stop()
        upstreams.start()
      }
      checkLoops()
      await Promise.all([listeners.update(next.listen), http.serveAt(next.http), engines.update(next.docker)])
    },
    async stop() {
      isStopped = true
      const timeUp = new AbortController()
      const timer = setTimeout(() => timeUp.abort(), drainFor)
      upstreams.stop()
      loops.stop()
      await listeners.stop(timeUp.signal)
      clearTimeout(timer)
      exchange.stop()
      await Promise.all([engines.stop(), http.stop()])
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
