// Podman's own names: NAME.dns.podman, which its search list makes of every name, and host.containers.internal.
import { describe, expect, it } from 'vitest'
import { decideFor, resolverFor } from './deciding.ts'
import { container, estate, interfaces, network } from './estate.ts'

const snapshot = estate(
  [
    network('front', ['198.18.0.0/24']),
    network('back', ['198.18.1.0/24', 'fd00:9::/64'], { internal: true }),
    network('bridge', ['198.19.255.0/24']),
  ],
  [
    container('web', { front: { at: ['198.18.0.2'], names: ['www'] } }),
    container('api', { front: { at: ['198.18.0.3'] }, back: { at: ['198.18.1.3', 'fd00:9::3'] } }),
    container('db', { back: { at: ['198.18.1.2'], names: ['s3.example.net'] } }),
    container('plain', { bridge: { at: ['198.19.255.2'] } }),
    container('member', {}, { id: 'member', sharesNetworkOf: 'api' }),
  ],
)
const own = interfaces({ lo: ['127.0.0.1/8'], podman1: ['198.18.0.1/24'] })
const [web, api, db] = ['198.18.0.2', '198.18.0.3', '198.18.1.2']
const ask = (from: string, name: string, code = 'A') =>
  decideFor(resolverFor(snapshot, {}, undefined, own), from, name, code)
const answers = (...of: string[]) => ({ rcode: 0, answers: of, soa: false })
const nodata = { rcode: 0, answers: [], soa: true }
const nxdomain = { rcode: 3, answers: [], soa: true }

describe('NAME.dns.podman', () => {
  it.each([
    ['web', 'web', answers(web)],
    ['web', 'www', answers(web)],
    ['web', 'api', answers(api)],
    ['web', 'member', answers(api)],
    ['web', 'api.front', answers(api)],
    // Nobody's, and another network's.
    ['web', 'nobody', nxdomain],
    ['web', 'db', nxdomain],
    ['web', 'api.back', nxdomain],
    ['web', 'db.back', nxdomain],
    ['api', 'db', answers(db)],
    ['api', 's3.example.net', answers(db)],
    ['web', 's3.example.net', nxdomain],
    ['plain', 'plain', answers('198.19.255.2')],
    ['plain', 'web', nxdomain],
  ] as const)('from %s: %s', (from, name, expected) => {
    const asker = { web, api, plain: '198.19.255.2' }[from]
    expect(ask(asker, `${name}.dns.podman`)).toEqual(expected)
  })

  it('has no data of other types, and is never forwarded', () => {
    expect(ask(web, 'web.dns.podman', 'AAAA')).toEqual(nodata)
    expect(ask(web, 'web.dns.podman', 'TXT')).toEqual(nodata)
    for (const code of ['A', 'AAAA', 'MX', 'TXT', 'SRV', 'NS', 'DS']) {
      expect(ask(web, 'nobody.dns.podman', code), code).toEqual(nxdomain)
      expect(ask('127.0.0.1', 'nobody.dns.podman', code), code).toEqual(nxdomain)
    }
    expect(ask(web, 'dns.podman')).toEqual(nodata)
    // It is no more than a name to others.
    expect(ask(web, 'x.podman')).toHaveProperty('to')
  })

  it('is for the host what the bare name is', () => {
    expect(ask('127.0.0.1', 'web.dns.podman')).toEqual(answers(web))
    expect(ask('127.0.0.1', 'nobody.dns.podman')).toEqual(nxdomain)
  })

  it('has an SOA of its own', () => {
    const resolver = resolverFor(snapshot, {}, undefined, own)
    const question = { name: 'nobody.dns.podman', type: 1, class: 1 }
    const decision = resolver.decide(resolver.scope(web, '127.0.0.1'), question)
    expect(decision.kind === 'answer' && decision.authority[0]!.owner).toBe('dns.podman')
  })
})

describe('host.containers.internal', () => {
  it('is what host.docker.internal is', () => {
    for (const asker of [web, api, db, '127.0.0.1']) {
      for (const code of ['A', 'AAAA']) {
        expect(ask(asker, 'host.containers.internal', code)).toEqual(ask(asker, 'host.docker.internal', code))
      }
    }
    expect(ask(web, 'host.containers.internal')).toEqual(answers('198.18.0.1'))
  })

  it('is never forwarded', () => {
    expect(ask(web, 'host.containers.internal', 'MX')).toEqual(nodata)
    expect(ask(web, 'other.containers.internal')).toHaveProperty('to')
  })
})
