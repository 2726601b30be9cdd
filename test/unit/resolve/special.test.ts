// Names that do not leave: RFC 6761, 6762, 7686, 8375, 9462, 9476, and the reverse zones of RFC 6303 and RFC 7793.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Upstream } from '../../../src/config/types.ts'
import { isWithin } from '../../../src/dns/name.ts'
import { reverseName } from '../../../src/dns/reverse.ts'
import { typeCode } from '../../../src/dns/types.ts'
import { type Config, config, decideFor, resolverFor, upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const server = (host: string): Upstream => ({ host, port: 53, text: `${host}:53` })
const router = server('192.168.1.1')
const own = server('198.51.100.53')

const snapshot = estate(
  [
    network('front', ['172.18.0.0/16']),
    network('lab', ['172.19.0.0/16']),
    network('vault', ['172.20.0.0/16'], { internal: true }),
  ],
  [
    container('web', { front: { at: ['172.18.0.2'] } }),
    container('probe', { lab: { at: ['172.19.0.2'] } }),
    container('secret', { vault: { at: ['172.20.0.2'] } }),
  ],
)
const web = '172.18.0.2'
const askers = [web, '172.19.0.2', '172.20.0.2', '127.0.0.1', '192.0.2.77']

const ask = (name: string, code = 'A', upstreams = [upstream], forward: Partial<Config['forward']> = {}) =>
  decideFor(resolverFor(snapshot, { forward: { ...config.forward, ...forward } }, upstreams), web, name, code)

const nodata = { rcode: 0, answers: [], soa: true }
const nxdomain = { rcode: 3, answers: [], soa: true }

/** Whose records a reply's SOA stands for. */
function soaOf(name: string, code: number): string | undefined {
  const resolver = resolverFor(snapshot)
  const decision = resolver.decide(resolver.scope(web, '127.0.0.1'), { name, type: code, class: 1 })
  return decision.kind === 'answer' ? decision.authority[0]?.owner : undefined
}

describe('names that never leave', () => {
  const never = ['invalid', 'a.invalid', 'test', 'a.b.test', 'x.onion', 'y.alt']

  it.each(never)('%s is NXDOMAIN, whoever the upstream', (name) => {
    for (const code of ['A', 'AAAA', 'TXT', 'NS', 'DS', 'SOA']) {
      expect(ask(name, code, [router, upstream]), code).toEqual(nxdomain)
    }
  })

  it('leave by a route of their own', () => {
    for (const suffix of ['invalid', 'test', 'onion', 'alt']) {
      const zones = [{ suffix, upstreams: [own] }]
      expect(ask(`a.${suffix}`, 'A', [upstream], { zones })).toEqual({ to: own.text, zone: suffix })
    }
  })

  it('localhost is this machine even with a route', () => {
    const zones = [{ suffix: 'localhost', upstreams: [own] }]
    expect(ask('a.localhost', 'A', [upstream], { zones })).toMatchObject({ answers: ['127.0.0.1'] })
  })

  it('names that only look like them are forwarded', () => {
    for (const name of [
      'invalid.example',
      'mytest.example',
      'x.onion.org',
      'notlocal.example',
      'a.example',
    ]) {
      expect(ask(name), name).toEqual({ to: upstream.text, zone: undefined })
    }
  })
})

describe('names of the own network', () => {
  const lan = ['printer.local', 'nas.home.arpa', 'x.y.home.arpa', reverseName('10.1.2.3')]

  it.each(lan)('%s is NXDOMAIN without a server of the own network', (name) => {
    for (const code of ['A', 'PTR', 'NS', 'DS']) expect(ask(name, code), code).toEqual(nxdomain)
    expect(ask(name, 'A', [])).toEqual(nxdomain)
  })

  it.each(lan)('%s goes to servers of the own network alone', (name) => {
    for (const host of [
      '192.168.1.1',
      '10.0.0.1',
      '172.31.0.1',
      '127.0.0.53',
      'fd00::1',
      'fe80::1%eth0',
      '169.254.169.254',
    ]) {
      expect(ask(name, 'A', [upstream, server(host)]), host).toEqual({
        to: server(host).text,
        zone: undefined,
      })
    }
    for (const host of ['100.64.0.1', '2001:db8::1', '172.32.0.1', '9.9.9.9']) {
      expect(ask(name, 'A', [server(host)]), host).toEqual(nxdomain)
    }
  })

  it.each(lan)('%s goes by a route of its own, wherever that leads', (name) => {
    const suffix = name.split('.').slice(1).join('.')
    const zones = [{ suffix, upstreams: [own] }]
    expect(ask(name, 'A', [router], { zones })).toEqual({ to: own.text, zone: suffix })
  })

  it('home.arpa itself exists here with SOA and NS (RFC 6303, 3), and its DS is the parent’s (RFC 8375, 4)', () => {
    expect(ask('home.arpa', 'SOA')).toMatchObject({ rcode: 0, answers: [expect.stringMatching(/./)] })
    expect(ask('home.arpa', 'NS')).toEqual({ rcode: 0, answers: ['home.arpa'], soa: false })
    expect(ask('home.arpa', 'A')).toEqual(nodata)
    expect(ask('home.arpa', 'DS')).toEqual({ to: upstream.text, zone: undefined })
    expect(ask('nas.home.arpa', 'DS')).toEqual(nxdomain)
  })

  it('.local is nobody’s, DS and NS included (RFC 6762, 22.1)', () => {
    for (const code of ['A', 'NS', 'DS', 'SOA']) expect(ask('local', code)).toEqual(nxdomain)
  })

  it.each([
    ['0.1.2.3', '0.in-addr.arpa'],
    ['10.1.2.3', '10.in-addr.arpa'],
    ['169.254.1.1', '254.169.in-addr.arpa'],
    ['172.16.0.1', '16.172.in-addr.arpa'],
    ['172.31.255.1', '31.172.in-addr.arpa'],
    ['192.168.3.4', '168.192.in-addr.arpa'],
    ['192.0.2.1', '2.0.192.in-addr.arpa'],
    ['198.51.100.1', '100.51.198.in-addr.arpa'],
    ['203.0.113.1', '113.0.203.in-addr.arpa'],
    ['255.255.255.255', '255.255.255.255.in-addr.arpa'],
    ['100.64.0.1', '64.100.in-addr.arpa'],
    ['100.127.0.1', '127.100.in-addr.arpa'],
    ['fd12::1', 'd.f.ip6.arpa'],
    ['fe80::1', '8.e.f.ip6.arpa'],
    ['febf::1', 'b.e.f.ip6.arpa'],
    ['2001:db8::1', '8.b.d.0.1.0.0.2.ip6.arpa'],
  ])('%s has its reverse name in the empty zone %s', (address, zone) => {
    const name = reverseName(address)
    if (name !== zone) expect(ask(name, 'PTR')).toEqual(nxdomain)
    expect(soaOf(name, 12)).toBe(zone)
    expect(ask(zone, 'PTR')).toEqual(nodata)
    expect(ask(zone, 'NS')).toEqual({ rcode: 0, answers: [zone], soa: false })
    expect(ask(zone, 'DS')).toEqual({ to: upstream.text, zone: undefined })
  })

  it.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '192.169.0.1', '2001:4860::8888', 'fc00::1', 'fec0::1'])(
    '%s has its reverse name in public',
    (address) => expect(ask(reverseName(address), 'PTR')).toEqual({ to: upstream.text, zone: undefined }),
  )
})

