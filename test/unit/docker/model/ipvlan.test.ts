// Networks of ipvlan, and of macvlan without a gateway. These answers are not recorded from a run, for the kernel that tests
// have lacks ipvlan: their shape is that of moby's source (daemon/network.go, the drivers' Join and GetSkipGwAlloc), and the
// order that of Endpoint.Less, in 20.10, 26.1, 27.5, 28.0, 28.5 and 29.0.
import { describe, expect, it } from 'vitest'
import type { ApiContainer, ApiEndpoint, ApiIpam, ApiNetwork } from '../../../../src/docker/api/types.ts'
import { supportsNoGateway } from '../../../../src/docker/model/gateways.ts'
import { createEngineState } from '../../../../src/docker/sync/engine-state.ts'
import { mapOf } from '../../../../src/lib/persistent.ts'
import { wayTo } from '../../../../src/registry/locality.ts'
import { placesOf } from '../../../../src/registry/order.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { decideFor, resolverFor } from '../../resolve/deciding.ts'
import { bareImages, labelRules } from '../label-rules.ts'

const idOf = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0')

function network(
  name: string,
  Driver: string,
  Options: Record<string, string>,
  Config: ApiIpam[],
  Internal = false,
): ApiNetwork {
  return {
    ...{ Id: idOf(name), Name: name, Scope: 'local', Driver, Internal, Ingress: false },
    ...{ IPAM: { Config, Options: {} }, Options, Containers: {} },
  }
}

const onParent = (mode?: string) => ({
  parent: 'eth0',
  ...(mode === undefined ? {} : { ipvlan_mode: mode }),
})
const four: ApiIpam = { Subnet: '10.90.0.0/24' }
const six: ApiIpam = { Subnet: 'fd00:90::/64' }
const bridge = network('m-bridge', 'bridge', {}, [{ Subnet: '10.91.0.0/24', Gateway: '10.91.0.1' }])

/** Places on networks, on each of which `box` has the alias `boxed`. */
function container(name: string, places: Readonly<Record<string, ApiEndpoint>>): ApiContainer {
  const Networks = Object.entries(places).map(([network, place]) => [
    network,
    {
      ...{ NetworkID: idOf(network), EndpointID: `${name} ${network}`, Gateway: '', IPv6Gateway: '' },
      ...{ GlobalIPv6Address: '', GwPriority: 0, DNSNames: [name, `${name}ed`, idOf(name).slice(0, 12)] },
      ...place,
    },
  ])
  return {
    ...{ Id: idOf(name), Name: `/${name}`, Config: { Labels: {} } },
    State: { Status: 'running', Running: true, StartedAt: '2026-11-01T00:00:00Z' },
    NetworkSettings: { Networks: Object.fromEntries(Networks) },
  }
}

function snapshotOf(api: string, networks: readonly ApiNetwork[], containers: readonly ApiContainer[]) {
  const known = createEngineState({
    ...{ labelRules: () => labelRules, images: bareImages, engine: 'e' },
    ...{ late() {}, invalidLabels() {}, supportsNoGateway: () => supportsNoGateway(api) },
  })
  for (const raw of networks) known.keepNetwork(raw, 1)
  for (const raw of containers) known.keepContainer(raw, 1)
  const store = createStore(['e'])
  const { networks: all, containers: each } = known.inventory()
  store.apply({ ...{ kind: 'update', engine: 'e' }, networks: [...all], containers: [...each] })
  return store.current()
}

const onBridge: ApiEndpoint = { IPAddress: '10.91.0.2', Gateway: '10.91.0.1' }
const onFour: ApiEndpoint = { IPAddress: '10.90.0.2' }
const onBoth: ApiEndpoint = { ...onFour, GlobalIPv6Address: 'fd00:90::2' }

