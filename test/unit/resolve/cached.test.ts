// What an asker, the log and the metrics are told of answers and failures that were at hand.
import { decode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { createCookies } from '../../../src/dns/cookie.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import type { Forwarded } from '../../../src/forward/types.ts'
import type { QueryReply } from '../../../src/http/api-types.ts'
import { createInspector } from '../../../src/http/inspect.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { createDnsMetrics } from '../../../src/resolve/dns-metrics.ts'
import { createPipeline } from '../../../src/resolve/pipeline.ts'
import { address, keptBy, nxdomain, questionFor, replyTo, type Said } from '../forward/cache/kept.ts'
import { config, resolverFor } from './deciding.ts'
import { estate } from './estate.ts'

const resolver = resolverFor(estate([], []))
const upstream = '192.0.2.53:53'
const kept = (said: Said, age: number, stale: boolean): Forwarded => ({
  reply: replyTo(questionFor(), said),
  upstream,
  cached: { age, stale },
})
const answer: Said = { answers: [address(30)] }

/** `edns`: whether the asker has it. */
function serve(result: Forwarded, edns = true) {
  const counters = createDnsMetrics()
  const lines: Record<string, unknown>[] = []
  const log = { info: (fields: Record<string, unknown>) => void lines.push(fields) } as never
  const handle = createPipeline({
    ...{ resolver, counters, log, clock: systemClock, logQueries: true },
    ...{
      cookies: createCookies({ secretOf: () => Buffer.alloc(16), seconds: () => 0 }),
      identity: config.identity,
    },
    forward: () => result,
  })
  const message = encodeQuery('www.example.org', 'A', { id: 7, ...(edns ? { edns: 1232 } : {}) })
  const reply = handle({ message, asker: '127.0.0.1', local: '127.0.0.1', transport: 'udp', server: 'x' })
  const { rcode, answers, additionals } = decode(reply as Buffer) as never as {
    rcode: string
    answers: { ttl: number }[]
    additionals: { options?: { code: number; data: Buffer }[] }[]
  }
  const error = additionals.flatMap(({ options = [] }) => options).find(({ code }) => code === 15)
  const { labels } = [...counters.responses.cells.values()][0]!
  return {
    isPlain: !(reply instanceof Promise),
    rcode,
    ttls: answers.map(({ ttl }) => ttl),
    error: error?.data.readUInt16BE(0),
    source: labels.source,
    rule: lines[0]!.rule,
    ms: lines[0]!.ms,
  }
}

describe('the pipeline', () => {
  it('gives a kept answer at once, and says where it was and how old it is', () => {
    expect(serve(kept(answer, 12, false))).toEqual({
      isPlain: true,
      rcode: 'NOERROR',
      ttls: [30],
      error: undefined,
      source: 'cache',
      rule: '192.0.2.53:53, 12 s old',
      ms: expect.any(Number),
    })
  })

  it.each([
    ['answer', answer, 3, 'NOERROR'],
    ['NXDOMAIN', nxdomain, 19, 'NXDOMAIN'],
  ])('says with EDE that a stale %s is stale (RFC 8914, 4.4 and 4.20)', (_, said, error, rcode) => {
    const rule = '192.0.2.53:53, 90 s old and stale'
    expect(serve(kept(said, 90, true))).toMatchObject({ rcode, error, source: 'cache', rule })
    expect(serve(kept(said, 90, true), false)).toMatchObject({ rcode, error: undefined })
  })

  it('says with EDE that a failure is not a new one (RFC 8914, 4.14)', () => {
    const failure = '192.0.2.53:53 timeout'
    const cached = { age: 1, stale: false }
    expect(serve({ failure, reason: 'unreachable', cached })).toMatchObject({
      ...{ rcode: 'SERVFAIL', error: 13, source: 'cache', rule: '192.0.2.53:53 timeout, 1 s old' },
    })
    expect(serve({ failure, reason: 'unreachable' })).toMatchObject({ error: 22, source: 'forward' })
    expect(serve({ failure, reason: 'failed' })).toMatchObject({ error: 23, source: 'forward' })
  })
})

it('the log says what the tries came to, and how long it took, ms', () => {
  const tries = '192.0.2.9:53 silent, 192.0.2.53:53 answered'
  const fresh = { reply: replyTo(questionFor(), answer), upstream, tries }
  expect(serve(fresh)).toMatchObject({ rule: tries, ms: expect.any(Number) })
  const rule = `192.0.2.53:53, 90 s old and stale; ${tries}`
  expect(serve({ ...kept(answer, 90, true), tries })).toMatchObject({ rule })
})

describe('the inspector', () => {
  const query = (result: Forwarded) =>
    createInspector({ resolver, forward: () => result, zone: config.zone, clock: systemClock }).query(
      'www.example.org',
      'A',
      {
        kind: 'host',
      },
    )

  it('tells that an answer was kept, and for how long', async () => {
    expect(await query(kept(answer, 12, false))).toMatchObject({
      source: 'cache',
      upstream: '192.0.2.53:53',
      cached: { age: 12, stale: false },
      answers: [{ ttl: 30 }],
    })
    const cached = { age: 1, stale: false }
    expect(await query({ failure: 'x', reason: 'failed', cached })).toMatchObject({ source: 'cache', cached })
    expect(await query({ failure: 'x', reason: 'failed' })).not.toHaveProperty('cached')
  })

  it('tells for how much longer, and nothing of ours', async () => {
    const lease = { use: () => undefined }
    const held = { ...kept(answer, 12, false), cached: { age: 12, left: 18, stale: false, lease } }
    expect((await query(held)) as QueryReply).toHaveProperty('cached', { age: 12, left: 18, stale: false })
  })

  it('tells what else is kept of the name to who may know it', async () => {
    const cache = keptBy()
    await cache.ask({ name: 'www.example.org' })
    const inspector = createInspector({
      ...{ resolver, forward: cache.forward, zone: config.zone, clock: systemClock },
      holdings: (name) => cache.holdings({ name, below: false }, 10),
    })
    const ask = (name: string, seesCache?: boolean) =>
      inspector.query(name, 'A', { kind: 'host' }, seesCache) as Promise<QueryReply>
    expect(await ask('www.example.org')).not.toHaveProperty('kept')
    expect((await ask('WWW.example.org.', true)).kept).toMatchObject([
      { name: 'www.example.org', type: 'A', left: 60, upstream: '192.0.2.53:53' },
    ])
    // What is asked for the first time is kept by the time it is told.
    expect((await ask('new.example.org', true)).kept).toMatchObject([{ name: 'new.example.org' }])
  })

  it('tells what the tries came to, and how long they took, ms', async () => {
    const tries = '192.0.2.9:53 silent, 192.0.2.53:53 answered'
    const told = await query({ reply: replyTo(questionFor(), answer), upstream, tries })
    expect(told).toMatchObject({ source: 'forward', upstream, tries, ms: expect.any(Number) })
    expect(await query(kept(answer, 12, false))).not.toHaveProperty('tries')
  })
})
