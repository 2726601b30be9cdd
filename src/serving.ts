// What answers questions, whole: the same in the process that follows the engines and in each worker beside it.
//
//   question   socket → scope → fast answers ─ kept ──────────────→ socket       net → resolve → registry
//                       └ gate → scope → table, policy ─ ours ─────────┘
//                                              └ not ours → cache → upstreams ┘  forward
import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { longestResolvConf } from './config/resolvconf.ts'
import type { Config, Upstream } from './config/types.ts'
import { createCookies, secretsFrom } from './dns/cookie.ts'
import type { Form } from './dns/relay.ts'
import { type Cache, createCache } from './forward/cache/cache.ts'
import { type CacheCounters, createCacheCounters } from './forward/cache/counters.ts'
import type { Fill } from './forward/cache/fill.ts'
import { createFlushes, type Flushes } from './forward/cache/flush.ts'
import { createForwardCounters, type ForwardCounters } from './forward/counters.ts'
import { createExchange } from './forward/exchange.ts'
import type { LoopGuard, LoopGuardOptions, Reached } from './forward/loop.ts'
import type { Forward } from './forward/types.ts'
import { followUpstreams, type ResolverFiles, systemFiles, type Upstreams } from './forward/upstreams.ts'
import { type Clock, passingTime } from './lib/clock.ts'
import { readBytes } from './lib/files.ts'
import { isLoopback } from './lib/interfaces.ts'
import { canonicalAddress } from './lib/ip.ts'
import type { Logger } from './lib/log.ts'
import { createLosses } from './lib/losses.ts'
import { createReread } from './lib/reread.ts'
import { inSlices } from './lib/slices.ts'
import { createAddresses, systemSources } from './net/addresses.ts'
import { chooseSockets } from './net/choose-sockets.ts'
import { createLimitCounters } from './net/limits/counters.ts'
import { createLimits, type Limits } from './net/limits/limits.ts'
import { partOf } from './net/limits/part.ts'
import type { Bindable } from './net/listener.ts'
import { createListeners, type Listeners } from './net/listeners.ts'
import type { Gone } from './registry/gone.ts'
import type { Store } from './registry/store.ts'
import { createDnsCounters, type DnsCounters } from './resolve/counters.ts'
import { createFastAnswers, type FastAnswers } from './resolve/fast.ts'
import { holdsDockerAddress } from './resolve/guard.ts'
import { createPipeline } from './resolve/pipeline.ts'
import { createResolver, type Resolver, type ResolverOptions } from './resolve/resolver.ts'
import { growRoutes } from './resolve/routes.ts'
import { growStatics } from './resolve/statics.ts'

export interface Serving {
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
}

