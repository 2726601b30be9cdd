// Several engines: only local ones say who an asker is; what remote ones tell are answers for the host, where they lead
// somewhere, and never in a local one's place.
import { describe, expect, it } from 'vitest'
import { reverseName } from '../../../src/dns/reverse.ts'
import { createInspector } from '../../../src/http/inspect.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { parseSubnet } from '../../../src/lib/ip.ts'
import type { Container, EngineStatus, Network, Snapshot } from '../../../src/registry/types.ts'
import { createResolver } from '../../../src/resolve/resolver.ts'
import { type ScopeSettings, scopeOf } from '../../../src/scope/scope.ts'
import { config, decideFor, here, resolverFor, upstream } from './deciding.ts'
import { container, estate, interfaces, network } from './estate.ts'

const none = { far: { remote: 'none' } } as const
const routed = { far: { remote: 'routed' } } as const
type States = Record<string, Partial<EngineStatus>>

const far = (name: string, subnets: string[], extra: Partial<Network> = {}) =>
  network(name, subnets, { engine: 'far', ...extra })
const farContainer = (
  name: string,
  places: Parameters<typeof container>[1],
  extra: Partial<Container> = {},
) => container(name, places, { engine: 'far', ...extra })

const attached = interfaces({
  lo: ['127.0.0.1/8', '::1/128'],
  eth0: ['192.168.1.2/24', 'fe80::2/64'],
  'br-front': ['172.18.0.1/16'],
})

function see(
  snapshot: Snapshot,
  from: string,
  settings: Partial<ScopeSettings> = {},
  to = '127.0.0.1',
): Record<string, unknown> {
  const scope = scopeOf(snapshot, attached, { gateway: 'refuse', allow: [], ...settings }, from, to)
  const { view, rule, forwards, containerId, incomplete } = scope
  return { view, rule, forwards, containerId, incomplete, networks: scope.networks.map(({ name }) => name) }
}
const stranger = { view: 'nobody', rule: 'stranger', forwards: false }

const front = network('front', ['172.18.0.0/16'])
const web = container('web', { front: { at: ['172.18.0.2'] } })

