// What answers questions, whole: the same in the process that follows the engines and in each worker beside it.
//
//   question   socket → scope → fast answers ─ kept ──────────────→ socket       net → resolve → registry
//                       └ gate → scope → table, policy ─ ours ─────────┘
//                                              └ not ours → cache → upstreams ┘  forward
import type { Config } from './config/types.ts'
import { createCookies, secretsFrom } from './dns/cookie.ts'
import type { Cache } from './forward/cache/cache.ts'
import type { CacheCounters } from './forward/cache/counters.ts'
import type { Fill } from './forward/cache/fill.ts'
import { createFlushes, type Flushes } from './forward/cache/flush.ts'
import type { ForwardCounters } from './forward/counters.ts'
import { createForwarder, type ForwarderOptions } from './forward/forwarder.ts'
import type { LoopGuard } from './forward/loop.ts'
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
import { createLimitCounters } from './net/limits/counters.ts'
import { createLimits, type Limits } from './net/limits/limits.ts'
import { perProcess } from './net/limits/per-process.ts'
import type { Bindable } from './net/listener.ts'
import { createListeners, type Listeners } from './net/listeners.ts'
import { createAddresses, systemSources } from './net/local-addresses.ts'
import type { Gone } from './registry/gone.ts'
import type { Store } from './registry/store.ts'
import { createDnsCounters, type DnsCounters } from './resolve/counters.ts'
import { createFastAnswers, type FastAnswers } from './resolve/fast.ts'
import { holdsDockerAddress } from './resolve/guard.ts'
import { createPipeline } from './resolve/pipeline.ts'
import { createResolver, type Resolver, type ResolverOptions } from './resolve/resolver.ts'
import { growRoutes } from './resolve/routes.ts'
import { growStatics } from './resolve/statics.ts'

export interface Serving<Loops extends LoopGuard = LoopGuard> {
  /** Binds what can be bound; rejects with BerthError LISTEN where nothing can. */
  start(): Promise<void>
  /** Goes by this configuration from the next question on; resolves once new addresses are bound, as far as they can be. */
  update(config: Config): Promise<void>
  /** Resolves once what is in hand is answered; after 1.5 s with SERVFAIL. */
  stop(): Promise<void>
  readonly listeners: Listeners
  readonly limits: Limits
  readonly counters: { dns: DnsCounters; forward: ForwardCounters; cache: CacheCounters }
  readonly cache: Pick<Cache, 'take' | 'flush' | 'holdings'>
  readonly flushes: Pick<Flushes, 'last'>
  /** Fast answers, as far as there are. */
  readonly kept: FastAnswers['held']
  /** As they are by the configuration now. */
  upstreams(): Upstreams
  resolver(): Resolver
  readonly forward: Forward
  readonly loops: Loops
}

export interface ServingOptions<Loops extends LoopGuard> {
  /** What is read at start only, `udp` and `workers`, is as this one has it. */
  readonly config: Config
  readonly store: Store
  /** What follows the store. */
  readonly gone: Gone
  readonly log: Logger
  readonly clock: Clock
  readonly resolverFiles?: ResolverFiles
  /** 16 bytes that nobody can guess; processes that share addresses have the same ones. */
  readonly cookieSecret: Uint8Array
  /** Whoever probes for loops, here or elsewhere. */
  readonly createLoops: ForwarderOptions<Loops>['createLoops']
  /** Whether the processes that share our addresses bind what this one has bound. Default: true. */
  readonly isFirst?: boolean
  readonly onBound?: (bound: readonly Bindable[]) => void
  readonly onFill?: (fill: Fill) => void
  /** Of the cache, so far. Default: none. */
  readonly flushes?: Flushes
}

/** What is open at the end of this gets SERVFAIL, ms. */
const drainFor = 1500
/** What a start needs, most of it the compiler, is free again after this, ms. */
const trimAfter = 5000
/** A burst of events moves the listeners once, and a storm of them no more often than this, ms. */
const addressesSettle = 10
const addressesPause = 200

export async function createServing<Loops extends LoopGuard>(
  options: ServingOptions<Loops>,
): Promise<Serving<Loops>> {
  const { store, log, clock, isFirst = true, flushes = createFlushes(), onFill } = options
  let { config } = options
  const { udp, workers } = config
  const dnsCounters = createDnsCounters()
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
    counters: createLimitCounters(),
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
  const { forward, cache, counters } = forwarder
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
      : createFastAnswers({ resolver, counters: dnsCounters, clock, passing, random: Math.random })
    const handle = createPipeline({
      ...{ resolver, forward, fast, cookies, clock, log },
      identity: config.identity,
      counters: dnsCounters,
      logQueries: config.log.queries,
    })
    return { handle, fast, resolver }
  }
  let answering = createAnswering(await indexLists(config))
  const listeners = createListeners({
    ...{ listen: config.listen, addresses, bound, limits, clock, log, listenUdp, sharing, isFirst },
    handle: (query) => answering.handle(query),
    encoded: () => answering.fast,
    onBound: (now) => options.onBound?.(now),
  })
  // A network that came or went may have added or removed an address of ours.
  store.onSwap(atMostEvery(addressesPause, clock, listeners.refresh))

  return {
    listeners,
    limits,
    counters: { dns: dnsCounters, ...counters },
    cache,
    flushes,
    loops: forwarder.loops,
    kept: () => answering.fast?.held() ?? { answers: 0, bytes: 0, seats: 0 },
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

/** Questions go on being answered meanwhile. */
async function indexLists({ hosts, forward }: Config): Promise<NonNullable<ResolverOptions['indexes']>> {
  const { add, statics } = growStatics()
  const { addZone, addNetwork, routes } = growRoutes(forward.policy)
  await inSlices(hosts, add)
  await inSlices(forward.zones, addZone)
  await inSlices(forward.networks, addNetwork)
  return { statics, routes }
}
