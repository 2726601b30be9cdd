// What stays in and what is the public's: NAME.NETWORK and SERVICE.PROJECT, bare names, public domains, names that are gone.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Upstream } from '../../../src/config/types.ts'
import { typeCode } from '../../../src/dns/types.ts'
import { parseSubnet } from '../../../src/lib/ip.ts'
import { createGone } from '../../../src/registry/gone.ts'
import { createStore } from '../../../src/registry/store.ts'
import type { Snapshot } from '../../../src/registry/types.ts'
import { createResolver } from '../../../src/resolve/resolver.ts'
import { type Config, config, decideFor, here, upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const inside = { host: '192.0.2.54', port: 53, text: '192.0.2.54:53' }
const dockers = { host: '127.0.0.11', port: 53, text: '127.0.0.11:53' }
const nxdomain = { rcode: 3, answers: [], soa: true }
const forwarded = { to: upstream.text, zone: undefined }

const replica = (project: string, service: string, number: number, more: object = {}) => ({
  labels: {
    'com.docker.compose.project': project,
    'com.docker.compose.service': service,
    'com.docker.compose.container-number': String(number),
    ...more,
  },
})
const stopped = { running: false }

const networks = [
  network('front', ['10.1.0.0/16']),
  network('myshop_default', ['10.2.0.0/16']),
  network('com', ['10.3.0.0/16']),
  network('my.dev', ['10.4.0.0/16']),
  network('a.mesh', ['10.5.0.0/16']),
  network('vault', ['10.6.0.0/16'], { internal: true }),
]
const containers = [
  container('guest', { front: { at: ['10.1.0.2'] } }),
  container('ai', { front: { at: ['10.1.0.3'], names: ['s3.amazonaws.com', 'stand.in'] } }),
  container(
    'myshop-web-1',
    { myshop_default: { at: ['10.2.0.2'], names: ['web'] } },
    replica('myshop', 'web', 1),
  ),
  container(
    'myshop-db-1',
    { myshop_default: { at: [], names: ['db'] } },
    { ...replica('myshop', 'db', 1), ...stopped },
  ),
  container(
    'myshop-db-run',
    { myshop_default: { at: ['10.2.0.4'] } },
    replica('myshop', 'once', 1, { 'com.docker.compose.oneoff': 'True' }),
  ),
  container('google', { com: { at: ['10.3.0.2'], names: ['mail.big'] } }),
  container('idle', { com: { at: [] } }, stopped),
  container('peer', { com: { at: ['10.3.0.4'] } }),
  container('api', { 'my.dev': { at: ['10.4.0.2'] } }, replica('app', 'till', 1)),
  container('idle-till', { 'my.dev': { at: [] } }, { ...replica('app', 'idle', 1), ...stopped }),
  container('mate', { 'my.dev': { at: ['10.4.0.4'] } }),
  container('box', { 'a.mesh': { at: ['10.5.0.2'] } }, { labels: { 'berth.names': 'label.mesh' } }),
  container('secret', { vault: { at: ['10.6.0.2'] } }),
]
const whole = estate(networks, containers)

/** Who asks, by what it is. */
const askers = {
  'another network': '10.1.0.2',
  'its subnet': '10.1.0.77',
  host: '127.0.0.1',
  'forwarding only': '192.0.2.77',
  gateway: '10.1.0.1',
}

interface Options {
  readonly changes?: Partial<Config>
  readonly upstreams?: readonly Upstream[]
  readonly gone?: Parameters<typeof createResolver>[0]['gone']
  readonly snapshot?: Snapshot
}

function resolverOf({ changes = {}, upstreams = [upstream], gone, snapshot = whole }: Options = {}) {
  return createResolver({
    config: { ...config, scope: { gateway: 'host', allow: [parseSubnet('192.0.2.0/24')!] }, ...changes },
    store: { current: () => snapshot },
    ...{ addresses: () => here, upstreams: () => upstreams, random: () => 0, gone },
  })
}

const resolver = resolverOf()
const ask = (from: string, name: string, code = 'A', options?: Options) =>
  decideFor(options === undefined ? resolver : resolverOf(options), from, name, code)

describe('stays in, whoever may not see it:', () => {
  it.each([
    ['web.myshop', 'SERVICE.PROJECT'],
    ['1.web.myshop', 'N.SERVICE.PROJECT'],
    ['_http._tcp.web.myshop', 'a service of it'],
    ['_dmarc.1.web.myshop', 'anything underscored before it'],
    ['db.myshop', 'SERVICE.PROJECT of a stopped container'],
    ['1.db.myshop', 'N.SERVICE.PROJECT of a stopped container'],
    ['web.myshop_default', 'NAME.NETWORK'],
    ['_http._tcp.web.myshop_default', 'a service of NAME.NETWORK'],
    ['db.myshop_default', 'NAME.NETWORK of a stopped container'],
    ['box.a.mesh', 'NAME.NETWORK of a network with a dot'],
    ['web.myshop.front', 'SERVICE.PROJECT with a network as search domain'],
    ['web.myshop.myshop_default', 'SERVICE.PROJECT with its own network as search domain'],
    ['web.myshop.myshop', 'SERVICE.PROJECT with its project as search domain'],
    ['1.web.myshop.a.mesh', 'N.SERVICE.PROJECT with a dotted search domain'],
    ['_http._tcp.web.myshop.front', 'a service of it with a search domain'],
    ['web.myshop_default.front', 'NAME.NETWORK with another network as search domain'],
    ['web.myshop_default.myshop', 'NAME.NETWORK with a project as search domain'],
    ['web.myshop_default.myshop_default.myshop_default', 'NAME.NETWORK with its own, again and again'],
    ['s3.amazonaws.com.front', 'a dotted alias as NAME.NETWORK'],
    ['till.app.front', 'SERVICE.PROJECT of a public name before a network that has none'],
  ])('%s, %s', (name) => {
    // "front" is the first asker's own network, on which the alias is.
    const isOwn = name.startsWith('s3')
    for (const [who, from] of Object.entries(askers)) {
      if (isOwn && (who === 'another network' || who === 'its subnet')) continue
      for (const code of ['A', 'AAAA', 'SRV', 'TXT', 'HTTPS', 'NS', 'ANY']) {
        expect(ask(from, name, code), `${who} ${code}`).toEqual(nxdomain)
      }
    }
  })

  describe('underscored names of services and aliases:', () => {
    const odd = estate(
      [...networks, network('back', ['10.7.0.0/16'])],
      [
        ...containers,
        container(
          'odd-1',
          { back: { at: ['10.7.0.2'], names: ['_side', '_a.b'] } },
          replica('myshop', '_side', 1),
        ),
        container('odd-2', { back: { at: ['10.7.0.3'] } }, replica('myshop', '_x._y.z', 1)),
      ],
    )
    const names = [
      ...[
        '_side.myshop',
        '1._side.myshop',
        '_http._tcp._side.myshop',
        '_dmarc._side.myshop',
        '_side.myshop.front',
      ],
      ...['_side.back', '_http._tcp._side.back', '_a.b.back', '_x._y.z.myshop', '_http._tcp._x._y.z.myshop'],
      ...['_side', '_http._tcp._side'],
    ]
    it.each(names)('%s', (name) => {
      const forward = { ...config.forward, singleLabel: true }
      for (const [who, from] of Object.entries(askers)) {
        // A bare name is the host's.
        if (name === '_side' && (who === 'host' || who === 'gateway')) continue
        for (const code of ['A', 'SRV', 'TXT', 'MX']) {
          for (const changes of [{}, { forward }]) {
            const options = { snapshot: odd, changes }
            expect(ask(from, name, code, options), `${who} ${code}`).toEqual(nxdomain)
          }
        }
      }
    })

    it.each(['_side.back', '_a.b', '_http._tcp._a.b'])(
      'Docker’s own resolver is not asked for %s',
      (name) => {
        const options = { snapshot: odd, upstreams: [dockers] }
        for (const code of ['A', 'TXT']) expect(ask('10.1.0.2', name, code, options)).toEqual(nxdomain)
      },
    )
  })

  it.each([
    'agent.myhost',
    '1.agent.myhost',
    '_http._tcp.agent.myhost',
    'agent.myhost.front',
    'myhost-agent-1',
  ])('%s, of a container that is on no network, and for an hour after it is gone', (name) => {
    const agent = container('myhost-agent-1', {}, replica('myhost', 'agent', 1))
    const before = estate(networks, [...containers, agent])
    const after = estate(networks, containers, {}, before)
    const gone = createGone({ key: [1, 2], now: () => 0 }, before)
    gone.follow(after)
    for (const from of Object.values(askers)) {
      for (const code of ['A', 'TXT']) {
        expect(ask(from, name, code, { snapshot: before }), code).toEqual(nxdomain)
        expect(ask(from, name, code, { snapshot: after, gone }), `${code} afterwards`).toEqual(nxdomain)
      }
    }
  })

  it.each(['web.docker.internal.front', '_http._tcp.web.docker.internal.myshop', 'docker.internal.a.mesh'])(
    '%s, a name under the zone with a network or a project as search domain',
    (name) => {
      for (const from of Object.values(askers)) {
        for (const code of ['A', 'TXT']) expect(ask(from, name, code), code).toEqual(nxdomain)
      }
    },
  )

  it('NAME.NETWORK of a network whose containers are being read', () => {
    const store = createStore(['local'])
    store.apply({
      ...{ kind: 'update', engine: 'local', unfinished: true, containers: [] },
      networks: networks.map((each) => [each.id, each]),
    })
    for (const from of ['10.1.0.2', '127.0.0.1', '192.0.2.77']) {
      for (const name of ['box.a.mesh', '_http._tcp.db.myshop_default', 'web.myshop_default.front']) {
        expect(ask(from, name, 'A', { snapshot: store.current() })).toMatchObject({ rcode: 2, ede: 14 })
      }
      const options = { snapshot: store.current() }
      expect(ask('127.0.0.1', 'google.com', 'A', options)).toEqual(forwarded)
    }
  })

  it('whatever gateways are told', () => {
    for (const gateway of ['network', 'host'] as const) {
      const options = { changes: { scope: { gateway, allow: [] } } }
      expect(ask('10.1.0.1', 'web.myshop', 'A', options), gateway).toEqual(nxdomain)
    }
  })

  it('though a route leads there, as ever', () => {
    const zones = ['myshop', 'myshop_default'].map((suffix) => ({ suffix, upstreams: [inside] }))
    const changes = { forward: { ...config.forward, zones } }
    expect(ask('10.1.0.2', 'web.myshop', 'A', { changes })).toEqual(nxdomain)
    expect(ask('10.1.0.2', 'web.myshop_default', 'A', { changes })).toEqual(nxdomain)
    expect(ask('10.1.0.2', 'nobody.myshop', 'A', { changes })).toEqual({ to: inside.text, zone: 'myshop' })
  })
})

describe('is forwarded:', () => {
  it.each([
    ['s3.amazonaws.com', 'a dotted alias of others'],
    ['stand.in', 'the same, under a public domain'],
    ['label.mesh', 'a name by label of others'],
    ['once.myshop', 'a run, which is no replica'],
    ['2.web.myshop', 'a replica that there is not'],
    ['x.web.myshop', 'what is below'],
    ['web.myshop.example.org', 'a search domain of others'],
    ['nobody.myshop', 'no service of the project'],
    ['nobody.front', 'no name of the network'],
    ['myshop.web', 'the wrong way round'],
    ['example.org', 'what has nothing to do with it'],
  ])('%s, %s', (name) => {
    const from = name === 's3.amazonaws.com' || name === 'stand.in' ? '10.2.0.2' : '10.1.0.2'
    for (const code of ['A', 'TXT']) expect(ask(from, name, code), code).toEqual(forwarded)
    expect(ask('127.0.0.1', name)).toEqual(forwarded)
  })
})

describe('a public domain', () => {
  it.each([
    ['google.com', 'a network of its name'],
    ['idle.com', 'a stopped container'],
    ['_http._tcp.google.com', 'a service'],
    ['google.com.com', 'the network as search domain'],
    ['api.my.dev', 'a network below it'],
    ['till.app', 'a project'],
    ['1.till.app', 'a replica'],
    ['idle.app', 'a stopped service'],
    ['web.myshop_default.com', 'the network as search domain of another name'],
  ])('%s is the public’s for who is not on it: %s', (name) => {
    for (const [who, from] of Object.entries(askers)) {
      for (const code of ['A', 'AAAA', 'TXT', 'NS', 'DS'])
        expect(ask(from, name, code), who).toEqual(forwarded)
    }
  })

  it('is Docker’s for who is on it', () => {
    expect(ask('10.3.0.4', 'google.com')).toMatchObject({ rcode: 0, answers: ['10.3.0.2'] })
    expect(ask('10.3.0.4', 'mail.big.com')).toMatchObject({ rcode: 0, answers: ['10.3.0.2'] })
    expect(ask('10.4.0.4', 'api.my.dev')).toMatchObject({ rcode: 0, answers: ['10.4.0.2'] })
    expect(ask('10.4.0.4', 'till.app')).toMatchObject({ rcode: 0, answers: ['10.4.0.2'] })
    for (const name of ['idle.com', '_http._tcp.idle.com', 'google.com.com.com']) {
      expect(ask('10.3.0.4', name, name.includes('_') ? 'SRV' : 'TXT'), name).not.toEqual(forwarded)
    }
    for (const name of ['idle.app', '1.idle.app', 'till.app.app']) {
      expect(ask('10.4.0.4', name), name).toEqual(nxdomain)
    }
    expect(ask('10.3.0.4', 'example.com')).toEqual(forwarded)
  })

  it('is no reason for Docker’s own resolver to be asked for less than it must not be asked for', () => {
    const options = { upstreams: [dockers] }
    const to = { to: dockers.text, zone: undefined }
    expect(ask('10.1.0.2', 'example.com', 'A', options)).toEqual(to)
    expect(ask('10.1.0.2', 'google.com', 'A', options)).toEqual(nxdomain)
    expect(ask('10.1.0.2', 'bank', 'TXT', options)).toEqual(to)
    expect(ask('10.1.0.2', 'bank', 'MX', options)).toEqual(nxdomain)
  })
})

describe('a bare name', () => {
  it.each([
    ['_dmarc.bank', 'TXT'],
    ['com', 'CAA'],
    ['bank', 'MX'],
    ['xn--p1ai', 'NAPTR'],
    ['nobody', 'TXT'],
    ['com', 'DS'],
  ])('that nobody has is forwarded: %s %s', (name, code) => {
    for (const from of Object.values(askers)) expect(ask(from, name, code)).toEqual(forwarded)
  })

  it('is kept in for addresses, and for what a local name is asked for besides', () => {
    for (const code of ['A', 'AAAA', 'HTTPS', 'SVCB', 'SRV', 'ANY']) {
      for (const name of ['bank', 'nobody', '_http._tcp.bank']) {
        for (const from of Object.values(askers))
          expect(ask(from, name, code), `${name} ${code}`).toEqual(nxdomain)
      }
    }
  })

  it('that somebody has is kept in for all types, wherever that is', () => {
    for (const code of ['A', 'MX', 'TXT', 'CAA', 'NS', 'TYPE99']) {
      for (const name of ['secret', 'web', '_dmarc.web', 'db', 'ai']) {
        if (name === 'ai' && code === 'NS') continue
        expect(ask('10.5.0.2', name, code), `${name} ${code}`).toEqual(nxdomain)
      }
    }
  })

  it('that is a public domain is the public’s for validators, whoever has it', () => {
    for (const code of ['NS', 'DS', 'DNSKEY', 'SOA']) {
      expect(ask('10.5.0.2', 'ai', code), code).toEqual(forwarded)
      expect(ask('10.1.0.2', 'ai', code), code).toEqual({ rcode: 0, answers: [], soa: true })
    }
  })

  it('is kept in for all types while an engine has not been read', () => {
    const snapshot = estate(networks, containers, { other: { synced: false } })
    expect(ask('10.1.0.2', 'bank', 'TXT', { snapshot })).toMatchObject({ rcode: 2, ede: 14 })
  })
})

describe('a name that is gone', () => {
  function afterwards(changes: Partial<Config> = {}) {
    const state = { now: 0, snapshot: whole }
    const gone = createGone({ key: [3, 4], now: () => state.now }, whole)
    const make = () =>
      createResolver({
        config: { ...config, scope: { gateway: 'host', allow: [parseSubnet('192.0.2.0/24')!] }, ...changes },
        store: { current: () => state.snapshot },
        ...{ addresses: () => here, upstreams: () => [upstream], random: () => 0, gone },
      })
    return {
      state,
      become(nets: typeof networks, list: typeof containers) {
        state.snapshot = estate(nets, list, {}, state.snapshot)
        gone.follow(state.snapshot)
      },
      ask: (from: string, name: string, code = 'A') => decideFor(make(), from, name, code),
      decide(from: string, name: string, code = 'A') {
        const resolver = make()
        return resolver.decide(resolver.scope(from, '127.0.0.1'), { name, type: typeCode(code)!, class: 1 })
      },
    }
  }
  const without = (...names: string[]) => containers.filter(({ name }) => !names.includes(name))
  const shop = ['myshop-web-1', 'myshop-db-1', 'myshop-db-run']

  it.each([
    ['web.myshop', 'A'],
    ['1.web.myshop', 'A'],
    ['_http._tcp.web.myshop', 'SRV'],
    ['web.myshop_default', 'A'],
    ['myshop-db-1.myshop_default', 'TXT'],
    ['web.myshop.front', 'A'],
    ['web.myshop.myshop', 'A'],
    ['web.myshop_default.myshop_default', 'A'],
    ['box.a.mesh.myshop_default', 'A'],
    ['web', 'MX'],
    ['_x.web', 'TXT'],
  ])('stays in for an hour, and no longer: %s %s', (name, code) => {
    const { state, become, ask, decide } = afterwards()
    become(
      networks.filter(({ name }) => name !== 'myshop_default'),
      without(...shop),
    )
    for (const [who, from] of Object.entries(askers)) expect(ask(from, name, code), who).toEqual(nxdomain)
    // Nobody keeps that for longer.
    expect(decide('10.1.0.2', name, code)).toMatchObject({ isPassing: true })
    state.now = 3_599_000
    expect(ask('10.1.0.2', name, code)).toEqual(nxdomain)
    state.now = 3_600_000
    if (name.startsWith('box')) expect(ask('10.1.0.2', name, code)).toEqual(forwarded)
    else for (const from of Object.values(askers)) expect(ask(from, name, code)).toEqual(forwarded)
  })

  it('does not stay in where a route leads there', () => {
    const zones = ['myshop', 'web', 'myshop_default'].map((suffix) => ({ suffix, upstreams: [inside] }))
    const { become, ask } = afterwards({ forward: { ...config.forward, zones } })
    become(networks, without(...shop))
    for (const name of ['web.myshop', 'web.myshop_default', 'web']) {
      expect(ask('10.1.0.2', name, 'MX'), name).toMatchObject({ to: inside.text })
    }
    expect(ask('10.1.0.2', 'web.myshop.front')).toEqual(nxdomain)
  })

  it('stays in with forward.singleLabel, too', () => {
    const { become, ask } = afterwards({ forward: { ...config.forward, singleLabel: true } })
    become(networks, without(...shop))
    expect(ask('10.1.0.2', 'web')).toEqual(nxdomain)
    expect(ask('10.1.0.2', 'printer')).toEqual(forwarded)
  })

  it('is no more gone when it comes back', () => {
    const { become, ask, decide } = afterwards()
    become(networks, without(...shop))
    become(networks, containers)
    expect(ask('10.2.0.2', 'web.myshop')).toMatchObject({ answers: ['10.2.0.2'] })
    expect(ask('10.1.0.2', 'web.myshop')).toEqual(nxdomain)
    expect(decide('10.1.0.2', 'web.myshop')).not.toMatchObject({ isPassing: true })
  })

  it('of a public domain stays in for who is on it', () => {
    const { become, ask } = afterwards()
    become(networks, without('google', 'api', 'ai'))
    for (const from of Object.values(askers)) {
      expect(ask(from, 'google.com')).toEqual(forwarded)
      expect(ask(from, 'till.app')).toEqual(forwarded)
      expect(ask(from, 'ai', 'MX')).toEqual(forwarded)
    }
    expect(ask('10.3.0.4', 'google.com')).toEqual(nxdomain)
    expect(ask('10.4.0.4', 'api.my.dev')).toEqual(nxdomain)
    // The project is there: a stopped service is left of it.
    expect(ask('10.4.0.4', 'till.app')).toEqual(nxdomain)
  })

  it('leaves dotted aliases and names by label to the public at once', () => {
    const { become, ask } = afterwards()
    become(networks, without('ai', 'box'))
    for (const name of ['s3.amazonaws.com', 'label.mesh']) {
      for (const from of Object.values(askers)) expect(ask(from, name), name).toEqual(forwarded)
    }
  })
})

describe('for any estate, whoever asks', () => {
  const words = ['a', 'b', 'web', 'com', 'dev', 'b.c', 'web.com']
  const nets = ['n', 'b', 'b.c', 'com', 'x.dev', 'shop']
  const projects = ['shop', 'dev', 'b', 'n']
  const endsPublic = (name: string) => ['com', 'dev', 'shop'].includes(name.split('.').at(-1)!)
  const drawn = fc.record({
    present: fc.uniqueArray(fc.nat(5), { minLength: 1 }),
    members: fc.array(
      fc.record({
        on: fc.uniqueArray(fc.nat(5), { maxLength: 3 }),
        names: fc.array(fc.constantFrom(...words), { maxLength: 2 }),
        service: fc.option(fc.tuple(fc.constantFrom('web', 'a', 'b.c'), fc.constantFrom(...projects))),
        running: fc.boolean(),
      }),
      { maxLength: 6 },
    ),
    /** How many of them are gone, the last ones. */
    gone: fc.nat(3),
    prefix: fc.constantFrom('', '_http._tcp.', '_dmarc.'),
    search: fc.constantFrom('', '.n', '.b', '.b.c', '.shop', '.com'),
    code: fc.constantFrom('A', 'SRV', 'TXT', 'HTTPS', 'NS'),
  })
  type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never

  function made({ present, members }: Drawn) {
    const there = nets.flatMap((name, n) => (present.includes(n) ? [network(name, [`10.${n}.0.0/16`])] : []))
    const list = members.map(({ on, names, service, running }, i) => {
      const places = on
        .filter((n) => present.includes(n))
        .map((n) => [nets[n]!, { at: running ? [`10.${n}.0.${i + 2}`] : [], names }])
      const extra = service === null ? {} : replica(service[1], service[0], i)
      return container(`k${i}`, Object.fromEntries(places), { running, ...extra })
    })
    return { there, list }
  }

  /** Each name in its forms, and the networks that whoever is on knows it. */
  function formsOf({ present, members }: Drawn): Map<string, Set<number>> {
    const forms = new Map<string, Set<number>>()
    const add = (name: string, n: number) => forms.set(name, (forms.get(name) ?? new Set()).add(n))
    for (const [i, { on, names, service }] of members.entries()) {
      for (const n of on.filter((n) => present.includes(n))) {
        for (const name of [`k${i}`, ...names]) add(`${name}.${nets[n]}`, n)
        if (service === null) continue
        add(service.join('.'), n)
        add(`${i}.${service.join('.')}`, n)
      }
    }
    return forms
  }

  function asked(told: Drawn) {
    const { there, list } = made(told)
    const before = estate(there, list)
    const gone = createGone({ key: [5, 6], now: () => 0 }, before)
    const left = list.slice(0, list.length - Math.min(told.gone, list.length))
    const snapshot = estate(there, left, {}, before)
    gone.follow(snapshot)
    const resolver = resolverOf({ snapshot, gone })
    const froms = [
      '127.0.0.1',
      '192.0.2.77',
      ...told.present.flatMap((n) => [`10.${n}.200.1`, `10.${n}.0.1`]),
    ]
    return froms.map((from) => {
      const scope = resolver.scope(from, '127.0.0.1')
      const ask = (name: string) => resolver.decide(scope, { name, type: typeCode(told.code)!, class: 1 })
      return { from, scope, ask }
    })
  }

  it('no name that stays in is forwarded, by a public domain’s name neither to who is on it', () => {
    fc.assert(
      fc.property(drawn, (told) => {
        for (const { from, scope, ask } of asked(told)) {
          const own = new Set(scope.networks.map(({ name }) => nets.indexOf(name)))
          for (const [form, on] of formsOf(told)) {
            const isOn = scope.view === 'networks' && [...on].some((n) => own.has(n))
            const name = `${told.prefix}${form}${told.search}`
            if (endsPublic(name) && (told.search !== '' || !isOn)) continue
            // A search domain is one while it is there.
            const end = told.search.slice(1)
            const isSearch = told.present.some((n) => nets[n] === end)
            if (end !== '' && !isSearch) continue
            // The last one that had a name has taken its project with it, on a public one's network as well.
            if (endsPublic(name) && told.gone > 0) continue
            if (ask(name).kind === 'forward') throw new Error(`${from}: ${name} ${told.code} leaves`)
          }
        }
      }),
      { numRuns: 400 },
    )
  }, 240_000)

  it('no name of a public domain is denied to who is on no network that has it', () => {
    fc.assert(
      fc.property(drawn, (told) => {
        for (const { from, scope, ask } of asked(told)) {
          if (!scope.forwards) continue
          const own = scope.view === 'networks' ? scope.networks : []
          for (const [form, on] of formsOf(told)) {
            const name = `${told.prefix}${form}${told.search}`
            const isOn = own.some(
              (table) => on.has(nets.indexOf(table.name)) || name.endsWith(`.${table.name}`),
            )
            const isProject = own.some((table) =>
              [...table.projects.keys()].some((each) => name.endsWith(`.${each}`)),
            )
            // An alias of a stopped container, on a network of the asker's.
            const isAlias = own.some(({ known }) => known.has(name))
            if (!endsPublic(name) || isOn || isProject || isAlias) continue
            if (ask(name).kind !== 'forward') throw new Error(`${from}: ${name} ${told.code} is denied`)
          }
        }
      }),
      {
        numRuns: 400,
        examples: [
          [
            {
              ...{ present: [3, 0], gone: 0, prefix: '', search: '', code: 'A' },
              members: [
                { on: [0], names: ['web.com'], service: null, running: false },
                { on: [3], names: ['web'], service: null, running: false },
              ],
            },
          ],
        ],
      },
    )
  }, 240_000)
})
