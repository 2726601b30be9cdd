// Fast answers through changes of their own networks: those of names that a change is of are made anew, all others stay.
import { describe, expect, it } from 'vitest'
import { createGone } from '../../../src/registry/gone.ts'
import { createStore } from '../../../src/registry/store.ts'
import type { Container, Network } from '../../../src/registry/types.ts'
import { createHandClock } from '../../hand-clock.ts'
import { container, network } from './estate.ts'
import { atHand, compared, questionOf, servers } from './servers.ts'

const plain = { id: 1, capitals: 0, recursion: true, checkingDisabled: false, edns: null }
/** Of `asker`, on both networks; `linked` has a link; `guest` is no container's, on front. */
const [asker, linked, guest] = ['10.1.0.2', '10.1.0.3', '10.1.0.99']
const front = network('front', ['10.1.0.0/24'])
const back = network('back', ['10.2.0.0/24'])
const kin = new Map([['kin', 'one']])
const one = (extra: Partial<Container> = {}, at = ['10.1.0.50'], names: string[] = []) =>
  container('one', { front: { at, names } }, extra)
const other = (extra: Partial<Container> = {}) => container('other', { back: { at: ['10.2.0.7'] } }, extra)
const stand = (extra: Partial<Container> = {}, names: string[] = []) =>
  container('stand', { front: { at: ['10.1.0.80'], names } }, extra)
const stood = [
  container('asker', { front: { at: [asker] }, back: { at: ['10.2.0.2'] } }),
  container('linked', { front: { at: [linked], links: kin } }),
  container('twin', { front: { at: ['10.1.0.60'], names: ['pair'] } }),
]

function follow(containers: readonly Container[] = [...stood, one(), other()]) {
  const store = createStore(['local'])
  const told = (networks: readonly Network[], list: readonly Container[], gone: readonly string[] = []) =>
    store.apply({
      ...{ kind: 'update', engine: 'local' },
      networks: networks.map((each) => [each.id, each]),
      containers: [
        ...list.map((each) => [each.id, each] as const),
        ...gone.map((id) => [id, undefined] as const),
      ],
    })
  told([front, back], containers)
  const { ask, askSlowly, decisions, state } = servers(store.current(), {}, atHand)
  const time = createHandClock()
  const gone = createGone({ key: [1, 2], now: time.clock.now }, store.current())
  store.onSwap(gone.follow)
  state.gone = gone
  return {
    decisions,
    time,
    tell(...what: Parameters<typeof told>) {
      told(...what)
      state.snapshot = store.current()
    },
    ask: (name: string, type = 'A', from = asker) =>
      compared(ask(questionOf(name, type, plain), { asker: from })),
    askSlowly: (name: string, type = 'A', from = asker) =>
      compared(askSlowly(questionOf(name, type, plain), { asker: from })),
  }
}
type Tell = ReturnType<typeof follow>['tell']

const wild = { 'berth.names': '*.wild' }
const compose = {
  'com.docker.compose.project': 'shop',
  'com.docker.compose.service': 'till',
  'com.docker.compose.container-number': '1',
}

