// Every way in by which a name or an address might get out, over one drawn estate; the cache and the fast answers stand
// in all of them.
import { decode, encode, type Answer as PacketAnswer } from 'dns-packet'
import { createCookies } from '../../../src/dns/cookie.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import { readReply } from '../../../src/dns/relay.ts'
import { createFastAnswers } from '../../../src/fast/fast-answers.ts'
import { createCache } from '../../../src/forward/cache/cache.ts'
import { createCacheMetrics } from '../../../src/forward/cache/cache-metrics.ts'
import { createForwardMetrics } from '../../../src/forward/forward-metrics.ts'
import type { Forward } from '../../../src/forward/types.ts'
import type { AskerRef } from '../../../src/http/api-types.ts'
import { createInspector } from '../../../src/http/inspect.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { parseSubnet } from '../../../src/lib/ip.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import type { Snapshot } from '../../../src/registry/types.ts'
import { holdsDockerAddress } from '../../../src/resolve/answer-filter.ts'
import { createDnsMetrics } from '../../../src/resolve/dns-metrics.ts'
import { createPipeline } from '../../../src/resolve/pipeline.ts'
import { createResolver } from '../../../src/resolve/resolver.ts'
import type { Scope, scopeTable } from '../../../src/scope/scope.ts'
import { settings } from '../forward/cache/kept.ts'
import { config, upstream } from '../resolve/deciding.ts'
import { interfaces } from '../resolve/estate.ts'
import { own } from './askers.ts'

export interface Seen {
  readonly rcode: string
  /** Of A and AAAA records, wherever in the reply. */
  readonly addresses: readonly string[]
  /** Of PTR and SRV records. */
  readonly names: readonly string[]
  readonly forwarded: boolean
}

export interface Ways {
  wire(address: string, local: string, name: string, type: string): Promise<Seen>
  /** What a foreign name's upstream answers, what the table becomes before it does, and what it waits for. */
  upstream: { answer: string; becomes: Snapshot | undefined; after?: Promise<unknown> }
  /** How often the upstream was asked. */
  readonly exchanges: number
  /** A foreign name that nobody has asked for. */
  fresh(): string
  table: Snapshot
  http(as: AskerRef, name: string, type: string): Promise<Seen>
  /** Addresses of everything that /api/names lists. */
  list(as: AskerRef): readonly string[]
}

/** What upstreams answer unless they are told to be sly. */
export const elsewhere = '198.51.100.1'

const here = interfaces({ lo: ['127.0.0.1/8', '::1/128'], eth0: [`${own}/24`] })

export interface WaysOptions {
  readonly scopeRows?: typeof scopeTable
  /** What if answers were checked once, for who asked first, before they are kept and shared? */
  readonly checksBeforeCache?: boolean
  /** What if fast answers were told apart by something else than the scope? */
  readonly fastSee?: (scope: Scope) => Scope
}

