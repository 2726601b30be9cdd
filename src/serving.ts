// One answering process, put together: the same in the first process and in each worker.
//
//   question   socket → limits → encoded answers ─ hit ─────────────────→ socket     net, resolve
//                                  └ miss → gate → scope → table, rules ─ ours ──┘   resolve, registry
//                                                       └ not ours → cache → upstreams ┘  forward
import type { ServingMetrics } from './all-metrics.ts'
import type { Config } from './config/types.ts'
import { createCookies, secretsFrom } from './dns/cookie.ts'
import { createFastAnswers } from './fast/fast-answers.ts'
import { fastGauges } from './fast/fast-metrics.ts'
import type { Cache } from './forward/cache/cache.ts'
import type { Fill } from './forward/cache/fill.ts'
import { createFlushes, type Flushes } from './forward/cache/flush.ts'
import { createForwarder, type ForwarderOptions } from './forward/forwarder.ts'
import type { LoopGuard } from './forward/loop/prober.ts'
import type { Forward } from './forward/types.ts'
import { type ResolverFiles, systemFiles, type Upstreams } from './forward/upstreams.ts'
import { type Clock, passingTime } from './lib/clock.ts'
import { isLoopback } from './lib/interfaces.ts'
import { canonicalAddress } from './lib/ip.ts'
import type { Logger } from './lib/log.ts'
import { inSlices } from './lib/slices.ts'
import { createSocketDrops } from './lib/socket-drops.ts'
import { createBoundAddresses } from './net/bound.ts'
import { chooseSockets } from './net/choose-sockets.ts'
import { createLimitMetrics, limitGauges } from './net/limits/limit-metrics.ts'
import { createLimits, type Limits } from './net/limits/limits.ts'
import { perProcess } from './net/limits/per-process.ts'
import type { Bindable } from './net/listener.ts'
import { createListeners, type Listeners } from './net/listeners.ts'
import { createAddresses, systemSources } from './net/local-addresses.ts'
import type { Gone } from './registry/gone.ts'
import type { Store } from './registry/store.ts'
import { holdsDockerAddress } from './resolve/answer-filter.ts'
import { createDnsMetrics } from './resolve/dns-metrics.ts'
import { createPipeline } from './resolve/pipeline.ts'
import { createResolver, type Resolver, type ResolverOptions } from './resolve/resolver.ts'
import { growRoutes } from './resolve/routes.ts'
import { growStatics } from './resolve/statics.ts'

export interface Serving<Loops extends LoopGuard = LoopGuard> {
  /** Binds what can be bound; rejects with BerthError LISTEN where nothing can. */
  start(): Promise<void>
  /** Applies this configuration from the next question on; resolves once new addresses are bound, as far as possible. */
  update(config: Config): Promise<void>
  /** Resolves once what is in hand is answered; after 1.5 s with SERVFAIL. */
  stop(): Promise<void>
  readonly listeners: Listeners
  readonly limits: Limits
  readonly metrics: ServingMetrics
  readonly cache: Pick<Cache, 'take' | 'flush' | 'holdings'>
  readonly flushes: Pick<Flushes, 'last'>
  /** By the current configuration, as is `resolver`. */
  upstreams(): Upstreams
  resolver(): Resolver
  readonly forward: Forward
  readonly loops: Loops
}

export interface ServingOptions<Loops extends LoopGuard> {
  /** `udp` and `workers` are read at start only. */
  readonly config: Config
  readonly store: Store
  /** Follows the store already. */
  readonly gone: Gone
  readonly log: Logger
  readonly clock: Clock
  readonly resolverFiles?: ResolverFiles
  /** 16 unpredictable bytes, the same in all processes that share addresses. */
  readonly cookieSecret: Uint8Array
  /** A worker's follows the first process's. */
  readonly createLoops: ForwarderOptions<Loops>['createLoops']
  /** Whether the processes that share our addresses bind what this one has bound. Default: true. */
  readonly isFirst?: boolean
  readonly onBound?: (bound: readonly Bindable[]) => void
  readonly onFill?: (fill: Fill) => void
  /** The cache's flushes so far. Default: none. */
  readonly flushes?: Flushes
}

/** Questions still in hand after this get SERVFAIL, ms. */
const drainFor = 1500
/** By now the memory that a start needs, most of it the compiler's, is free again, ms. */
const trimAfter = 5000
/** After a burst of changes of the table the listeners check the addresses once, and at most this often in a storm, ms. */
const addressesSettle = 10
const addressesPause = 200

