// What is decided for a question, by who asks: names, what is not there, what is forwarded, the host view, PTR, health.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StaticHost } from '../../../src/config/types.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import { reverseName } from '../../../src/dns/reverse.ts'
import type { Snapshot } from '../../../src/registry/types.ts'
import { createResolver, type Resolver } from '../../../src/resolve/resolver.ts'
import { type Config, config, decideFor, here, resolverFor } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const inside = { host: '192.0.2.54', port: 53, text: '192.0.2.54:53' }
const deeper = { host: '192.0.2.55', port: 53, text: '192.0.2.55:53' }

const replica = (service: string) => ({
  labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': service },
})

const networks = [
  network('front', ['172.18.0.0/16', 'fd00:18::/64']),
  network('back', ['172.19.0.0/16']),
  network('vault', ['172.20.0.0/16'], { internal: true }),
  network('shop.mesh', ['172.21.0.0/16']),
]

const containers = [
  container('Web', {
    front: { at: ['172.18.0.2', 'fd00:18::2'], names: ['www', 'a1b2c3d4e5f6'], gatewayFamilies: 2 },
    back: { at: ['172.19.0.2'], names: ['www', 'a1b2c3d4e5f6'] },
  }),
  container('db', { back: { at: ['172.19.0.3'], names: ['s3.amazonaws.com', 'primary'] } }),
  container('secret', { vault: { at: ['172.20.0.4'] } }),
  container('cellar', { vault: { at: ['172.20.0.5'] } }),
  container('shop-api-1', { 'shop.mesh': { at: ['172.21.0.2'], names: ['api'] } }, replica('api')),
  container('shop-api-2', { 'shop.mesh': { at: ['172.21.0.3'], names: ['api'] } }, replica('api')),
  container('one', { front: { at: ['172.18.0.20'], names: ['twice'] } }),
  container('two', { back: { at: ['172.19.0.20'], names: ['twice'] } }),
  container('stopped', { front: { at: [], names: ['idle'] } }, { running: false }),
]

const asker = {
  web: '172.18.0.2',
  db: '172.19.0.3',
  secret: '172.20.0.4',
  host: '127.0.0.1',
  api: '172.21.0.2',
}
type From = keyof typeof asker | (string & {})

const whole = estate(networks, containers)

const resolverOf = (snapshot: Snapshot = whole, changes: Partial<Config> = {}) =>
  resolverFor(snapshot, changes)

const decide = (resolver: Resolver, from: From, name: string, code = 'A', qclass = 1) =>
  decideFor(resolver, asker[from as keyof typeof asker] ?? from, name, code, qclass)

const found = (...answers: string[]) => ({ rcode: 0, answers, soa: false })
const nodata = { rcode: 0, answers: [], soa: true }
const nxdomain = { rcode: 3, answers: [], soa: true }
const notReady = { rcode: 2, answers: [], soa: false, ede: 14 }
const noWayOut = { rcode: 3, answers: [], soa: false, ede: 18 }
const forwarded = { to: '192.0.2.53:53', zone: undefined }

const all = resolverOf()

