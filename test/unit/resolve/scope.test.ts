// ARCHITECTURE.md's scope table, row by row: who may see what.
import { describe, expect, it } from 'vitest'
import { parseSubnet } from '../../../src/lib/ip.ts'
import type { EngineStatus } from '../../../src/registry/types.ts'
import { type ScopeSettings, scopeOf } from '../../../src/scope/scope.ts'
import { container, estate, interfaces, network } from './estate.ts'

const networks = [
  network('front', ['172.18.0.0/16', 'fd00:18::/64']),
  network('back', ['172.19.0.0/16']),
  network('vault', ['172.20.0.0/16'], { internal: true }),
  network('mesh', ['10.0.1.0/24'], { driver: 'overlay', bridge: undefined }),
  network('docker_gwbridge', ['172.30.0.0/16'], {
    bridge: 'docker_gwbridge',
    members: new Map([
      ['172.30.0.3', 'task'],
      ['172.30.0.4', 'gone'],
    ]),
  }),
  // Two networks of one subnet, as two engines or macvlan make them.
  network('twin-a', ['192.168.50.0/24'], { gateways: ['192.168.50.1'] }),
  network('twin-b', ['192.168.50.0/24'], { gateways: ['192.168.50.254'] }),
]

const containers = [
  container('web', {
    back: { at: ['172.19.0.2'] },
    front: { at: ['172.18.0.2', 'fd00:18::2'], gatewayFamilies: 2 },
  }),
  container('db', { vault: { at: ['172.20.0.3'] }, back: { at: ['172.19.0.3'] } }),
  container('secret', { vault: { at: ['172.20.0.4'] } }),
  container('task', { mesh: { at: ['10.0.1.5'] } }),
  container('twin-1', { 'twin-a': { at: ['192.168.50.10'] }, front: { at: ['172.18.0.10'] } }),
  container('twin-2', {
    'twin-b': { at: ['192.168.50.10'] },
    front: { at: ['172.18.0.11'] },
    back: { at: ['172.19.0.11'] },
  }),
  container('stopped', { front: { at: [] } }, { running: false }),
]

const onHost = interfaces({
  lo: ['127.0.0.1/8', '::1/128'],
  eth0: ['203.0.113.5/24'],
  'br-front': ['172.18.0.1/16', 'fd00:18::1/64', 'fe80::1/64'],
  'br-back': ['172.19.0.1/16'],
  'br-vault': ['172.20.0.1/16'],
})

const inContainer = interfaces({
  lo: ['127.0.0.1/8'],
  eth0: ['172.18.0.200/16', 'fe80::c8/64'],
  eth1: ['172.20.0.200/16'],
})

interface Case {
  from: string
  to?: string
  here?: typeof onHost
  settings?: Partial<ScopeSettings>
  states?: Record<string, Partial<EngineStatus>>
  empty?: boolean
}

function see({ from, to = '127.0.0.1', here = onHost, settings = {}, states = {}, empty = false }: Case) {
  const snapshot = estate(empty ? [] : networks, empty ? [] : containers, { local: {}, ...states })
  const scope = scopeOf(snapshot, here, { gateway: 'refuse', allow: [], ...settings }, from, to)
  const { view, rule, forwards, incomplete, containerId } = scope
  return { view, rule, forwards, incomplete, containerId, networks: scope.networks.map(({ name }) => name) }
}

describe('loopback and our own addresses', () => {
  it.each([
    '127.0.0.1',
    '127.8.8.8',
    '::1',
    '::ffff:127.0.0.1',
    '203.0.113.5',
    '172.18.0.1',
    '::ffff:172.19.0.1',
    'fd00:18:0:0::1',
  ])('%s sees the host view: every network', (from) => {
    expect(see({ from })).toMatchObject({ view: 'host', rule: 'host', forwards: true })
    expect(see({ from }).networks).toHaveLength(networks.length)
  })

  it('our own address goes before the endpoint that has it: containers of our namespace count as the host', () => {
    expect(see({ from: '172.18.0.2', here: interfaces({ eth0: ['172.18.0.2/16'] }) }).view).toBe('host')
  })

  it('a loopback asker is the host even where the configuration allows or refuses others', () => {
    expect(see({ from: '127.0.0.1', settings: { gateway: 'refuse' } }).view).toBe('host')
  })
})

