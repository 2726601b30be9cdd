// Fast answers: what the slow path would say, for whoever asks, until the table changes.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { flag, flagsOf } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import { readRecords } from '../../../src/dns/records.ts'
import type { FastOptions } from '../../../src/fast/fast-answers.ts'
import { createStore } from '../../../src/registry/store.ts'
import type { Scope } from '../../../src/scope/scope.ts'
import { askersOf } from '../scope/askers.ts'
import {
  type Drawn,
  drawn,
  drawnMember,
  drawnNetwork,
  drawnReach,
  factsOf,
  foundBy,
  memberName,
  netName,
  snapshotOf,
  words,
} from '../scope/drawn.ts'
import { upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'
import { atHand, compared, type Form, questionOf, server, servers } from './servers.ts'

const many = Array.from({ length: 8 }, (_, i) => `10.1.0.${i + 2}`)
const table = (address = '10.1.0.50') =>
  estate(
    [network('front', ['10.1.0.0/24'])],
    [
      ...many.map((at, i) => container(`web${i}`, { front: { at: [at], names: ['web'] } })),
      container('one', { front: { at: [address] } }),
    ],
  )

const formed: fc.Arbitrary<Form> = fc.record({
  id: fc.nat(0xffff),
  capitals: fc.nat(0xffff),
  transport: fc.constantFrom('udp' as const, 'udp' as const, 'tcp' as const),
  recursion: fc.boolean(),
  checkingDisabled: fc.boolean(),
  edns: fc.option(
    fc.record({ bytes: fc.constantFrom(0, 512, 600, 1200, 1232, 4096), dnssecOk: fc.boolean() }),
  ),
})

const asking = fc.record({
  who: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
  what: fc.nat(),
  type: fc.constantFrom('A', 'A', 'AAAA', 'MX', 'SRV', 'PTR', 'ANY', 'SOA', 'TYPE97', 'TYPE65'),
  forms: fc.array(formed, { minLength: 1, maxLength: 3 }),
})

/** Whatever is asked, in whatever form, once and again: the same as without fast answers. */
function equalsTheSlowPath(options: Partial<FastOptions> = {}, onHit = () => {}) {
  const names = ['kin', 'nobody', 'wild1', 'deep.wild0', 'big.test', 'localhost', 'host.docker.internal']
  return fc.property(drawn, fc.array(asking, { minLength: 1, maxLength: 20 }), (told, all) => {
    const { ask, askSlowly, decisions } = servers(snapshotOf(told), options)
    const askers = askersOf(told)
    const bare = [...words, ...names, ...told.members.map((_, i) => memberName(i))]
    const known = bare.flatMap((name) => [
      ...[name, `${name}.docker.internal`, `_http._tcp.${name}`],
      ...told.networks.map((_, n) => `${name}.${netName(n)}`),
      ...['1.0.250.10.in-addr.arpa', 'docker.internal'],
    ])
    for (const { who, what, type, forms } of all) {
      for (const [form, n] of [...forms, ...forms].flatMap((each) => who.map((n) => [each, n] as const))) {
        const { address: asker, local } = askers[n % askers.length]!
        const message = questionOf(known[what % known.length]!, type, form)
        const { transport } = form
        let reply: Buffer | undefined
        const asked = decisions(() => {
          reply = ask(message, { asker, local, transport: transport! })
        })
        if (asked === 0) onHit()
        expect(compared(reply)).toEqual(compared(askSlowly(message, { asker, local, transport: transport! })))
      }
    }
  })
}

type Edit = (told: Drawn) => Drawn

const edited: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(fc.nat(), drawnMember).map(
    ([at, member]): Edit =>
      (told) => ({ ...told, members: told.members.with(at % told.members.length, member) }),
  ),
  fc.nat().map(
    (at): Edit =>
      ({ members, ...told }) => {
        const i = at % members.length
        return { ...told, members: members.with(i, { ...members[i]!, running: !members[i]!.running }) }
      },
  ),
  // Of a container alone, not of its places.
  fc.tuple(fc.nat(), fc.constantFrom('unhealthy' as const, 'none' as const)).map(
    ([at, health]): Edit =>
      ({ members, ...told }) => {
        const i = at % members.length
        return { ...told, members: members.with(i, { ...members[i]!, health }) }
      },
  ),
  fc.tuple(fc.nat(), drawnNetwork).map(
    ([at, net]): Edit =>
      (told) => ({ ...told, networks: told.networks.with(at % told.networks.length, net) }),
  ),
  drawnNetwork.map(
    (net): Edit =>
      ({ networks, ...told }) => ({
        ...told,
        networks: networks.length < 5 ? [...networks, net] : networks.slice(0, -1),
      }),
  ),
  drawnReach.map(
    (two): Edit =>
      ({ remote, ...told }) => ({ ...told, remote: { ...remote, two } }),
  ),
  fc.constantFrom('live' as const, 'away' as const).map(
    (state): Edit =>
      ({ states, ...told }) => ({
        ...told,
        states: { ...states, one: states.one === 'unsynced' ? 'unsynced' : state },
      }),
  ),
)

