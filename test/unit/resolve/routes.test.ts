// Which way a foreign question goes: routes by name, by the asker's network, the default one, and Docker's own resolver.
import { describe, expect, it } from 'vitest'
import type { Upstream } from '../../../src/config/types.ts'
import { reverseName } from '../../../src/dns/reverse.ts'
import { type Config, config, decideFor, resolverFor, upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const server = (host: string): Upstream => ({ host, port: 53, text: `${host}:53` })
const corp = server('198.51.100.53')
const labs = server('198.18.7.53')
const vaults = server('198.18.8.53')
const docker = server('127.0.0.11')

const snapshot = estate(
  [
    network('front', ['198.18.1.0/24']),
    network('lab', ['198.18.7.0/24']),
    network('vault', ['198.18.8.0/24'], { internal: true }),
    network('cellar', ['198.18.9.0/24'], { internal: true }),
  ],
  [
    container('web', { front: { at: ['198.18.1.2'] } }),
    container('probe', { lab: { at: ['198.18.7.2'] }, front: { at: ['198.18.1.3'] } }),
    container('both', { lab: { at: ['198.18.7.9'] }, vault: { at: ['198.18.8.9'] } }),
    container('secret', { vault: { at: ['198.18.8.2'] } }),
    container('wine', { cellar: { at: ['198.18.9.2'], names: ['dotted.example'] } }),
  ],
)
const asker = {
  web: '198.18.1.2',
  probe: '198.18.1.3',
  both: '198.18.7.9',
  secret: '198.18.8.2',
  wine: '198.18.9.2',
  host: '127.0.0.1',
}

const forward: Config['forward'] = {
  ...config.forward,
  zones: [{ suffix: 'corp.example', upstreams: [corp], order: 'random' }],
  networks: [
    { network: 'lab', upstreams: [labs] },
    { network: 'vault', upstreams: [vaults], order: 'random' },
  ],
}

function routeOf(
  from: keyof typeof asker,
  name: string,
  changes: Partial<Config> = {},
  upstreams = [upstream],
) {
  const resolver = resolverFor(snapshot, { forward, ...changes }, upstreams)
  const decision = resolver.decide(resolver.scope(asker[from], '127.0.0.1'), { name, type: 1, class: 1 })
  if (decision.kind === 'answer') return `rcode ${decision.rcode}`
  const { name: route, upstreams: servers, order } = decision.route
  return `${route}: ${servers.map(({ host }) => host).join()} ${order}`
}

describe('a route', () => {
  it.each<[from: keyof typeof asker, name: string, route: string]>([
    ['web', 'www.example', 'default: 192.0.2.53 sequential'],
    ['host', 'www.example', 'default: 192.0.2.53 sequential'],
    ['web', 'git.corp.example', 'forward.zones corp.example: 198.51.100.53 random'],
    ['host', 'corp.example', 'forward.zones corp.example: 198.51.100.53 random'],
    ['probe', 'www.example', 'forward.networks lab: 198.18.7.53 sequential'],
    ['probe', 'git.corp.example', 'forward.zones corp.example: 198.51.100.53 random'],
    // Docker's order puts internal networks last.
    ['both', 'www.example', 'forward.networks lab: 198.18.7.53 sequential'],
    ['secret', 'www.example', 'forward.networks vault: 198.18.8.53 random'],
    ['secret', 'git.corp.example', 'forward.networks vault: 198.18.8.53 random'],
    ['wine', 'www.example', 'rcode 3'],
    ['wine', 'git.corp.example', 'rcode 3'],
  ])('of %s for %s is %s', (from, name, route) => expect(routeOf(from, name)).toBe(route))

  it('of a network has no names that are ours, nor single labels', () => {
    for (const name of ['web', 'web.front', 'x.docker.internal', 'printer', 'a.test']) {
      expect(routeOf('probe', name), name).toBe(
        name === 'web' ? 'rcode 0' : /^web/.test(name) ? 'rcode 0' : 'rcode 3',
      )
      expect(routeOf('secret', name), name).toBe('rcode 3')
    }
  })

  it('of a network is not for who comes from its gateway', () => {
    const resolver = resolverFor(snapshot, { forward, scope: { gateway: 'network', allow: [] } })
    for (const gateway of ['198.18.7.1', '198.18.8.1']) {
      expect(decideFor(resolver, gateway, 'www.example')).toMatchObject({ rcode: 3, ede: 18 })
    }
  })

  it('of a network makes its asker one that has things forwarded', () => {
    const resolver = resolverFor(snapshot, { forward })
    const forwards = (from: string) => resolver.forwards(resolver.scope(from, '127.0.0.1'))
    expect(Object.values(asker).map(forwards)).toEqual([true, true, true, true, false, true])
  })

  it('of a reverse zone is as any other, for addresses outside Docker’s subnets', () => {
    const zones = [
      { suffix: '10.in-addr.arpa', upstreams: [corp] },
      { suffix: '18.198.in-addr.arpa', upstreams: [corp] },
    ]
    const own = { forward: { ...forward, zones } }
    expect(routeOf('web', reverseName('10.1.2.3'), own)).toMatch(/^forward.zones 10.in-addr.arpa/)
    expect(routeOf('web', reverseName('198.18.200.1'), own)).toMatch(/^forward.zones 18.198.in-addr.arpa/)
    expect(routeOf('web', reverseName('198.18.9.2'), own)).toBe('rcode 3')
  })
})

describe("Docker's own resolver as upstream", () => {
  const ask = (name: string, upstreams: Upstream[], code = 'A', changes: Partial<Config['forward']> = {}) => {
    const resolver = resolverFor(snapshot, { forward: { ...config.forward, ...changes } }, upstreams)
    return decideFor(resolver, asker.web, name, code)
  }
  const denied = { rcode: 3, answers: [], soa: true }

  it.each([
    ['printer', 'a single label'],
    ['nobody.cellar', 'read as NAME.NETWORK'],
    ['a.b.cellar', 'read as NAME.NETWORK'],
    ['_http._tcp.nobody.cellar', 'a service of NAME.NETWORK'],
    ['dotted.example', 'an alias of another network'],
    ['_http._tcp.dotted.example', 'a service of it'],
  ])('is not asked for %s: %s', (name) => {
    for (const code of ['A', 'AAAA', 'SRV', 'MX']) {
      expect(ask(name, [docker], code, { singleLabel: true })).toEqual(denied)
      expect(ask(name, [docker, upstream], code, { singleLabel: true })).toMatchObject({ to: upstream.text })
    }
  })

  it('is not asked for addresses in Docker’s subnets', () => {
    for (const address of ['198.18.9.2', '198.18.9.77', '198.18.1.77']) {
      expect(ask(reverseName(address), [docker], 'PTR')).toEqual(denied)
    }
  })

  it('is asked for the rest, and for what validators ask', () => {
    expect(ask('www.example.com', [docker])).toMatchObject({ to: docker.text })
    expect(ask('com', [docker], 'DS')).toMatchObject({ to: docker.text })
    expect(ask(reverseName('8.8.8.8'), [docker], 'PTR')).toMatchObject({ to: docker.text })
  })
})