describe('for any asker and any upstreams', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  const v4 = fc.constantFrom('10', '172.16', '172.31', '192.168', '127', '0', '169.254', '100.64', '100.127')
  const address4 = fc
    .tuple(v4, fc.array(fc.nat(255), { minLength: 3, maxLength: 3 }))
    .map(([start, rest]) => [...start.split('.'), ...rest].slice(0, 4).join('.'))
  const address6 = fc
    .tuple(fc.constantFrom('fd', 'fe8', 'febf', 'fe9', '20010db8'), fc.stringMatching(/^[0-9a-f]{32}$/))
    .map(([start, rest]) => (start + rest).slice(0, 32).replace(/(.{4})(?!$)/g, '$1:'))
  const special = fc.constantFrom(
    ...[
      'invalid',
      'test',
      'onion',
      'alt',
      'local',
      'home.arpa',
      'docker.internal',
      'resolver.arpa',
      'localhost',
    ],
  )
  const name = fc.oneof(
    fc.tuple(fc.array(word, { maxLength: 3 }), special).map(([labels, end]) => [...labels, end].join('.')),
    fc.oneof(address4, address6).map(reverseName),
  )
  const publicServer = fc.constantFrom('9.9.9.9', '192.0.2.53', '2620:fe::fe', '100.64.0.1').map(server)
  const lanServer = fc.constantFrom('192.168.1.1', '127.0.0.53', 'fd00::53', '127.0.0.11').map(server)
  const code = fc.constantFrom('A', 'AAAA', 'PTR', 'NS', 'SOA', 'TXT', 'MX', 'ANY', 'HTTPS', 'DNSKEY', 'SRV')

  const ownRoutes = fc.subarray(['test', 'onion', 'local', 'home.arpa', '10.in-addr.arpa', 'corp.example'])
  const sealed = '172.20.0.2'

  it('no such name goes to a public server but by a route of its own', () => {
    let asked = 0
    let byName = 0
    fc.assert(
      fc.property(
        name,
        code,
        fc.constantFrom(...askers),
        fc.array(fc.oneof(publicServer, lanServer), { maxLength: 4 }),
        fc.array(publicServer, { minLength: 1, maxLength: 2 }),
        ownRoutes,
        fc.boolean(),
        (asking, type, from, upstreams, networkServers, suffixes, singleLabel) => {
          const forward: Config['forward'] = {
            ...config.forward,
            singleLabel,
            zones: suffixes.map((suffix) => ({ suffix, upstreams: [own] })),
            networks: ['lab', 'vault'].map((each) => ({ network: each, upstreams: networkServers })),
          }
          const resolver = resolverFor(snapshot, { forward }, upstreams)
          const question = { name: asking, type: typeCode(type)!, class: 1 }
          const decision = resolver.decide(resolver.scope(from, '127.0.0.1'), question)
          if (decision.kind === 'answer') return
          asked++
          const { zone, upstreams: servers } = decision.route
          if (zone !== undefined) {
            byName++
            expect(from).not.toBe(sealed)
            expect(suffixes).toContain(zone)
            expect(isWithin(asking, zone)).toBe(true)
            return
          }
          const hosts = servers.map(({ host }) => host)
          const lan = ['192.168.1.1', '127.0.0.53', 'fd00::53', '127.0.0.11']
          if (!hosts.every((host) => lan.includes(host))) throw new Error(`${asking} went to ${hosts.join()}`)
          const never = ['invalid', 'test', 'onion', 'alt', 'docker.internal', 'resolver.arpa', 'localhost']
          expect(never.filter((top) => isWithin(asking, top))).toEqual([])
        },
      ),
      { numRuns: 3000 },
    )
    expect(asked).toBeGreaterThan(100)
    expect(byName).toBeGreaterThan(50)
  })
})
