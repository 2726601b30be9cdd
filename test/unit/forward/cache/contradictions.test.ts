// Denials of a name that has records: they count for the asked type alone (RFC 4074, 4.2), whoever says so, in whatever
// order, as long as the records hold and 60 s more.
import { describe, expect, it } from 'vitest'
import { rcode } from '../../../../src/dns/header.ts'
import type { Fill } from '../../../../src/forward/cache/fill.ts'
import {
  type Asked,
  address,
  alias,
  failed,
  flagsIn,
  keptBy,
  nodata,
  nxdomain,
  questionFor,
  type Said,
  soa,
  zoneRoute,
} from './kept.ts'

const target = 'target.example.org'
const gone: Said = { rcode: rcode.NXDOMAIN, authorities: [soa(1800, 1800)] }
const a = (ttl: number): Said => ({ answers: [address(ttl)] })
const isThere = { rcode: 0, records: ['SOA 1800'] }
const isGone = { rcode: 3, records: ['SOA 1800'] }

const starts = (text: string) => expect.stringMatching(new RegExp(`^${text}`))

/** Says A to questions for it, and denies the name to all others. */
function badServer(ttl: number, changes: Parameters<typeof keptBy>[0] = {}) {
  const kept = keptBy(changes)
  return {
    ...kept,
    kept,
    async ask(what: Asked = {}) {
      kept.says = (what.type ?? 'A') === 'A' ? a(ttl) : gone
      return kept.ask(what)
    },
  }
}