describe('a container that asks', () => {
  it.each([
    ['web'],
    ['www'],
    ['a1b2c3d4e5f6'],
    ['web.front'],
    ['www.front'],
    ['web.docker.internal'],
    ['web.front.docker.internal'],
  ])('finds %s, from the first network in Docker’s order', (name) => {
    expect(decide(all, 'web', name)).toEqual(found('172.18.0.2'))
    expect(decide(all, 'web', name, 'AAAA')).toEqual(found('fd00:18::2'))
  })

  it('finds the same name from the networks that it is on', () => {
    expect(decide(all, 'db', 'web')).toEqual(found('172.19.0.2'))
    expect(decide(all, 'web', 'web.back')).toEqual(found('172.19.0.2'))
  })

  it('finds all replicas of a name, also on a network with a dot in its name', () => {
    for (const name of ['api', 'api.shop.mesh', 'api.shop.mesh.docker.internal']) {
      expect(decide(all, 'api', name), name).toEqual(found('172.21.0.2', '172.21.0.3'))
    }
  })

  it('finds a dotted alias of its own network', () => {
    expect(decide(all, 'web', 's3.amazonaws.com')).toEqual(found('172.19.0.3'))
    expect(decide(all, 'web', 's3.amazonaws.com.back')).toEqual(found('172.19.0.3'))
  })

  it('finds names in any case, as the question’s canonical name is lower case', () => {
    const question = readQuestion(encodeQuery('WEB.Front', 'A', { id: 1 }))!
    const decision = all.decide(all.scope('172.18.0.2', '127.0.0.1'), question)
    expect(decision).toMatchObject({ kind: 'answer', rcode: 0, network: 'front' })
  })

  it('gets NODATA with SOA for other types and the other family, never a forward', () => {
    for (const other of ['TXT', 'MX', 'SRV', 'HTTPS', 'NS', 'SOA', 'CAA']) {
      expect(decide(all, 'web', 'web', other), other).toEqual(nodata)
    }
    expect(decide(all, 'web', 'db', 'AAAA')).toEqual(nodata)
    expect(decide(all, 'web', 's3.amazonaws.com', 'AAAA')).toEqual(nodata)
  })

  it('gets one HINFO for ANY of a name that is there, and the usual denial of one that is not', () => {
    const small = found('RFC8482')
    for (const name of ['web', 'www.docker.internal', 'docker.internal', 'localhost', 's3.amazonaws.com']) {
      expect(decide(all, 'web', name, 'ANY'), name).toEqual(small)
    }
    expect(decide(all, 'db', reverseName('172.19.0.2'), 'ANY')).toEqual(small)
    expect(decide(all, 'web', 'nobody', 'ANY')).toEqual(nxdomain)
    expect(decide(all, 'web', 'front.docker.internal', 'ANY')).toEqual(nodata)
  })

  it('has no question for ANY forwarded', () => {
    expect(decide(all, 'web', 'example.com', 'ANY')).toEqual(found('RFC8482'))
    expect(decide(all, 'secret', 'example.com', 'ANY')).toEqual(noWayOut)
  })

  it('is not sent to other resolvers: resolver.arpa is empty here', () => {
    for (const name of ['_dns.resolver.arpa', 'resolver.arpa', 'x.resolver.arpa']) {
      for (const code of ['SVCB', 'A', 'TXT']) expect(decide(all, 'web', name, code)).toEqual(nodata)
    }
    expect(decide(all, 'web', 'noresolver.arpa', 'SVCB')).toEqual(forwarded)
  })

  it.each([
    ['secret', 'out of scope'],
    ['idle', 'stopped'],
    ['stopped', 'stopped'],
    ['secret.vault', 'out of scope'],
    ['stopped.front', 'stopped'],
    ['api.shop.mesh', 'out of scope'],
    ['web.front.front', 'its network as a search domain'],
    ['secret.vault.vault.vault', 'out of scope, its network as a search domain'],
    ['api.shop.mesh.shop.mesh', 'out of scope, its network as a search domain'],
    ['secret.docker.internal', 'out of scope, under the zone'],
    ['secret.vault.docker.internal', 'out of scope, under the zone'],
    ['nobody.docker.internal', 'nowhere, under the zone'],
    ['nobody', 'a single label nobody has'],
  ])('gets NXDOMAIN for %s: %s', (name) => {
    const isNowhere = name === 'nobody'
    for (const code of ['A', 'AAAA', 'TXT']) {
      const expected = isNowhere && code === 'TXT' ? forwarded : nxdomain
      expect(decide(all, 'web', name, code), code).toEqual(expected)
    }
  })

  it('gets the same answer for a name out of scope as for one that nobody has', () => {
    expect(decide(all, 'web', 'secret')).toEqual(decide(all, 'web', 'nobody'))
    expect(decide(all, 'web', 'secret.docker.internal')).toEqual(decide(all, 'web', 'nobody.docker.internal'))
  })

  it('has a dotted alias of another network forwarded as if it were not there', () => {
    expect(decide(all, 'api', 's3.amazonaws.com')).toEqual(forwarded)
    expect(decide(all, 'api', 's3.amazonaws.com', 'TXT')).toEqual(forwarded)
  })

  it('has dotted names forwarded that are nobody’s', () => {
    expect(decide(all, 'web', 'example.com')).toEqual(forwarded)
    expect(decide(all, 'web', 'web.example')).toEqual(forwarded)
    expect(decide(all, 'web', 'nobody.front')).toEqual(forwarded)
    expect(decide(all, 'web', '')).toEqual(forwarded)
  })

  it('has single labels that nobody has forwarded for types that no local name is asked for', () => {
    for (const code of ['NS', 'DS', 'DNSKEY', 'SOA', 'TXT', 'MX', 'CAA', 'TYPE99']) {
      expect(decide(all, 'web', 'org', code)).toEqual(forwarded)
    }
    for (const code of ['A', 'AAAA', 'HTTPS', 'SVCB', 'SRV', 'ANY']) {
      expect(decide(all, 'web', 'org', code)).toEqual(nxdomain)
    }
  })

  it('has single labels forwarded with forward.singleLabel, those in the estate excepted', () => {
    const open = resolverOf(whole, { forward: { ...config.forward, singleLabel: true } })
    expect(decide(open, 'web', 'printer')).toEqual(forwarded)
    expect(decide(open, 'web', 'secret')).toEqual(nxdomain)
    expect(decide(open, 'web', 'idle')).toEqual(nxdomain)
  })

  it('gets NODATA above names that exist', () => {
    expect(decide(all, 'web', 'front.docker.internal')).toEqual(nodata)
    expect(decide(all, 'web', 'docker.internal')).toEqual(nodata)
    expect(decide(all, 'web', 'internal')).toEqual(nodata)
  })

  it('gets the zone’s SOA', () => {
    expect(decide(all, 'web', 'docker.internal', 'SOA')).toMatchObject({ rcode: 0, soa: false })
    expect(decide(all, 'web', 'docker.internal', 'SOA')).toHaveProperty('answers.length', 1)
  })

  it.each(['example.invalid', 'invalid', 'a.test', 'x.onion', 'y.alt'])(
    'has %s denied here, as special use',
    (name) => {
      expect(decide(all, 'web', name)).toEqual(nxdomain)
    },
  )

  it('gets localhost from here', () => {
    for (const name of ['localhost', 'a.b.localhost']) {
      expect(decide(all, 'web', name)).toEqual(found('127.0.0.1'))
      expect(decide(all, 'web', name, 'AAAA')).toEqual(found('::1'))
      expect(decide(all, 'web', name, 'MX')).toEqual(nodata)
    }
  })

  it('is refused transfers and classes other than IN', () => {
    expect(decide(all, 'web', 'web', 'AXFR')).toMatchObject({ rcode: 5, ede: 18 })
    expect(decide(all, 'web', 'web', 'IXFR')).toMatchObject({ rcode: 5, ede: 18 })
    for (const qclass of [3, 4, 254, 255]) {
      expect(decide(all, 'web', 'web', 'A', qclass)).toMatchObject({ rcode: 5, ede: 20 })
    }
  })
})