describe('who asks is told by local engines alone', () => {
  it('equal pools: an address that only the remote engine lists is somebody’s in the local subnet', () => {
    const theirs = [far('theirs', ['172.18.0.0/16']), far('more', ['10.5.0.0/16'])]
    const both = farContainer('both', { theirs: { at: ['172.18.0.9'] }, more: { at: ['10.5.0.9'] } })
    for (const states of [none, routed]) {
      const snapshot = estate([front, ...theirs], [web, both], states)
      expect(see(snapshot, '172.18.0.9')).toMatchObject({ rule: 'subnet', networks: ['front'] })
      expect(see(snapshot, '172.18.0.9', {}, '172.18.0.1')).toMatchObject({ networks: ['front'] })
      expect(see(snapshot, '172.18.0.99')).toMatchObject({ rule: 'subnet', networks: ['front'] })
      expect(see(snapshot, '172.18.0.1', { gateway: 'host' })).toMatchObject({ rule: 'host' })
    }
  })

  it('an address that a container here and one there have is the one’s here', () => {
    const double = farContainer('double', { theirs: { at: ['172.18.0.2'] } })
    const snapshot = estate([front, far('theirs', ['172.18.0.0/16'])], [web, double], routed)
    expect(see(snapshot, '172.18.0.2')).toMatchObject({ rule: 'container', containerId: 'web' })
  })

  it('a LAN neighbour in a remote network’s subnet stays a stranger, or what scope.allow makes of it', () => {
    const snapshot = estate([front, far('theirs', ['192.168.0.0/20'])], [web], routed)
    expect(see(snapshot, '192.168.1.66')).toMatchObject(stranger)
    const allow = [parseSubnet('192.168.1.0/24')!]
    expect(see(snapshot, '192.168.1.66', { allow })).toMatchObject({ rule: 'allowed', networks: [] })
  })

  it.each(['refuse', 'network', 'host'] as const)(
    'nobody is behind its gateways (scope.gateway: %s)',
    (gateway) => {
      const theirs = far('theirs', ['172.18.0.0/16', '192.168.1.0/24'], {
        gateways: ['172.18.0.2', '192.168.1.1', '198.51.100.7'],
      })
      const snapshot = estate([front, theirs], [web], routed)
      expect(see(snapshot, '172.18.0.2', { gateway })).toMatchObject({
        rule: 'container',
        containerId: 'web',
      })
      expect(see(snapshot, '192.168.1.1', { gateway })).toMatchObject(stranger)
      const allow = [parseSubnet('198.51.100.0/24')!]
      expect(see(snapshot, '198.51.100.7', { gateway, allow })).toMatchObject({ rule: 'allowed' })
    },
  )

  it('nor is anybody on its bridge by name, or a member of its docker_gwbridge', () => {
    const theirs = far('theirs', ['fe80::/64', '10.9.0.0/16'], { bridge: 'eth0' })
    const gwbridge = far('docker_gwbridge', ['10.8.0.0/16'], { members: new Map([['172.18.0.77', 'web']]) })
    const snapshot = estate([front, theirs, gwbridge], [web], none)
    expect(see(snapshot, 'fe80::42%eth0')).toMatchObject(stranger)
    expect(see(snapshot, '172.18.0.77')).toMatchObject({ rule: 'subnet', networks: ['front'] })
  })

  it('a member of our docker_gwbridge is one of our containers, not of another engine’s', () => {
    const members = new Map([
      ['172.30.0.3', 'web'],
      ['172.30.0.4', 'theirs'],
    ])
    const gwbridge = network('docker_gwbridge', ['172.30.0.0/16'], { members })
    const snapshot = estate([front, gwbridge], [web, farContainer('theirs', {})], none)
    expect(see(snapshot, '172.30.0.3')).toMatchObject({ containerId: 'web', networks: ['front'] })
    expect(see(snapshot, '172.30.0.4')).toMatchObject({ rule: 'subnet', networks: ['docker_gwbridge'] })
  })

  it('a container of ours is not, by what a remote engine says, on its network', () => {
    const theirs = far('theirs', ['172.18.0.0/16'])
    const two = container('two', { front: { at: ['172.18.0.3'] }, theirs: { at: ['172.18.0.4'] } })
    const snapshot = estate([front, theirs], [two], none)
    expect(see(snapshot, '172.18.0.3')).toMatchObject({ containerId: 'two', networks: ['front'] })
    expect(see(snapshot, '172.18.0.4')).toMatchObject({ rule: 'subnet', networks: ['front'] })
  })

  it('with remote engines alone there are the host, scope.allow, and strangers', () => {
    const networks = [far('theirs', ['172.18.0.0/16', '192.168.1.0/24'])]
    const both = [farContainer('a', { theirs: { at: ['172.18.0.2'] } })]
    const allow = [parseSubnet('198.51.100.0/24')!]
    for (const synced of [true, false]) {
      const states = { far: { remote: 'routed', synced } } as const
      const snapshot = estate(synced ? networks : [], synced ? both : [], states)
      for (const from of ['172.18.0.2', '172.18.0.1', '172.18.0.9', '192.168.1.9', 'fe80::9%eth0']) {
        const expected = from === '172.18.0.1' ? { rule: synced ? 'host' : 'starting' } : stranger
        expect(see(snapshot, from, { allow, gateway: 'host' }), from).toMatchObject(expected)
      }
      expect(see(snapshot, '198.51.100.1', { allow })).toMatchObject({ rule: 'allowed', incomplete: false })
      expect(see(snapshot, '127.0.0.1')).toMatchObject(
        synced ? { view: 'host', incomplete: false } : { view: 'starting', incomplete: true },
      )
    }
  })
})