describe('NXDOMAIN for one type of a name that has another', () => {
  it('leaves that other alone, while it holds and after, and is NODATA from the first answer on', async () => {
    const { ask, turn, kept } = badServer(2)
    await ask()
    expect(await ask({ type: 'AAAA' })).toEqual(isThere)
    expect(await ask({ type: 'AAAA' })).toMatchObject({ ...isThere, cached: { age: 0 } })
    expect(await ask()).toMatchObject({ records: ['A 2 192.0.2.1'], cached: { age: 0 } })
    turn(3000)
    expect(await ask()).toEqual({ rcode: 0, records: ['A 2 192.0.2.1'] })
    expect(kept.asked).toHaveLength(3)
    expect(kept.entries()).toEqual({ success: 1, denial: 1 })
  })

  it.each([
    ['within their TTL', 59_999, 60],
    ['60 s after it', 119_999, 60],
    ['within a TTL of which the cache gives less', 3_660_000, 3661],
  ])('counts for that type alone: records known %s', async (_, later, ttl) => {
    const { ask, turn, kept } = badServer(ttl)
    await ask()
    turn(later)
    expect(await ask({ type: 'AAAA' })).toEqual(isThere)
    expect(await ask({ type: 'TXT' })).toEqual(isThere)
    await ask()
    expect(await ask()).toMatchObject({ rcode: 0, cached: { stale: false } })
    expect(kept.entries()).toEqual({ success: 1, denial: 2 })
  })

  it('counts for the name later than that, and once it is said of the type that was there', async () => {
    const late = badServer(60)
    await late.ask()
    late.turn(120_000)
    expect(await late.ask({ type: 'AAAA' })).toEqual(isGone)
    expect(await late.ask()).toMatchObject({ ...isGone, cached: { age: 0 } })

    const kept = keptBy()
    await kept.ask()
    kept.turn(61_000)
    kept.says = gone
    // Its own records are what it takes the place of. What else there may be has been there a minute ago.
    expect(await kept.ask()).toEqual(isGone)
    expect(await kept.ask({ type: 'AAAA' })).toEqual(isGone)
    expect(await kept.ask({ type: 'TXT' })).toMatchObject({ ...isGone, cached: { age: 0 } })
    expect(kept.asked).toHaveLength(3)
  })

  it('as NODATA ends with what stands against it: a name that is gone is gone for all types', async () => {
    const { ask, turn, kept } = badServer(60)
    await ask()
    await ask({ type: 'AAAA' })
    turn(119_999)
    expect(await ask({ type: 'AAAA' })).toMatchObject({ rcode: 0, cached: { age: 119 } })
    turn(1)
    expect(await ask({ type: 'AAAA' })).toEqual(isGone)
    kept.says = gone
    expect(await kept.ask()).toMatchObject({ rcode: 3, cached: { age: 0 } })
    expect(await kept.ask({ type: 'MX' })).toMatchObject({ rcode: 3, cached: { age: 0 } })
  })

  it('keeps its rcode where it is signed or was found proven; it counts for that type alone all the same', async () => {
    for (const asked of [{ dnssecOk: true }, { ad: true }]) {
      const kept = keptBy()
      await kept.ask(asked)
      kept.says = { ...gone, flags: 'ad' in asked ? 0x01a0 : 0x0180 }
      expect(await kept.ask({ ...asked, type: 'AAAA' })).toEqual(isGone)
      kept.turn(60_000)
      kept.says = a(60)
      expect(await kept.ask(asked)).toEqual({ rcode: 0, records: ['A 60 192.0.2.1'] })
    }
  })

  it('does so whatever DO and CD were, in whatever case, with EDNS or not', async () => {
    const ways: Asked[] = [{}, { dnssecOk: true }, { flags: 0x0110 }, { dnssecOk: true, flags: 0x0110 }]
    for (const first of ways) {
      for (const then of ways) {
        const { ask, turn } = badServer(2)
        await ask({ ...first, name: 'WWW.example.ORG' })
        await ask({ ...then, type: 'AAAA', plain: then.dnssecOk !== true })
        turn(3000)
        for (const last of ways) expect(await ask(last)).toMatchObject({ rcode: 0, records: [starts('A 2')] })
      }
    }
  })

  it('asked elsewhere says nothing of it: what others know is another matter', async () => {
    const { ask } = badServer(60)
    await ask()
    expect(await ask({ type: 'AAAA', route: zoneRoute('org') })).toEqual(isGone)
    expect(await ask({ type: 'AAAA', class: 3 })).toEqual(isGone)
    expect(await ask({ type: 'AAAA', name: 'other.example.org' })).toEqual(isGone)
    expect(await ask({ type: 'AAAA', name: 'a.www.example.org' })).toEqual(isGone)
  })

  it.each([
    ['with TTL 0', a(0), true],
    ['of an address that is not to be kept', a(60), false],
    ['cut short', { ...a(60), flags: 0x0380 }, true],
  ])('does so where the answer was one %s', async (_, says, isCacheable) => {
    const kept = keptBy({}, { isCacheable: ({ records }) => isCacheable || records[0]?.type !== 1 })
    kept.says = says
    await kept.ask()
    expect(kept.entries()).toEqual({})
    kept.says = gone
    expect(await kept.ask({ type: 'AAAA' })).toEqual(isThere)
    kept.says = says
    expect(await kept.ask()).toMatchObject({ rcode: 0, records: [starts('A')] })
  })

  it('does so where records are in use, whatever else was asked for since', async () => {
    const { ask, kept } = badServer(3600, { entries: 10 })
    await ask()
    for (let n = 0; n < 100; n++) {
      await ask({ name: `n${n}.example.org` })
      await ask()
    }
    expect(await ask({ type: 'AAAA' })).toEqual(isThere)
    // What has made room for others is not known any more.
    for (let n = 0; n < 10; n++) await ask({ name: `n${n}.example.org` })
    expect(await ask({ type: 'TXT' })).toEqual(isGone)
    expect(kept.entries()).toEqual({ success: 9, denial: 1 })
  })

  it('is told as it came to a question without RD, and where nothing is kept', async () => {
    const bare = badServer(60)
    await bare.ask()
    expect(await bare.ask({ type: 'AAAA', flags: 0 })).toEqual(isGone)
    const off = badServer(60, { entries: 0 })
    await off.ask()
    expect(await off.ask({ type: 'AAAA' })).toEqual(isGone)
  })
})

describe('records of a name that was denied', () => {
  it('end that, and what was asked for then stays denied', async () => {
    const kept = keptBy()
    kept.slow = true
    kept.says = gone
    const denied = kept.ask({ type: 'AAAA' })
    const shown = kept.ask()
    await kept.release(1)
    expect(await denied).toEqual(isGone)
    expect(kept.entries()).toEqual({ denial: 1 })
    kept.says = a(2)
    await kept.release()
    expect(await shown).toMatchObject({ records: ['A 2 192.0.2.1'] })
    expect(await kept.ask({ type: 'AAAA' })).toMatchObject({ rcode: 0, cached: { age: 0 } })
    expect(await kept.ask()).toMatchObject({ records: ['A 2 192.0.2.1'], cached: { age: 0 } })
    void kept.ask({ type: 'TXT' })
    expect(kept.asked).toHaveLength(3)
  })

  it('do so for all of DO and CD, and lent answers end with it', async () => {
    const { ask, kept } = badServer(60)
    await ask({ type: 'AAAA' })
    await ask({ type: 'AAAA', dnssecOk: true })
    const lent = await kept.forward(questionFor({ type: 'TXT' }))
    expect(lent.cached?.lease?.use(0)).toBe(0)
    kept.says = a(60)
    // One that nobody has denied yet.
    await kept.ask({ flags: 0x0110 })
    expect(lent.cached?.lease?.use(0)).toBeUndefined()
    expect(await ask()).toMatchObject({ rcode: 0 })
    expect(await ask({ dnssecOk: true })).toMatchObject({ rcode: 0 })
    expect(await ask({ type: 'AAAA' })).toMatchObject({ rcode: 0, cached: { age: 0 } })
    expect(await ask({ type: 'AAAA', dnssecOk: true })).toMatchObject({ rcode: 3, cached: { age: 0 } })
  })

  it('leave no trace where the same type was denied', async () => {
    const kept = keptBy()
    kept.says = gone
    await kept.ask({ dnssecOk: true })
    kept.says = a(60)
    await kept.ask({ flags: 0x0110 })
    expect(kept.entries()).toEqual({ denial: 0, success: 1 })
  })
})

