// Names beyond container names and aliases: links, Compose's, labels', SRV, Docker Desktop's; and where they end.
import { describe, expect, it } from 'vitest'
import { decideFor, resolverFor, upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const compose = (project: string, service: string, number: number, extra = {}) => ({
  labels: {
    'com.docker.compose.project': project,
    'com.docker.compose.service': service,
    'com.docker.compose.container-number': String(number),
    ...extra,
  },
})

const networks = [
  network('front', ['10.1.0.0/24', 'fd00:1::/64']),
  network('back', ['10.2.0.0/24']),
  network('pipe', ['10.3.0.0/24'], { driver: 'macvlan', bridge: undefined }),
]
const containers = [
  container('asker', {
    front: {
      at: ['10.1.0.2'],
      links: new Map([
        ['primary', 'db'],
        ['late', 'nobody'],
        ['web', 'db'],
      ]),
    },
    back: { at: ['10.2.0.2'] },
  }),
  container('other', { front: { at: ['10.1.0.3'] } }),
  container('db', { front: { at: ['10.1.0.4'] }, back: { at: ['10.2.0.4'] } }),
  container('web', { front: { at: ['10.1.0.5'] }, back: { at: ['10.2.0.5'] } }),
  container('shop-api-1', { front: { at: ['10.1.0.11'], names: ['api'] } }, compose('shop', 'api', 1)),
  container('shop-api-2', { front: { at: ['10.1.0.12'], names: ['api'] } }, compose('shop', 'api', 2)),
  container(
    'run',
    { front: { at: ['10.1.0.13'] } },
    compose('shop', 'api', 3, { 'com.docker.compose.oneoff': 'True' }),
  ),
  container('hidden-api-1', { back: { at: ['10.2.0.14'], names: ['api'] } }, compose('hidden', 'api', 1)),
  container(
    'app',
    { front: { at: ['10.1.0.20', 'fd00:1::20'] } },
    {
      labels: {
        'berth.names': 'app.test,*.app.test,x.y.app.test',
        'berth.ttl': '30',
        'berth.port.http': '8080',
        'berth.port.dns': '53/udp',
      },
    },
  ),
  container('shy', { front: { at: ['10.1.0.21'] } }, { labels: { 'berth.ignore': 'true' } }),
  container(
    'exposed',
    { front: { at: ['10.1.0.22'] } },
    { ports: [{ number: 80, protocol: 'tcp', name: undefined }] },
  ),
  container('host', { front: { at: ['10.1.0.23'] } }),
  container('piped', { pipe: { at: ['10.3.0.2'] } }),
  container('idle', { front: { at: [] } }, { running: false, labels: { 'berth.names': 'idle.test' } }),
]
const resolver = resolverFor(estate(networks, containers))
const from = {
  asker: '10.1.0.2',
  other: '10.1.0.3',
  web: '10.1.0.5',
  hidden: '10.2.0.14',
  piped: '10.3.0.2',
  host: '127.0.0.1',
}
const ask = (as: keyof typeof from, name: string, code = 'A') => decideFor(resolver, from[as], name, code)
const answers = (as: keyof typeof from, name: string, code = 'A') => {
  const told = ask(as, name, code)
  return 'answers' in told ? told.answers : told
}
const nxdomain = { rcode: 3, answers: [], soa: true }
const nodata = { rcode: 0, answers: [], soa: true }
const forwarded = { to: upstream.text, zone: undefined }

describe('a link', () => {
  it('answers what its target is, on its network, plain and qualified, for the linking container', () => {
    expect(answers('asker', 'primary')).toEqual(['10.1.0.4'])
    expect(answers('asker', 'primary.front')).toEqual(['10.1.0.4'])
    expect(answers('asker', 'primary.docker.internal')).toEqual(['10.1.0.4'])
    expect(ask('asker', 'primary.back')).toEqual(forwarded)
  })
  it('is nobody else’s', () => {
    for (const as of ['other', 'web', 'host'] as const) expect(ask(as, 'primary')).toEqual(nxdomain)
  })
  it('goes before a name on its network, and on others that name is what it is', () => {
    expect(answers('asker', 'web')).toEqual(['10.1.0.4'])
    expect(answers('asker', 'web.back')).toEqual(['10.2.0.5'])
    expect(answers('other', 'web')).toEqual(['10.1.0.5'])
  })
  it('without its target is not there, and does not leave', () => {
    expect(ask('asker', 'late')).toEqual(nxdomain)
  })
})

describe('a Compose service', () => {
  it('is found as SERVICE.PROJECT: all replicas, runs left out', () => {
    expect(answers('asker', 'api.shop')).toEqual(['10.1.0.11', '10.1.0.12'])
    expect(answers('asker', 'api.shop.docker.internal')).toEqual(['10.1.0.11', '10.1.0.12'])
    expect(answers('host', 'api.shop.docker.internal')).toEqual(['10.1.0.11', '10.1.0.12'])
  })
  it('is found as N.SERVICE.PROJECT: one replica', () => {
    expect(answers('asker', '2.api.shop')).toEqual(['10.1.0.12'])
    expect(ask('asker', '3.api.shop.docker.internal')).toEqual(nxdomain)
  })
  it('is told apart by project where the bare name is not', () => {
    expect(answers('asker', 'api.hidden')).toEqual(['10.2.0.14'])
    expect(ask('other', 'api.hidden.docker.internal')).toEqual(nxdomain)
  })
  it('has nothing but what lies below it at PROJECT under the zone', () => {
    expect(ask('asker', 'shop.docker.internal')).toEqual(nodata)
    expect(ask('hidden', 'shop.docker.internal')).toEqual(nxdomain)
  })
})

describe('labels', () => {
  it('give more names and wildcards, with their own TTL', () => {
    expect(answers('other', 'app.test')).toEqual(['10.1.0.20'])
    expect(answers('other', 'app.test', 'AAAA')).toEqual(['fd00:1::20'])
    expect(answers('other', 'any.thing.app.test')).toEqual(['10.1.0.20'])
    expect(answers('other', 'any.app.test.docker.internal')).toEqual(['10.1.0.20'])
    expect(answers('host', 'any.app.test.docker.internal')).toEqual(['10.1.0.20'])
    const scope = resolver.scope(from.other, '127.0.0.1')
    const ttlOf = (name: string) => {
      const decision = resolver.decide(scope, { name, type: 1, class: 1 })
      return decision.kind === 'answer' && decision.answers.map(({ ttl }) => ttl)
    }
    expect(ttlOf('app')).toEqual([30])
    expect(ttlOf('db')).toEqual([0])
  })
  it('a wildcard ends where a closer name exists, and what is below that does not leave (RFC 4592)', () => {
    expect(answers('other', 'x.y.app.test')).toEqual(['10.1.0.20'])
    expect(ask('other', 'y.app.test')).toEqual(nodata)
    expect(ask('other', 'z.y.app.test')).toEqual(nxdomain)
    expect(ask('other', 'z.x.y.app.test')).toEqual(nxdomain)
  })
  it('are for the container’s networks alone', () => {
    expect(ask('hidden', 'app.test')).toEqual(nxdomain)
    expect(ask('hidden', 'any.app.test')).toEqual(nxdomain)
  })
  it('keep a container out, which itself is served', () => {
    expect(ask('other', 'shy')).toEqual(nxdomain)
    expect(ask('other', 'shy.front')).toEqual(nxdomain)
    expect(ask('other', '21.0.1.10.in-addr.arpa', 'PTR')).toEqual(nxdomain)
    expect(decideFor(resolver, '10.1.0.21', 'web')).toMatchObject({ answers: ['10.1.0.5'] })
  })
  it('of a stopped container leave nothing to be forwarded', () => {
    expect(ask('other', 'idle.test')).toEqual(nxdomain)
  })
})

describe('SRV', () => {
  it('is answered by number and by name, with targets and their addresses', () => {
    const told = {
      rcode: 0,
      answers: ['8080 app.front'],
      soa: false,
      additional: ['app.front 10.1.0.20', 'app.front fd00:1::20'],
    }
    expect(ask('other', '_http._tcp.app', 'SRV')).toEqual(told)
    expect(ask('other', '_8080._tcp.app.test', 'SRV')).toEqual(told)
    expect(answers('other', '_dns._udp.app', 'SRV')).toEqual(['53 app.front'])
    expect(answers('other', '_80._tcp.exposed.front', 'SRV')).toEqual(['80 exposed.front'])
  })
  it('names targets under the zone for who asks under it, and for the host', () => {
    const target = ['80 exposed.front.docker.internal']
    expect(answers('other', '_80._tcp.exposed.docker.internal', 'SRV')).toEqual(target)
    expect(answers('host', '_80._tcp.exposed', 'SRV')).toEqual(target)
  })
  it('is NODATA for other types, and above ports', () => {
    expect(ask('other', '_http._tcp.app')).toEqual(nodata)
    expect(ask('other', '_tcp.app', 'SRV')).toEqual(nodata)
    expect(ask('other', '_udp.exposed', 'SRV')).toEqual(nxdomain)
  })
  it('is not there for other ports and protocols, and for who may not see the name, and does not leave', () => {
    expect(ask('other', '_81._tcp.exposed', 'SRV')).toEqual(nxdomain)
    expect(ask('other', '_dns._tcp.app', 'SRV')).toEqual(nxdomain)
    expect(ask('hidden', '_80._tcp.exposed', 'SRV')).toEqual(nxdomain)
    expect(ask('hidden', '_80._tcp.exposed.front', 'SRV')).toEqual(nxdomain)
    expect(ask('hidden', '_80._tcp.app.test', 'SRV')).toEqual(nxdomain)
  })
  it('of names that are not ours is forwarded', () => {
    expect(ask('other', '_xmpp._tcp.example.com', 'SRV')).toEqual(forwarded)
    expect(ask('other', '_dmarc.example.com', 'TXT')).toEqual(forwarded)
  })
})

describe('Docker Desktop’s names', () => {
  it('host and gateway are the asker’s gateway, for the host itself loopback', () => {
    for (const name of ['host.docker.internal', 'gateway.docker.internal']) {
      expect(answers('other', name)).toEqual(['10.1.0.1'])
      expect(answers('other', name, 'AAAA')).toEqual(['fd00:1::1'])
      expect(answers('hidden', name)).toEqual(['10.2.0.1'])
      expect(ask('hidden', name, 'AAAA')).toEqual(nodata)
      expect(answers('host', name)).toEqual(['127.0.0.1'])
    }
  })
  it('go before a container of the name, which keeps its own', () => {
    expect(answers('other', 'host')).toEqual(['10.1.0.23'])
    expect(answers('other', 'host.front.docker.internal')).toEqual(['10.1.0.23'])
  })
  it('are not there where the gateway is somebody else’s machine', () => {
    expect(ask('piped', 'host.docker.internal')).toEqual(nodata)
  })
  it('are on the next network where Docker gave the bridge no IPv4 address', () => {
    const bare = network('bare', ['10.4.0.0/24', 'fd00:4::/64'], { inhibited: true })
    const there = resolverFor(
      estate(
        [...networks, bare],
        [
          container('alone', { bare: { at: ['10.4.0.2', 'fd00:4::2'] } }),
          container('both', { bare: { at: ['10.4.0.3'] }, front: { at: ['10.1.0.9'] } }),
        ],
      ),
    )
    const ask = (address: string, type = 'A') => decideFor(there, address, 'host.docker.internal', type)
    expect(ask('10.4.0.2')).toEqual(nodata)
    expect(ask('10.4.0.2', 'AAAA')).toMatchObject({ answers: ['fd00:4::1'] })
    expect(ask('10.4.0.3')).toMatchObject({ answers: ['10.1.0.1'] })
  })
  it('that only Docker Desktop knows go to its own resolver, or nowhere', () => {
    expect(ask('other', 'kubernetes.docker.internal')).toEqual(nxdomain)
    const own = { host: '192.168.65.7', port: 53, text: '192.168.65.7:53' }
    const there = resolverFor(estate(networks, containers), {}, [upstream, own])
    expect(decideFor(there, from.other, 'kubernetes.docker.internal')).toEqual({
      to: own.text,
      zone: undefined,
    })
    expect(decideFor(there, from.other, 'nonesuch.docker.internal')).toEqual(nxdomain)
  })
  it('hold under another zone too', () => {
    const elsewhere = resolverFor(estate(networks, containers), { zone: 'lan.test' })
    expect(decideFor(elsewhere, from.other, 'host.docker.internal')).toMatchObject({ answers: ['10.1.0.1'] })
    expect(decideFor(elsewhere, from.other, 'vm.docker.internal')).toEqual(nxdomain)
  })
})