describe('a gateway address that is not ours', () => {
  const from = '172.18.0.1'
  const here = inContainer

  it('is refused by default', () => {
    expect(see({ from, here })).toMatchObject({
      view: 'nobody',
      rule: 'gateway',
      networks: [],
      forwards: false,
    })
  })

  it('gets that network without forwarding with scope.gateway: network', () => {
    expect(see({ from, here, settings: { gateway: 'network' } })).toMatchObject({
      view: 'networks',
      rule: 'gateway',
      networks: ['front'],
      forwards: false,
    })
  })

  it('gets the host view with scope.gateway: host', () => {
    expect(see({ from, here, settings: { gateway: 'host' } })).toMatchObject({ view: 'host', forwards: true })
  })

  it('is a gateway over IPv6 and as IPv4-mapped IPv6 too', () => {
    expect(see({ from: 'fd00:18::1', here }).rule).toBe('gateway')
    expect(see({ from: '::ffff:172.18.0.1', here }).rule).toBe('gateway')
  })

  it('goes before scope.allow', () => {
    const settings = { allow: [parseSubnet('172.16.0.0/12')!] }
    expect(see({ from, here, settings }).view).toBe('nobody')
  })

  it('is refused where several networks have it and the listener does not tell which', () => {
    const twins = [
      network('one', ['10.9.0.0/24']),
      network('two', ['10.9.0.0/24'], { subnets: [parseSubnet('10.9.0.0/24')!] }),
    ]
    const snapshot = estate(twins, [])
    const settings = { gateway: 'network', allow: [] } as const
    expect(scopeOf(snapshot, inContainer, settings, '10.9.0.1', '10.9.0.7').view).toBe('nobody')
  })

  it('is another network’s container where the listening address is on that one’s network', () => {
    const nets = [network('one', ['10.9.0.0/24']), network('two', ['10.9.0.0/24'], { gateways: [] })]
    const first = container('first', { two: { at: ['10.9.0.1'] } })
    const berth = (net: string) => container('berth', { [net]: { at: ['10.9.0.7'] } })
    for (const gateway of ['network', 'host'] as const) {
      const scope = (...containers: (typeof first)[]) => {
        const snapshot = estate(nets, [first, ...containers])
        return scopeOf(snapshot, inContainer, { gateway, allow: [] }, '10.9.0.1', '10.9.0.7')
      }
      expect(scope(berth('two'))).toMatchObject({ rule: 'container', containerId: 'first' })
      expect(scope(berth('one'))).toMatchObject({
        rule: 'gateway',
        view: gateway === 'host' ? 'host' : 'networks',
      })
      expect(scope()).toMatchObject({ rule: 'gateway', view: 'nobody', networks: [] })
    }
  })

  it('gets the network of the listening address where several have it', () => {
    const twins = [network('one', ['10.9.0.0/24']), network('two', ['10.9.0.0/24'])]
    const berth = container('berth', { two: { at: ['10.9.0.7'] } })
    const settings = { gateway: 'network', allow: [] } as const
    const scope = scopeOf(estate(twins, [berth]), inContainer, settings, '10.9.0.1', '10.9.0.7')
    expect(scope.networks.map(({ name }) => name)).toEqual(['two'])
  })
})