describe('the server’s identity, in class CHAOS', () => {
  const names = ['id.server', 'hostname.bind', 'version.server', 'version.bind']

  it('is refused where it is not configured', () => {
    for (const name of names) {
      expect(decide(all, 'web', name, 'TXT', 3)).toMatchObject({ rcode: 5, answers: [], ede: 20 })
    }
  })

  it('is told as TXT where it is, each part for itself, and only in that class', () => {
    const known = resolverOf(whole, { identity: { id: 'one', version: '' } })
    for (const name of names.slice(0, 2)) expect(decide(known, 'web', name, 'TXT', 3)).toEqual(found('one'))
    for (const name of names.slice(2))
      expect(decide(known, 'web', name, 'TXT', 3)).toMatchObject({ rcode: 5 })
    expect(decide(known, 'web', 'id.server', 'ANY', 3)).toEqual(found('one'))
    expect(decide(known, 'web', 'id.server', 'A', 3)).toEqual(nodata)
    expect(decide(known, 'web', 'id.server', 'TXT')).toEqual(forwarded)
    expect(decide(known, '203.0.113.9', 'id.server', 'TXT', 3)).toMatchObject({ rcode: 5, ede: 18 })
  })
})

describe('an asker whose networks are all internal', () => {
  it('gets NXDOMAIN without SOA, EDE 18, for what would be forwarded', () => {
    for (const name of ['example.com', 's3.amazonaws.com', 'nobody.front']) {
      expect(decide(all, 'secret', name)).toEqual(noWayOut)
    }
    expect(decide(all, 'secret', 'com', 'NS')).toEqual(noWayOut)
    expect(decide(all, 'secret', reverseName('8.8.8.8'), 'PTR')).toEqual(noWayOut)
  })

  it('gets it for zones that are forwarded explicitly, too', () => {
    const zones = [{ suffix: 'corp.example', upstreams: [inside] }]
    const resolver = resolverOf(whole, { forward: { ...config.forward, zones } })
    expect(decide(resolver, 'secret', 'git.corp.example')).toEqual(noWayOut)
  })

  it('finds the names on its networks', () => {
    expect(decide(all, 'secret', 'cellar')).toEqual(found('172.20.0.5'))
    expect(decide(all, 'secret', 'web')).toEqual(nxdomain)
  })
})

