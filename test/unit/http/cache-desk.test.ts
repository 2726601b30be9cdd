// What is told of what the processes hold, in words and seconds, and what is said and logged of a flush.
import { describe, expect, it } from 'vitest'
import type { Holding } from '../../../src/forward/cache/contents.ts'
import type { Forwarded } from '../../../src/forward/types.ts'
import { type CacheDeskOptions, createCacheDesk } from '../../../src/http/cache-desk.ts'
import { describeHolding, mergeHoldings } from '../../../src/http/cache-entries.ts'
import {
  address,
  alias,
  failed,
  keptBy,
  nodata,
  nxdomain,
  questionFor,
  replyTo,
} from '../forward/cache/kept.ts'

const name = 'www.example.org'

/** What a cache has after this was said to it. */
async function held(says: ReturnType<typeof keptBy>['says'], after = 0, what = {}): Promise<Holding[]> {
  const kept = keptBy()
  kept.says = says
  await kept.ask(what)
  kept.turn(after)
  return [...(await kept.holdings({ name: '', below: true }, 100)).list]
}

const key = { name, type: 'A', dnssecOk: false, checkingDisabled: false, route: 'default' }
const given = { upstream: '192.0.2.53:53', transport: 'udp', uses: 0, renewed: false }

describe('an entry', () => {
  it.each<[string, ReturnType<typeof keptBy>['says'], number, object]>([
    [
      'an answer',
      { answers: [address(60)] },
      12_300,
      {
        ...{ ...key, ...given, answer: 'records', rcode: 'NOERROR', stale: false },
        ...{ age: 12, ttl: 60, left: 48, staleLeft: 3648 },
        records: [{ name: `${name}.`, type: 'A', ttl: 48, data: '192.0.2.1' }],
      },
    ],
    [
      'one out of date',
      { answers: [address(60)] },
      100_000,
      {
        ...{ ...key, ...given, answer: 'records', rcode: 'NOERROR', stale: true },
        ...{ age: 100, ttl: 60, left: 0, staleLeft: 3560 },
        records: [{ name: `${name}.`, type: 'A', ttl: 30, data: '192.0.2.1' }],
      },
    ],
    [
      'that the name does not exist',
      nxdomain,
      1000,
      {
        ...{ ...key, ...given, type: '*', answer: 'nxdomain', rcode: 'NXDOMAIN', stale: false, records: [] },
        ...{ age: 1, ttl: 60, left: 59, staleLeft: 3659 },
      },
    ],
    [
      'that it has no such record',
      nodata,
      0,
      {
        ...{ ...key, ...given, answer: 'nodata', rcode: 'NOERROR', stale: false, records: [] },
        ...{ age: 0, ttl: 60, left: 60, staleLeft: 3660 },
      },
    ],
    [
      'that no upstream had an answer',
      failed,
      400,
      {
        ...{ ...key, answer: 'failure', rcode: 'SERVFAIL', stale: false, records: [] },
        ...{ age: 0, left: 1, why: '192.0.2.53:53 SERVFAIL' },
      },
    ],
  ])('tells %s', async (_, says, after, told) => {
    expect((await held(says, after)).map(describeHolding)).toEqual([told])
  })

  it('tells an alias that leads to nothing', async () => {
    const says = { ...nxdomain, answers: [alias(60, 'gone.example.net')] }
    expect((await held(says)).map(describeHolding)).toMatchObject([
      { type: 'A', answer: 'nxdomain', records: [{ type: 'CNAME', data: 'gone.example.net.' }] },
    ])
  })

  it('tells the root, another class, and DO and CD', async () => {
    const reply = (what: object) =>
      ({ reply: replyTo(questionFor(what), nodata), upstream: 'x' }) as Forwarded
    const what = { name: '.', class: 3, flags: 0x0110, dnssecOk: true }
    expect((await held(reply(what), 0, what)).map(describeHolding)).toMatchObject([
      { name: '.', class: 3, dnssecOk: true, checkingDisabled: true },
    ])
  })
})

