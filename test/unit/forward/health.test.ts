// Which upstream is asked first: orders, the memory of failures, checks in the background.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ForwardOrder, Upstream } from '../../../src/config/types.ts'
import { orderUpstreams, type Standing } from '../../../src/forward/order.ts'
import { answer, createRig, first, second, third, upstreams } from './fake-carriers.ts'

type Rig = ReturnType<typeof createRig>

/** Asks once, is answered by the first server it is sent to, and gives that one's last digit. */
async function firstAsked(rig: Rig, list = upstreams.slice(0, 2), order: ForwardOrder = 'sequential') {
  const n = rig.tries.length
  const result = rig.ask({ list, order })
  rig.reply(n, 0)
  await result
  return rig.tries[n]!.upstream.host.at(-1)
}

/** A question that meets a first server that is silent. */
async function meetSilence(rig: Rig) {
  const result = rig.ask()
  rig.turn(1000)
  rig.reply(rig.tries.length - 1, 0)
  await result
}

describe('a server that was silent', () => {
  it('costs one question its wait, and the next ones nothing', async () => {
    const rig = createRig()
    await meetSilence(rig)
    expect(await firstAsked(rig)).toBe('2')
    expect(await firstAsked(rig)).toBe('2')
  })

  it('is checked with ". NS" at once, and has its place again with the first reply, whatever it says', async () => {
    const rig = createRig()
    await meetSilence(rig)
    expect(rig.checks).toHaveLength(1)
    expect(rig.check().message.toString('hex')).toMatch(
      /^0000012000010000000000010000020001000029[0-9a-f]{4}000000000000$/,
    )
    rig.replyToCheck(5)
    expect(await firstAsked(rig)).toBe('1')
    rig.turn(60_000)
    expect(rig.checks).toHaveLength(1)
    expect(rig.lines).toEqual([])
  })

  it('is down when a check fails: that is said once, and again when it is back within 2 s', async () => {
    const rig = createRig()
    await meetSilence(rig)
    rig.turn(1000)
    expect(rig.counters.healthy.cell(first.text).value).toBe(0)
    for (let n = 0; n < 10; n++) {
      await firstAsked(rig)
      rig.turn(2000)
    }
    expect(rig.lines).toMatchObject([{ level: 'warn', upstream: first.text, why: 'no reply' }])
    expect(rig.counters.healthcheckFailures.cell(first.text).value).toBeGreaterThan(5)
    const checks = rig.checks.length
    rig.turn(2000)
    expect(rig.checks.length).toBeGreaterThan(checks)
    rig.replyToCheck(0)
    expect(rig.lines).toMatchObject([{}, { level: 'info', upstream: first.text, msg: 'an upstream is back' }])
    expect(rig.counters.healthy.cell(first.text).value).toBe(1)
    expect(await firstAsked(rig)).toBe('1')
  })

  it('is known to be down from a failed check to a good one, and all of them only where each is', async () => {
    const rig = createRig()
    const { isDown } = rig.exchange
    await meetSilence(rig)
    expect(isDown([first])).toBe(false)
    rig.turn(1000)
    expect([isDown([first]), isDown([first, second]), isDown([])]).toEqual([true, false, false])
    rig.turn(2000)
    rig.replyToCheck(0)
    expect(isDown([first])).toBe(false)
  })

  it('is back as well with a reply to a question', async () => {
    const rig = createRig()
    await meetSilence(rig)
    const n = rig.tries.length
    const result = rig.ask()
    rig.reply(n, 2)
    rig.reply(n + 1, 0)
    await result
    expect(rig.tries[n + 1]!.upstream).toBe(first)
    expect(await firstAsked(rig)).toBe('1')
  })

  it('is asked all the same where all are down, in their order', async () => {
    const rig = createRig()
    void rig.ask()
    rig.turn(3500)
    const n = rig.tries.length
    void rig.ask()
    rig.turn(1000)
    expect([...new Set(rig.asked().slice(n))]).toEqual(['udp 1', 'udp 2'])
  })

  it('is not checked for ever where nobody wants it any more', async () => {
    const rig = createRig()
    await meetSilence(rig)
    rig.turn(70_000)
    expect(rig.pending()).toBe(0)
  })
})