describe('a stranger', () => {
  it('is refused whatever it asks', () => {
    for (const name of ['web', 'example.com', 'localhost', '']) {
      expect(decide(all, '203.0.113.9', name)).toEqual({ rcode: 5, answers: [], soa: false, ede: 18 })
    }
  })
})

describe('the host view', () => {
  it('finds one container, from its first network in Docker’s order', () => {
    for (const name of ['web', 'www', 'web.docker.internal', 'web.front.docker.internal']) {
      expect(decide(all, 'host', name), name).toEqual(found('172.18.0.2'))
    }
    expect(decide(all, 'host', 'web.back.docker.internal')).toEqual(found('172.19.0.2'))
    expect(decide(all, 'host', 'secret')).toEqual(found('172.20.0.4'))
  })

  it('finds all replicas of one Compose service', () => {
    for (const name of ['api', 'api.docker.internal', 'api.shop.mesh.docker.internal']) {
      expect(decide(all, 'host', name), name).toEqual(found('172.21.0.2', '172.21.0.3'))
    }
  })

  it('says NODATA to a name that means several things, and knows the qualified names', () => {
    const several = {
      ...nodata,
      alternatives: ['one.front.docker.internal', 'two.back.docker.internal'],
    }
    expect(decide(all, 'host', 'twice')).toEqual(several)
    expect(decide(all, 'host', 'twice.docker.internal')).toEqual(several)
    expect(decide(all, 'host', 'twice.back.docker.internal')).toEqual(found('172.19.0.20'))
  })

  it('does not answer dotted names without the zone', () => {
    expect(decide(all, 'host', 's3.amazonaws.com')).toEqual(forwarded)
    expect(decide(all, 'host', 'web.front')).toEqual(nxdomain)
    expect(decide(all, 'host', 's3.amazonaws.com.docker.internal')).toEqual(found('172.19.0.3'))
  })

  it('gets NODATA above names under the zone, and forwards above bare ones', () => {
    expect(decide(all, 'host', 'amazonaws.com.docker.internal')).toEqual(nxdomain)
    expect(decide(all, 'host', 'front.docker.internal')).toEqual(nodata)
    expect(decide(all, 'host', 'amazonaws.com')).toEqual(forwarded)
  })

  it('gets NXDOMAIN for stopped containers and names nobody has', () => {
    for (const name of ['stopped', 'idle.docker.internal', 'nobody', 'nobody.docker.internal']) {
      expect(decide(all, 'host', name), name).toEqual(nxdomain)
    }
  })
})