describe('of several processes', () => {
  const answer = (after: number) => held({ answers: [address(60)] }, after)

  it('what is alike is one entry, with their uses together', async () => {
    const told = [
      { worker: 1, list: await answer(5000) },
      { worker: 2, list: await answer(5400) },
      { worker: 3, list: [] },
    ]
    expect(mergeHoldings({ told, silent: [] })).toMatchObject([{ name, age: 5, processes: [1, 2] }])
  })

  it('what is not alike stays apart: another answer, another age', async () => {
    const other = await held({ answers: [address(60, '192.0.2.9')] })
    const told = [
      { worker: 1, list: await answer(0) },
      { worker: 2, list: other },
      { worker: 3, list: await answer(9000) },
    ]
    expect(mergeHoldings({ told, silent: [] }).map(({ processes }) => processes)).toEqual([[1], [2], [3]])
  })

  it('where there is one, none is named', async () => {
    const [entry] = mergeHoldings({ told: [{ worker: 1, list: await answer(0) }], silent: [] })
    expect(entry).not.toHaveProperty('processes')
  })
})

describe('the desk', () => {
  const flushes: unknown[] = []
  const logged: unknown[][] = []
  const desk = (decision: object = { kind: 'forward' }, more: Partial<CacheDeskOptions['caches']> = {}) => {
    flushes.length = 0
    logged.length = 0
    const table = (label: string, ...names: string[]) => ({
      ...{ network: { name: label }, names: new Map(names.map((each) => [each, []])), added: new Map() },
    })
    return createCacheDesk({
      caches: {
        async flush(names) {
          flushes.push(names)
          return { told: [{ worker: 1, answers: 2, failures: 0 }], silent: [] }
        },
        holdings: async () => ({ told: [{ worker: 1, list: [], more: 0 }], silent: [] }),
        ...more,
      },
      resolver: () =>
        ({
          scope: () => ({}),
          decide: () => decision,
          snapshot: () => ({ tables: [table('front', 'web', 'api.example.org'), table('back')] }),
        }) as never,
      log: { info: (...line: unknown[]) => void logged.push(line) },
    })
  }

  it('tells of a name that is answered here that such answers are never kept', async () => {
    const own = desk({ kind: 'answer', rule: 'a name on front' })
    expect(await own.show('Web.', undefined, false)).toEqual({
      ...{ name: 'web', below: false, entries: [], own: 'a name on front', networks: ['front'] },
    })
    expect(await desk().show('api.example.org', 'AAAA', true)).toEqual({
      ...{ name: 'api.example.org', type: 'AAAA', below: true, entries: [], networks: ['front'] },
    })
  })

  it('tells which processes have said nothing, and how much was left out', async () => {
    const holdings = async () => ({
      told: [
        { worker: 1, list: [], more: 3 },
        { worker: 3, list: [], more: 5 },
      ],
      silent: [2],
    })
    expect(await desk(undefined, { holdings }).show('a.example', undefined, true)).toMatchObject({
      ...{ more: 5, silent: [2] },
    })
  })

  it('passes on which names, canonical, and logs who wanted it', async () => {
    const it = desk()
    expect(await it.flush('WWW.Example.org.', true, '127.0.0.1')).toEqual({
      ...{ name, below: true, flushed: [{ worker: 1, answers: 2, failures: 0 }] },
    })
    expect(await it.flush('.', false, 'api.socket')).toMatchObject({ name: '.' })
    expect(await it.flush(undefined, false, '::1')).toEqual({
      ...{ below: false, flushed: [{ worker: 1, answers: 2, failures: 0 }] },
    })
    expect(flushes).toEqual([{ name, below: true }, { name: '', below: false }, undefined])
    expect(logged.map(([fields, message]) => [(fields as { by: string }).by, message])).toEqual([
      ['127.0.0.1', 'a name was flushed from the cache'],
      ['api.socket', 'a name was flushed from the cache'],
      ['::1', 'the cache was flushed'],
    ])
  })

  it.each([
    ['Bücher.Example.', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['b\\195\\188cher.example', 'b\\195\\188cher.example'],
    ['a\\.B.example', 'a\\.b.example'],
    ['_X._tcp.Example', '_x._tcp.example'],
  ])('takes %s as programs ask for it', async (text, asked) => {
    const it = desk()
    expect(await it.show(text, undefined, false)).toMatchObject({ name: asked })
    expect(await it.flush(text, false, '::1')).toMatchObject({ name: asked })
    expect(flushes).toEqual([{ name: asked, below: false }])
  })

  it.each(['a..b', 'a'.repeat(64), `${'a.'.repeat(127)}ab`, '..'])(
    '%s is no name, and nothing is done',
    async (text) => {
      const it = desk()
      expect(await it.show(text, undefined, false)).toMatchObject({ status: 400 })
      expect(await it.flush(text, false, '::1')).toMatchObject({ status: 400 })
      expect(await it.show('a', 'NOPE', false)).toMatchObject({ status: 400 })
      expect([flushes, logged]).toEqual([[], []])
    },
  )
})
