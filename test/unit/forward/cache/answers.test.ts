// What is kept, under what, for how long, and how much of it.
import { describe, expect, it } from 'vitest'
import { rcode } from '../../../../src/dns/header.ts'
import {
  address,
  alias,
  failed,
  keptBy,
  questionFor,
  replyTo,
  route,
  soa,
  upstreams,
  zoneRoute,
} from './kept.ts'

describe('an answer', () => {
  it('is given again, at once and aged, until its TTL is over', async () => {
    const kept = keptBy()
    expect(await kept.ask()).toEqual({ rcode: 0, records: ['A 60 192.0.2.1'] })
    kept.turn(12_400)
    const again = kept.forward(questionFor())
    expect(again).not.toBeInstanceOf(Promise)
    expect(again).toMatchObject({ upstream: '192.0.2.53:53', cached: { age: 12, stale: false } })
    expect(await kept.ask()).toMatchObject({ records: ['A 48 192.0.2.1'] })
    kept.turn(47_500)
    expect(await kept.ask()).toMatchObject({ records: ['A 1 192.0.2.1'] })
    expect(kept.asked).toHaveLength(2) // The second is a prefetch.
    await kept.ask({ name: 'other.example.org' })
    expect([kept.count('hits'), kept.count('misses')]).toEqual([3, 2])
  })

  it('is asked for again once it is over', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(60_000)
    expect(await kept.ask()).toEqual({ rcode: 0, records: ['A 60 192.0.2.1'] })
    expect(kept.asked).toHaveLength(2)
    expect(kept.entries()).toEqual({ success: 1 })
    expect(kept.count('evictions')).toBe(0)
  })

  it('holds for the least of its TTLs, in all sections', async () => {
    const kept = keptBy()
    kept.says = {
      answers: [address(60), address(50)],
      additionals: [address(20, '192.0.2.9', 'ns.example.org')],
    }
    await kept.ask()
    kept.turn(19_999)
    expect(await kept.ask()).toMatchObject({ records: ['A 41 192.0.2.1', 'A 31 192.0.2.1'] })
    kept.turn(1)
    await kept.ask()
    expect(kept.asked).toHaveLength(2)
  })

  it.each([
    ['0', 0],
    ['with its top bit set, which means 0 (RFC 2181, 8)', 0x80000000],
  ])('with a TTL %s is not kept', async (_, ttl) => {
    const kept = keptBy()
    kept.says = { answers: [address(60), address(ttl)] }
    await kept.ask()
    await kept.ask()
    expect(kept.asked).toHaveLength(2)
  })

  it('has TTLs with their top bit set told as 0, from the first answer on, with RD or without', async () => {
    for (const changes of [{}, { entries: 0 }]) {
      for (const flags of [0x0100, 0]) {
        const kept = keptBy(changes)
        kept.says = { answers: [address(0x7fffffff), address(0x80000000), address(0xffffffff)] }
        const records = ['A 2147483647 192.0.2.1', 'A 0 192.0.2.1', 'A 0 192.0.2.1']
        expect(await kept.ask({ flags })).toEqual({ rcode: 0, records })
      }
    }
  })

  it('is kept for no longer than maxTtl, its TTLs as they are', async () => {
    const kept = keptBy({ maxTtl: 30_000 })
    kept.says = { answers: [address(3600)] }
    await kept.ask()
    kept.turn(29_999)
    expect(await kept.ask()).toMatchObject({ records: ['A 3571 192.0.2.1'] })
    kept.turn(1)
    await kept.ask()
    expect(kept.asked).toHaveLength(2)
  })

  it('is for its name, type and class, DO, CD, servers and zone alone', async () => {
    const kept = keptBy()
    const second = { host: '192.0.2.54', port: 53, text: '192.0.2.54:53' }
    const questions = [
      {},
      { name: 'example.org' },
      { name: 'www\\.example.org' },
      { type: 'AAAA' },
      { class: 3 },
      { dnssecOk: true },
      { flags: 0x0110 },
      { flags: 0x0110, dnssecOk: true },
      { route: { ...route, upstreams: [second] } },
      { route: { ...route, upstreams: [...upstreams, second] } },
      { route: { ...route, name: 'default, own network' } },
      { route: zoneRoute('org', upstreams) },
      { route: zoneRoute('example.org', upstreams) },
    ]
    for (const question of questions) await kept.ask({ type: 'A', ...question })
    // AAAA has no answer here, and no SOA.
    expect(kept.asked).toHaveLength(questions.length)
    for (const question of questions) if (question.type === undefined) await kept.ask(question)
    expect(kept.asked).toHaveLength(questions.length)
  })

  it('is for every case of the name, with AD or not, and with EDNS or not', async () => {
    const kept = keptBy()
    await kept.ask()
    await kept.ask({ name: 'WWW.example.ORG' })
    await kept.ask({ flags: 0x0120 })
    await kept.ask({ plain: true })
    expect(kept.asked).toHaveLength(1)
  })

  it('to a question without RD is not kept, but what is kept is for such questions too', async () => {
    const kept = keptBy()
    await kept.ask({ flags: 0 })
    await kept.ask({ flags: 0 })
    expect(kept.asked).toHaveLength(2)
    await kept.ask()
    expect(kept.asked).toHaveLength(3)
    await kept.ask({ flags: 0 })
    expect(kept.asked).toHaveLength(3)
  })

  it.each([
    ['cut short (TC)', { answers: [address(60)], flags: 0x0380 }],
    ['FORMERR', { rcode: rcode.FORMERR, authorities: [soa(60, 60)] }],
    ['SERVFAIL', { rcode: rcode.SERVFAIL, authorities: [soa(60, 60)] }],
    ['REFUSED', { rcode: rcode.REFUSED, authorities: [soa(60, 60)] }],
    ['a referral', { authorities: [{ type: 'NS' as const, name: 'org', ttl: 60, data: 'ns.org' }] }],
    ['empty', {}],
    ['NXDOMAIN without SOA', { rcode: rcode.NXDOMAIN }],
    ['a CNAME that leads nowhere', { answers: [alias(60, 'a.example.org')] }],
  ])('that is %s is not kept', async (_, says) => {
    const kept = keptBy()
    kept.says = says
    await kept.ask()
    await kept.ask()
    expect(kept.asked).toHaveLength(2)
  })

  it('whose rcode is longer than the header’s four bits is not kept', async () => {
    const kept = keptBy()
    const question = questionFor()
    const bad = replyTo(question, { answers: [address(60)] })
    // BADVERS is 16: NOERROR in the header, 1 in OPT.
    const opt = Buffer.from('00002904d0010000000000', 'hex')
    const message = Buffer.concat([bad.message, opt])
    message.writeUInt16BE(1, 10)
    const { end } = bad.records.at(-1)!
    const record = {
      section: 'additional',
      start: end,
      type: 41,
      class: 1232,
      ttlAt: end + 5,
      dataAt: end + 11,
      end: end + 11,
    } as const
    kept.says = { reply: { message, records: [...bad.records, record] }, upstream: 'x' }
    await kept.ask()
    await kept.ask()
    expect(kept.asked).toHaveLength(2)
  })

  it('that must not be kept is passed on, and what was kept before goes', async () => {
    let allowed = true
    const kept = keptBy({}, { isCacheable: () => allowed })
    await kept.ask()
    expect(kept.entries()).toEqual({ success: 1 })
    kept.turn(60_000)
    allowed = false
    expect(await kept.ask()).toEqual({ rcode: 0, records: ['A 60 192.0.2.1'] })
    expect(kept.entries()).toEqual({ success: 0 })
    kept.says = failed
    expect(await kept.ask()).toMatchObject({ failure: '192.0.2.53:53 SERVFAIL' })
  })

  it('without signatures, of a server that may yet turn out to have them, is passed on, and what was kept before stays', async () => {
    const kept = keptBy()
    const signed = { dnssecOk: true }
    await kept.ask(signed)
    kept.turn(60_000)
    const reply = replyTo(questionFor(signed), { answers: [address(60, '192.0.2.7')] })
    kept.says = { reply, upstream: '192.0.2.53:53', isGuess: true }
    expect(await kept.ask(signed)).toEqual({ rcode: 0, records: ['A 60 192.0.2.7'] })
    expect(await kept.ask(signed)).toEqual({ rcode: 0, records: ['A 60 192.0.2.7'] })
    expect(kept.asked).toHaveLength(3)
    kept.says = failed
    expect(await kept.ask(signed)).toMatchObject({ records: ['A 30 192.0.2.1'] })
  })

  it('is of its own bytes: who changes what was handed out changes nothing here', async () => {
    const kept = keptBy()
    for (const _ of [1, 2, 3]) {
      const result = await kept.forward(questionFor())
      if ('reply' in result) result.reply.message.fill(0xff)
    }
    expect(await kept.ask()).toMatchObject({ records: ['A 60 192.0.2.1'] })
  })
})