describe('reverse questions', () => {
  it('say NAME.NETWORK to containers, in Docker’s case', () => {
    expect(decide(all, 'db', reverseName('172.19.0.2'), 'PTR')).toEqual(found('Web.back'))
    expect(decide(all, 'web', reverseName('fd00:18::2'), 'PTR')).toEqual(found('Web.front'))
  })

  it('say NAME.NETWORK under the zone to the host', () => {
    const answer = found('Web.back.docker.internal')
    expect(decide(all, 'host', reverseName('172.19.0.2'), 'PTR')).toEqual(answer)
  })

  it('are NODATA for other types of a known address', () => {
    expect(decide(all, 'db', reverseName('172.19.0.2'), 'TXT')).toEqual(nodata)
  })

  it('are NXDOMAIN for addresses in Docker’s subnets that are out of scope or nobody’s', () => {
    for (const address of ['172.20.0.4', '172.18.0.99', 'fd00:18::99']) {
      expect(decide(all, 'web', reverseName(address), 'PTR'), address).toEqual(nxdomain)
    }
  })

  it('are NODATA above addresses in a Docker subnet, NXDOMAIN below one', () => {
    expect(decide(all, 'web', '18.172.in-addr.arpa', 'NS')).toEqual(nodata)
    expect(decide(all, 'web', '0.18.172.in-addr.arpa', 'PTR')).toEqual(nodata)
    expect(decide(all, 'web', `1.${reverseName('172.20.0.4')}`, 'PTR')).toEqual(nxdomain)
    expect(decide(all, 'web', 'x.0.20.172.in-addr.arpa', 'PTR')).toEqual(nxdomain)
  })

  it('are forwarded for all other addresses', () => {
    expect(decide(all, 'web', reverseName('8.8.8.8'), 'PTR')).toEqual(forwarded)
    expect(decide(all, 'web', '172.in-addr.arpa', 'NS')).toEqual(forwarded)
    expect(decide(all, 'web', reverseName('2001:4860::8888'), 'PTR')).toEqual(forwarded)
  })

  it('say localhost for loopback', () => {
    expect(decide(all, 'web', reverseName('127.0.0.1'), 'PTR')).toEqual(found('localhost'))
    expect(decide(all, 'web', reverseName('::1'), 'PTR')).toEqual(found('localhost'))
  })
})

