// Forwarding put together: loop guard → cache → exchange with the upstreams, for one configuration after another.
import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Config, Upstream } from '../config/types.ts'
import type { Form } from '../dns/relay.ts'
import { type Clock, passingTime } from '../lib/clock.ts'
import { readBytes } from '../lib/files.ts'
import type { Logger } from '../lib/log.ts'
import { createReread } from '../lib/reread.ts'
import { type Cache, type CacheOptions, createCache } from './cache/cache.ts'
import { type CacheMetrics, createCacheMetrics } from './cache/cache-metrics.ts'
import { createExchange, type Exchange, type ExchangeOptions } from './exchange.ts'
import { createForwardMetrics, type ForwardMetrics } from './forward-metrics.ts'
import type { LoopGuard, LoopGuardOptions, Reached } from './loop/prober.ts'
import { longestResolvConf } from './resolvconf.ts'
import type { Forward } from './types.ts'
import { followUpstreams, type ResolverFiles, type Upstreams } from './upstreams.ts'

export interface Forwarder<Loops extends LoopGuard = LoopGuard> {
  readonly forward: Forward
  readonly cache: Cache
  readonly loops: Loops
  readonly metrics: { forward: ForwardMetrics; cache: CacheMetrics }
  /** The default route's, by the configuration now. */
  upstreams(): Upstreams
  /**
   * Call it once we listen: only then can a probe come back. `onUpstreams`: the default route's upstreams have changed, and
   * answers from the former ones are not to be used.
   */
  start(onUpstreams: () => void): void
  /** Resolves to a function that puts the configuration into effect; until that is called nothing has changed. */
  prepare(config: Config): Promise<() => void>
  /** Gives up what is waited for, such as probes. Questions under way go on. */
  stopProbes(): void
  stop: Exchange['stop']
}

export interface ForwarderOptions<Loops extends LoopGuard>
  extends Pick<ExchangeOptions, 'claim' | 'inTurn' | 'dial' | 'dialTcp'>,
    Pick<CacheOptions, 'isCacheable' | 'flushes' | 'onFill'> {
  readonly config: Config
  readonly createLoops: (parts: Pick<LoopGuardOptions, 'ask' | 'counters'>) => Loops
  /** Whether a question to this address and port would come to us. */
  readonly isOurs: (host: string, port: number) => boolean
  readonly resolverFiles: ResolverFiles
  readonly clock: Clock
  readonly log: Logger
}

/** A probe for loops needs no answer, only time to come back, ms. */
const probeTimeout = 2000

export async function createForwarder<Loops extends LoopGuard>(
  options: ForwarderOptions<Loops>,
): Promise<Forwarder<Loops>> {
  const { clock, log, isOurs, resolverFiles, claim } = options
  let { config } = options
  const metrics = { forward: createForwardMetrics(), cache: createCacheMetrics() }
  let forms = formsOf(config)
  let onUpstreams = () => {}
  const exchange = createExchange({
    ...{ clock, log, claim, inTurn: options.inTurn, dial: options.dial, dialTcp: options.dialTcp },
    formOf: () => forms,
    counters: metrics.forward,
    randomId: () => randomInt(0x10000),
    random: Math.random,
  })
  const probe = { asker: 'berth', order: 'sequential', timeout: probeTimeout } as const
  const loops = options.createLoops({
    ask: (upstream, question) => exchange.ask({ ...question, ...probe, upstreams: [upstream] }),
    counters: metrics.forward,
  })
  let upstreams = await follow(config)

  function follow({ forward }: Config): Promise<Upstreams> {
    return followUpstreams({
      ...{ configured: forward.upstreams, isOurs, clock, log },
      files: resolverFiles,
      read: createReread({ clock, read: readResolvConf }),
      loopStateOf: loops.stateOf,
      onChange() {
        checkLoops()
        onUpstreams()
      },
    })
  }

  function checkLoops(): void {
    loops.check(reachedBy(config.forward, upstreams.candidates()))
  }

  // Written out: to leave one of an object's fields out costs more than all else here.
  const ask: Forward = ({ query, question, edns, asker, route: { upstreams, order } }) => {
    const reachable = upstreams.filter(({ host, port }) => !isOurs(host, port))
    const { timeout } = config.forward
    return exchange.ask({ query, question, edns, asker, upstreams: reachable, order, timeout })
  }
  const { isCacheable, flushes, onFill } = options
  const cache = createCache({
    ...{ ask, claim, clock, log, isCacheable, counters: metrics.cache, forwardCounters: metrics.forward },
    ...(flushes === undefined ? {} : { flushes }),
    ...(onFill === undefined ? {} : { onFill }),
    now: passingTime(clock),
    seed: randomInt(2 ** 32),
    settings: config.cache,
    isDown: ({ upstreams }) => exchange.isDown(upstreams),
  })

  return {
    // The guard is outermost: a probe that comes back must not be cached, nor a question that lacks looping upstreams.
    forward: loops.around(cache.forward),
    ...{ cache, loops, metrics },
    upstreams: () => upstreams,
    start(listener) {
      onUpstreams = listener
      upstreams.start()
    },
    async prepare(next) {
      const isFollowed = isDeepStrictEqual(next.forward.upstreams, config.forward.upstreams)
      const nextUpstreams = isFollowed ? upstreams : await follow(next)
      return () => {
        const former = { config, upstreams }
        config = next
        upstreams = nextUpstreams
        if (!isDeepStrictEqual(next.forward.servers, former.config.forward.servers)) forms = formsOf(next)
        if (!isDeepStrictEqual(next.cache, former.config.cache)) cache.update(next.cache)
        if (!isFollowed) {
          former.upstreams.stop()
          upstreams.start()
        }
        checkLoops()
      }
    },
    stopProbes() {
      upstreams.stop()
      loops.stop()
    },
    stop: exchange.stop,
  }
}

async function readResolvConf(file: string): Promise<string> {
  return (await readBytes(file, longestResolvConf)).toString()
}

/** By the servers' texts. */
function formsOf({ forward }: Config): ReadonlyMap<string, Form> {
  return new Map(forward.servers.map(({ text, edns, ad }) => [text, { edns, ad }]))
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