describe('a server that gives errors', () => {
  /** A question for this name, to which the first of two servers says `code` and the second one the answer. */
  const outdo = async (rig: Rig, code: number, name = 'example.com') => {
    const n = rig.tries.length
    const result = rig.ask({ name })
    expect(rig.tries[n]!.upstream).toBe(first)
    rig.reply(n, code)
    rig.reply(n + 1, 0)
    expect(await result).toMatchObject({ upstream: second.text })
  }
  const known = async () => {
    const rig = createRig()
    await rig.know(first, second)
    return rig
  }

  it('goes behind after three in a row that another one answered, where a check gets the same', async () => {
    const rig = await known()
    for (let n = 0; n < 3; n++) {
      expect(rig.checks).toHaveLength(0)
      await outdo(rig, 2)
    }
    rig.replyToCheck(2)
    expect(await firstAsked(rig)).toBe('2')
    expect(rig.lines).toMatchObject([{ upstream: first.text, why: 'SERVFAIL' }])
  })

  it.each([
    [5, 'REFUSED'],
    [4, 'NOTIMP'],
    [9, 'NOTAUTH'],
    [1, 'FORMERR'],
  ])('keeps its place with %i (%s), however often: that says something of the question', async (code) => {
    const rig = await known()
    for (let n = 0; n < 20; n++) {
      const at = rig.tries.length
      const result = rig.ask({ name: `www.example${n}.net` })
      rig.reply(at, code)
      // NOTIMP and FORMERR may be about EDNS.
      if (rig.asked().at(-1) === 'udp 1') rig.reply(at + 1, code)
      rig.reply(rig.tries.length - 1, 0)
      expect(await result).toMatchObject({ upstream: second.text })
    }
    expect(rig.checks).toHaveLength(0)
    expect(await firstAsked(rig)).toBe('1')
  })

  it('keeps its place where it answers the check: it is the domain, however often that is asked for', async () => {
    const rig = await known()
    for (let n = 0; n < 3; n++) await outdo(rig, 2, `n${n}.broken.example`)
    rig.replyToCheck(0)
    for (let n = 0; n < 40; n++) await outdo(rig, 2, `n${n}.broken.example`)
    expect(rig.checks).toHaveLength(1)
    expect(await firstAsked(rig)).toBe('1')
  })

  it('keeps its place where it refuses to answer the check', async () => {
    const rig = await known()
    for (let n = 0; n < 3; n++) await outdo(rig, 2)
    rig.replyToCheck(5)
    expect(await firstAsked(rig)).toBe('1')
    expect(rig.lines).toEqual([])
  })

  it('keeps its place where all say so: it is the name', async () => {
    const rig = await known()
    for (let n = 0; n < 10; n += 2) {
      const result = rig.ask()
      rig.reply(n, 2)
      rig.reply(n + 1, 2)
      await result
    }
    expect(await firstAsked(rig)).toBe('1')
  })

  it('keeps its place where it answers in between', async () => {
    const rig = await known()
    for (const code of [2, 2, 0, 2, 2]) {
      if (code === 0) await firstAsked(rig)
      else await outdo(rig, code)
    }
    expect(await firstAsked(rig)).toBe('1')
    expect(rig.checks).toHaveLength(0)
  })

  it('is well with an answer to a check, not with an error, and after 10 s in any case', async () => {
    const rig = await known()
    for (let n = 0; n < 3; n++) await outdo(rig, 2)
    rig.replyToCheck(2)
    expect(await firstAsked(rig)).toBe('2')
    rig.turn(500)
    rig.replyToCheck(3)
    expect(await firstAsked(rig)).toBe('1')
    for (let n = 0; n < 3; n++) await outdo(rig, 2)
    for (let ms = 0; ms <= 11_000; ms += 1000) {
      if (!rig.check().cancelled) rig.replyToCheck(2)
      rig.turn(1000)
    }
    expect(await firstAsked(rig)).toBe('1')
  })
})