describe('hosts: of the configuration', () => {
  const record = (name: string, v4: string, extra: Partial<StaticHost> = {}): StaticHost => ({
    name,
    wildcard: false,
    v4: [v4],
    v6: [],
    networks: undefined,
    ...extra,
  })
  const hosts = [
    record('nas.lan', '192.0.2.1'),
    record('dev.lan', '192.0.2.2', { wildcard: true }),
    record('deep.under.dev.lan', '192.0.2.3'),
    record('licence.lan', '192.0.2.4', { networks: ['back'] }),
  ]
  const resolver = resolverOf(whole, { hosts })

  it('answer for everyone who is served', () => {
    for (const from of ['web', 'secret', 'host']) {
      expect(decide(resolver, from, 'nas.lan')).toEqual(found('192.0.2.1'))
      expect(decide(resolver, from, 'nas.lan', 'AAAA')).toEqual(nodata)
      expect(decide(resolver, from, reverseName('192.0.2.1'), 'PTR')).toEqual(found('nas.lan'))
    }
  })

  it('answer below a wildcard, not for its own name, and never over a closer name', () => {
    expect(decide(resolver, 'web', 'any.dev.lan')).toEqual(found('192.0.2.2'))
    expect(decide(resolver, 'web', 'a.b.dev.lan')).toEqual(found('192.0.2.2'))
    expect(decide(resolver, 'web', 'dev.lan')).toEqual(nodata)
    expect(decide(resolver, 'web', 'deep.under.dev.lan')).toEqual(found('192.0.2.3'))
    expect(decide(resolver, 'web', 'under.dev.lan')).toEqual(nodata)
    expect(decide(resolver, 'web', 'other.under.dev.lan')).not.toEqual(found('192.0.2.2'))
  })

  it('are never denied by what is above them: NODATA where the name is not forwarded', () => {
    for (const from of ['web', 'host']) expect(decide(resolver, from, 'lan')).toEqual(nodata)
    expect(decide(resolverOf(whole, { hosts: [record('a.b.test', '192.0.2.1')] }), 'web', 'b.test')).toEqual(
      nodata,
    )
    const foreign = resolverOf(whole, { hosts: [record('api.example.com', '192.0.2.1')] })
    expect(decide(foreign, 'secret', 'example.com')).toEqual(nodata)
  })

  it('leave the domain above them to upstreams, whose NXDOMAIN is not believed', () => {
    const foreign = resolverOf(whole, { hosts: [record('api.example.com', '192.0.2.1')] })
    expect(decide(foreign, 'web', 'example.com')).toEqual(forwarded)
    const scope = foreign.scope(asker.web, '127.0.0.1')
    const above = (name: string) => foreign.decide(scope, { name, type: 1, class: 1 })
    expect(above('example.com')).toMatchObject({ kind: 'forward', isAbove: true })
    expect(above('example.org')).toMatchObject({ kind: 'forward', isAbove: false })
  })

  it('do not show through what is above them to who may not see them', () => {
    const hidden = resolverOf(whole, {
      hosts: [
        record('licence.corp.lan', '192.0.2.4', { networks: ['back'] }),
        record('lan', '192.0.2.5', { wildcard: true }),
      ],
    })
    expect(decide(hidden, 'db', 'corp.lan')).toEqual(nodata)
    expect(decide(hidden, 'api', 'corp.lan')).toEqual(found('192.0.2.5'))
    expect(decide(hidden, 'api', 'licence.corp.lan')).toEqual(found('192.0.2.5'))
  })

  it('answer only on the networks they name, and for the host', () => {
    expect(decide(resolver, 'db', 'licence.lan')).toEqual(found('192.0.2.4'))
    expect(decide(resolver, 'host', 'licence.lan')).toEqual(found('192.0.2.4'))
    expect(decide(resolver, 'api', 'licence.lan')).not.toEqual(found('192.0.2.4'))
    expect(decide(resolver, 'secret', 'licence.lan')).not.toEqual(found('192.0.2.4'))
  })

  it('go before containers of the name', () => {
    const own = resolverOf(whole, { hosts: [record('web', '192.0.2.9')] })
    expect(decide(own, 'web', 'web')).toEqual(found('192.0.2.9'))
  })
})

describe('forward.zones', () => {
  const zones = [
    { suffix: 'example', upstreams: [inside] },
    { suffix: 'corp.example', upstreams: [deeper] },
    { suffix: 'test', upstreams: [inside] },
  ]
  const resolver = resolverOf(whole, { forward: { ...config.forward, zones } })

  it('the longest that matches whole labels takes the question', () => {
    expect(decide(resolver, 'web', 'a.example')).toEqual({ to: inside.text, zone: 'example' })
    expect(decide(resolver, 'web', 'git.corp.example')).toEqual({ to: deeper.text, zone: 'corp.example' })
    expect(decide(resolver, 'web', 'corp.example')).toEqual({ to: deeper.text, zone: 'corp.example' })
    expect(decide(resolver, 'web', 'notcorp.example')).toEqual({ to: inside.text, zone: 'example' })
    expect(decide(resolver, 'web', 'example.com')).toEqual(forwarded)
  })

  it('take single labels and special use names that they name', () => {
    expect(decide(resolver, 'web', 'example')).toEqual({ to: inside.text, zone: 'example' })
    expect(decide(resolver, 'web', 'a.test')).toEqual({ to: inside.text, zone: 'test' })
  })

  it('never take names under our own zone', () => {
    const greedy = [{ suffix: 'internal', upstreams: [inside] }]
    const own = resolverOf(whole, { forward: { ...config.forward, zones: greedy } })
    expect(decide(own, 'web', 'nobody.docker.internal')).toEqual(nxdomain)
    expect(decide(own, 'web', 'other.internal')).toEqual({ to: inside.text, zone: 'internal' })
  })
})

