// One pipeline that takes packet after packet, and what is wrong with what it makes of them: for the properties and the
// fuzzer. All of it is synchronous, so that what a packet costs can be measured.
import { createCookies } from '../../src/dns/cookie.ts'
import { encodeQuery } from '../../src/dns/message.ts'
import { readQuestion } from '../../src/dns/name.ts'
import { answersQuestion, encodeUpstreamQuery, readReply } from '../../src/dns/relay.ts'
import { createFastAnswers } from '../../src/fast/fast-answers.ts'
import { createCache } from '../../src/forward/cache/cache.ts'
import { createCacheMetrics } from '../../src/forward/cache/cache-metrics.ts'
import { createForwardMetrics } from '../../src/forward/forward-metrics.ts'
import type { Forward, ForwardQuestion } from '../../src/forward/types.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { silentLogger } from '../../src/lib/log.ts'
import type { Query } from '../../src/net/handler.ts'
import { createDnsMetrics } from '../../src/resolve/dns-metrics.ts'
import { createPipeline } from '../../src/resolve/pipeline.ts'
import { createResolver } from '../../src/resolve/resolver.ts'
import { createHandClock } from '../hand-clock.ts'
import { config, here, upstream } from '../unit/resolve/deciding.ts'
import { rcodeText } from './describe.ts'
import { flawsOf } from './invariants.ts'
import { askers, type From, honestReply, snapshot, upstreamId } from './world.ts'

export interface Case {
  readonly packet: Buffer
  readonly transport: 'udp' | 'tcp'
  /** Of a question: who asks. */
  readonly from?: From
  /** Of a reply: which of `asked` it is to. */
  readonly to?: number
}

export interface Verdict {
  /** A few words, for counting. */
  readonly outcome: string
  /** None, unless there is a bug. */
  readonly flaws: readonly string[]
}

/** What upstreams are asked, in turn: a plain question, with EDNS, with DO, of other types, from a mixed-case asker. */
export const asked: readonly Buffer[] = [
  encodeQuery('www.example.com', 'A', { id: 7 }),
  encodeQuery('www.example.com', 'A', { id: 7, edns: 1232 }),
  withDnssecOk(encodeQuery('WWW.example.COM', 'AAAA', { id: 7, edns: 4096 })),
  encodeQuery('_sip._udp.example.com', 'SRV', { id: 7, edns: 512 }),
]

function withDnssecOk(query: Buffer): Buffer {
  query[query.length - 4] = 0x80
  return query
}

const cacheSettings = {
  ...{ entries: 8, bytes: 1 << 20, maxTtl: 3_600_000, maxNegativeTtl: 1_800_000, stale: 3_600_000 },
  ...{ failureRecheck: 30_000 },
}

export interface Target {
  question(tried: Case): Verdict
  reply(tried: Case): Verdict
  /** A reply through a cache: to its question, and ten seconds later to the next asker of the same. */
  kept(tried: Case): Promise<Verdict>
  /** What an upstream is sent for one of `asked`: ID, question, no OPT. */
  sent(to: number): Buffer
  /** Runs the code alone: no checks. */
  run(side: 'questions' | 'replies', tried: Case): void
}