describe('a chain of CNAMEs', () => {
  const chain: Said = { answers: [alias(300, target), address(60, '192.0.2.1', target)] }
  const broken: Said = { ...gone, answers: [alias(300, target)] }

  it('to a name with records is not broken by NXDOMAIN for another type of it', async () => {
    const kept = keptBy()
    kept.says = chain
    await kept.ask()
    kept.says = broken
    expect(await kept.ask({ type: 'AAAA' })).toMatchObject({
      rcode: 0,
      records: [starts('CNAME'), starts('SOA')],
    })
    // Nor is what it leads to, asked for by itself, nor the alias where the CNAME is left out.
    kept.says = gone
    expect(await kept.ask({ type: 'AAAA', name: target })).toEqual(isThere)
    expect(await kept.ask({ type: 'TXT' })).toEqual(isThere)
    kept.says = { answers: [address(60, '192.0.2.1', target)] }
    expect(await kept.ask({ name: target })).toMatchObject({ rcode: 0, records: ['A 60 192.0.2.1'] })
  })

  it('takes back what was denied of the names it leads through', async () => {
    const kept = keptBy()
    kept.says = gone
    await kept.ask({ type: 'AAAA', name: target })
    kept.says = chain
    await kept.ask()
    kept.says = { answers: [address(60, '192.0.2.1', target)] }
    expect(await kept.ask({ name: target })).toMatchObject({ rcode: 0, records: ['A 60 192.0.2.1'] })
  })

  it('that leads nowhere is told as it is, for every type', async () => {
    const kept = keptBy()
    kept.says = broken
    for (const type of ['A', 'AAAA', 'TXT', 'A']) expect(await kept.ask({ type })).toMatchObject({ rcode: 3 })
    kept.says = gone
    // The alias itself has a record.
    expect(await kept.ask({ type: 'MX' })).toEqual(isGone)
    kept.says = { answers: [alias(300, target)] }
    expect(await kept.ask({ type: 'CNAME' })).toMatchObject({ rcode: 0 })
  })

  it.each(['CNAME', 'ANY'])('asked for by %s says nothing of where it leads', async (type) => {
    const kept = keptBy()
    kept.says = { answers: [alias(300, target)] }
    expect(await kept.ask({ type })).toMatchObject({ rcode: 0 })
    kept.says = gone
    expect(await kept.ask({ type: 'AAAA', name: target })).toEqual(isGone)
    expect(await kept.ask({ type: 'TXT', name: target })).toMatchObject({ ...isGone, cached: { age: 0 } })
    kept.says = { answers: [alias(300, target)] }
    await kept.ask({ type, dnssecOk: true })
    expect(await kept.ask({ type: 'MX', name: target })).toMatchObject({ ...isGone, cached: { age: 0 } })
    // The alias itself is there, and leads nowhere.
    kept.says = gone
    expect(await kept.ask({ type: 'MX' })).toMatchObject({ rcode: 3 })
    expect(kept.entries()).toEqual({ success: 2, denial: 2 })
  })

  it('beside records of some other name says nothing of where it leads', async () => {
    const kept = keptBy()
    kept.says = { answers: [alias(300, target), address(60, '192.0.2.1', 'other.example.org')] }
    await kept.ask()
    kept.says = gone
    expect(await kept.ask({ type: 'AAAA', name: target })).toEqual(isGone)
  })

  it('of twenty names is not broken either', async () => {
    const kept = keptBy()
    const links = Array.from({ length: 20 }, (_, n) =>
      alias(60, `a${n + 1}.x`, n === 0 ? 'www.example.org' : `a${n}.x`),
    )
    kept.says = { answers: [...links, address(60, '192.0.2.1', 'a20.x')] }
    await kept.ask()
    kept.says = { ...gone, answers: links }
    expect(await kept.ask({ type: 'AAAA' })).toMatchObject({ rcode: 0 })
  })

  it('without end, or with two ways, ends all the same', async () => {
    const kept = keptBy()
    for (const answers of [
      [alias(60, 'www.example.org')],
      [alias(60, target), alias(60, 'www.example.org', target)],
      [alias(60, target), alias(60, 'x.example.org')],
      Array.from({ length: 400 }, (_, n) =>
        alias(60, `a${n + 1}.x`, n === 0 ? 'www.example.org' : `a${n}.x`),
      ),
    ]) {
      kept.says = { ...gone, answers }
      expect(await kept.ask({ type: 'AAAA' })).toMatchObject({ rcode: 3 })
      kept.turn(61_000)
    }
  })
})