describe('an engine that has not been read', () => {
  it('elsewhere: who is here is known for whole, and the host waits for what is not found', () => {
    const snapshot = estate([front], [web], { far: { remote: 'none', synced: false } })
    expect(see(snapshot, '172.18.0.2')).toMatchObject({ rule: 'container', incomplete: false })
    expect(see(snapshot, '172.18.0.9')).toMatchObject({ rule: 'subnet', incomplete: false })
    expect(see(snapshot, '192.168.1.9')).toMatchObject(stranger)
    expect(see(snapshot, '127.0.0.1')).toMatchObject({ view: 'host', incomplete: true })
  })

  it('elsewhere may have containers on a Swarm’s network of ours', () => {
    const mesh = network('mesh', ['10.0.1.0/24'], { driver: 'overlay' })
    const task = container('task', { mesh: { at: ['10.0.1.5'] } })
    const snapshot = estate([mesh], [task], { far: { remote: 'none', synced: false } })
    expect(see(snapshot, '10.0.1.5')).toMatchObject({ rule: 'container', incomplete: true })
  })

  it('here: what a remote one has is not said, for the name may be ours', () => {
    const states: States = { far: { remote: 'routed' }, local: { synced: false } }
    const snapshot = estate(
      [far('theirs', ['10.5.0.0/16'])],
      [farContainer('db', { theirs: { at: ['10.5.0.2'] } })],
      states,
    )
    expect(see(snapshot, '127.0.0.1')).toMatchObject({ view: 'host', incomplete: true })
    expect(see(snapshot, '172.18.0.2')).toMatchObject({ view: 'starting', incomplete: true })
    const resolver = resolverFor(snapshot)
    for (const name of ['db', 'db.theirs.docker.internal']) {
      expect(decideFor(resolver, '127.0.0.1', name)).toMatchObject({ rcode: 2, ede: 14 })
    }
    const pointer = decideFor(resolver, '127.0.0.1', reverseName('10.5.0.2'), 'PTR')
    expect(pointer).toMatchObject({ rcode: 2, ede: 14 })
  })
})