export interface ServingOptions {
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
  readonly createLoops: (parts: Pick<LoopGuardOptions, 'ask' | 'counters'>) => LoopGuard
  /** Whether others that share our addresses go by us. Default: true. */
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
/** A probe for loops needs no answer, only time to come back, ms. */
const probeTimeout = 2000
/** A burst of events moves the listeners once, and a storm of them no more often than this, ms. */
const addressesSettle = 10
const addressesPause = 200

export async function createServing(options: ServingOptions): Promise<Serving> {
  const {
    store,
    log,
    clock,
    resolverFiles = systemFiles,
    isFirst = true,
    flushes = createFlushes(),
  } = options
  let { config } = options
  const { udp, workers } = config
  const dnsCounters = createDnsCounters()
  const forwardCounters = createForwardCounters()
  const cacheCounters = createCacheCounters()
  let isStopped = false

  const { listenUdp, sharing, dial, dialTcp, hear, signal, ports, listInterfaces, trim, waited, soon } =
    await chooseSockets({ udp, workers }, { log, clock })
  const addresses = await createAddresses(clock, hear, systemSources(ports, listInterfaces))
  // Listeners need the handler, the handler the upstreams, and those the listeners, to leave ourselves out.
  let listeners: Listeners | undefined
  let setup: ReturnType<typeof createSetup> | undefined
  const limits = createLimits({
    settings: partOf(config.limits, workers),
    counters: createLimitCounters(),
    clock,
    table: store.current,
    soon,
    idled: () => performance.eventLoopUtilization().idle + waited(),
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
  let forms = formsOf(config)
  const exchange = createExchange({
    formOf: () => forms,
    clock,
    log,
    counters: forwardCounters,
    randomId: () => randomInt(0x10000),
    random: Math.random,
    claim: limits.claim,
    inTurn: limits.start,
    dial,
    dialTcp,
  })
  const loops = options.createLoops({
    ask: (upstream, question) =>
      exchange.ask({
        ...{ ...question, asker: 'berth', upstreams: [upstream] },
        ...{ policy: 'sequential', timeout: probeTimeout },
      }),
    counters: forwardCounters,
  })
  const checkLoops = () => loops.check(reachedBy(config.forward, upstreams.candidates()))
  const follow = (configured: Config['forward']['upstreams']) =>
    followUpstreams({
      ...{ configured, isOurs, clock, log },
      files: resolverFiles,
      read: createReread({
        clock,
        read: async (file) => (await readBytes(file, longestResolvConf)).toString(),
      }),
      loopStateOf: loops.stateOf,
      onChange() {
        checkLoops()
        setup?.fast?.forgetForwarded()
      },
    })
  let upstreams = await follow(config.forward.upstreams)
  // Written out: to leave one of an object's fields out costs more than all else here.
  const ask: Forward = ({ query, question, edns, asker, route: { upstreams, policy } }) => {
    const reachable = upstreams.filter(({ host, port }) => !isOurs(host, port))
    const { timeout } = config.forward
    return exchange.ask({ query, question, edns, asker, upstreams: reachable, policy, timeout })
  }
  const passing = passingTime(clock)
  // Outermost is the guard: a probe that comes back, and upstreams that are put aside, are nothing to keep.
  const cache = createCache({
    ...{ ask, clock, log, forwardCounters, flushes, seed: randomInt(2 ** 32) },
    now: passing,
    settings: config.cache,
    isDown: ({ upstreams }) => exchange.isDown(upstreams),
    isCacheable: (reply, route) => route.zone !== undefined || !holdsDockerAddress(store.current(), reply),
    counters: cacheCounters,
    claim: limits.claim,
    ...(options.onFill === undefined ? {} : { onFill: options.onFill }),
  })
  const forward = loops.around(cache.forward)
  const cookies = createCookies({
    secretOf: secretsFrom(options.cookieSecret),
    seconds: () => Math.floor(clock.now() / 1000),
  })

  /** All that decides by the configuration: cheap to make, holds nothing that would be missed, swapped whole. */
  function createSetup(indexes: NonNullable<ResolverOptions['indexes']>) {
    const resolver = createResolver({
      ...{ config, store, indexes, gone: options.gone, random: Math.random },
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
    return { handle, fast, resolver }
  }
  setup = createSetup(await indexLists(config))
  listeners = createListeners({
    ...{ listen: config.listen, addresses, limits, clock, log, listenUdp, sharing, isFirst },
    isTold: () => signal?.isProven() ?? false,
    handle: (query) => setup!.handle(query),
    fast: () => setup!.fast,
    onBound: (bound) => options.onBound?.(bound),
  })

  let settling = false
  let isMoving = false
  let lookedAt = clock.monotonic()
  function lookOnceSettled(): void {
    if (settling) return
    settling = true
    const pause = Math.max(addressesSettle, lookedAt + addressesPause - clock.monotonic())
    clock.setTimeout(() => {
      settling = false
      lookedAt = clock.monotonic()
      if (isMoving) listeners!.refresh()
      else listeners!.look()
      isMoving = false
    }, pause)
  }
  signal?.onSignal(lookOnceSettled)
  store.onSwap(() => {
    // A network that came or went may have brought or taken an address of ours.
    isMoving = true
    lookOnceSettled()
  })

  return {
    listeners,
    limits,
    counters: { dns: dnsCounters, forward: forwardCounters, cache: cacheCounters },
    cache,
    flushes,
    kept: () => setup!.fast?.held() ?? { answers: 0, bytes: 0, seats: 0 },
    upstreams: () => upstreams,
    resolver: () => setup!.resolver,
    forward,
    async start() {
      await listeners.start()
      if (isStopped) return
      clock.setTimeout(trim, trimAfter)
      // What comes back can be seen once we listen.
      upstreams.start()
    },
    async update(next) {
      const isFollowed = isDeepStrictEqual(next.forward.upstreams, config.forward.upstreams)
      const nextUpstreams = isFollowed ? upstreams : await follow(next.forward.upstreams)
      const indexes = await indexLists(next)
      if (isStopped) return
      const formerUpstreams = upstreams
      const isCacheSame = isDeepStrictEqual(next.cache, config.cache)
      log.level = next.log.level
      if (!isDeepStrictEqual(next.forward.servers, config.forward.servers)) forms = formsOf(next)
      config = next
      upstreams = nextUpstreams
      setup = createSetup(indexes)
      limits.update(partOf(next.limits, workers))
      if (!isCacheSame) cache.update(next.cache)
      if (!isFollowed) {
        formerUpstreams.stop()
        upstreams.start()
      }
      checkLoops()
      await listeners.update(next.listen)
    },
    async stop() {
      isStopped = true
      signal?.stop()
      const timeUp = new AbortController()
      const timer = setTimeout(() => timeUp.abort(), drainFor)
      upstreams.stop()
      loops.stop()
      await listeners.stop(timeUp.signal)
      clearTimeout(timer)
      exchange.stop()
    },
  }
}

/** By the servers' texts. */
function formsOf({ forward }: Config): ReadonlyMap<string, Form> {
  return new Map(forward.servers.map(({ text, edns, ad }) => [text, { edns, ad }]))
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

/** Every upstream by each way that leads to it: a network's resolver gets names of all domains, a subnet's is one way. */
function reachedBy(
  { zones, networks }: Config['forward'],
  standard: readonly Upstream[],
): readonly Reached[] {
  const seen = new Set<readonly Upstream[]>()
  return [
    ...standard.map((upstream) => ({ domain: '', upstream })),
    ...networks.flatMap(({ upstreams }) => upstreams.map((upstream) => ({ domain: '', upstream }))),
    ...zones
      .filter(({ upstreams }) => !seen.has(upstreams) && seen.add(upstreams))
      .flatMap(({ suffix, upstreams }) => upstreams.map((upstream) => ({ domain: suffix, upstream }))),
  ]
}