export async function createServing<Loops extends LoopGuard>(
  options: ServingOptions<Loops>,
): Promise<Serving<Loops>> {
  const { store, log, clock, isFirst = true, flushes = createFlushes(), onFill } = options
  let { config } = options
  const { udp, workers } = config
  const dnsMetrics = createDnsMetrics()
  let isStopped = false

  const sockets = await chooseSockets({ udp, workers }, { log, clock })
  const { listenUdp, sharing, dial, dialTcp } = sockets
  const addresses = await createAddresses(
    clock,
    sockets.hear,
    systemSources(sockets.ports, sockets.listInterfaces),
  )
  const bound = createBoundAddresses()
  const limits = createLimits({
    settings: perProcess(config.limits, workers),
    counters: createLimitMetrics(),
    clock,
    table: store.current,
    soon: sockets.soon,
    idled: () => performance.eventLoopUtilization().idle + sockets.waited(),
    lost: createSocketDrops(bound.ports),
    isOurs(asker) {
      const address = canonicalAddress(asker) ?? asker
      return (
        isLoopback(address) || addresses.current().own.has(address) || store.current().owners.has(address)
      )
    },
    isOnNetwork: (bytes) => store.current().subnets.contains(bytes),
  })

  const forwarder = await createForwarder({
    ...{ config, clock, log, dial, dialTcp, flushes, isOurs: bound.isOurs },
    ...(onFill === undefined ? {} : { onFill }),
    claim: limits.claim,
    inTurn: limits.start,
    createLoops: options.createLoops,
    resolverFiles: options.resolverFiles ?? systemFiles,
    isCacheable: (reply, route) => route.zone !== undefined || !holdsDockerAddress(store.current(), reply),
  })
  const { forward, cache } = forwarder
  const cookies = createCookies({
    secretOf: secretsFrom(options.cookieSecret),
    seconds: () => Math.floor(clock.now() / 1000),
  })
  const passing = passingTime(clock)

  /** All that depends on the configuration alone: cheap to make, has no state worth keeping, replaced whole. */
  function createAnswering(indexes: NonNullable<ResolverOptions['indexes']>) {
    const resolver = createResolver({
      ...{ config, store, indexes, gone: options.gone, random: Math.random },
      addresses: addresses.current,
      upstreams: () => forwarder.upstreams().current(),
    })
    // With `log.queries` each question takes the slow path, which logs it.
    const fast = config.log.queries
      ? undefined
      : createFastAnswers({ resolver, counters: dnsMetrics, clock, passing, random: Math.random })
    const handle = createPipeline({
      ...{ resolver, forward, fast, cookies, clock, log },
      identity: config.identity,
      counters: dnsMetrics,
      logQueries: config.log.queries,
    })
    return { handle, fast, resolver }
  }
  let answering = createAnswering(await indexLists(config))
  const listeners = createListeners({
    ...{ listen: config.listen, addresses, bound, limits, clock, log, listenUdp, sharing, isFirst },
    isSignalled: () => sockets.signal?.isProven() ?? false,
    handle: (query) => answering.handle(query),
    encoded: () => answering.fast,
    onBound: (now) => options.onBound?.(now),
  })
  let isMoving = false
  const checkAddresses = atMostEvery(addressesPause, clock, () => {
    if (isMoving) listeners.refresh()
    else listeners.look()
    isMoving = false
  })
  sockets.signal?.onSignal(checkAddresses)
  store.onSwap(() => {
    // A network that came or went may have added or removed an address of ours.
    isMoving = true
    checkAddresses()
  })

  return {
    listeners,
    limits,
    metrics: {
      dns: dnsMetrics,
      fast: fastGauges(() => answering.fast?.held() ?? { answers: 0, bytes: 0 }),
      ...forwarder.metrics,
      limits: { ...limits.counters, ...limitGauges(limits.held) },
    },
    cache,
    flushes,
    loops: forwarder.loops,
    upstreams: forwarder.upstreams,
    resolver: () => answering.resolver,
    forward,
    async start() {
      await listeners.start()
      if (isStopped) return
      clock.setTimeout(sockets.trim, trimAfter)
      forwarder.start(() => answering.fast?.forgetForwarded())
    },
    async update(next) {
      const applyForwarding = await forwarder.prepare(next)
      const indexes = await indexLists(next)
      if (isStopped) return
      log.level = next.log.level
      config = next
      answering = createAnswering(indexes)
      limits.update(perProcess(next.limits, workers))
      applyForwarding()
      await listeners.update(next.listen)
    },
    async stop() {
      isStopped = true
      sockets.signal?.stop()
      const timeUp = new AbortController()
      const timer = setTimeout(() => timeUp.abort(), drainFor)
      forwarder.stopProbes()
      await listeners.stop(timeUp.signal)
      clearTimeout(timer)
      forwarder.stop()
    },
  }
}

/** Runs it soon after a burst of calls, and at most once in `pause` ms. */
function atMostEvery(pause: number, clock: Clock, run: () => void): () => void {
  let isPlanned = false
  let ranAt = clock.monotonic()
  return () => {
    if (isPlanned) return
    isPlanned = true
    const wait = Math.max(addressesSettle, ranAt + pause - clock.monotonic())
    clock.setTimeout(() => {
      isPlanned = false
      ranAt = clock.monotonic()
      run()
    }, wait)
  }
}

/** In slices: questions are answered in between. */
async function indexLists({ hosts, forward }: Config): Promise<NonNullable<ResolverOptions['indexes']>> {
  const { add, statics } = growStatics()
  const { addZone, addNetwork, routes } = growRoutes(forward.order)
  await inSlices(hosts, add)
  await inSlices(forward.zones, addZone)
  await inSlices(forward.networks, addNetwork)
  return { statics, routes }
}