describe('the host', () => {
  const shop = (service: string) => ({
    labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': service },
  })
  const port = { ports: [{ number: 80, protocol: 'tcp', name: 'http' }] } as const
  const networks = [
    front,
    network('back', ['172.19.0.0/16']),
    far('a-bridge', ['10.4.0.0/16']),
    far('theirs', ['10.5.0.0/16', 'fd00:5::/64']),
    { ...far('front-there', ['10.6.0.0/16']), name: 'front' },
    far('lan', ['192.168.1.0/24'], { driver: 'macvlan', bridge: undefined }),
    far('mesh', ['10.7.0.0/16'], { driver: 'overlay', bridge: undefined }),
    far('vault', ['10.10.0.0/16'], { internal: true }),
  ]
  const containers = [
    container('web', { front: { at: ['172.18.0.2'] } }),
    container('api-1', { back: { at: ['172.19.0.4'] } }, shop('api')),
    container('wild', { front: { at: ['172.18.0.8'] } }, { labels: { 'berth.names': '*.wild.test' } }),
    container('idle', { front: { at: [] } }, { running: false }),
    farContainer('web-there', { theirs: { at: ['10.5.0.2'], names: ['web', 'api.shop', 'a.wild.test'] } }),
    farContainer('web-front', { 'front-there': { at: ['10.6.0.2'], names: ['web', 'idle'] } }),
    farContainer('only', { theirs: { at: ['10.5.0.3', 'fd00:5::3'] } }, port),
    farContainer('odd', { theirs: { at: ['192.168.1.1', '10.5.0.4'] } }),
    farContainer('printer', { lan: { at: ['192.168.1.9'] } }),
    farContainer('task', { mesh: { at: ['10.7.0.9'] } }),
    farContainer('safe', { vault: { at: ['10.10.0.9'] } }),
    farContainer('pair', { 'a-bridge': { at: ['10.4.0.5'] }, lan: { at: ['192.168.1.5'] } }),
  ]
  const decide = (states: States, name: string, type = 'A', more: [Network, Container][] = []) => {
    const snapshot = estate(
      [...networks, ...more.map(([net]) => net)],
      [...containers, ...more.map(([, each]) => each)],
      states,
    )
    return decideFor(resolverFor(snapshot), '127.0.0.1', name, type)
  }
  const found = (...answers: string[]) => ({ rcode: 0, answers, soa: false })
  const nodata = { rcode: 0, answers: [], soa: true }

  it.each([none, routed])('a local meaning always wins (%j)', (states) => {
    for (const name of ['web', 'web.docker.internal', 'web.front.docker.internal']) {
      expect(decide(states, name), name).toEqual(found('172.18.0.2'))
    }
    // Its replicas before their alias, and its wildcard before their name.
    expect(decide(states, 'api.shop.docker.internal')).toEqual(found('172.19.0.4'))
    expect(decide(states, 'a.wild.test.docker.internal')).toEqual(found('172.18.0.8'))
  })

  it('of networks of one name the local one’s container goes first, and the other one’s is found where it has none', () => {
    expect(decide(routed, 'web.front.docker.internal')).toEqual(found('172.18.0.2'))
    expect(decide(routed, 'idle.front.docker.internal')).toEqual(found('10.6.0.2'))
    expect(decide(none, 'idle.front.docker.internal')).toEqual(nodata)
  })

  it('a remote bridge’s address is told with reach: routed alone', () => {
    expect(decide(routed, 'only')).toEqual(found('10.5.0.3'))
    expect(decide(routed, 'only', 'AAAA')).toEqual(found('fd00:5::3'))
    expect(decide(routed, reverseName('10.5.0.3'), 'PTR')).toEqual(found('only.theirs.docker.internal'))
    expect(decide(none, 'only')).toEqual(nodata)
    expect(decide(none, 'only', 'AAAA')).toEqual(nodata)
    expect(decide(none, reverseName('10.5.0.3'), 'PTR')).toMatchObject({ rcode: 3, answers: [] })
    const service = (states: States) => decide(states, '_http._tcp.only', 'SRV')
    expect(service(none)).toMatchObject({ answers: ['80 only.theirs.docker.internal'], additional: [] })
    expect(service(routed)).toMatchObject({
      additional: ['only.theirs.docker.internal 10.5.0.3', 'only.theirs.docker.internal fd00:5::3'],
    })
  })

  it('says what to set where it is not told', () => {
    const rule = (name: string) => {
      const snapshot = estate(networks, containers, none)
      const resolver = resolverFor(snapshot)
      return resolver.decide(resolver.scope('127.0.0.1', '127.0.0.1'), { name, type: 1, class: 1 }).rule
    }
    expect(rule('only')).toMatch(/theirs of the remote engine far .*set reach: routed .*docker\.engines/)
    expect(rule('task')).toMatch(/overlay/)
    expect(rule('safe')).toMatch(/internal/)
  })

  it('nor where a network of ours, or a link of ours, holds it; nor what is outside of its own network', () => {
    const [taken, linked] = [far('taken', ['172.18.0.0/24']), far('linked', ['127.5.0.0/16'])]
    const lan = far('lo-lan', ['127.6.0.0/16'], { driver: 'macvlan' })
    const nat64 = far('nat64', ['64:ff9b::/96'])
    const more: [Network, Container][] = [
      [lan, farContainer('loop-lan', { 'lo-lan': { at: ['127.6.0.2'] } })],
      // 172.18.0.5, and 198.51.100.5, which is nobody's here.
      [nat64, farContainer('carried', { nat64: { at: ['64:ff9b::ac12:5'] } })],
      [network('x', [], { engine: 'far' }), farContainer('out', { nat64: { at: ['64:ff9b::c633:6405'] } })],
      [taken, farContainer('guest', { taken: { at: ['172.18.0.50'] } })],
      [linked, farContainer('loop', { linked: { at: ['127.5.0.2'] } })],
    ]
    expect(decide(routed, 'guest', 'A', more)).toEqual(nodata)
    expect(decide(routed, 'loop', 'A', more)).toEqual(nodata)
    expect(decide(routed, 'loop-lan', 'A', more)).toEqual(nodata)
    expect(decide(routed, 'carried', 'AAAA', more)).toEqual(nodata)
    expect(decide(routed, 'out', 'AAAA', more)).toEqual(found('64:ff9b::c633:6405'))
    expect(decide(routed, reverseName('172.18.0.50'), 'PTR', more)).toMatchObject({ rcode: 3 })
    expect(decide(routed, 'odd')).toEqual(found('10.5.0.4'))
  })

  it('a link of ours that comes is looked at for each question', () => {
    let addresses = here
    const snapshot = estate(networks, containers, routed)
    const resolver = createResolver({
      ...{ config, store: { current: () => snapshot }, addresses: () => addresses },
      ...{ upstreams: () => [upstream], random: () => 0 },
    })
    const ask = () =>
      resolver.decide(resolver.scope('127.0.0.1', '127.0.0.1'), { name: 'only', type: 1, class: 1 })
    expect(ask()).toMatchObject({ answers: [{}], isPassing: true })
    addresses = interfaces({ lo: ['127.0.0.1/8'], docker0: ['10.5.0.1/16'] })
    expect(ask()).toMatchObject({ answers: [], isPassing: true })
  })

  it.each([none, routed])(
    'macvlan is the LAN’s, overlays and internal networks are their members’ (%j)',
    (states) => {
      expect(decide(states, 'printer')).toEqual(found('192.168.1.9'))
      expect(decide(states, reverseName('192.168.1.9'), 'PTR')).toEqual(found('printer.lan.docker.internal'))
      expect(decide(states, 'task')).toEqual(nodata)
      expect(decide(states, 'safe')).toEqual(nodata)
      // Of several networks one that is reached.
      expect(decide(none, 'pair')).toEqual(found('192.168.1.5'))
    },
  )

  it('a LAN’s address is not told where a bridge of ours holds it, and is where a macvlan network of ours does', () => {
    const us: [Network, Container] = [network('here', ['192.168.1.0/24']), container('x', {})]
    expect(decide(none, 'printer', 'A', [us])).toEqual(nodata)
    const ours = network('here', ['192.168.1.0/24'], { driver: 'macvlan', bridge: undefined })
    expect(decide(none, 'printer', 'A', [[ours, container('x', {})]])).toEqual(found('192.168.1.9'))
  })

  it('PTR: a local owner goes first, whatever the networks are called', () => {
    const a = { ...far('a-there', ['172.18.0.0/16']), name: 'a' }
    const double = farContainer('double', { 'a-there': { at: ['172.18.0.2'] } })
    expect(decide(routed, reverseName('172.18.0.2'), 'PTR', [[a, double]])).toEqual(
      found('web.front.docker.internal'),
    )
  })

  it('is shown by the API as it is answered, and a remote container is nobody to ask as', () => {
    const inspector = (states: States) => {
      const resolver = resolverFor(estate(networks, containers, states))
      const forward = () => Promise.reject(new Error('nothing is forwarded'))
      return createInspector({ resolver, forward, zone: config.zone, clock: systemClock })
    }
    const listed = (states: States) => {
      const told = inspector(states).names({ kind: 'host' })
      return 'problem' in told ? [] : told.names.filter(({ containers }) => containers.includes('only'))
    }
    expect(listed(none)).toMatchObject([{ name: 'only.theirs.docker.internal', v4: [], v6: [] }])
    expect(listed(routed)).toMatchObject([{ v4: ['10.5.0.3'], v6: ['fd00:5::3'] }])
    const as = (name: string) => inspector(routed).names({ kind: 'container', name })
    expect(as('only')).toEqual({
      problem: 'container only runs on the remote engine far: none of its containers asks here',
      status: 404,
    })
    expect(as('web')).toMatchObject({ view: 'networks', networks: ['front'] })
  })

  it('two remote engines’ names are ambiguous, as two of ours are', () => {
    const third = network('third', ['10.11.0.0/16'], { engine: 'third' })
    const only = container('only-3', { third: { at: ['10.11.0.2'], names: ['only'] } }, { engine: 'third' })
    const states: States = { far: { remote: 'routed' }, third: { remote: 'routed' } }
    expect(decide(states, 'only', 'A', [[third, only]])).toMatchObject({
      alternatives: ['only-3.third.docker.internal', 'only.theirs.docker.internal'],
    })
  })
})