describe('health', () => {
  const snapshot = estate(
    [network('front', ['172.18.0.0/16'])],
    [
      container('a', { front: { at: ['172.18.0.2'], names: ['api', 'mixed'] } }, { health: 'healthy' }),
      container('b', { front: { at: ['172.18.0.3'], names: ['api', 'mixed'] } }, { health: 'unhealthy' }),
      container('c', { front: { at: ['172.18.0.4'], names: ['mixed'] } }, { health: 'starting' }),
      container('d', { front: { at: ['172.18.0.5'], names: ['mixed'] } }),
    ],
  )
  const from = '172.18.0.2'

  it('prefer leaves unhealthy containers out while another shares the name, starting ones never', () => {
    const resolver = resolverOf(snapshot)
    expect(decide(resolver, from, 'api')).toEqual(found('172.18.0.2'))
    expect(decide(resolver, from, 'mixed')).toEqual(found('172.18.0.2', '172.18.0.4', '172.18.0.5'))
  })

  it('prefer lets a name with one owner answer always', () => {
    expect(decide(resolverOf(snapshot), from, 'b')).toEqual(found('172.18.0.3'))
  })

  it('require leaves out all that are unhealthy or starting', () => {
    const resolver = resolverOf(snapshot, { health: 'require' })
    expect(decide(resolver, from, 'mixed')).toEqual(found('172.18.0.2', '172.18.0.5'))
    expect(decide(resolver, from, 'b')).toEqual(nodata)
    expect(decide(resolver, from, 'c')).toEqual(nodata)
  })

  it('ignore takes all', () => {
    const resolver = resolverOf(snapshot, { health: 'ignore' })
    expect(decide(resolver, from, 'api')).toEqual(found('172.18.0.2', '172.18.0.3'))
  })

  it('does not change reverse answers', () => {
    const resolver = resolverOf(snapshot, { health: 'require' })
    expect(decide(resolver, from, reverseName('172.18.0.3'), 'PTR')).toEqual(found('b.front'))
  })
})

describe('before the first sync', () => {
  const hosts = [{ name: 'nas.lan', wildcard: false, v4: ['192.0.2.1'], v6: [], networks: undefined }]
  const resolver = resolverOf(estate([], [], { local: { synced: false } }), { hosts })

  it('our names get SERVFAIL with EDE 14, never NXDOMAIN', () => {
    for (const name of ['web', 'com', 'web.docker.internal', 'docker.internal']) {
      expect(decide(resolver, 'host', name), name).toEqual(notReady)
    }
    for (const address of ['172.18.0.2', '10.1.2.3', '192.168.1.1', 'fd00::1']) {
      expect(decide(resolver, 'host', reverseName(address), 'PTR'), address).toEqual(notReady)
    }
  })

  it('hosts:, localhost and foreign dotted names are served', () => {
    expect(decide(resolver, 'host', 'nas.lan')).toEqual(found('192.0.2.1'))
    expect(decide(resolver, 'host', 'localhost')).toEqual(found('127.0.0.1'))
    expect(decide(resolver, 'host', 'example.com')).toEqual(forwarded)
    expect(decide(resolver, 'host', reverseName('8.8.8.8'), 'PTR')).toEqual(forwarded)
  })

  it('with one of two engines read, what is known is answered and what is not gets SERVFAIL', () => {
    const half = resolverOf(estate(networks, containers, { other: { synced: false } }))
    expect(decide(half, 'web', 'db')).toEqual(found('172.19.0.3'))
    expect(decide(half, 'host', 'db')).toEqual(found('172.19.0.3'))
    expect(decide(half, 'web', 'nobody')).toEqual(notReady)
    expect(decide(half, 'web', 'nobody.docker.internal')).toEqual(notReady)
    expect(decide(half, 'web', 'example.com')).toEqual(forwarded)
  })
})

