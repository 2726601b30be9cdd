// What a flush takes, what it leaves, and that nothing asked for before it comes back: not by what is under way, not by
// another process, not by an answer that somebody keeps.
import type { Answer } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import type { Fill } from '../../../../src/forward/cache/fill.ts'
import { createFlushes, type Names } from '../../../../src/forward/cache/flush.ts'
import {
  type Asked,
  address,
  alias,
  failed,
  keptBy,
  nodata,
  nxdomain,
  questionFor,
  settle,
  unreachable,
  zoneRoute,
} from './kept.ts'

const name = 'www.example.org'
const of = (text: string, below = false): Names => ({ name: text, below })
type Kept = ReturnType<typeof keptBy>
const fresh = (kept: Kept, what: Asked = {}) => kept.ask(what).then(({ cached }) => !cached)
/** Asks, and is told what is asked for; of names that dns-packet can't write that there is nothing. */
function ask(kept: Kept, what: Asked = {}) {
  const owner = what.name ?? name
  const text: Answer = { type: 'TXT', name: owner, ttl: 60, data: 'text' }
  const answers = [what.type === 'TXT' ? text : address(60, '192.0.2.1', owner)]
  kept.says = owner.includes('\\') ? nodata : { answers }
  return kept.ask(what)
}

describe('a flush of a name', () => {
  it('takes it for all types, flags and routes, and nothing else', async () => {
    const kept = keptBy()
    const zone = zoneRoute('example.org', [{ host: '192.0.2.9', port: 53, text: '192.0.2.9:53' }])
    const own: Asked[] = [
      {},
      { type: 'TXT' },
      { dnssecOk: true },
      { flags: 0x0110 },
      { route: zone },
      { class: 3 },
    ]
    const others = [
      'example.org',
      'a.www.example.org',
      'www.example.or',
      'awww.example.org',
      'www\\.example.org',
    ]
    for (const what of own) await ask(kept, what)
    kept.says = nodata
    await kept.ask({ type: 'MX' })
    for (const other of others) await ask(kept, { name: other })
    kept.says = nxdomain
    await kept.ask({ name: `none.${name}` })
    expect(await kept.flush({ number: 1, names: of(name) })).toEqual({ answers: 7, failures: 0 })
    kept.says = nodata
    for (const what of [...own, { type: 'MX' }]) expect(await fresh(kept, what)).toBe(true)
    for (const other of [...others, `none.${name}`]) expect(await fresh(kept, { name: other })).toBe(false)
  })

  it('with below, takes all under it by whole labels', async () => {
    const kept = keptBy()
    const within = [name, `a.${name}`, `a.b.${name}`, `a\\.b.${name}`, `*.${name}`, `\\000.${name}`]
    const others = ['example.org', `x${name}`, `a\\.${name}`, `www.example.org.org`]
    for (const each of [...within, ...others]) await ask(kept, { name: each })
    expect(await kept.flush({ number: 1, names: of(name, true) })).toEqual({
      answers: within.length,
      failures: 0,
    })
    for (const each of others) expect(await fresh(kept, { name: each })).toBe(false)
    for (const each of within) expect(await fresh(kept, { name: each })).toBe(true)
  })

  it.each<[string, Names, number]>([
    ['where the alias leads', of('cdn.example.net'), 1],
    ['in the middle of a chain', of('edge.example.net'), 1],
    ['below that', of('example.net', true), 1],
    ['but not above it', of('example.net'), 0],
    ['nor what is told beside the answer', of('ns.example.org'), 0],
  ])('takes answers that lead over it: %s', async (_, names, answers) => {
    const kept = keptBy()
    const leads = [alias(60, 'Edge.example.net'), alias(60, 'cdn.example.NET', 'edge.example.net')]
    kept.says = {
      answers: [...leads, address(60, '192.0.2.1', 'CDN.example.net')],
      authorities: [{ type: 'NS', name: 'example.org', ttl: 60, data: 'ns.example.org' }],
      additionals: [address(60, '192.0.2.2', 'ns.example.org')],
    }
    await kept.ask()
    expect((await kept.flush({ number: 1, names })).answers).toBe(answers)
    expect(await fresh(kept)).toBe(answers === 1)
  })

  it('takes denials of the alias’s end, whose records nobody has', async () => {
    const kept = keptBy()
    kept.says = { ...nxdomain, answers: [alias(60, 'gone.example.net')] }
    await kept.ask()
    expect((await kept.flush({ number: 1, names: of('gone.example.net') })).answers).toBe(1)
  })

  it('takes the memory of a failure: the next question is asked at once', async () => {
    const kept = keptBy()
    kept.says = failed
    await kept.ask()
    await kept.ask({ name: 'other.example.org' })
    expect(await kept.flush({ number: 1, names: of(name) })).toEqual({ answers: 0, failures: 1 })
    kept.says = { answers: [address(60)] }
    expect(await kept.ask()).toMatchObject({ rcode: 0 })
    expect(await kept.ask({ name: 'other.example.org' })).toMatchObject({ failure: expect.any(String) })
  })

  it('takes what is out of date: it is no last resort any more', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(90_000)
    kept.says = unreachable
    expect(await kept.ask()).toMatchObject({ cached: { stale: true } })
    await kept.flush({ number: 1, names: of(name) })
    expect(await kept.ask()).toEqual({ failure: '192.0.2.53:53 timeout', reason: 'unreachable' })
  })
})