describe('a server that answers nothing but checks', () => {
  const healthy = (rig: Rig) => rig.counters.healthy.cell(first.text).value

  it('is not healthy: it goes behind until it answers a question, of which it gets copies', async () => {
    const rig = createRig()
    await rig.know(first, second)
    await meetSilence(rig)
    rig.replyToCheck(0)
    for (const name of ['a.example', 'www.b.example', 'www.c.example']) {
      if (healthy(rig) === 0) break
      const result = rig.ask({ name })
      rig.turn(1000)
      rig.reply(rig.tries.length - 1, 0)
      await result
      if (rig.check().upstream === first && !rig.check().cancelled) rig.replyToCheck(0)
    }
    expect(healthy(rig)).toBe(0)
    expect(rig.exchange.isDown([first])).toBe(true)
    expect(rig.lines).toMatchObject([
      { level: 'warn', msg: 'an upstream answers health checks and no question, others go before it' },
    ])

    // Nobody waits for it, and of many questions it gets a copy of one a second.
    rig.turn(1000)
    const checks = rig.checks.length
    const n = rig.tries.length
    for (let i = 0; i < 5; i++) {
      const result = rig.ask()
      rig.reply(
        rig.tries.findLastIndex(({ upstream }) => upstream === second),
        0,
      )
      await result
    }
    const copies = () => rig.tries.slice(n).filter(({ upstream }) => upstream === first)
    expect(copies()).toHaveLength(1)
    expect(rig.checks).toHaveLength(checks)
    rig.turn(1000)
    expect(await firstAsked(rig)).toBe('2')
    expect(copies()).toHaveLength(2)
    const [, copy] = copies()
    copy!.done({ reply: answer(copy!.message, 0) })
    expect(healthy(rig)).toBe(1)
    expect(await firstAsked(rig)).toBe('1')
    expect(rig.lines).toMatchObject([{}, { level: 'info', msg: 'an upstream is back' }])
  })

  it('is well where one domain alone is silent', async () => {
    const rig = createRig()
    await rig.know(first, second)
    for (let n = 0; n < 10; n++) {
      const result = rig.ask({ name: `n${n}.broken.example` })
      rig.turn(1000)
      rig.reply(rig.tries.length - 1, 0)
      await result
      rig.replyToCheck(0)
    }
    expect(healthy(rig)).toBe(1)
    expect(rig.lines).toEqual([])
    expect(await firstAsked(rig)).toBe('1')
  })

  it('is not healthy with errors for every domain either', async () => {
    const rig = createRig()
    await rig.know(first, second)
    for (let n = 0; n < 30 && healthy(rig) === 1; n++) {
      const at = rig.tries.length
      const result = rig.ask({ name: `www.example${n}.net` })
      rig.reply(at, 2)
      rig.reply(at + 1, 0)
      await result
      if (rig.checks.length > 0 && !rig.check().cancelled) rig.replyToCheck(0)
    }
    expect(healthy(rig)).toBe(0)
    expect(await firstAsked(rig)).toBe('2')
    rig.turn(10_000)
    expect(healthy(rig)).toBe(1)
    expect(await firstAsked(rig)).toBe('1')
  })
})

describe('errors that no other server makes good', () => {
  /** Every one of these servers says SERVFAIL to names of ever new domains, and answers checks. */
  const failAll = async (rig: Rig, list: readonly Upstream[]) => {
    await rig.know(...list)
    for (let n = 0; n < 12; n++) {
      const at = rig.tries.length
      const result = rig.ask({ list, name: `www.example${n}.net` })
      for (let i = 0; i < list.length; i++) rig.reply(at + i, 2)
      await result
      if (rig.checks.length > 0 && !rig.check().cancelled) rig.replyToCheck(0)
    }
  }

  it('show the only one to be no use, until it answers a question', async () => {
    const rig = createRig()
    await failAll(rig, [first])
    expect(rig.counters.healthy.cell(first.text).value).toBe(0)
    expect(rig.exchange.isDown([first])).toBe(true)
    await firstAsked(rig, [first])
    expect(rig.counters.healthy.cell(first.text).value).toBe(1)
  })

  it('say nothing of those behind the first, which hear of nothing else', async () => {
    const rig = createRig()
    await failAll(rig, [first, second])
    expect(rig.counters.healthy.cell(second.text).value).toBe(1)
  })
})