describe('scopes that are kept', () => {
  let current = whole
  const store = { current: () => current }
  const kept = () =>
    createResolver({ config, store, addresses: () => here, upstreams: () => [], random: () => 0 })

  it('are the same object until the snapshot changes', () => {
    const resolver = kept()
    const before = resolver.scope(asker.web, '127.0.0.1')
    expect(resolver.scope(asker.web, '127.0.0.1')).toBe(before)
    current = estate(networks, containers.slice(1))
    expect(resolver.scope(asker.web, '127.0.0.1').rule).toBe('subnet')
    current = whole
  })

  it('outlast a flood of strangers, of whom only some are kept', () => {
    const resolver = kept()
    const before = resolver.scope(asker.web, '127.0.0.1')
    const stranger = (n: number) => resolver.scope(`203.0.${n >> 8}.${n & 255}`, '127.0.0.1')
    const first = stranger(0)
    expect(first.view).toBe('nobody')
    expect(stranger(0)).toBe(first)
    for (let n = 0; n < 12_000; n++) stranger(n)
    expect(resolver.scope(asker.web, '127.0.0.1')).toBe(before)
    expect(stranger(0)).not.toBe(first)
    const last = stranger(11_999)
    expect(stranger(11_999)).toBe(last)
  })

  it('are bounded for those that are served, too', () => {
    const resolver = kept()
    const inside = (n: number) => resolver.scope(`172.18.${n >> 8}.${n & 255}`, '127.0.0.1')
    const first = inside(300)
    for (let n = 0; n < 12_000; n++) inside(n + 300)
    expect(inside(300)).not.toBe(first)
  })
})

describe('for any estate', () => {
  const labels = ['a', 'b', 'c', 'b.c', 'x']
  const nets = ['a', 'b', 'c', 'b.c', 'n']
  const drawn = fc.record({
    internal: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    members: fc.array(
      fc.record({
        on: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
        names: fc.array(fc.constantFrom(...labels), { maxLength: 3 }),
        running: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  })

  it('no asker gets an address or a name of a container with which it shares no network', () => {
    fc.assert(
      fc.property(drawn, ({ internal, members }) => {
        const on = (i: number, n: number) => `10.${n}.0.${i + 2}`
        const made = members.map((member, i) =>
          container(
            `k${i}`,
            Object.fromEntries(
              member.on.map((n) => [nets[n]!, { at: member.running ? [on(i, n)] : [], names: member.names }]),
            ),
            { running: member.running },
          ),
        )
        const made4 = nets.map((name, n) => network(name, [`10.${n}.0.0/16`], { internal: internal[n]! }))
        const resolver = resolverOf(estate(made4, made))
        const names = [...labels, ...made.map(({ name }) => name)]
        const asked = [...names, ...names.flatMap((name) => nets.map((net) => `${name}.${net}`))]
        for (const [i, member] of members.entries()) {
          if (!member.running || member.on.length === 0) continue
          const from = on(i, member.on[0]!)
          const mayReach = (address: string) => member.on.includes(Number(address.split('.')[1]))
          for (const name of asked.flatMap((bare) => [bare, `${bare}.docker.internal`])) {
            const decision = decide(resolver, from, name)
            for (const address of 'answers' in decision ? decision.answers : []) {
              if (!mayReach(address)) throw new Error(`${from} got ${address} for ${name}`)
            }
          }
          for (const [j, other] of members.entries()) {
            for (const n of other.on) {
              const decision = decide(resolver, from, reverseName(on(j, n)), 'PTR')
              const may = other.running && member.on.includes(n)
              expect('answers' in decision && decision.answers).toHaveLength(may ? 1 : 0)
            }
          }
        }
      }),
      { numRuns: 60 },
    )
    // It thinks for a second alone, and for many on a busy machine.
  }, 60_000)
})