describe('what a remote engine claims', () => {
  it.each([
    ['8.0.0.0/8', '8.8.8.8'],
    ['2001:db8::/32', '2001:db8::1'],
    ['192.168.0.0/20', '192.168.1.66'],
  ])('%s keeps no PTR in: it may be anybody’s', (subnet, address) => {
    const states = subnet.startsWith('192') ? none : routed
    const reverse = reverseName(address)
    const snapshot = estate([front, far('theirs', [subnet])], [web], states)
    const resolver = resolverFor(snapshot, {}, [{ ...upstream, host: '192.168.1.1' }])
    expect(decideFor(resolver, '127.0.0.1', reverse, 'PTR')).toHaveProperty('to')
    expect(decideFor(resolver, '172.18.0.2', reverse, 'PTR')).toHaveProperty('to')
  })

  it('private blocks that are reached are kept in, as ours are', () => {
    const resolver = resolverFor(estate([front, far('theirs', ['10.5.0.0/16'])], [web], routed), {}, [
      { ...upstream, host: '192.168.1.1' },
    ])
    expect(decideFor(resolver, '127.0.0.1', reverseName('10.5.9.9'), 'PTR')).toMatchObject({ rcode: 3 })
  })

  it('its names are nothing that Docker’s resolver here might answer', () => {
    const theirs = [far('theirs', ['10.5.0.0/16']), far('com', ['10.6.0.0/16']), far('corp', ['10.7.0.0/16'])]
    const claims = farContainer('google', {
      theirs: { at: ['10.5.0.2'], names: ['www.example.com'] },
      com: { at: ['10.6.0.2'] },
      corp: { at: ['10.7.0.2'] },
    })
    const own = container('app', { front: { at: ['172.18.0.3'], names: ['api.example.org'] } })
    for (const states of [none, routed]) {
      const snapshot = estate([front, ...theirs], [web, own, claims], states)
      const dockers = { host: '127.0.0.11', port: 53, text: '127.0.0.11:53' }
      const resolver = resolverFor(snapshot, {}, [dockers])
      for (const from of ['172.18.0.2', '127.0.0.1']) {
        for (const name of ['www.example.com', 'google.com', 'else.corp']) {
          expect(decideFor(resolver, from, name), name).toEqual({ to: '127.0.0.11:53', zone: undefined })
        }
      }
      // What is on a network of ours it might.
      expect(decideFor(resolver, '127.0.0.1', 'api.example.org')).toMatchObject({ rcode: 3 })
      expect(decideFor(resolver, '127.0.0.1', 'else.front')).toMatchObject({ rcode: 3 })
    }
  })

  it('its docker_gwbridge is nobody’s way to the machine', () => {
    const mesh = network('mesh', ['10.0.1.0/24'], { driver: 'overlay', bridge: undefined })
    const task = container('task', { mesh: { at: ['10.0.1.5'] } })
    const theirs = far('docker_gwbridge', ['10.8.0.0/16'])
    const ours = network('ours', ['172.30.0.0/16'], { name: 'docker_gwbridge' })
    const ask = (...networks: Network[]) =>
      decideFor(resolverFor(estate([mesh, ...networks], [task], none)), '10.0.1.5', 'host.docker.internal')
    expect(ask(theirs, ours)).toMatchObject({ answers: ['172.30.0.1'] })
    expect(ask(theirs)).toMatchObject({ rcode: 0, answers: [] })
  })
})