describe("a container's address", () => {
  it('sees all networks of the container, in Docker’s order, whichever of its addresses asks', () => {
    for (const from of ['172.18.0.2', '172.19.0.2', 'fd00:18::2', '::ffff:172.18.0.2', 'FD00:18:0::2']) {
      expect(see({ from }), from).toEqual({
        view: 'networks',
        rule: 'container',
        networks: ['front', 'back'],
        forwards: true,
        incomplete: false,
        containerId: 'web',
      })
    }
  })

  it('sees them at any listening address', () => {
    expect(see({ from: '172.18.0.2', to: '172.20.0.1' }).networks).toEqual(['front', 'back'])
  })

  it('lists networks that are not internal first', () => {
    expect(see({ from: '172.20.0.3' })).toMatchObject({ networks: ['back', 'vault'], forwards: true })
  })

  it('does not forward where all its networks are internal', () => {
    expect(see({ from: '172.20.0.4' })).toMatchObject({ networks: ['vault'], forwards: false })
  })

  it('goes before scope.allow', () => {
    const settings = { allow: [parseSubnet('172.16.0.0/12')!] }
    expect(see({ from: '172.20.0.4', settings })).toMatchObject({ rule: 'container', forwards: false })
  })

  it('on docker_gwbridge is the member’s container, with the overlays it is on', () => {
    expect(see({ from: '172.30.0.3' })).toMatchObject({
      rule: 'container',
      containerId: 'task',
      networks: ['mesh'],
    })
  })

  it('on docker_gwbridge without a container that is known sees docker_gwbridge alone', () => {
    expect(see({ from: '172.30.0.4' })).toMatchObject({ rule: 'subnet', networks: ['docker_gwbridge'] })
  })

  it('members count on docker_gwbridge alone', () => {
    const fake = network('fake', ['10.8.0.0/24'], { members: new Map([['10.8.0.2', 'db']]) })
    const settings = { gateway: 'refuse', allow: [] } as const
    const scope = scopeOf(estate([...networks, fake], containers), onHost, settings, '10.8.0.2', '127.0.0.1')
    expect(scope.networks.map(({ name }) => name)).toEqual(['fake'])
  })
})

describe('an address that several containers have', () => {
  const from = '192.168.50.10'

  it('is the container on the network of the listening address', () => {
    expect(see({ from, to: '192.168.50.1' })).toMatchObject({
      containerId: 'twin-1',
      networks: ['front', 'twin-a'],
    })
    expect(see({ from, to: '192.168.50.254' })).toMatchObject({
      containerId: 'twin-2',
      networks: ['back', 'front', 'twin-b'],
    })
    expect(see({ from, to: '::ffff:192.168.50.254' }).containerId).toBe('twin-2')
  })

  it('sees only what all of them may see where the listener does not tell', () => {
    expect(see({ from, to: '172.19.0.1' })).toEqual({
      view: 'networks',
      rule: 'shared address',
      networks: ['front'],
      forwards: true,
      incomplete: false,
      containerId: undefined,
    })
  })

  it('is not forwarded for where one of them could not', () => {
    const pair = [network('open', ['10.7.0.0/24']), network('shut', ['10.7.0.0/24'], { internal: true })]
    const both = [
      container('a', { open: { at: ['10.7.0.2'] } }),
      container('b', { shut: { at: ['10.7.0.2'] } }),
    ]
    const settings = { gateway: 'refuse', allow: [] } as const
    const scope = scopeOf(estate(pair, both), onHost, settings, '10.7.0.2', '127.0.0.1')
    expect(scope).toMatchObject({ rule: 'shared address', networks: [], forwards: false })
  })
})

describe('an address inside a subnet, of no known endpoint', () => {
  it.each([
    ['172.18.99.1', 'front', true],
    ['fd00:18::99', 'front', true],
    ['::ffff:172.18.99.1', 'front', true],
    ['172.20.9.9', 'vault', false],
    ['10.0.1.77', 'mesh', true],
  ])('%s sees %s', (from, name, forwards) => {
    expect(see({ from })).toMatchObject({ view: 'networks', rule: 'subnet', networks: [name], forwards })
  })

  it('a stopped container’s network is still told by its subnet', () => {
    expect(see({ from: '172.18.0.3' }).networks).toEqual(['front'])
  })

  it('a shared subnet is decided by the listening address, or sees nothing', () => {
    expect(see({ from: '192.168.50.77', to: '192.168.50.254' }).networks).toEqual(['twin-b'])
    expect(see({ from: '192.168.50.77' })).toMatchObject({
      view: 'networks',
      rule: 'shared address',
      networks: [],
    })
  })

  it('link-local on a network’s bridge sees that network', () => {
    expect(see({ from: 'fe80::42%br-front' })).toMatchObject({ rule: 'subnet', networks: ['front'] })
    expect(see({ from: 'fe80::42%br-vault' })).toMatchObject({ networks: ['vault'], forwards: false })
  })

  it('link-local is told by our own address on that interface where we run in a container', () => {
    expect(see({ from: 'fe80::42%eth1', here: inContainer }).networks).toEqual(['vault'])
    expect(see({ from: 'fe80::42%eth0', here: inContainer }).networks).toEqual(['front'])
  })

  it('link-local elsewhere, or without zone, is a stranger', () => {
    expect(see({ from: 'fe80::42%eth0' }).rule).toBe('stranger')
    expect(see({ from: 'fe80::42' }).rule).toBe('stranger')
  })
})