it('a failure counts while it is remembered, as it is for longer beside an old answer', async () => {
  const kept = keptBy()
  await kept.ask()
  kept.turn(61_000)
  kept.says = failed
  await kept.ask()
  await kept.ask({ name: 'other.example.org' })
  kept.turn(20_000)
  expect(await kept.flush({ number: 1, names: undefined })).toEqual({ answers: 1, failures: 1 })
})

it('a flush of everything leaves nothing, and no memory', async () => {
  const kept = keptBy()
  await kept.ask()
  await kept.ask({ name: 'other.example.org' })
  kept.says = failed
  await kept.ask({ name: 'failed.example.org' })
  expect(await kept.flush({ number: 1, names: undefined })).toEqual({ answers: 2, failures: 1 })
  expect([kept.entries(), kept.count('bytes')]).toEqual([{ success: 0 }, 0])
  expect(await kept.holdings(of('', true), 10)).toEqual({ list: [], more: 0 })
})

describe('while very many answers are looked through', () => {
  const fill = async (kept: Kept) => {
    for (let i = 0; i < 600; i++) await ask(kept, { name: `n${i}.example.org` })
  }

  it('questions are answered, and what they bring stays', async () => {
    const kept = keptBy({ entries: 1000 })
    await fill(kept)
    let isDone = false
    const flushing = kept.flush({ number: 1, names: undefined }).then((flushed) => {
      isDone = true
      return flushed
    })
    kept.says = { answers: [address(60, '192.0.2.9', 'new.example.org')] }
    await kept.ask({ name: 'new.example.org' })
    // Used longest ago, so looked at last: it is replaced before that.
    kept.turn(61_000)
    await ask(kept, { name: 'n0.example.org' })
    expect(isDone).toBe(false)
    expect(await flushing).toEqual({ answers: 599, failures: 0 })
    const { list } = await kept.holdings(of('', true), 1000)
    expect(list.map(({ name }) => name)).toEqual(['n0.example.org', 'new.example.org'])
  })

  it('an old answer that has not been reached yet is no last resort for what takes longer', async () => {
    const kept = keptBy({ entries: 1000 })
    await fill(kept)
    kept.turn(90_000)
    const flushing = kept.flush({ number: 1, names: undefined })
    kept.slow = true
    const waiting = kept.ask({ name: 'n0.example.org' })
    kept.says = failed
    await flushing
    await kept.release()
    expect(await waiting).toEqual({ failure: '192.0.2.53:53 SERVFAIL', reason: 'failed' })
  })
})

it('an answer that fast answers keep is not given after it', async () => {
  const kept = keptBy()
  await kept.ask()
  const result = await kept.forward(questionFor())
  const { lease } = result.cached!
  expect(lease!.use(kept.clock.monotonic())).toBe(0)
  await kept.flush({ number: 1, names: of(name) })
  expect(lease!.use(kept.clock.monotonic())).toBeUndefined()
})

