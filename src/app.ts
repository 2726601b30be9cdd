// The composition root: builds every room, starts and stops them in order.
//
//   question   socket → gate → scope → table, policy ─ ours ──────→ socket       net → resolve → registry
//                                              └ not ours → forward ┘            forward
//   event      engine → stream → dirty → inspect → facts → snapshot              docker → registry
//   scrape     http → counters, snapshot                                         http
import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Config } from './config/types.ts'
import { createDockerCounters } from './docker/counters.ts'
import { createWatch, type Watch } from './docker/watch.ts'
import { createForwardCounters } from './forward/counters.ts'
import { createExchange } from './forward/exchange.ts'
import type { Forward } from './forward/types.ts'
import { followUpstreams, type Upstreams } from './forward/upstreams.ts'
import { apiRoutes } from './http/api.ts'
import { healthRoutes } from './http/health.ts'
import { createInspector } from './http/inspect.ts'
import { createMetrics, metricsRoute } from './http/metrics.ts'
import { createHttpServer, type HttpServer } from './http/server.ts'
import { type Clock, sleep, systemClock } from './lib/clock.ts'
import { explain } from './lib/errors.ts'
import type { Logger } from './lib/log.ts'
import { createAddresses } from './net/addresses.ts'
import { createListeners, type Listeners } from './net/listeners.ts'
import { createStore, type Store } from './registry/store.ts'
import { createDnsCounters } from './resolve/counters.ts'
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
  readonly resolvConf?: string
}

/** What is open at the end of this gets SERVFAIL, ms. */
const drainFor = 1500
/** Between tries at an HTTP address that is taken, ms. */
const httpRetryEvery = 5000
/** A burst of events moves the listeners once, and a storm of them no more often than this, ms. */
const addressesSettle = 10
const addressesPause = 200

export async function createApp({ config, log, clock = systemClock, resolvConf }: AppOptions): Promise<App> {
  const store = createStore(config.docker.engines.map(({ name }) => name))
  const dockerCounters = createDockerCounters()
  const dnsCounters = createDnsCounters()
  const forwardCounters = createForwardCounters()
  const stopped = new AbortController()

  const addresses = createAddresses(clock)
  // Listeners need the handler, the handler the upstreams, and those the listeners, to leave ourselves out.
  let listeners: Listeners | undefined
  const upstreams = await followUpstreams({
    configured: config.forward.upstreams,
    file: resolvConf ?? '/etc/resolv.conf',
    read: (file) => readFile(file, 'utf8'),
    isOurs: (host, port) => listeners?.isOurs(host, port) ?? false,
    clock,
    log,
  })
  const exchange = createExchange({ clock, counters: forwardCounters, randomId: () => randomInt(0x10000) })
  const forward: Forward = ({ route, ...asked }) => {
    const reachable = route.upstreams.filter(({ host, port }) => !(listeners?.isOurs(host, port) ?? false))
    const ordered = config.forward.policy === 'random' ? shuffled(reachable) : reachable
    return exchange.ask({ ...asked, upstreams: ordered, timeout: config.forward.timeout })
  }
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
    counters: dnsCounters,
    clock,
    log,
    logQueries: config.log.queries,
  })
  listeners = createListeners({ listen: config.listen, addresses, handle, clock, log })

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
  })
  const http =
    config.http &&
    createHttpServer({
      address: config.http,
      log,
      routes: [
        metricsRoute(metrics),
        ...healthRoutes(store),
        ...apiRoutes(createInspector({ resolver, forward, zone: config.zone })),
      ],
    })

  return {
    listeners,
    watches,
    store,
    upstreams,
    async start() {
      await listeners.start()
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
      await listeners.stop(timeUp.signal)
      clearTimeout(timer)
      await Promise.all([...watches.map((watch) => watch.stop()), http?.stop()])
    },
  }
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

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}