describe('in another worker', () => {
  function twoCaches() {
    const fills: Record<'one' | 'other', Fill[]> = { one: [], other: [] }
    const one = keptBy({}, { onFill: (fill) => fills.one.push(structuredClone(fill)) })
    const other = keptBy({}, { onFill: (fill) => fills.other.push(structuredClone(fill)) })
    const own = (fill: Fill): Fill => ({
      ...fill,
      kept: fill.kept && { ...fill.kept, message: Buffer.from(fill.kept.message) },
    })
    return {
      one,
      other,
      fills,
      tellOther: () => fills.one.splice(0).forEach((fill) => void other.take(own(fill))),
      tellOne: () => fills.other.splice(0).forEach((fill) => void one.take(own(fill))),
    }
  }

  it.each([
    ['before', true],
    ['after', false],
  ])('records are known that were told %s the denial came', async (_, isBefore) => {
    const { one, other, tellOther, tellOne } = twoCaches()
    one.says = a(60)
    await one.ask()
    if (isBefore) tellOther()
    other.says = gone
    expect(await other.ask({ type: 'AAAA' })).toEqual(isBefore ? isThere : isGone)
    if (!isBefore) tellOther()
    tellOne()
    for (const each of [one, other]) {
      const asked = each.asked.length
      expect(await each.ask({ type: 'AAAA' })).toMatchObject({ rcode: 0, cached: { age: 0 } })
      expect(await each.ask()).toMatchObject({ rcode: 0, records: ['A 60 192.0.2.1'], cached: { age: 0 } })
      expect(each.asked).toHaveLength(asked)
    }
  })

  it('and a chain is not broken there that leads to them', async () => {
    const { one, other, tellOther } = twoCaches()
    other.says = { answers: [address(60, '192.0.2.1', target)] }
    await other.ask({ name: target })
    one.says = { ...gone, answers: [alias(300, target)] }
    expect(await one.ask({ type: 'AAAA' })).toMatchObject({ rcode: 3 })
    tellOther()
    expect(await other.ask({ type: 'AAAA' })).toMatchObject({
      ...{ rcode: 0, cached: { age: 0 } },
      records: [starts('CNAME'), starts('SOA')],
    })
    other.turn(120_000)
    expect(await other.ask({ type: 'AAAA' })).not.toHaveProperty('cached.age', 120)
  })

  it('so are those with TTL 0, and what a chain led to; they are told once for a while', async () => {
    const { one, other, fills, tellOther } = twoCaches()
    one.says = { answers: [alias(0, target), address(0, '192.0.2.1', target)] }
    for (let n = 0; n < 5; n++) await one.ask()
    expect(fills.one).toHaveLength(1)
    other.says = gone
    await other.ask({ type: 'AAAA' })
    tellOther()
    expect(await other.ask({ type: 'AAAA' })).toMatchObject({ rcode: 0, cached: { age: 0 } })
    expect(await other.ask({ type: 'AAAA', name: target })).toEqual(isThere)
    one.turn(31_000)
    await one.ask()
    expect(fills.one).toHaveLength(1)
  })
})

it('what failed says nothing of a name', async () => {
  const kept = keptBy()
  await kept.ask()
  kept.turn(10_000)
  kept.says = failed
  await kept.ask({ type: 'AAAA' })
  kept.says = nodata
  expect(await kept.ask({ type: 'TXT' })).toMatchObject({ rcode: 0 })
  expect(flagsIn(await kept.forward(questionFor())) & 0x0f).toBe(0)
  kept.says = nxdomain
  expect(await kept.ask({ type: 'MX' })).toMatchObject({ rcode: 0 })
})