export function createTarget(): Target {
  const counters = createDnsMetrics()
  let fate = ''
  let forward: Forward = () => ({ failure: 'none', reason: 'none' })
  const resolver = createResolver({
    config,
    store: { current: () => snapshot },
    addresses: () => here,
    upstreams: () => [upstream],
    random: () => 0,
  })
  const common = {
    resolver,
    forward: (question: ForwardQuestion) => forward(question),
    cookies: createCookies({ secretOf: () => new Uint8Array(16), seconds: () => 1_000_000 }),
    identity: { id: 'here', version: '' },
    ...{ counters, clock: systemClock, log: silentLogger, logQueries: false },
  }
  const handle = createPipeline(common)
  const fast = createFastAnswers({
    resolver,
    counters,
    clock: systemClock,
    passing: systemClock.monotonic,
    random: () => 0,
  })
  const handleFast = createPipeline({ ...common, fast })

  const honest: Forward = ({ query, question, edns }) => {
    const sent = encodeUpstreamQuery(query, question, edns, upstreamId)
    return { reply: readReply(honestReply(sent), question)!, upstream: '' }
  }

  const hearing =
    (packet: Buffer): Forward =>
    ({ query, question, edns }) => {
      const sent = encodeUpstreamQuery(query, question, edns, upstreamId)
      const isOurs = answersQuestion(sent, question, packet)
      const reply = isOurs ? readReply(Buffer.from(packet), question) : undefined
      fate = reply !== undefined ? 'relayed' : isOurs ? 'given up' : 'ignored'
      return reply === undefined ? { failure: '', reason: 'failed' } : { reply, upstream: '' }
    }

  function answer(
    message: Buffer,
    transport: Query['transport'],
    from: From = 'web',
    by = handle,
  ): Buffer | undefined {
    const reply = by({ message, ...askers[from], transport, server: 'x', idle: 10_000 })
    if (reply instanceof Promise) throw new TypeError('nothing here waits')
    return reply
  }

  function panics(): string[] {
    const cell = counters.panics.cell()
    const flaws = cell.value > 0 ? ['panicked'] : []
    cell.value = 0
    return flaws
  }

  return {
    question({ packet, transport, from }) {
      forward = honest
      const reply = answer(Buffer.from(packet), transport, from)
      // The first may be kept, and the second is what was kept: the same but for the order of addresses.
      const again = [1, 2].map(() => answer(Buffer.from(packet), transport, from, handleFast))
      const isOwed = packet.length >= 12 && (packet[2]! & 0x80) === 0
      const flaws = panics()
      if (again.some((other) => !isAlike(reply, other))) flaws.push('a fast answer is another')
      if (reply === undefined) return { outcome: 'drop', flaws: isOwed ? [...flaws, 'no reply'] : flaws }
      if (!isOwed) return { outcome: 'reply', flaws: [...flaws, 'a reply to what is no question'] }
      flaws.push(...flawsOf(packet, reply, transport), ...flawsOf(packet, again[1]!, transport))
      return { outcome: rcodeText(reply[3]! & 15), flaws }
    },
    reply({ packet, transport, to = 0 }) {
      const query = asked[to]!
      forward = hearing(packet)
      const reply = answer(Buffer.from(query), transport)
      const flaws = panics()
      if (reply === undefined) return { outcome: 'drop', flaws: [...flaws, 'no reply'] }
      return { outcome: fate, flaws: [...flaws, ...flawsOf(query, reply, transport)] }
    },
    async kept({ packet, transport, to = 0 }) {
      const { clock, turn } = createHandClock(1_000_000)
      forward = createCache({
        now: clock.monotonic,
        ...{
          ask: hearing(packet),
          settings: cacheSettings,
          isCacheable: () => true,
          isDown: () => false,
          claim: () => () => {},
        },
        ...{
          counters: createCacheMetrics(),
          forwardCounters: createForwardMetrics(),
          clock,
          log: silentLogger,
        },
      }).forward
      const flaws: string[] = []
      // The first two of `asked` are one question, with and without EDNS.
      for (const query of [asked[to]!, asked[to < 2 ? 1 - to : to]!]) {
        const reply = await handle({ message: query, ...askers.web, transport, server: 'x' })
        flaws.push(...panics(), ...(reply === undefined ? ['no reply'] : flawsOf(query, reply, transport)))
        turn(10_000)
      }
      return { outcome: fate, flaws }
    },
    sent: (to) => encodeUpstreamQuery(asked[to]!, readQuestion(asked[to]!)!, undefined, upstreamId),
    run(side, { packet, transport, from, to = 0 }) {
      forward = side === 'questions' ? honest : hearing(packet)
      answer(side === 'questions' ? packet : asked[to]!, transport, from)
    },
  }
}

/** Header, length and, sorted, bytes. */
function isAlike(one: Buffer | undefined, other: Buffer | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  const sorted = (reply: Buffer) => Buffer.from(reply.subarray(12)).sort()
  return one.subarray(0, 12).equals(other.subarray(0, 12)) && sorted(one).equals(sorted(other))
}