describe('the limits', () => {
  it('of entries: the least recently used goes first', async () => {
    const kept = keptBy({ entries: 2 })
    await kept.ask({ name: 'a.example' })
    await kept.ask({ name: 'b.example' })
    await kept.ask({ name: 'a.example' })
    await kept.ask({ name: 'c.example' })
    expect(kept.entries()).toEqual({ success: 2 })
    expect(kept.count('evictions')).toBe(1)
    await kept.ask({ name: 'a.example' })
    expect(kept.asked).toHaveLength(3)
    await kept.ask({ name: 'b.example' })
    expect(kept.asked).toHaveLength(4)
  })

  it('of bytes: large answers take the place of many, and one that is too large is not kept', async () => {
    const kept = keptBy({ bytes: 32 * 1024 })
    for (let i = 0; i < 500; i++) await kept.ask({ name: `n${i}.example` })
    const many = kept.entries().success!
    expect(many).toBeGreaterThan(50)
    expect(many).toBeLessThan(120)
    expect(kept.count('bytes')).toBeLessThanOrEqual(32 * 1024)
    kept.says = { answers: Array.from({ length: 200 }, (_, i) => address(60, `192.0.2.${i}`)) }
    await kept.ask({ name: 'large.example' })
    expect(kept.entries().success).toBeLessThan(many - 10)
    expect(kept.count('bytes')).toBeLessThanOrEqual(32 * 1024)
    kept.says = { answers: Array.from({ length: 1500 }, (_, i) => address(60, `192.0.2.${i % 256}`)) }
    await kept.ask({ name: 'huge.example' })
    await kept.ask({ name: 'huge.example' })
    expect(kept.asked).toHaveLength(503)
  })

  it('of 0 entries: nothing is kept, and questions are answered all the same', async () => {
    const kept = keptBy({ entries: 0 })
    await kept.ask()
    expect(await kept.ask()).toEqual({ rcode: 0, records: ['A 60 192.0.2.1'] })
    expect(kept.asked).toHaveLength(2)
    expect(kept.entries()).toEqual({})
  })
})

it('nothing is lost to a machine that slept: what it slept through counts as time passed', async () => {
  const kept = keptBy()
  await kept.ask()
  kept.turn(1000)
  kept.jump(8 * 3_600_000)
  await kept.ask()
  expect(kept.asked).toHaveLength(2)
  // Somebody sets the clock back: no answer gets younger, none older.
  kept.turn(10_000)
  kept.jump(-86_400_000)
  expect(await kept.ask()).toMatchObject({ records: ['A 50 192.0.2.1'], cached: { age: 10 } })
  kept.turn(5000)
  expect(await kept.ask()).toMatchObject({ records: ['A 45 192.0.2.1'] })
})
