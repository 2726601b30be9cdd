// While an engine is away: what an asker had on networks that berth can't be sure of any more is not denied, nor sent
// upstream, nor told. Everything else is as if those networks were others'.
import { describe, expect, it } from 'vitest'
import { createCookies } from '../../../src/dns/cookie.ts'
import { rcodeOf } from '../../../src/dns/header.ts'
import { encodeQuery, readMessage } from '../../../src/dns/message.ts'
import { createFastAnswers } from '../../../src/fast/fast-answers.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { parseSubnet } from '../../../src/lib/ip.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import type { Container, EngineStatus, Network, Snapshot } from '../../../src/registry/types.ts'
import { createDnsMetrics } from '../../../src/resolve/dns-metrics.ts'
import { createPipeline } from '../../../src/resolve/pipeline.ts'
import { createResolver } from '../../../src/resolve/resolver.ts'
import { type Config, config, decideFor, here, resolverFor, upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const compose = (project: string, service: string) => ({
  'com.docker.compose.project': project,
  'com.docker.compose.service': service,
  'com.docker.compose.container-number': '1',
})

const networks = [
  network('n1', ['10.1.0.0/16']),
  network('n2', ['10.2.0.0/16', 'fd00:2::/64']),
  network('n3', ['10.3.0.0/16']),
]

const containers = [
  container('both', { n1: { at: ['10.1.0.2'] }, n2: { at: ['10.2.0.2'] } }),
  container('alone', { n1: { at: ['10.1.0.3'] } }),
  container('near', { n1: { at: ['10.1.0.4'], names: ['six'] } }),
  container('far', { n2: { at: ['10.2.0.5'], names: ['s3.amazonaws.com', 'db'] } }),
  container('mixed', { n1: { at: ['10.1.0.6'] }, n2: { at: ['10.2.0.6', 'fd00:2::6'] } }),
  container('ported', { n2: { at: ['10.2.0.7'] } }, { labels: { 'berth.port.http': '80' } }),
  container('named', { n2: { at: ['10.2.0.8'] } }, { labels: { 'berth.names': 'shop.test,*.wild.test' } }),
  container('replica', { n2: { at: ['10.2.0.9'] } }, { labels: compose('p', 'web') }),
  container('stopped', { n2: { at: [] } }, { running: false }),
  container('third', { n3: { at: ['10.3.0.5'] } }),
  // "api" holds nothing on n1, but lies above a name there.
  container('above', { n1: { at: ['10.1.0.10'], names: ['x.api'] } }),
  container('api', { n2: { at: ['10.2.0.10'] } }),
]

const gone = { local: { away: true } }
const notReady = { rcode: 2, answers: [], soa: false, ede: 14 }
const denied = { rcode: 3, answers: [], soa: true }
const forwarded = { to: upstream.text, zone: undefined }

function asking(
  states: Readonly<Record<string, Partial<EngineStatus>>> = gone,
  changes: Partial<Config> = {},
  told: { readonly networks?: readonly Network[]; readonly containers?: readonly Container[] } = {},
) {
  const snapshot = estate(told.networks ?? networks, told.containers ?? containers, states)
  const resolver = resolverFor(snapshot, changes)
  return (from: string, name: string, type = 'A') => decideFor(resolver, from, name, type)
}

describe('who was on two networks, asking from one of them', () => {
  const ask = asking()
  const inReach = asking({})

  it.each([
    ['far', 'A'],
    ['far', 'AAAA'],
    ['far', 'HTTPS'],
    ['far', 'ANY'],
    ['far', 'TXT'],
    ['FAR', 'A'],
    ['db', 'A'],
    ['far.n2', 'A'],
    ['far.docker.internal', 'A'],
    ['far.n2.docker.internal', 'AAAA'],
    ['s3.amazonaws.com', 'A'],
    ['s3.amazonaws.com', 'MX'],
    ['s3.amazonaws.com', 'ANY'],
    ['shop.test', 'A'],
    ['any.wild.test', 'A'],
    ['_http._tcp.ported', 'SRV'],
    ['_80._tcp.ported.n2', 'SRV'],
    ['web.p', 'A'],
    ['1.web.p', 'A'],
    ['web.p.docker.internal', 'A'],
    ['5.0.2.10.in-addr.arpa', 'PTR'],
    ['api', 'A'],
  ])('%s %s, which is on the other, is not ready', (name, type) => {
    const canonical = name.toLowerCase()
    expect(ask('10.1.0.2', canonical, type)).toEqual(notReady)
    expect(inReach('10.1.0.2', canonical, type)).toMatchObject({ rcode: 0 })
    // Who was on that network alone is told of nothing of it, and nobody else is either.
    expect(ask('10.1.0.3', canonical, type)).not.toMatchObject({ rcode: 2 })
    expect(ask('10.1.0.99', canonical, type)).toEqual(ask('10.1.0.3', canonical, type))
    expect(ask('10.3.0.5', canonical, type)).not.toMatchObject({ rcode: 2 })
  })

  it('is answered what is on the network it asks from', () => {
    expect(ask('10.1.0.2', 'near')).toMatchObject({ rcode: 0, answers: ['10.1.0.4'] })
    expect(ask('10.1.0.2', 'near', 'AAAA')).toEqual({ rcode: 0, answers: [], soa: true })
    expect(ask('10.1.0.2', '4.0.1.10.in-addr.arpa', 'PTR')).toMatchObject({ answers: ['near.n1'] })
    expect(ask('10.2.0.2', 'far')).toMatchObject({ answers: ['10.2.0.5'] })
    expect(ask('10.2.0.2', 'near')).toEqual(notReady)
  })

  it('is told that a name has no address of a family where it has one of the other: a stub would lose both', () => {
    expect(inReach('10.1.0.2', 'mixed', 'AAAA')).toMatchObject({ answers: ['fd00:2::6'] })
    expect(ask('10.1.0.2', 'mixed')).toMatchObject({ answers: ['10.1.0.6'] })
    expect(ask('10.1.0.2', 'mixed', 'AAAA')).toEqual({ rcode: 0, answers: [], soa: true })
  })

  it.each([
    ['nobody', 'A', denied],
    ['nobody.n2', 'A', forwarded],
    ['nobody.docker.internal', 'A', denied],
    ['third', 'A', denied],
    ['third.n3', 'A', denied],
    ['third.docker.internal', 'A', denied],
    ['5.0.3.10.in-addr.arpa', 'PTR', denied],
    ['99.0.2.10.in-addr.arpa', 'PTR', denied],
    ['stopped', 'A', denied],
    ['_none._tcp.ported', 'SRV', denied],
    ['www.example.org', 'A', forwarded],
    ['amazonaws.com', 'A', forwarded],
    // What a search list makes of a foreign name, and of one that lies above an alias.
    ['www.example.org.docker.internal', 'A', denied],
    ['amazonaws.com.docker.internal', 'A', denied],
    ['test.docker.internal', 'A', denied],
  ])('%s %s, which it had not, is what it is to others on the network', (name, type, expected) => {
    expect(ask('10.1.0.2', name, type)).toEqual(expected)
    expect(ask('10.1.0.3', name, type)).toEqual(expected)
  })

  it('is refused what is refused to all: transfers, other classes', () => {
    expect(ask('10.1.0.2', 'far', 'AXFR')).toMatchObject({ rcode: 5, ede: 18 })
    const resolver = resolverFor(estate(networks, containers, gone))
    expect(decideFor(resolver, '10.1.0.2', 'far', 'A', 3)).toMatchObject({ rcode: 5, ede: 20 })
  })

  it('gets what hosts: has for the other network once that is sure again', () => {
    const hosts = [
      ...[{ name: 'static.test', wildcard: false, v4: ['192.0.2.1'], v6: [], networks: ['n2'] }],
      ...[{ name: 'all.test', wildcard: false, v4: ['192.0.2.2'], v6: [], networks: undefined }],
    ] as unknown as Config['hosts']
    const withHosts = asking(gone, { hosts })
    expect(withHosts('10.1.0.2', 'static.test')).toEqual(notReady)
    expect(withHosts('10.1.0.2', '1.2.0.192.in-addr.arpa', 'PTR')).toEqual(notReady)
    expect(withHosts('10.1.0.2', 'all.test')).toMatchObject({ answers: ['192.0.2.2'] })
    expect(withHosts('10.1.0.3', 'static.test')).not.toMatchObject({ rcode: 2 })
  })
})

it('what was not there either is denied as before, for musl stalls at SERVFAIL', () => {
  const hosts = [
    { name: 'lan', wildcard: true, v4: ['192.0.2.1'], v6: [], networks: undefined },
    { name: 'a.near.lan', wildcard: false, v4: ['192.0.2.2'], v6: [], networks: undefined },
  ] as unknown as Config['hosts']
  for (const states of [{}, gone]) {
    const ask = asking(states, { hosts })
    for (const type of ['A', 'AAAA', 'ANY']) {
      expect(ask('10.1.0.2', 'near.lan', type), type).toEqual(denied)
    }
  }
})

describe('who else may be unsure', () => {
  it('is the one with a link, whose name is nobody else’s', () => {
    const linked = container('linked', {
      n1: { at: ['10.1.0.20'], links: new Map([['kin', 'near']]) },
    })
    const ask = asking(gone, {}, { containers: [...containers, linked] })
    expect(asking({}, {}, { containers: [...containers, linked] })('10.1.0.20', 'kin')).toMatchObject({
      answers: ['10.1.0.4'],
    })
    expect(ask('10.1.0.20', 'kin')).toEqual(notReady)
    expect(ask('10.1.0.3', 'kin')).toEqual(denied)
  })

  it('is a member of an overlay, which asks by the gateway bridge', () => {
    const mesh = network('mesh', ['10.9.0.0/24'], { driver: 'overlay', bridge: undefined })
    const bridge = network('docker_gwbridge', ['10.8.0.0/16'], { members: new Map([['10.8.0.3', 'task']]) })
    const told = {
      networks: [mesh, bridge],
      containers: [
        container('task', { mesh: { at: ['10.9.0.5'] } }),
        container('peer', { mesh: { at: ['10.9.0.6'] } }),
      ],
    }
    expect(asking({}, {}, told)('10.8.0.3', 'peer')).toMatchObject({ answers: ['10.9.0.6'] })
    expect(asking(gone, {}, told)('10.8.0.3', 'peer')).toEqual(notReady)
    expect(asking(gone, {}, told)('10.8.0.4', 'peer')).toEqual(denied)
  })

  it('is one whose networks have no subnet that tells of it: what it had is not ready, all else refused', () => {
    const told = {
      networks: [network('dhcp', ['10.7.0.0/16'], { subnets: [] })],
      containers: [
        container('one', { dhcp: { at: ['192.0.2.50'] } }),
        container('two', { dhcp: { at: ['192.0.2.51'] } }),
      ],
    }
    expect(asking({}, {}, told)('192.0.2.50', 'two')).toMatchObject({ answers: ['192.0.2.51'] })
    const ask = asking(gone, {}, told)
    expect(ask('192.0.2.50', 'two')).toEqual(notReady)
    expect(ask('192.0.2.50', 'nobody')).toMatchObject({ rcode: 5, ede: 18 })
    expect(ask('192.0.2.50', 'www.example.org')).toMatchObject({ rcode: 5, ede: 18 })
    expect(ask('192.0.2.99', 'two')).toMatchObject({ rcode: 5, ede: 18 })
  })

  it('is none of two containers that share an address, but for what both had', () => {
    const twins = {
      networks: [...networks, network('m1', ['10.5.0.0/24']), network('m2', ['10.5.0.0/24'])],
      containers: [
        ...containers,
        container('t1', { m1: { at: ['10.5.0.2'] }, n2: { at: ['10.2.0.30'] }, n3: { at: ['10.3.0.30'] } }),
        container('t2', { m2: { at: ['10.5.0.2'] }, n2: { at: ['10.2.0.31'] } }),
      ],
    }
    const ask = asking(gone, {}, twins)
    expect(ask('10.5.0.2', 'far')).toEqual(notReady)
    expect(ask('10.5.0.2', 'third')).toEqual(denied)
  })

  it('is nobody of another engine, that one’s host, or the machine', () => {
    const far = { engine: 'other' }
    const told = {
      networks: [...networks, network('o1', ['10.11.0.0/16'], far), network('o2', ['10.12.0.0/16'], far)],
      containers: [
        ...containers,
        container('theirs', { o1: { at: ['10.11.0.2'] }, o2: { at: ['10.12.0.2'] } }, far),
        container('peer', { o2: { at: ['10.12.0.3'] } }, far),
      ],
    }
    const ask = asking({ local: { away: true }, other: {} }, {}, told)
    expect(ask('10.11.0.2', 'peer')).toMatchObject({ answers: ['10.12.0.3'] })
    expect(ask('10.11.0.2', 'far')).toEqual(denied)
    expect(ask('10.1.0.2', 'far')).toEqual(notReady)
    expect(ask('10.1.0.2', 'peer')).toEqual(denied)
    expect(ask('127.0.0.1', 'far')).toMatchObject({ answers: ['10.2.0.5'] })
    expect(ask('127.0.0.1', 'nobody')).toEqual(denied)
  })

  it('is nobody who is allowed to ask, or a stranger', () => {
    const scope = { gateway: 'refuse', allow: [parseSubnet('192.0.2.0/24')!] } as const
    const ask = asking(gone, { scope })
    expect(ask('192.0.2.9', 's3.amazonaws.com')).toEqual(forwarded)
    expect(ask('203.0.113.9', 'far')).toMatchObject({ rcode: 5 })
    // A gateway's address is no container's, whoever is behind it.
    expect(ask('10.1.0.1', 'far')).toMatchObject({ rcode: 5 })
  })
})

describe('answers that are kept', () => {
  function serving(first: Snapshot) {
    let snapshot = first
    const resolver = createResolver({
      config,
      store: { current: () => snapshot },
      addresses: () => here,
      upstreams: () => [upstream],
      random: () => 0,
    })
    const counters = createDnsMetrics()
    const fast = createFastAnswers({
      ...{ resolver, counters, clock: systemClock, passing: systemClock.monotonic, random: () => 0 },
    })
    const handle = createPipeline({
      ...{ resolver, fast, counters, clock: systemClock, log: silentLogger, logQueries: false },
      ...{ cookies: createCookies({ secretOf: () => Buffer.alloc(16), seconds: () => 0 }) },
      identity: config.identity,
      forward: () => Promise.reject(new Error('nothing is to be forwarded')),
    })
    return {
      become(next: Snapshot) {
        snapshot = next
      },
      /** Asked twice, so that the second one may be a kept one; both must be the same. */
      ask(asker: string, name: string) {
        const told = [1, 2].map(() => {
          const message = encodeQuery(name, 'A', { id: 7, edns: 1232 })
          const reply = handle({ message, asker, local: '127.0.0.1', transport: 'udp', server: 'x' })
          return reply as Buffer
        })
        expect(told[0]!.equals(told[1]!)).toBe(true)
        const { answers } = readMessage(told[0]!)
        return answers.length > 0 ? answers.map(({ data }) => data).join() : rcodeOf(told[0]!)
      },
      kept: () => fast.held().answers,
    }
  }

  // Both ask from n1; one was on n2 as well, the other on n3.
  const cousins = [
    ...containers,
    container('cousin', { n1: { at: ['10.1.0.40'] }, n3: { at: ['10.3.0.40'] } }),
  ]

  it('are each asker’s own, in reach, away and back', () => {
    const first = estate(networks, cousins)
    const { ask, become, kept } = serving(first)
    expect([ask('10.1.0.2', 'far'), ask('10.1.0.40', 'third')]).toEqual(['10.2.0.5', '10.3.0.5'])
    expect([ask('10.1.0.2', 'third'), ask('10.1.0.40', 'far')]).toEqual([3, 3])
    const away = estate(networks, cousins, gone, first)
    become(away)
    const before = kept()
    expect([ask('10.1.0.2', 'far'), ask('10.1.0.40', 'third')]).toEqual([2, 2])
    expect([ask('10.1.0.2', 'third'), ask('10.1.0.40', 'far')]).toEqual([3, 3])
    expect([ask('10.1.0.3', 'far'), ask('10.1.0.3', 'third')]).toEqual([3, 3])
    // Nobody's took the place of another's.
    expect(kept()).toBe(before + 6)
    become(estate(networks, cousins, {}, away))
    expect([ask('10.1.0.2', 'far'), ask('10.1.0.40', 'third')]).toEqual(['10.2.0.5', '10.3.0.5'])
  })

  it('are given no longer than the network that they are of is what it was', () => {
    const first = estate(networks, cousins, gone)
    const { ask, become } = serving(first)
    expect(ask('10.1.0.2', 'far')).toBe(2)
    const without = cousins.filter(({ name }) => name !== 'far')
    const second = estate(networks, without, gone, first)
    become(second)
    expect(ask('10.1.0.2', 'far')).toBe(3)
    become(estate(networks, cousins, gone, second))
    expect(ask('10.1.0.2', 'far')).toBe(2)
  })

  it('go to nobody who has the address by the time that the engine is back', () => {
    const first = estate(networks, containers, gone)
    const { ask, become } = serving(first)
    expect(ask('10.1.0.2', 'far')).toBe(2)
    const moved = containers
      .filter(({ name }) => name !== 'both')
      .concat(
        container('both', { n1: { at: ['10.1.0.50'] }, n2: { at: ['10.2.0.2'] } }),
        container('new', { n1: { at: ['10.1.0.2'] } }),
      )
    become(estate(networks, moved, {}, first))
    expect([ask('10.1.0.2', 'far'), ask('10.1.0.50', 'far')]).toEqual([3, '10.2.0.5'])
  })
})