describe('our own trouble', () => {
  it('does not set a server aside', async () => {
    const rig = createRig()
    const result = rig.ask()
    rig.fail(0, 'EMFILE', 'us')
    rig.reply(1, 0)
    await result
    expect(await firstAsked(rig)).toBe('1')
    expect(rig.checks).toHaveLength(0)
  })

  it('does not make a check fail', async () => {
    const rig = createRig()
    await meetSilence(rig)
    rig.check().done({ error: 'EMFILE', blame: 'us' })
    expect(rig.counters.healthcheckFailures.cell(first.text).value).toBe(0)
    rig.turn(500)
    expect(rig.checks).toHaveLength(2)
  })
})

it('labels stay bounded, whatever upstreams come and go', async () => {
  const rig = createRig()
  for (let n = 0; n < 500; n++) {
    const upstream = { host: '192.0.2.9', port: n + 1, text: `192.0.2.9:${n + 1}` }
    rig.turn(1)
    await firstAsked(rig, [upstream])
  }
  expect(rig.counters.duration.cells.size).toBe(65)
  expect(rig.counters.healthy.cells.size).toBe(65)
})

describe('orders', () => {
  const standings = new Map<string, Standing>([
    [first.text, { unhealthy: false, rtt: 30 }],
    [second.text, { unhealthy: false, rtt: 10 }],
    [third.text, { unhealthy: false, rtt: 20 }],
  ])
  const order = (order: ForwardOrder, random = () => 0.5, known = standings) =>
    orderUpstreams(upstreams, order, ({ text }) => known.get(text)!, random).map(({ host }) => host.at(-1))

  it('sequential: as written', () => {
    expect(order('sequential')).toEqual(['1', '2', '3'])
  })

  it('fastest: by time, unknown ones first, now and then another one', () => {
    expect(order('fastest')).toEqual(['2', '3', '1'])
    expect(order('fastest', () => 0)).toEqual(['3', '2', '1'])
    const some = new Map(standings).set(first.text, { unhealthy: false, rtt: undefined })
    expect(order('fastest', () => 0.5, some)).toEqual(['1', '2', '3'])
  })

  it('fastest: learns from replies', async () => {
    const rig = createRig()
    const list = upstreams.slice(0, 2)
    for (const ms of [40, 20]) {
      const n = rig.tries.length
      const result = rig.ask({ list, order: 'fastest' })
      rig.turn(ms)
      rig.reply(n, 0)
      await result
    }
    expect(await firstAsked(rig, list, 'fastest')).toBe('2')
  })

  it('random: each is first about as often', () => {
    let seed = 1
    const random = () => {
      seed = (seed * 16807) % 2147483647
      return seed / 2147483647
    }
    const counts = new Map<string, number>()
    for (let n = 0; n < 3000; n++) {
      const [head] = order('random', random)
      counts.set(head!, (counts.get(head!) ?? 0) + 1)
    }
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120)
    expect(counts.size).toBe(3)
  })

  it('always name each server once, unhealthy ones last', () => {
    const standing = fc.record({ unhealthy: fc.boolean(), rtt: fc.option(fc.nat(1000), { nil: undefined }) })
    const orders = fc.constantFrom<ForwardOrder>('sequential', 'random', 'fastest')
    const list = fc.array(standing, { minLength: 1, maxLength: 6 })
    const draws = fc.infiniteStream(fc.double({ min: 0, max: 0.999999, noNaN: true }))
    fc.assert(
      fc.property(list, orders, draws, (known, order, stream) => {
        const servers = known.map((_, n) => ({ host: '192.0.2.1', port: n, text: String(n) }))
        const ordered = orderUpstreams(
          servers,
          order,
          ({ port }) => known[port]!,
          () => stream.next().value as number,
        )
        expect([...ordered].sort((a, b) => a.port - b.port)).toEqual(servers)
        const unhealthy = ordered.map(({ port }) => known[port]!.unhealthy)
        expect(unhealthy).toEqual([...unhealthy].sort((a, b) => Number(a) - Number(b)))
      }),
    )
  })
})
