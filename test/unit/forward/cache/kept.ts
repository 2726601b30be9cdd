// A cache before an upstream that says what it is told, and by a clock that is turned by hand.
import { type Answer, encode } from 'dns-packet'
import type { CacheSettings, Upstream } from '../../../../src/config/types.ts'
import { readEdns } from '../../../../src/dns/edns.ts'
import { flagsOf, rcode } from '../../../../src/dns/header.ts'
import { encodeQuery, readMessage } from '../../../../src/dns/message.ts'
import { readQuestion } from '../../../../src/dns/name.ts'
import { readReply, type UpstreamReply } from '../../../../src/dns/relay.ts'
import { type CacheOptions, createCache } from '../../../../src/forward/cache/cache.ts'
import { createCacheMetrics } from '../../../../src/forward/cache/cache-metrics.ts'
import { createForwardMetrics } from '../../../../src/forward/forward-metrics.ts'
import type { Forwarded, ForwardQuestion, Route } from '../../../../src/forward/types.ts'
import { passingTime } from '../../../../src/lib/clock.ts'
import { silentLogger } from '../../../../src/lib/log.ts'
import { createHandClock } from '../../../hand-clock.ts'

export const settings: CacheSettings = {
  entries: 100,
  bytes: 1_000_000,
  maxTtl: 3_600_000,
  maxNegativeTtl: 1_800_000,
  stale: 3_600_000,
  failureRecheck: 30_000,
}

export const upstreams: readonly Upstream[] = [{ host: '192.0.2.53', port: 53, text: '192.0.2.53:53' }]
export const route: Route = {
  ...{ name: 'default', zone: undefined, explicit: false },
  ...{ upstreams, order: 'sequential' },
}

/** A route of `forward.zones`. */
export const zoneRoute = (zone: string, to: readonly Upstream[] = []): Route => ({
  ...{ ...route, name: `forward.zones ${zone}` },
  ...{ zone, explicit: true, upstreams: to },
})

export interface Asked {
  name?: string
  type?: string
  class?: number
  /** Header flags; RD alone where left out. */
  flags?: number
  dnssecOk?: boolean
  /** Without an OPT. */
  plain?: boolean
  asker?: string
  route?: Route
}

export function questionFor(asked: Asked = {}): ForwardQuestion {
  const { name = 'www.example.org', type = 'A', dnssecOk = false, plain = false } = asked
  const query = encodeQuery(name, type, { id: 1, ...(plain ? {} : { edns: 1232 }) })
  query.writeUInt16BE(asked.flags ?? 0x0100, 2)
  const question = { ...readQuestion(query)!, class: asked.class ?? 1 }
  query.writeUInt16BE(question.class, question.end - 2)
  const edns = readEdns(query, question.end)
  return {
    query,
    question,
    edns: edns === 'none' || edns === undefined ? undefined : { ...edns, dnssecOk },
    route: asked.route ?? route,
    asker: asked.asker ?? '127.0.0.1',
  }
}

export interface Said {
  rcode?: number
  answers?: Answer[]
  authorities?: Answer[]
  additionals?: Answer[]
  flags?: number
}

export const address = (ttl: number, data = '192.0.2.1', name = 'www.example.org'): Answer => ({
  type: 'A',
  name,
  ttl,
  data,
})

export const alias = (ttl: number, data: string, name = 'www.example.org'): Answer => ({
  type: 'CNAME',
  name,
  ttl,
  data,
})

export const soa = (ttl: number, minimum: number): Answer => ({
  type: 'SOA',
  name: 'example.org',
  ttl,
  data: {
    mname: 'ns.example.org',
    rname: 'hostmaster.example.org',
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum,
  },
})

export const nxdomain: Said = { rcode: rcode.NXDOMAIN, authorities: [soa(60, 60)] }
export const nodata: Said = { authorities: [soa(60, 60)] }

export function replyTo({ question, query }: ForwardQuestion, said: Said): UpstreamReply {
  const { answers = [], authorities = [], additionals = [] } = said
  const flags = (said.flags ?? 0x0180) | (said.rcode ?? 0)
  const body = encode({ type: 'response', id: 7, flags, answers, authorities, additionals })
  body.writeUInt16BE(1, 4)
  const message = Buffer.concat([body.subarray(0, 12), query.subarray(12, question.end), body.subarray(12)])
  return readReply(message, question)!
}

/** `says`: what the upstream answers now; a Forwarded as it is; 'held': only when `release` is called. */
export function keptBy(changes: Partial<CacheSettings> = {}, more: Partial<CacheOptions> = {}) {
  const hand = createHandClock()
  const counters = createCacheMetrics()
  const forwardCounters = createForwardMetrics()
  const asked: ForwardQuestion[] = []
  const held: (() => void)[] = []
  const cache = createCache({
    claim: () => () => {},
    settings: { ...settings, ...changes },
    isCacheable: () => true,
    isDown: () => false,
    counters,
    forwardCounters,
    clock: hand.clock,
    now: passingTime(hand.clock),
    log: silentLogger,
    ask(question) {
      asked.push(question)
      const answer = (): Forwarded =>
        'failure' in world.says || 'reply' in world.says
          ? world.says
          : { reply: replyTo(question, world.says), upstream: '192.0.2.53:53' }
      if (!world.slow) return Promise.resolve().then(answer)
      return new Promise((resolve) => held.push(() => resolve(answer())))
    },
    ...more,
  })
  const world = {
    ...hand,
    counters,
    forwardCounters,
    says: { answers: [address(60)] } as Said | Forwarded,
    /** The upstream takes its time, until `release`. */
    slow: false,
    /** Questions that reached the upstream. */
    asked,
    /** How many of them, first come first; all where nothing is said. */
    async release(count = held.length) {
      for (const answer of held.splice(0, count)) answer()
      await settle()
    },
    forward: cache.forward,
    take: cache.take,
    flush: cache.flush,
    holdings: cache.holdings,
    /** Other settings from now on. */
    update: (next: Partial<CacheSettings>) => cache.update({ ...settings, ...changes, ...next }),
    /** What a question comes to, in short. */
    async ask(what: Asked = {}) {
      return inShort(await world.forward(questionFor(what)))
    },
    count: (counter: Exclude<keyof typeof counters, 'entries'>) => counters[counter].cell().value,
    entries: () =>
      Object.fromEntries(
        [...counters.entries.cells.values()].map(({ labels, value }) => [labels.type, value]),
      ),
  }
  return world
}

export function inShort(result: Forwarded) {
  const { age, stale } = result.cached ?? {}
  const cached = age === undefined ? {} : { cached: { age, stale } }
  if ('failure' in result) return { failure: result.failure, reason: result.reason, ...cached }
  const { answers, authorities, rcode: code } = readMessage(result.reply.message)
  const records = [...answers, ...authorities]
  return {
    rcode: code,
    records: records.map(({ type, ttl, data }) => `${type} ${ttl} ${type === 'SOA' ? '' : data}`.trim()),
    ...cached,
  }
}

/** Lets promises that can go on do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

export const unreachable: Forwarded = { failure: '192.0.2.53:53 timeout', reason: 'unreachable' }
export const failed: Forwarded = { failure: '192.0.2.53:53 SERVFAIL', reason: 'failed' }

export const flagsIn = (result: Forwarded): number => ('reply' in result ? flagsOf(result.reply.message) : 0)