describe('what was asked for before a flush', () => {
  const slow = () => {
    const kept = keptBy()
    kept.slow = true
    return kept
  }

  it.each<[string, Names | undefined, boolean]>([
    ['of everything', undefined, true],
    ['of its name', of(name), true],
    ['of what its answer leads over', of('cdn.example.net'), true],
    ['of another name', of('other.example.org'), false],
  ])('and answered after one %s is told, and kept if that left it alone', async (_, names, isGone) => {
    const kept = slow()
    kept.says = { answers: [alias(60, 'cdn.example.net'), address(60, '192.0.2.1', 'cdn.example.net')] }
    const before = kept.ask()
    await kept.flush({ number: 1, names })
    await kept.release()
    expect(await before).toMatchObject({ rcode: 0 })
    expect((await kept.holdings(of(name), 10)).list).toHaveLength(isGone ? 0 : 1)
  })

  it('is no answer for who asks after it: that is asked anew, once for all', async () => {
    const kept = slow()
    const before = kept.ask()
    await kept.flush({ number: 1, names: of(name) })
    const after = [kept.ask(), kept.ask()]
    expect(kept.asked).toHaveLength(2)
    await kept.release()
    expect(await before).not.toHaveProperty('cached')
    await Promise.all(after)
    // The second exchange's answer is there to stay, and the first one's end has not let a third begin.
    expect(await fresh(kept)).toBe(false)
    expect(kept.asked).toHaveLength(2)
  })

  it('leads to what was flushed: who asks after it waits for another answer, together with others', async () => {
    const kept = slow()
    kept.says = { answers: [alias(60, 'cdn.example.net'), address(60, '192.0.2.1', 'cdn.example.net')] }
    const before = kept.ask()
    await kept.flush({ number: 1, names: of('cdn.example.net') })
    const after = [kept.ask(), kept.ask(), kept.ask()]
    expect(kept.asked).toHaveLength(1)
    await kept.release()
    await before
    expect(kept.asked).toHaveLength(2)
    kept.says = { answers: [address(60, '192.0.2.9')] }
    await kept.release()
    for (const each of await Promise.all(after)) expect(each).toMatchObject({ records: ['A 60 192.0.2.9'] })
  })

  it('and failed is not remembered', async () => {
    const kept = slow()
    kept.says = failed
    const before = kept.ask()
    await kept.flush({ number: 1, names: undefined })
    await kept.release()
    expect(await before).toMatchObject({ failure: expect.any(String) })
    expect((await kept.holdings(of(name), 10)).list).toEqual([])
  })

  it.each([true, false])('to renew it in time does not put it back (everything: %s)', async (isAll) => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(55_000)
    kept.slow = true
    for (let i = 0; i < 3; i++) await kept.ask()
    expect(kept.count('prefetch')).toBe(1)
    await kept.flush({ number: 1, names: isAll ? undefined : of(name) })
    await kept.release()
    expect((await kept.holdings(of(name), 10)).list).toEqual([])
  })

  it('does not get the old answer while upstreams are slow, nor when they fail', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(90_000)
    kept.slow = true
    const waiting = kept.ask()
    await kept.flush({ number: 1, names: of(name) })
    kept.turn(2000)
    await settle()
    kept.says = failed
    await kept.release()
    expect(await waiting).toEqual({ failure: '192.0.2.53:53 SERVFAIL', reason: 'failed' })
  })
})

describe('what another process tells', () => {
  const fills: Fill[] = []
  const teller = async (number: number) => {
    fills.length = 0
    const flushes = createFlushes(number)
    const kept = keptBy({}, { onFill: (fill) => void fills.push(fill), flushes })
    kept.says = { answers: [alias(60, 'cdn.example.net'), address(60, '192.0.2.1', 'cdn.example.net')] }
    await kept.ask()
    return fills[0]!
  }

  it.each<[string, Names | undefined, boolean]>([
    ['of everything', undefined, true],
    ['of its name', of(name), true],
    ['of what its answer leads over', of('cdn.example.net'), true],
    ['of another name', of('other.example.org'), false],
  ])('of before a flush %s is taken if that left it alone', async (_, names, isGone) => {
    const fill = await teller(0)
    const kept = keptBy()
    await kept.flush({ number: 1, names })
    kept.take(fill)
    expect((await kept.holdings(of(name), 10)).list).toHaveLength(isGone ? 0 : 1)
  })

  it('of names whose records nobody keeps is taken by the same rule', async () => {
    const cdn = 'cdn.example.net'
    for (const names of [of(cdn), of('example.net', true), of('other.example.org')]) {
      fills.length = 0
      const told = keptBy({}, { onFill: (fill) => void fills.push(fill), flushes: createFlushes(0) })
      told.says = { answers: [alias(0, cdn), address(0, '192.0.2.1', cdn)] }
      await told.ask()
      const kept = keptBy()
      await kept.flush({ number: 1, names })
      kept.take(fills[0]!)
      kept.says = nxdomain
      const isLeft = names.name === 'other.example.org'
      expect(await kept.ask({ name: cdn, type: 'AAAA' })).toMatchObject({ rcode: isLeft ? 0 : 3 })
      // Of the asked name it may still be told.
      expect(await kept.ask({ type: 'AAAA' })).toMatchObject({ rcode: 0 })
    }
  })

  it('of after it is taken', async () => {
    const fill = await teller(1)
    const kept = keptBy()
    await kept.flush({ number: 1, names: undefined })
    kept.take(fill)
    expect((await kept.holdings(of(name), 10)).list).toHaveLength(1)
  })

  it('of before a flush is not taken by one that began after it', async () => {
    const fill = await teller(1)
    const kept = keptBy({}, { flushes: createFlushes(2) })
    kept.take(fill)
    expect((await kept.holdings(of(name), 10)).list).toEqual([])
  })
})

it('of very many flushes while something is under way, it counts as flushed', () => {
  const flushes = createFlushes()
  for (let number = 1; number <= 100; number++) flushes.note({ number, names: of(`n${number}.example`) })
  const hit = (since: number, text: string) => flushes.hit(since, () => [text])
  expect(hit(0, 'other.example')).toBe(true)
  expect([hit(90, 'other.example'), hit(90, 'n95.example'), hit(95, 'n95.example')]).toEqual([
    false,
    true,
    false,
  ])
  expect(hit(100, 'n100.example')).toBe(false)
})