describe('everyone else', () => {
  const settings = { allow: [parseSubnet('198.51.100.0/24')!, parseSubnet('2001:db8::/32')!] }

  it.each(['198.51.100.7', '2001:db8::7', '::ffff:198.51.100.7'])(
    '%s in scope.allow is forwarded for, and sees no name',
    (from) => {
      expect(see({ from, settings })).toMatchObject({
        view: 'forwarding',
        rule: 'allowed',
        networks: [],
        forwards: true,
      })
    },
  )

  it.each(['198.51.101.7', '8.8.8.8', '2001:db9::1', '203.0.113.6', 'no address', ''])(
    '%j is refused',
    (from) => {
      expect(see({ from, settings })).toMatchObject({
        view: 'nobody',
        rule: 'stranger',
        networks: [],
        forwards: false,
      })
    },
  )
})

describe('while an engine is out of reach', () => {
  const states = { local: { away: true } }

  it('an asker’s scope narrows to the network its subnet names', () => {
    expect(see({ from: '172.18.0.2', states })).toMatchObject({ rule: 'subnet', networks: ['front'] })
    expect(see({ from: '172.19.0.2', states })).toMatchObject({ rule: 'subnet', networks: ['back'] })
    expect(see({ from: '172.20.0.3', states })).toMatchObject({ networks: ['vault'], forwards: false })
    expect(see({ from: '172.30.0.3', states })).toMatchObject({ networks: ['docker_gwbridge'] })
  })

  it('the host keeps its view', () => {
    expect(see({ from: '127.0.0.1', states })).toMatchObject({ view: 'host', incomplete: false })
  })

  it('another engine’s containers keep their scope', () => {
    expect(see({ from: '172.18.0.2', states: { other: { away: true } } }).rule).toBe('container')
  })
})

describe('before engines have told their names', () => {
  const states = { local: { synced: false } }

  it.each(['127.0.0.1', '::1', '172.18.0.1', '172.18.0.2', 'fd00:18::2', 'fe80::9%br-front'])(
    '%s, on loopback or attached to us, is forwarded for',
    (from) => {
      expect(see({ from, states, empty: true })).toMatchObject({
        view: 'starting',
        forwards: true,
        incomplete: true,
        networks: [],
      })
    },
  )

  it('others are strangers still, and scope.allow holds', () => {
    expect(see({ from: '8.8.8.8', states, empty: true }).view).toBe('nobody')
    const settings = { allow: [parseSubnet('8.8.8.0/24')!] }
    expect(see({ from: '8.8.8.8', states, empty: true, settings }).view).toBe('forwarding')
  })

  it('one of two engines not synced: scopes are whole for what is known, and marked incomplete', () => {
    const two = { other: { synced: false } }
    expect(see({ from: '127.0.0.1', states: two })).toMatchObject({ view: 'host', incomplete: true })
    expect(see({ from: '172.18.0.2', states: two })).toMatchObject({ rule: 'container', incomplete: true })
    expect(see({ from: '203.0.113.77', states: two })).toMatchObject({ view: 'starting', incomplete: true })
    expect(see({ from: '8.8.8.8', states: two }).view).toBe('nobody')
  })
})

describe('an address that containers of two engines have, one of them away', () => {
  it('gives no more than when both are in reach: an outage never widens a scope', () => {
    const theirs = { ...network('theirs', ['10.1.0.0/16']), engine: 'other' }
    const networks = [network('ours', ['10.1.0.0/16']), network('more', ['10.2.0.0/16']), theirs]
    const containers = [
      container('a', { ours: { at: ['10.1.0.2'] }, more: { at: ['10.2.0.2'] } }),
      container('b', { theirs: { at: ['10.1.0.2'] } }, { engine: 'other' }),
    ]
    const snapshot = estate(networks, containers, { other: { away: true } })
    const here = interfaces({ lo: ['127.0.0.1/8'] })
    const scope = scopeOf(snapshot, here, { gateway: 'refuse', allow: [] }, '10.1.0.2', '127.0.0.1')
    expect(scope.networks).toEqual([])
  })
})