/** A store that is told of a drawing what it does not know yet: what did not change stays the same object. */
function followDrawing() {
  const store = createStore(['one', 'two'])
  let known = { networks: new Set<string>(), containers: new Set<string>() }
  return {
    store,
    tell(told: Drawn) {
      const { networks, containers, states } = factsOf(told)
      const remote = Object.entries(states).flatMap(([engine, { remote }]) =>
        remote === undefined ? [] : [[engine, remote] as const],
      )
      store.apply({ kind: 'engines', engines: ['one', 'two'], remote })
      const now = {
        networks: new Set(networks.map(({ id }) => id)),
        containers: new Set(containers.map(({ id }) => id)),
      }
      for (const [engine, { synced, away }] of Object.entries(states)) {
        if (!synced) continue
        const changes = <T extends { id: string; engine: string }>(
          there: readonly T[],
          before: Set<string>,
        ) =>
          [
            ...[...before].filter((id) => !there.some((each) => each.id === id && each.engine === engine)),
          ].map((id) => [id, undefined] as const)
        const own = <T extends { id: string; engine: string }>(there: readonly T[]) =>
          there.filter((each) => each.engine === engine).map((each) => [each.id, each] as const)
        store.apply({
          ...{ kind: 'update', engine },
          networks: [...changes(networks, known.networks), ...own(networks)],
          containers: [...changes(containers, known.containers), ...own(containers)],
        })
        store.apply({ kind: 'away', engine, away })
      }
      known = now
      return store.current()
    },
  }
}

/** The same, while the table changes. */
function equalsThroughChanges(onHit: () => void) {
  const step = fc.record({
    edits: fc.array(edited, { maxLength: 2 }),
    asking: fc.array(asking, { maxLength: 6 }),
  })
  return fc.property(drawn, fc.array(step, { minLength: 2, maxLength: 8 }), (first, steps) => {
    const { store, tell } = followDrawing()
    const { ask, askSlowly, decisions, state } = servers(tell(first), {}, atHand)
    let told = first
    const bare = [
      ...words,
      'kin',
      'nobody',
      ...['wild1', 'deep.wild0', ...foundBy],
      ...told.members.map((_, i) => memberName(i)),
    ]
    const known = bare.flatMap((name) => [
      ...[name, name, `${name}.docker.internal`, `_http._tcp.${name}`],
      ...[0, 1, 2, 3, 4].map((n) => `${name}.${netName(n)}`),
    ])
    const foreign = ['example.org', 'in0.example.org', 'in1.example.org', 'example.b.c', 'b.example.a']
    const names = [
      ...known,
      ...Array(6).fill(foreign).flat(),
      '9.9.1.10.in-addr.arpa',
      'host.docker.internal',
    ]
    for (const { edits, asking } of steps) {
      told = edits.reduce((before, edit) => edit(before), told)
      state.snapshot = tell(told)
      expect(state.snapshot).toBe(store.current())
      const askers = askersOf(told)
      for (const { who, what, type, forms } of [...asking, ...steps[0]!.asking]) {
        const { address: asker, local } = askers[who[0]! % askers.length]!
        const message = questionOf(names[what % names.length]!, type, forms[0]!)
        const transport = forms[0]!.transport!
        for (let n = 0; n < 2; n++) {
          let reply: Buffer | undefined
          const asked = decisions(() => {
            reply = ask(message, { asker, local, transport })
          })
          if (asked === 0 && n === 0) onHit()
          expect(compared(reply)).toEqual(compared(askSlowly(message, { asker, local, transport })))
        }
      }
    }
  })
}