describe('the order of a bridge and a network of a LAN', () => {
  const lan = (driver: string, mode: string | undefined, config: ApiIpam[], internal = false) =>
    network('z-lan', driver, onParent(mode), config, internal)
  const [first, last] = [
    ['z-lan', 'm-bridge'],
    ['m-bridge', 'z-lan'],
  ]

  // An ipvlan of mode l3 has no gateway, but a route by its interface, which counts since 28.0 (API 1.48). Without that it is
  // behind each bridge, even where it has two families and the bridge has one.
  const ofL3 = (['l3', 'l3s'] as const).flatMap((mode) => [
    ...['1.41', '1.45', '1.47'].map((api) => [
      `ipvlan ${mode}`,
      api,
      lan('ipvlan', mode, [four, six]),
      onBoth,
      last,
    ]),
    ...['1.48', '1.51', '1.52', '1.55'].map((api) => [
      `ipvlan ${mode}`,
      api,
      lan('ipvlan', mode, [four, six]),
      onBoth,
      first,
    ]),
  ])
  // Since 29.0 macvlan and ipvlan of mode l2 have no gateway either, unless one was given, and count as if they had.
  const untold = [
    ['ipvlan', undefined],
    ['ipvlan', 'l2'],
    ['macvlan', undefined],
  ].map(([driver, mode]) => [driver, '1.52', lan(driver!, mode, [four, six]), onBoth, first])
  const told = { ...onBoth, Gateway: '10.90.0.1', IPv6Gateway: 'fd00:90::1' }
  const withGateways = ['1.41', '1.45', '1.51'].map((api) => [
    'ipvlan l2 with gateways',
    api,
    lan('ipvlan', 'l2', [four, six]),
    told,
    first,
  ])
  const cases = [
    ...ofL3,
    ...untold,
    ...withGateways,
    // One way out each: the name decides.
    ['ipvlan l3 of IPv4 alone', '1.51', lan('ipvlan', 'l3', [four]), onFour, last],
    // Nothing leads out of these.
    ['ipvlan l3, internal', '1.51', lan('ipvlan', 'l3', [four, six], true), onBoth, last],
    [
      'ipvlan l3 without a parent',
      '1.51',
      network('z-lan', 'ipvlan', { ipvlan_mode: 'l3' }, [four, six]),
      onBoth,
      last,
    ],
    ['macvlan without a parent', '1.52', network('z-lan', 'macvlan', {}, [four, six]), onBoth, last],
    // Of another driver an engine's word counts.
    ['a plugin', '1.52', network('z-lan', 'weave', onParent('l3'), [four, six]), onBoth, last],
  ] as [what: string, api: string, lan: ApiNetwork, place: ApiEndpoint, order: string[]][]

  it.each(cases)('%s, API %s', (_what, api, lan, place, order) => {
    const box = container('box', { 'z-lan': place, 'm-bridge': onBridge })
    const snapshot = snapshotOf(api, [lan, bridge], [box])
    expect(placesOf(snapshot, idOf('box')).map(({ table }) => table.network.name)).toEqual(order)
  })

  it('the network that goes first is the one that answers for a name of both', () => {
    const all = [
      container('box', { 'z-lan': onBoth, 'm-bridge': onBridge }),
      container('asker', {
        'z-lan': { IPAddress: '10.90.0.3', GlobalIPv6Address: 'fd00:90::3' },
        'm-bridge': { ...onBridge, IPAddress: '10.91.0.3' },
      }),
    ]
    const answer = (api: string) => {
      const snapshot = snapshotOf(api, [lan('ipvlan', 'l3', [four, six]), bridge], all)
      return decideFor(resolverFor(snapshot), '10.91.0.3', 'boxed')
    }
    expect(answer('1.51')).toMatchObject({ answers: ['10.90.0.2'] })
    expect(answer('1.47')).toMatchObject({ answers: ['10.91.0.2'] })
  })

  it('a gateway priority goes before all of that', () => {
    const box = container('box', { 'z-lan': { ...onBoth, GwPriority: -1 }, 'm-bridge': onBridge })
    const snapshot = snapshotOf('1.51', [lan('ipvlan', 'l3', [four, six]), bridge], [box])
    expect(placesOf(snapshot, idOf('box')).map(({ table }) => table.network.name)).toEqual(last)
  })
})

describe.each([undefined, 'l2', 'l3', 'l3s'])('ipvlan, mode %s', (mode) => {
  const config = mode === 'l3' || mode === 'l3s' ? [four, six] : [{ ...four, Gateway: '10.90.0.1' }, six]
  const lan = network('z-lan', 'ipvlan', onParent(mode), config)
  const snapshot = snapshotOf(
    '1.51',
    [lan, bridge],
    [
      container('box', { 'z-lan': onBoth }),
      container('asker', { 'z-lan': { ...onBoth, IPAddress: '10.90.0.3', GlobalIPv6Address: 'fd00:90::3' } }),
      container('stranger', { 'm-bridge': onBridge }),
    ],
  )
  const resolver = resolverFor(snapshot)
  const told = snapshot.networks.get(idOf('z-lan'))!.network

  it('has its names for its own containers, and for no others', () => {
    for (const name of ['box', 'boxed', 'box.z-lan', idOf('box').slice(0, 12)]) {
      expect(decideFor(resolver, '10.90.0.3', name)).toMatchObject({ answers: ['10.90.0.2'] })
      expect(decideFor(resolver, 'fd00:90::3', name, 'AAAA')).toMatchObject({ answers: ['fd00:90::2'] })
      expect(decideFor(resolver, '10.91.0.2', name)).toMatchObject({ rcode: 3, answers: [] })
    }
  })

  it('an asker is a container by its address, the network’s where it is nobody’s', () => {
    expect(resolver.scope('10.90.0.3', '127.0.0.1').rule).toBe('container')
    expect(resolver.scope('10.90.0.99', '127.0.0.1').rule).toBe('subnet')
  })

  it('has the gateway that is told, and none that is guessed: the machine is no neighbour there', () => {
    expect(told.gateways).toEqual(config.flatMap(({ Gateway }) => Gateway ?? []))
    expect(decideFor(resolver, '10.90.0.3', 'host.docker.internal')).toMatchObject({ answers: [] })
  })

  it('on a remote engine is reached over the LAN, but where it is routed by that machine', () => {
    const engines = (remote: 'none' | 'routed') =>
      mapOf([['e', { synced: true, away: false, remote }]] as const) as unknown as Parameters<typeof wayTo>[0]
    const isRouted = mode === 'l3' || mode === 'l3s'
    expect(wayTo(engines('none'), told)).toBe(isRouted ? 'none' : 'lan')
    expect(wayTo(engines('routed'), told)).toBe(isRouted ? 'routed' : 'lan')
  })
})
