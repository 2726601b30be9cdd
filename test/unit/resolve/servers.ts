// A pipeline with fast answers over a table that a test changes, and beside it one that remembers nothing.
import { createCookies } from '../../../src/dns/cookie.ts'
import { flag, flagsOf, headerBytes } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import { readRecords } from '../../../src/dns/records.ts'
import { createFastAnswers, type FastOptions } from '../../../src/fast/fast-answers.ts'
import type { Forward } from '../../../src/forward/types.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import type { Query } from '../../../src/net/handler.ts'
import type { Snapshot } from '../../../src/registry/types.ts'
import { createDnsMetrics } from '../../../src/resolve/dns-metrics.ts'
import { createPipeline } from '../../../src/resolve/pipeline.ts'
import { createResolver, type ResolverOptions } from '../../../src/resolve/resolver.ts'
import { replyTo } from '../forward/cache/kept.ts'
import { config, here, upstream } from './deciding.ts'

export const server = 'dns://127.0.0.1:53'

const noUpstream: Forward = () => ({ failure: 'no upstream', reason: 'none' })

export function servers(snapshot: Snapshot, options: Partial<FastOptions> = {}, forward = noUpstream) {
  const state = {
    ...{ snapshot, decided: 0, upstreams: [upstream] as (typeof upstream)[] },
    gone: undefined as ResolverOptions['gone'],
  }
  const counters = createDnsMetrics()
  const create = () =>
    createResolver({
      config: {
        ...config,
        hosts: [{ name: 'big.test', wildcard: false, v4: big, v6: [], networks: undefined }],
      },
      store: { current: () => state.snapshot },
      addresses: () => here,
      upstreams: () => state.upstreams,
      gone: {
        has: (name) => state.gone?.has(name) === true,
        hadParent: (name) => state.gone?.hadParent(name) === true,
      },
      random: Math.random,
    })
  const resolver = create()
  const counting = {
    ...resolver,
    decide(...args: Parameters<typeof resolver.decide>) {
      state.decided++
      return resolver.decide(...args)
    },
  }
  const fast = createFastAnswers({
    ...{ resolver, counters, clock: systemClock, passing: systemClock.monotonic, random: Math.random },
    ...options,
  })
  const common = {
    ...{ forward, counters },
    ...{ identity: config.identity, clock: systemClock, log: silentLogger, logQueries: false },
    cookies: createCookies({ secretOf: () => Buffer.alloc(16), seconds: () => 0 }),
  }
  const handle = createPipeline({ ...common, resolver: counting, fast })
  // One that remembers nothing.
  const slow = (query: Query) =>
    createPipeline({ ...common, counters: createDnsMetrics(), resolver: create() })(query)
  const query = (message: Buffer, extra: Partial<Query> = {}): Query => ({
    ...{ message, asker: '127.0.0.1', local: '127.0.0.1', transport: 'udp', server },
    ...extra,
  })
  return {
    state,
    counters,
    fast,
    ask: (message: Buffer, extra?: Partial<Query>) => handle(query(message, extra)) as Buffer | undefined,
    askSlowly: (message: Buffer, extra?: Partial<Query>) => slow(query(message, extra)) as Buffer | undefined,
    /** How many questions went the slow way while that ran. */
    decisions(run: () => void): number {
      const before = state.decided
      run()
      return state.decided - before
    },
  }
}

/** 40 addresses: too many for 512 bytes. */
const big = Array.from({ length: 40 }, (_, i) => `192.0.2.${i + 1}`)

export interface Form {
  readonly id: number
  /** Which letters are capitals. */
  readonly capitals: number
  readonly recursion: boolean
  readonly checkingDisabled: boolean
  readonly edns: { readonly bytes: number; readonly dnssecOk: boolean } | null
  readonly transport?: 'udp' | 'tcp'
}

export function questionOf(
  name: string,
  type: string,
  { id, capitals, recursion, checkingDisabled, edns }: Form,
): Buffer {
  const message = encodeQuery(name, type, edns === null ? { id } : { id, edns: edns.bytes })
  message.writeUInt16BE((recursion ? flag.RD : 0) | (checkingDisabled ? flag.CD : 0), 2)
  const { end } = readQuestion(message)!
  for (let at = headerBytes; at < end - 4; at++) {
    const isLetter = message[at]! >= 0x61 && message[at]! <= 0x7a
    if (isLetter && ((capitals >> (at % 16)) & 1) === 1) message[at] = message[at]! & ~0x20
  }
  if (edns?.dnssecOk) message[end + 7] = 0x80
  return message
}

/** A reply as it is whatever the order of its answers. */
function unordered(reply: Buffer) {
  const { end } = readQuestion(reply)!
  const records = readRecords(reply, end)!.map(({ section, start, end: to }) => [
    section,
    reply.toString('hex', start, to),
  ])
  return { head: reply.toString('hex', 0, end), records: records.sort(), length: reply.length }
}

/** The same for answers that were cut, of which any part may be left. */
export function compared(reply: Buffer | undefined) {
  if (reply === undefined) return undefined
  const told = unordered(reply)
  return (flagsOf(reply) & flag.TC) === 0 ? told : { ...told, records: told.records.length }
}

/** Foreign names have one address each, of which some are in Docker's subnets, and are all at hand. */
export const atHand: Forward = (asked) => {
  const { name } = asked.question
  const data = /^in(\d)/.exec(name)?.[1]
  const answers = [{ type: 'A' as const, name, ttl: 60, data: data ? `10.${data}.9.9` : '198.51.100.1' }]
  const lease = { use: () => 0 }
  return { reply: replyTo(asked, { answers }), upstream: 'x', cached: { age: 0, stale: false, lease } }
}
