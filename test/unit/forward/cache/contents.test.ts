// What the cache tells of what it holds: of a name and a tree of them, fresh, out of date, denied and failed.
import { describe, expect, it } from 'vitest'
import { readMessage } from '../../../../src/dns/message.ts'
import type { Holding } from '../../../../src/forward/cache/contents.ts'
import type { Forwarded } from '../../../../src/forward/types.ts'
import { address, alias, failed, keptBy, nodata, nxdomain, questionFor, replyTo, zoneRoute } from './kept.ts'

const name = 'www.example.org'
const ttls = (held: Holding) =>
  'message' in held ? readMessage(held.message).answers.map(({ ttl }) => ttl) : []
const withoutMessage = (held: Holding) => ({ ...held, message: undefined })

describe('an answer', () => {
  it('is told with its key, who gave it, its age and what is left of it', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(12_300)
    await kept.ask()
    const { list } = await kept.holdings({ name, below: false }, 10)
    expect(list.map(withoutMessage)).toEqual([
      {
        ...{ name, type: 1, class: 1, dnssecOk: false, checkingDisabled: false, route: 'default' },
        ...{ kind: 'success', upstream: '192.0.2.53:53', transport: 'udp', message: undefined },
        ...{ age: 12_300, ttl: 60_000, left: 47_700, servable: 3_647_700, uses: 1, isRenewed: false },
      },
    ])
    expect(ttls(list[0]!)).toEqual([48])
  })

  it('that came over TCP says so', async () => {
    const kept = keptBy()
    const reply = replyTo(questionFor(), { answers: [address(60)] })
    kept.says = { reply, upstream: '192.0.2.53:53', transport: 'tcp' } as Forwarded
    await kept.ask()
    expect((await kept.holdings({ name, below: false }, 10)).list).toMatchObject([{ transport: 'tcp' }])
  })

  it('out of date is told with what is given of it, until it is not given any more', async () => {
    const kept = keptBy({ stale: 100_000 })
    await kept.ask()
    kept.turn(70_000)
    const { list } = await kept.holdings({ name, below: false }, 10)
    expect(list).toMatchObject([{ left: -10_000, servable: 90_000 }])
    expect(ttls(list[0]!)).toEqual([30])
    kept.turn(90_000)
    expect((await kept.holdings({ name, below: false }, 10)).list).toEqual([])
  })

  it('that is asked for again before its end says so', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(55_000)
    kept.slow = true
    for (let i = 0; i < 3; i++) await kept.ask()
    expect((await kept.holdings({ name, below: false }, 10)).list).toMatchObject([
      { isRenewed: true, uses: 3 },
    ])
  })
})

it('flags, classes and routes are told apart', async () => {
  const kept = keptBy()
  await kept.ask({ flags: 0x0110, dnssecOk: true, class: 3, route: zoneRoute('a b') })
  expect((await kept.holdings({ name, below: false }, 10)).list).toMatchObject([
    { class: 3, dnssecOk: true, checkingDisabled: true, route: 'forward.zones a b' },
  ])
})

it('a denial of the name is of no type, one of a type is of that', async () => {
  const kept = keptBy()
  kept.says = nxdomain
  await kept.ask({ name: 'none.example.org' })
  kept.says = nodata
  await kept.ask({ type: 'MX' })
  expect((await kept.holdings({ name: 'none.example.org', below: false }, 10)).list).toMatchObject([
    { kind: 'denial', type: undefined },
  ])
  expect((await kept.holdings({ name, below: false }, 10)).list).toMatchObject([{ kind: 'denial', type: 15 }])
})

it('a failure is told with why, and when upstreams are asked again', async () => {
  const kept = keptBy()
  kept.says = failed
  await kept.ask()
  kept.turn(400)
  expect((await kept.holdings({ name, below: false }, 10)).list).toEqual([
    {
      ...{ name, type: 1, class: 1, dnssecOk: false, checkingDisabled: false, route: 'default' },
      ...{ kind: 'failure', why: '192.0.2.53:53 SERVFAIL', age: 400, left: 600 },
    },
  ])
  kept.turn(600)
  expect((await kept.holdings({ name, below: false }, 10)).list).toEqual([])
})

it.each([
  ['of the question', {}],
  ['that denies the name', { type: 'AAAA' }],
])('a failure beside an old answer %s is told for as long as upstreams are not asked', async (_, old) => {
  const kept = keptBy({ failureRecheck: 30_000 })
  kept.says = 'type' in old ? nxdomain : { answers: [address(60)] }
  await kept.ask(old)
  kept.turn(61_000)
  kept.says = failed
  await kept.ask()
  kept.turn(12_000)
  const failure = async () =>
    (await kept.holdings({ name, below: false }, 10)).list.find(({ kind }) => kind === 'failure')
  expect(await failure()).toMatchObject({ age: 12_000, left: 18_000 })
  await kept.ask()
  expect(kept.asked).toHaveLength(2)
  kept.turn(18_000)
  expect(await failure()).toBeUndefined()
  await kept.ask()
  expect(kept.asked).toHaveLength(3)
})

it('answers that lead over the name are told, and what is below it where that is asked for, up to the limit', async () => {
  const kept = keptBy()
  for (const label of ['a', 'b', 'c']) {
    kept.says = { answers: [address(60, '192.0.2.1', `${label}.${name}`)] }
    await kept.ask({ name: `${label}.${name}` })
  }
  kept.says = { answers: [alias(60, name, 'alias.example'), address(60)] }
  await kept.ask({ name: 'alias.example' })
  const names = (below: boolean, limit = 10) => kept.holdings({ name, below }, limit)
  expect((await names(false)).list.map(({ name }) => name)).toEqual(['alias.example'])
  expect((await names(true)).list).toHaveLength(4)
  expect(await names(true, 3)).toMatchObject({ list: [{}, {}, {}], more: 1 })
  expect((await kept.holdings({ name: '', below: true }, 10)).list).toHaveLength(4)
})

it('to be looked at is no use', async () => {
  const kept = keptBy({ entries: 2 })
  await kept.ask({ name: 'a.example' })
  await kept.ask({ name: 'b.example' })
  await kept.holdings({ name: 'a.example', below: false }, 10)
  await kept.ask({ name: 'c.example' })
  expect((await kept.holdings({ name: '', below: true }, 10)).list.map(({ name }) => name)).toEqual([
    'c.example',
    'b.example',
  ])
})
