// Names that a stub's search list makes of others: musl ends its search at a name without data (NODATA) and goes on at one
// that is not there (NXDOMAIN), so that what merely lies above others must not end it.
import { describe, expect, it } from 'vitest'
import type { StaticHost } from '../../../src/config/types.ts'
import { config, decideFor, resolverFor, upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const replica = {
  labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'till' },
}
const networks = [
  network('front', ['10.1.0.0/24']),
  network('back', ['10.2.0.0/24']),
  network('vault', ['10.3.0.0/24'], { internal: true }),
  network('net.example.org', ['10.4.0.0/24']),
  network('com', ['10.5.0.0/24']),
]
const containers = [
  container('asker', { front: { at: ['10.1.0.2'] }, back: { at: ['10.2.0.2'] } }),
  container('stand-in', { front: { at: ['10.1.0.3'], names: ['api.example.com', 'x.only', '*.wild.lan'] } }),
  container('labelled', { front: { at: ['10.1.0.4'] } }, { labels: { 'berth.names': 'a.label.test' } }),
  container('till', { front: { at: ['10.1.0.5'] } }, replica),
  container('shop', { back: { at: ['10.2.0.6'], names: ['db.shop.corp.example'] } }),
  container('secret', { vault: { at: ['10.3.0.2'], names: ['api.example.com'] } }),
  container('dotted', { 'net.example.org': { at: ['10.4.0.2'] } }),
  container('public', { com: { at: ['10.5.0.2'], names: ['www.google', 'a.b.google'] } }),
]
const resolver = resolverFor(estate(networks, containers))
const ask = (from: string, name: string, code = 'A') => decideFor(resolver, from, name, code)
const [asker, other, secret, host] = ['10.1.0.2', '10.2.0.6', '10.3.0.2', '127.0.0.1']
const nodata = { rcode: 0, answers: [], soa: true }
const nxdomain = { rcode: 3, answers: [], soa: true }
const forwarded = { to: '192.0.2.53:53', zone: undefined }

describe('what lies above dotted names', () => {
  it.each(['example.com', 'com', 'only', 'label.test', 'wild.lan', 'shop'])(
    '%s with a network behind it is not there, and is not forwarded',
    (name) => {
      for (const code of ['A', 'AAAA', 'HTTPS', 'ANY']) {
        expect(ask(asker, `${name}.front`, code), code).toEqual(nxdomain)
      }
      expect(ask(asker, `_http._tcp.${name}.front`, 'SRV')).toEqual(nxdomain)
    },
  )

  it.each(['example.com', 'only', 'label.test', 'wild.lan', 'net.example.org', 'example.com.front'])(
    '%s under the zone is not there',
    (name) => {
      for (const from of [asker, host]) {
        expect(ask(from, `${name}.docker.internal`), from).toEqual(nxdomain)
      }
    },
  )

  it('is the same below a wildcard: no search list’s product of a name of ours is sent on', () => {
    for (const from of [asker, other, secret, host]) {
      expect(ask(from, 'any.wild.lan.front'), from).toEqual(nxdomain)
      expect(ask(from, 'any.lan.front'), from).not.toEqual(nxdomain)
    }
    expect(ask(asker, 'any.wild.lan')).toMatchObject({ answers: ['10.1.0.3'] })
  })

  it('is not there for who shares no network with the names either, so that nothing is told by it', () => {
    for (const from of [other, secret, host]) expect(ask(from, 'example.com.front'), from).toEqual(nxdomain)
    expect(ask(secret, 'example.com.vault')).toEqual(nxdomain)
  })

  it('goes by a route of its own', () => {
    const zones = [{ suffix: 'front', upstreams: [upstream], order: 'sequential' as const }]
    const routed = resolverFor(estate(networks, containers), { forward: { ...config.forward, zones } })
    expect(decideFor(routed, asker, 'example.com.front')).toEqual({ to: '192.0.2.53:53', zone: 'front' })
    expect(decideFor(routed, asker, 'till.front')).toMatchObject({ answers: ['10.1.0.5'] })
  })

  it('is the public’s where the network is called like a top-level domain', () => {
    for (const from of ['10.5.0.2', asker]) expect(ask(from, 'google.com'), from).toEqual(forwarded)
    expect(ask('10.5.0.2', 'www.google.com')).toMatchObject({ answers: ['10.5.0.2'] })
    expect(ask('10.5.0.2', 'b.google.com')).toEqual(forwarded)
  })

  it('is still there where no search list makes it: a network or a project under the zone, the domain itself', () => {
    expect(ask(asker, 'front.docker.internal')).toEqual(nodata)
    expect(ask(asker, 'shop.docker.internal')).toMatchObject({ answers: ['10.2.0.6'] })
    expect(ask('10.1.0.3', 'shop.docker.internal')).toEqual(nodata)
    expect(ask(secret, 'example.com')).toEqual(nodata)
    const scope = resolver.scope(asker, host)
    const above = (name: string) => resolver.decide(scope, { name, type: 1, class: 1 })
    expect(above('example.com')).toMatchObject({ kind: 'forward', isAbove: true })
  })

  it('is not there under the zone where bare names are forwarded: the network’s name may be another’s', () => {
    const open = resolverFor(estate(networks, containers), {
      forward: { ...config.forward, singleLabel: true },
    })
    expect(decideFor(open, asker, 'front.docker.internal')).toEqual(nxdomain)
    expect(decideFor(open, asker, 'front')).toEqual(forwarded)
  })
})

describe('a domain above other names', () => {
  const hosts: StaticHost[] = (
    [
      ['a.till.lan', false],
      ['lan', true],
      ['b.nobody.lan', false],
    ] as const
  ).map(([name, wildcard]) => ({ name, wildcard, v4: ['192.0.2.1'], v6: [], networks: undefined }))

  it('is denied as upstreams deny it where a neighbour’s name may have been searched for in it', () => {
    const scope = resolver.scope(asker, host)
    const above = (name: string) => resolver.decide(scope, { name, type: 1, class: 1 })
    // `search corp.example`, and a neighbour called shop.
    expect(above('shop.corp.example')).toMatchObject({ kind: 'forward', isAbove: false })
    expect(above('corp.example')).toMatchObject({ kind: 'forward', isAbove: true })
  })

  it('is the same with a wildcard of hosts: above it', () => {
    const fixed = resolverFor(estate(networks, containers), { hosts })
    expect(decideFor(fixed, asker, 'till.lan')).toEqual(nxdomain)
    expect(decideFor(fixed, asker, 'nobody.lan')).toEqual(nodata)
    expect(decideFor(fixed, secret, 'till.lan')).toEqual(nodata)
  })
})