describe('what a remote engine says of a local one’s', () => {
  it('network or container of the same id is not heard, whichever engine comes first', () => {
    const theirs = far('front', ['10.66.0.0/16'], { gateways: ['10.66.0.1'], internal: true })
    const other = farContainer('web', { front: { at: ['10.66.0.2'], names: ['db'] } })
    // The states' order is the engines', behind those that networks name.
    for (const networks of [
      [theirs, front],
      [front, theirs],
    ]) {
      const snapshot = estate(networks, [other, web], none)
      expect(snapshot.networks.get('front')!.network).toEqual(front)
      expect(snapshot.containers.get('web')).toEqual(web)
      expect(see(snapshot, '172.18.0.2')).toMatchObject({ networks: ['front'], forwards: true })
    }
  })

  it('networks puts no container of its own there, but on a Swarm’s network within that’s subnets', () => {
    const mesh = network('mesh', ['10.0.1.0/24'], { driver: 'overlay', bridge: undefined })
    const asker = container('asker', { front: { at: ['172.18.0.5'] }, mesh: { at: ['10.0.1.5'] } })
    const guests = [
      farContainer('db', { front: { at: ['172.18.0.66'] } }, { labels: { 'berth.names': '*.shop.org' } }),
      farContainer('lodger', {}, { sharesNetworkOf: 'asker' }),
      farContainer('peer', { mesh: { at: ['10.0.1.66'] } }),
      farContainer('sly', { mesh: { at: ['172.18.0.2'] } }),
    ]
    const resolver = resolverFor(estate([front, mesh], [web, asker, ...guests], none))
    const ask = (name: string) => decideFor(resolver, '172.18.0.5', name)
    expect(ask('web')).toMatchObject({ answers: ['172.18.0.2'] })
    expect(ask('peer')).toMatchObject({ answers: ['10.0.1.66'] })
    for (const name of ['db', 'lodger', 'sly']) expect(ask(name), name).toMatchObject({ rcode: 3 })
    expect(ask('x.shop.org')).toHaveProperty('to')
  })

  it('container’s address on a Swarm’s network does not change what that is called', () => {
    const mesh = network('mesh', ['10.0.1.0/24'], { driver: 'overlay', bridge: undefined })
    const ours = container('ours', { mesh: { at: ['10.0.1.5'] } })
    const sly = farContainer('a-sly', { mesh: { at: ['10.0.1.5'] } })
    const resolver = resolverFor(estate([mesh], [sly, ours], none))
    expect(decideFor(resolver, '10.0.1.5', reverseName('10.0.1.5'), 'PTR')).toMatchObject({
      answers: ['ours.mesh'],
    })
    expect(decideFor(resolver, '127.0.0.1', reverseName('10.0.1.5'), 'PTR')).toMatchObject({
      answers: ['ours.mesh.docker.internal'],
    })
  })

  it('Swarm’s network does not make a container of ours ambiguous for the host', () => {
    const mesh = network('mesh', ['10.0.1.0/24'], { driver: 'overlay', bridge: undefined })
    const theirs = farContainer('theirs', { mesh: { at: ['10.0.1.66'], names: ['web'] } })
    const ours = container('ours', { mesh: { at: ['10.0.1.5'], names: ['web'] } })
    const ask = (...all: Container[]) =>
      decideFor(resolverFor(estate([front, mesh], all, none)), '127.0.0.1', 'web')
    expect(ask(web, theirs)).toMatchObject({ answers: ['172.18.0.2'] })
    expect(ask(ours, theirs)).toMatchObject({ answers: ['10.0.1.5'] })
    expect(ask(theirs)).toMatchObject({ answers: ['10.0.1.66'] })
  })
})