export function waysInto(
  snapshot: Snapshot,
  gateway: 'refuse' | 'network' | 'host',
  { scopeRows, checksBeforeCache = false, fastSee }: WaysOptions = {},
): Ways {
  let forwarded = false
  let exchanges = 0
  let names = 0
  const locals = new Map<string, string>()
  const resolver = createResolver({
    config: { ...config, scope: { gateway, allow: [parseSubnet('192.0.2.0/24')!] } },
    store: { current: () => ways.table },
    addresses: () => here,
    upstreams: () => [upstream],
    random: () => 0,
    ...(scopeRows === undefined ? {} : { scopeRows }),
  })
  const ask: Forward = async ({ query, question, asker, route }) => {
    exchanges++
    const { answer, becomes, after } = ways.upstream
    await after
    if (becomes !== undefined) ways.table = becomes
    const { id, questions } = decode(query)
    const answers: PacketAnswer[] = [{ type: 'A', name: questions![0]!.name, ttl: 60, data: answer }]
    const bytes = encode({ type: 'response', id: id!, flags: 0x0180, questions: questions!, answers })
    const reply = readReply(bytes, question)!
    const isForeign =
      checksBeforeCache &&
      resolver.withhold(resolver.scope(asker, locals.get(asker)!), question.name, route, reply) !== undefined
    return isForeign ? { failure: 'foreign', reason: 'failed' } : { reply, upstream: 'here' }
  }
  const cache = createCache({
    claim: () => () => {},
    now: systemClock.monotonic,
    ask,
    settings,
    isCacheable: (reply, { zone }) => zone !== undefined || !holdsDockerAddress(ways.table, reply),
    isDown: () => false,
    counters: createCacheMetrics(),
    forwardCounters: createForwardMetrics(),
    clock: systemClock,
    log: silentLogger,
  })
  const forward: Forward = (asked) => {
    forwarded = true
    return cache.forward(asked)
  }
  const counters = createDnsMetrics()
  const checking = checksBeforeCache ? { ...resolver, withhold: () => undefined } : resolver
  const cookies = createCookies({ secretOf: () => Buffer.alloc(16), seconds: () => 0 })
  const fast = createFastAnswers({
    ...{ resolver, counters, clock: systemClock, passing: systemClock.monotonic, random: () => 0 },
    ...(fastSee === undefined ? {} : { see: fastSee }),
  })
  const answer = createPipeline({
    ...{ resolver: checking, forward, fast, counters, cookies, identity: config.identity },
    ...{ clock: systemClock, log: silentLogger, logQueries: false },
  })
  const relayed = () =>
    [...counters.responses.cells.values()].reduce(
      (sum, { labels, value }) => sum + (labels.source === 'cache' ? value : 0),
      0,
    )
  const inspector = createInspector({ resolver, forward, zone: config.zone, clock: systemClock })

  const ways: Ways = {
    table: snapshot,
    upstream: { answer: elsewhere, becomes: undefined },
    get exchanges() {
      return exchanges
    },
    fresh: () => `www${names++}.example.org`,
    async wire(asker, local, name, type) {
      forwarded = false
      locals.set(asker, local)
      const message = encodeQuery(name, type, { id: 7, edns: 1232 })
      if (readQuestion(message) === undefined) throw new Error(`${name} ${type} can't be asked`)
      const before = relayed()
      const answered = answer({ message, asker, local, transport: 'udp', server: 'x' })
      // A fast answer of an upstream's is given without another look at what forwards.
      const isForwarded = forwarded || relayed() > before
      const reply = decode((await answered)!) as unknown as Decoded
      const records = [...reply.answers, ...reply.authorities, ...reply.additionals]
      return { ...seenIn(records), rcode: reply.rcode, forwarded: isForwarded }
    },
    async http(as, name, type) {
      forwarded = false
      const told = await inspector.query(name, type, as)
      if ('problem' in told) return { rcode: 'none', addresses: [], names: [], forwarded }
      const records = told.answers.map((record) => ({ type: record.type, data: record.data }))
      return { ...seenIn(records), rcode: told.rcode, forwarded }
    },
    list(as) {
      const told = inspector.names(as)
      return 'problem' in told ? [] : told.names.flatMap(({ v4, v6 }) => [...v4, ...v6])
    },
  }
  return ways
}

interface DecodedRecord {
  type: string
  data?: unknown
}
type Decoded = { rcode: string } & Record<'answers' | 'authorities' | 'additionals', DecodedRecord[]>

function seenIn(records: readonly DecodedRecord[]): Pick<Seen, 'addresses' | 'names'> {
  const of = (...types: string[]) =>
    records.filter(({ type }) => types.includes(type)).map(({ data }) => data)
  const targets = of('SRV').map((data) =>
    typeof data === 'string' ? data.split(' ').at(-1)! : (data as { target: string }).target,
  )
  return {
    addresses: of('A', 'AAAA') as string[],
    names: [...(of('PTR') as string[]), ...targets].map((name) => name.replace(/\.$/, '')),
  }
}