describe('a fast answer', () => {
  it('is what the slow path says while containers and networks come, change and go', () => {
    let hits = 0
    fc.assert(
      equalsThroughChanges(() => hits++),
      { numRuns: 150 },
    )
    // Of what was asked for before the latest change.
    expect(hits).toBeGreaterThan(110)
  }, 240_000)

  it('is what the slow path says, but for the order of addresses, to any question of any asker', () => {
    let hits = 0
    const equals = equalsTheSlowPath({}, () => hits++)
    fc.assert(equals, { numRuns: 300 })
    expect(hits).toBeGreaterThan(1000)
  }, 240_000)

  it.each<[string, (scope: Scope) => Scope]>([
    ['networks', (scope) => ({ ...scope, networks: [] })],
    ['links', (scope) => ({ ...scope, links: new Map() })],
  ])(
    'would not be that, were scopes not told apart by their %s',
    (_, see) => {
      const { failed } = fc.check(equalsTheSlowPath({ see }), {
        ...{ seed: 4, numRuns: 3000 },
        endOnFailure: true,
      })
      expect(failed).toBe(true)
    },
    240_000,
  )

  const plain = { id: 1, capitals: 0, recursion: true, checkingDisabled: false, edns: null }
  const one = questionOf('one', 'A', plain)

  it('is given from the second time on, and not decided again', () => {
    const { ask, decisions } = servers(table())
    expect(decisions(() => ask(one))).toBe(1)
    expect(decisions(() => ask(questionOf('ONE', 'A', { ...plain, id: 2, capitals: 0xffff })))).toBe(0)
    for (const name of ['nobody', 'one.docker.internal', 'gone.front.docker.internal']) {
      ask(questionOf(name, 'A', plain))
      expect(decisions(() => ask(questionOf(name, 'A', plain)))).toBe(0)
    }
  }, 240_000)

  it('ends with its table', () => {
    const { ask, state } = servers(table())
    const last = (reply: Buffer | undefined) => reply!.at(-1)
    expect([last(ask(one)), last(ask(one))]).toEqual([50, 50])
    state.snapshot = table('10.1.0.60')
    expect([last(ask(one)), last(ask(one))]).toEqual([60, 60])
  })

  it('is not kept where it depends on which upstreams there are', () => {
    const { ask, state, decisions } = servers(table())
    const printer = questionOf('printer.local', 'A', plain)
    const lan = questionOf('nas.home.arpa', 'A', plain)
    for (const message of [printer, lan]) ask(message)
    expect(decisions(() => ask(lan))).toBe(1)
    state.upstreams = [{ ...upstream, host: '192.168.1.1' }]
    expect(decisions(() => ask(lan))).toBe(1)
  })

  it('has its addresses in every place', () => {
    const { ask, decisions } = servers(table())
    const web = questionOf('web.front.docker.internal', 'A', plain)
    ask(web)
    const firsts = new Set<string>()
    const lasts = new Set<string>()
    const asked = decisions(() => {
      for (let n = 0; n < 500; n++) {
        const reply = ask(web)!
        const records = readRecords(reply, readQuestion(reply)!.end)!
        const told = records.map(({ dataAt, end }) => reply.subarray(dataAt, end).join('.'))
        expect([...told].sort()).toEqual(many)
        firsts.add(told[0]!)
        lasts.add(told.at(-1)!)
      }
    })
    expect([asked, firsts.size, lasts.size]).toEqual([0, many.length, many.length])
  })

  it('is counted as any other', () => {
    const { ask, counters } = servers(table())
    for (let n = 0; n < 5; n++) ask(one)
    ask(one, { asker: '::1' })
    ask(questionOf('nobody.docker.internal', 'TYPE99', plain))
    ask(questionOf('nobody.docker.internal', 'TYPE99', plain))
    expect(counters.requests.cell(server, 'udp', '1', 'A').value).toBe(5)
    expect(counters.requests.cell(server, 'udp', '2', 'A').value).toBe(1)
    expect(counters.requests.cell(server, 'udp', '1', 'other').value).toBe(2)
    expect(counters.responses.cell(server, 'NOERROR', 'local').value).toBe(6)
    expect(counters.responses.cell(server, 'NXDOMAIN', 'local').value).toBe(2)
    const { counts } = counters.duration.cell(server, 'local')
    expect(counts.reduce((sum, count) => sum + count)).toBe(8)
  })

  it('over TCP is kept whole, and given over UDP as far as it fits', () => {
    const { ask, decisions, counters } = servers(table())
    const big = questionOf('big.test', 'A', { ...plain, edns: { bytes: 1232, dnssecOk: false } })
    const bare = questionOf('big.test', 'A', plain)
    const whole = ask(big, { transport: 'tcp' })!
    const length = ask(big)!.length
    expect(decisions(() => expect(ask(big, { transport: 'tcp' })!.length).toBe(whole.length))).toBe(0)
    expect(decisions(() => expect(ask(big)!.length).toBe(length))).toBe(0)
    ask(bare, { transport: 'tcp' })
    expect(decisions(() => expect(flagsOf(ask(bare)!) & flag.TC).toBe(flag.TC))).toBe(1)
    expect(counters.requests.cell(server, 'tcp', '1', 'A').value).toBe(3)
  })

  it('is not for who is pressed, nor for who sends options; one made for UDP is not for TCP', () => {
    const { ask, decisions } = servers(table())
    const cookie = Buffer.concat([
      questionOf('one', 'A', { ...plain, edns: { bytes: 1232, dnssecOk: false } }),
      Buffer.from('000a00080102030405060708', 'hex'),
    ])
    cookie.writeUInt16BE(12, cookie.length - 14)
    for (const message of [one, cookie]) ask(message)
    expect(decisions(() => ask(cookie))).toBe(1)
    expect(decisions(() => ask(one, { transport: 'tcp' }))).toBe(1)
    expect(ask(one, { pressed: 'drop' })).toBeUndefined()
    expect(flagsOf(ask(one, { pressed: 'slip' })!) & flag.TC).toBe(flag.TC)
  })
})