describe('a fast answer', () => {
  it.each<[string, string, string, (tell: Tell) => void, string?]>([
    ['its container has moved', 'one', 'A', (tell) => tell([], [one({}, ['10.1.0.51'])])],
    ['its container is gone', 'one.front', 'A', (tell) => tell([], [], ['one'])],
    ['another network’s container has moved', 'other', 'A', (tell) => tell([], [other()], ['other'])],
    ['a container has come to the name', 'new', 'A', (tell) => tell([], [one({}, undefined, ['new'])])],
    ['under our zone too', 'new.docker.internal', 'A', (tell) => tell([], [one({}, undefined, ['new'])])],
    ['the same for NAME.NETWORK', 'new.front', 'A', (tell) => tell([], [one({}, undefined, ['new'])])],
    ['its container asks for a TTL', 'one', 'A', (tell) => tell([], [one({ labels: { 'berth.ttl': '9' } })])],
    [
      'its container has a port',
      '_80._tcp.one',
      'SRV',
      (tell) => tell([], [one({ ports: [{ number: 80, protocol: 'tcp', name: undefined }] })]),
    ],
    ['a replica has come', 'till.shop', 'A', (tell) => tell([], [one({ labels: compose })])],
    ['a wildcard stands above it', 'x.y.wild', 'A', (tell) => tell([], [one({ labels: wild })])],
    [
      'an alias stands above it, as a wildcard',
      'x.y.wild',
      'A',
      (tell) => tell([], [one({}, undefined, ['*.wild'])]),
    ],
    [
      'an alias in other letters has come',
      'xn--bcher-kva',
      'A',
      (tell) => tell([], [one({}, undefined, ['bücher'])]),
    ],
    ['a name is below it', 'top', 'A', (tell) => tell([], [one({}, undefined, ['below.top'])])],
    [
      'a container that does not run has the name',
      'shop.example',
      'A',
      (tell) => tell([], [one({ running: false }, [], ['shop.example'])]),
    ],
    [
      'a network has come',
      'x.later',
      'A',
      (tell) => tell([network('later', ['10.3.0.0/24'])], [container('x', { later: { at: ['10.3.0.2'] } })]),
    ],
    [
      'a project has come, of which it is a service elsewhere',
      'till.shopping-mall',
      'A',
      (tell) => tell([], [other({ labels: { ...compose, 'com.docker.compose.project': 'shopping-mall' } })]),
      guest,
    ],
    ['its address is another one’s', '50.0.1.10.in-addr.arpa', 'PTR', (tell) => tell([], [], ['one'])],
    [
      'its network is of another kind',
      'host.docker.internal',
      'A',
      (tell) => tell([{ ...front, driver: 'macvlan' }], []),
      guest,
    ],
    ['what a link leads to has moved', 'kin', 'A', (tell) => tell([], [one({}, ['10.1.0.51'])]), linked],
  ])('is made anew where %s', (_, name, type, change, from = asker) => {
    const { tell, ask, askSlowly } = follow()
    const before = ask(name, type, from)
    expect(before).toEqual(askSlowly(name, type, from))
    change(tell)
    const after = ask(name, type, from)
    expect(after).toEqual(askSlowly(name, type, from))
    expect(after).not.toEqual(before)
  })

  it.each<[string, readonly Container[], string, string, (tell: Tell) => void]>([
    [
      'nothing is below it any more',
      [one({}, undefined, ['below.top'])],
      'top',
      'A',
      (tell) => tell([], [one()]),
    ],
    [
      'nobody has had the name any more',
      [one({ running: false }, [], ['shop.example'])],
      'shop.example',
      'A',
      (tell) => tell([], [one({ running: false }, [])]),
    ],
    ['its network has its first name', [], 'front', 'A', (tell) => tell([], [one()])],
    ['its network has no name any more', [one()], 'front', 'A', (tell) => tell([], [], ['one'])],
    [
      'one of two is gone',
      [one({}, undefined, ['pair']), stood[2]!],
      'pair',
      'A',
      (tell) => tell([], [], ['one']),
    ],
    [
      'one of two replicas is gone',
      [one({ labels: compose }), stand({ labels: compose })],
      'till.shop',
      'A',
      (tell) => tell([], [], ['one']),
    ],
    [
      'one of two wildcards is gone',
      [one({ labels: wild }), stand({ labels: wild })],
      'x.wild',
      'A',
      (tell) => tell([], [], ['one']),
    ],
    [
      'the name of one that does not run is another’s too',
      [one({ running: false }, [], ['late']), stood[2]!],
      'late',
      'A',
      (tell) => tell([], [stand({}, ['late'])]),
    ],
    [
      'one of two is unhealthy now',
      [one({}, undefined, ['pair']), stood[2]!],
      'pair',
      'A',
      (tell) => tell([], [one({ health: 'unhealthy' }, undefined, ['pair'])]),
    ],
    [
      'its container is healthy again',
      [one({ health: 'unhealthy' }, undefined, ['pair']), stood[2]!],
      'pair',
      'A',
      (tell) => tell([], [one({ health: 'healthy' }, undefined, ['pair'])]),
    ],
  ])('of a guest is made anew where %s', (_, containers, name, type, change) => {
    const { tell, ask, askSlowly } = follow(containers)
    const before = ask(name, type, guest)
    change(tell)
    const after = ask(name, type, guest)
    expect(after).toEqual(askSlowly(name, type, guest))
    expect(after).not.toEqual(before)
  })

  it('of a service that is gone is made anew, though a container is called like it', () => {
    const of = (service: string) => ({
      ...{ 'com.docker.compose.project': 'dev', 'com.docker.compose.service': service },
      'com.docker.compose.container-number': '1',
    })
    const stopped = one({ running: false, labels: of('web') }, [])
    const called = stand({ running: false }, ['web.dev', '1.web.dev'])
    const rest = container('rest', { front: { at: ['10.1.0.81'] } }, { labels: of('rest') })
    const { tell, ask, askSlowly, time } = follow([...stood, called, stopped, rest])
    const before = ask('_x.web.dev', 'A', guest)
    tell([], [], ['one'])
    time.at(3_600_000)
    expect(ask('_x.web.dev', 'A', guest)).toEqual(askSlowly('_x.web.dev', 'A', guest))
    expect(ask('_x.web.dev', 'A', guest)).not.toEqual(before)
  })

  it('of what a project was called that has come and gone is made anew', () => {
    const { tell, ask, decisions } = follow()
    ask('till.mall', 'A', guest)
    tell([], [other({ labels: { ...compose, 'com.docker.compose.project': 'mall' } })])
    tell([], [], ['other'])
    expect(decisions(() => ask('till.mall', 'A', guest))).toBe(1)
  })

  it('of a name that a project elsewhere takes is made anew, though nothing of the asker’s has changed', () => {
    const { tell, ask, askSlowly } = follow()
    const before = ask('till.mall', 'A', '10.1.0.60')
    tell([], [other({ labels: { ...compose, 'com.docker.compose.project': 'mall' } })])
    const after = ask('till.mall', 'A', '10.1.0.60')
    expect(after).toEqual(askSlowly('till.mall', 'A', '10.1.0.60'))
    expect(after).not.toEqual(before)
  })

  it('is not kept of a name that is gone, which is others’ after an hour', () => {
    const mall = { ...compose, 'com.docker.compose.project': 'mall' }
    const { tell, ask, askSlowly, decisions, time } = follow([...stood, one(), other({ labels: mall })])
    const names = ['till.mall', 'other.back', 'till.mall.front']
    const askAll = () => names.map((name) => ask(name, 'A', guest))
    askAll()
    tell([], [], ['other'])
    const before = askAll()
    for (const now of [0, 1000, 3_599_000]) {
      time.at(now)
      expect(
        decisions(() => expect(askAll()).toEqual(names.map((name) => askSlowly(name, 'A', guest)))),
      ).toBe(3)
    }
    expect(askAll()).toEqual(before)
    time.at(3_600_000)
    const after = askAll()
    expect(after).toEqual(names.map((name) => askSlowly(name, 'A', guest)))
    for (const [i, reply] of after.entries()) expect(reply).not.toEqual(before[i])
    expect(decisions(askAll)).toBe(0)
  })

  it('stays where a change is of other names', () => {
    const { tell, ask, decisions } = follow()
    const asked = () => {
      for (const from of [asker, guest]) {
        for (const name of ['twin', 'twin.front', 'nobody', 'one.docker.internal', 'example.org', 'pair']) {
          ask(name, 'A', from)
        }
      }
    }
    asked()
    const tellAndAsk = (...what: Parameters<Tell>) => {
      tell(...what)
      expect(decisions(asked)).toBe(0)
    }
    for (let round = 0; round < 70; round++) {
      tellAndAsk([], [other({ health: round % 2 === 0 ? 'healthy' : 'starting' })])
      tellAndAsk([], [container('new', { front: { at: ['10.1.0.70'], names: ['some', 'front.some'] } })])
      tellAndAsk([], [], ['new'])
    }
  })

  it('is made anew though another scope has seen that change, and more', () => {
    const { tell, ask, askSlowly } = follow()
    for (const from of [asker, guest]) ask('one', 'A', from)
    tell([], [one({}, ['10.1.0.51'])])
    ask('twin')
    tell([], [stand()])
    ask('twin')
    expect(ask('one', 'A', guest)).toEqual(askSlowly('one', 'A', guest))
  })

  it('that nobody asked for while much was changed is made anew', () => {
    const { tell, ask, askSlowly, decisions } = follow()
    ask('one')
    tell([], [one({}, ['10.1.0.51'])])
    for (let i = 0; i < 200; i++) {
      ask('twin')
      tell([], [container('new', { front: { at: [`10.1.0.${i + 100}`] } })])
    }
    expect(decisions(() => expect(ask('one')).toEqual(askSlowly('one')))).toBe(1)
  })

  it('ends with its table where a change is of very many names', () => {
    const { tell, ask, decisions } = follow()
    ask('twin')
    tell(
      [],
      [
        one(
          {},
          undefined,
          Array.from({ length: 1001 }, (_, i) => `n${i}`),
        ),
      ],
    )
    expect(decisions(() => ask('twin'))).toBe(1)
  })
})