describe('what is kept', () => {
  const numbered = (i: number) => encodeQuery(`no${i}`, 'A', { id: 1 })

  it('is nothing for strangers', () => {
    const { ask, fast } = servers(table())
    for (let i = 0; i < 100; i++) ask(numbered(i), { asker: `203.0.113.${i}` })
    expect(fast.held()).toEqual({ answers: 0, bytes: 0, seats: 0 })
  })

  it('is for so many askers, at each of our addresses and in all', () => {
    const { ask, fast, decisions } = servers(table())
    const one = encodeQuery('one', 'A', { id: 1 })
    ask(one)
    let most = 0
    for (let i = 0; i < 30_000; i++) {
      ask(one, { asker: `10.1.0.${2 + (i % 250)}`, local: `10.1.100.${Math.floor(i / 250)}` })
      most = Math.max(most, fast.held().seats)
    }
    expect(most).toBeGreaterThan(10_000)
    expect(most).toBeLessThanOrEqual(20_000)
    ask(one)
    expect(decisions(() => ask(one))).toBe(0)
  })

  it('is bounded, and nobody’s questions push out what another scope asked for', () => {
    const room = { total: 60_000, each: 20_000 }
    const { ask, fast, decisions } = servers(table(), { room })
    const one = encodeQuery('one', 'A', { id: 1 })
    ask(one)
    for (let i = 0; i < 1000; i++) {
      ask(numbered(i), { asker: '10.1.0.2' })
      expect(fast.held().bytes).toBeLessThanOrEqual(20_000 + 1000)
    }
    expect(fast.held().answers).toBeGreaterThan(20)
    expect(decisions(() => ask(one))).toBe(0)
    // What was asked for last is there, and what was asked for first is gone.
    expect(decisions(() => ask(numbered(999), { asker: '10.1.0.2' }))).toBe(0)
    expect(decisions(() => ask(numbered(0), { asker: '10.1.0.2' }))).toBe(1)
  })

  it('is never more than all may take', () => {
    const room = { total: 5_000, each: 4_000 }
    const { ask, fast, decisions } = servers(table(), { room })
    for (const asker of ['127.0.0.1', '10.1.0.2', '10.1.0.99']) {
      for (let i = 0; i < 50; i++) {
        ask(numbered(i), { asker })
        expect(fast.held().bytes).toBeLessThanOrEqual(5_000)
      }
    }
    ask(numbered(3), { asker: '10.1.0.2' })
    expect(decisions(() => ask(numbered(3), { asker: '10.1.0.2' }))).toBe(0)
  })
})
