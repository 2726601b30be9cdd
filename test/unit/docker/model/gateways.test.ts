// Which gateways networks have: as engine 28.5 has told of them with a container on each, and what is refused of any engine.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ApiContainer, ApiIpam, ApiNetwork } from '../../../../src/docker/api/types.ts'
import { supportsNoGateway } from '../../../../src/docker/model/gateways.ts'
import { completeNetwork, networkFrom } from '../../../../src/docker/model/network.ts'
import { createEngineState } from '../../../../src/docker/sync/engine-state.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { decideFor, resolverFor } from '../../resolve/deciding.ts'
import { bareImages, labelRules } from '../label-rules.ts'
import { containerNamed, networkNamed, type Recorded, recorded } from '../recorded.ts'

const grants = { labelRules: () => labelRules, images: bareImages }

const text = readFileSync(new URL('../engine-28.json', import.meta.url), 'utf8')
const engine28 = JSON.parse(text) as Pick<Recorded, 'version' | 'containers' | 'networks'>

/** All that engine 28.5 told, its networks alone or with their containers. */
function read(containers: readonly ApiContainer[], apiVersion = engine28.version.ApiVersion) {
  const known = createEngineState({
    ...grants,
    ...{ engine: 'e', late() {}, invalidLabels() {} },
    supportsNoGateway: () => supportsNoGateway(apiVersion),
  })
  for (const raw of engine28.networks) known.keepNetwork(raw, 1)
  for (const raw of containers) known.keepContainer(raw, 1)
  return known
}

function know(...of: Parameters<typeof read>) {
  const known = read(...of)
  return (name: string) => known.inventory().networks.get(known.networkNamed(name)!)!.gateways
}

describe('gateways of engine 28.5', () => {
  // With the machine's own list of addresses beside it, for these networks.
  const onBridge: [network: string, gateways: string[]][] = [
    ['bridge', ['198.19.255.1']],
    ['plain', ['10.77.0.1']],
    ['routed', ['10.86.0.1']],
    ['six', ['fd00:87::1']],
    ['closed', ['10.78.0.1']],
    ['isolated', []],
    ['isolated-auto', []],
    ['isolated-ranged', []],
    ['isolated4', ['fd00:80::1']],
    ['isolated6', ['10.83.0.1']],
    ['inhibited', []],
    ['inhibited-six', ['fd00:90::1']],
  ]
  // Not on the bridge, but what the engine tells, and what containers use.
  const told: typeof onBridge = [
    ['inhibited-out', ['10.82.0.1']],
    ['inhibited-told', ['10.89.0.1']],
    ['isolated-told', ['10.85.0.1']],
  ]

  it.each([...onBridge, ...told])('%s has %j, with and without its container', (name, gateways) => {
    expect(know(engine28.containers)(name)).toEqual(gateways)
    expect(know([])(name)).toEqual(gateways)
  })

  it('no container has one of them', () => {
    const gatewaysOf = know(engine28.containers)
    for (const { NetworkSettings } of engine28.containers) {
      for (const [name, place] of Object.entries(NetworkSettings!.Networks!)) {
        expect(gatewaysOf(name)).not.toContain(place!.IPAddress)
        expect(gatewaysOf(name)).not.toContain(place!.GlobalIPv6Address)
      }
    }
    const first = containerNamed(engine28 as Recorded, 'c-isolated').NetworkSettings!.Networks!.isolated!
    expect([first.IPAddress, first.GlobalIPv6Address]).toEqual(['10.79.0.1', 'fd00:79::1'])
  })

  it.each([
    ['1.47', ['10.79.0.1', 'fd00:79::1'], ['10.81.0.1']],
    ['1.48', [], []],
    ['1.51', [], []],
    ['2.0', [], []],
    ['', ['10.79.0.1', 'fd00:79::1'], ['10.81.0.1']],
  ])('of an engine of API %j the same networks have them as that has', (api, isolated, inhibited) => {
    expect([know([], api)('isolated'), know([], api)('inhibited')]).toEqual([isolated, inhibited])
  })

  it.each(['refuse', 'network', 'host'] as const)(
    'a container at the first address of a network without one is itself (scope.gateway: %s)',
    (gateway) => {
      const { inventory } = read(engine28.containers)
      const store = createStore(['e'])
      const { networks, containers } = inventory()
      store.apply({
        ...{ kind: 'update', engine: 'e' },
        networks: [...networks],
        containers: [...containers],
      })
      const resolver = resolverFor(store.current(), { scope: { gateway, allow: [] } })
      const scopeOf = (from: string) => {
        const { rule, networks } = resolver.scope(from, '127.0.0.1')
        return [rule, ...networks.map(({ name }) => name)]
      }
      const first = { isolated: '10.79.0.1', 'isolated-ranged': '10.88.0.128', inhibited: '10.81.0.1' }
      for (const [name, address] of Object.entries(first)) {
        expect(scopeOf(address)).toEqual(['container', name])
        const machine = decideFor(resolver, address, 'host.docker.internal')
        expect(machine).toEqual({ rcode: 0, answers: [], soa: true })
      }
      expect(scopeOf('fd00:79::1')).toEqual(['container', 'isolated'])
      expect(scopeOf('10.78.0.1')[0]).toBe('gateway')
      expect(decideFor(resolver, '10.78.0.2', 'host.docker.internal')).toMatchObject({
        answers: ['10.78.0.1'],
      })
      expect(decideFor(resolver, '10.80.0.1', 'host.docker.internal', 'AAAA')).toMatchObject({
        answers: ['fd00:80::1'],
      })
    },
  )

  it('where Docker gave the bridge no IPv4 address, the gateway is not told to be the machine', () => {
    const { inventory } = read(engine28.containers)
    const store = createStore(['e'])
    const { networks, containers } = inventory()
    store.apply({ ...{ kind: 'update', engine: 'e' }, networks: [...networks], containers: [...containers] })
    const resolver = resolverFor(store.current())
    for (const name of ['inhibited-out', 'inhibited-told']) {
      const [place] = [...containers.values()].flatMap(({ endpoints }) =>
        endpoints.filter(({ networkId }) => networks.get(networkId)!.name === name),
      )
      const machine = decideFor(resolver, place!.v4[0]!, 'host.docker.internal')
      expect(machine).toEqual({ rcode: 0, answers: [], soa: true })
    }
  })

  it('options count on internal networks, and inhibit_ipv4 by its value', () => {
    const raw = networkNamed(engine28 as Recorded, 'inhibited')
    const gateways = (extra: Partial<ApiNetwork>) =>
      completeNetwork(networkFrom({ ...raw, ...extra }, 'e', true), new Set()).gateways
    const inhibit = (value: string) => ({ Options: { 'com.docker.network.bridge.inhibit_ipv4': value } })
    for (const yes of ['1', 't', 'T', 'true', 'TRUE', 'True']) expect(gateways(inhibit(yes))).toEqual([])
    for (const no of ['0', 'false', '']) expect(gateways(inhibit(no))).toEqual(['10.81.0.1'])
    expect(gateways({ Internal: false })).toEqual(['10.81.0.1'])
  })
})

describe('an address that a running container has', () => {
  const row = (id: string, at: string, running = true): ApiContainer => ({
    ...{ Id: id, Name: `/${id}`, State: { Running: running } },
    NetworkSettings: { Networks: { n: { NetworkID: 'n', IPAddress: at } } },
  })
  const raw = (ipam: ApiIpam): ApiNetwork => ({
    ...{ Id: 'n', Name: 'n', Driver: 'bridge', Internal: true },
    IPAM: { Config: [ipam] },
  })

  it.each<[string, ApiIpam]>([
    ['guessed', { Subnet: '10.7.0.0/24' }],
    ['told', { Subnet: '10.7.0.0/24', Gateway: '10.7.0.1' }],
  ])('is no gateway while it has it, though that be %s, whichever is known first', (_, ipam) => {
    const known = createEngineState({ ...grants, engine: 'e', late() {}, invalidLabels() {} })
    const gateways = () => known.takeChanges().networks.at(-1)?.[1]?.gateways
    known.keepNetwork(raw(ipam), 1)
    expect(gateways()).toEqual(['10.7.0.1'])
    known.keepContainer(row('a', '10.7.0.1'), 2)
    expect(gateways()).toEqual([])
    known.keepContainer(row('b', '10.7.0.2'), 2)
    expect(gateways()).toBeUndefined()
    known.keepContainer(row('a', '10.7.0.1', false), 3)
    expect(gateways()).toEqual(['10.7.0.1'])
    known.keepContainer(row('b', '10.7.0.1'), 4)
    known.removeNetwork('n')
    known.keepNetwork(raw(ipam), 5)
    expect(gateways()).toEqual([])
    known.removeContainer('b')
    expect(gateways()).toEqual(['10.7.0.1'])
  })

  it('is none of a real engine’s', () => {
    for (const engine of recorded) {
      const known = createEngineState({ ...grants, engine: 'e', late() {}, invalidLabels() {} })
      for (const each of engine.networks) known.keepNetwork(each, 1)
      for (const each of engine.containers) known.keepContainer(each, 1)
      const { networks, containers } = known.inventory()
      for (const { endpoints } of containers.values()) {
        for (const { networkId, v4, v6 } of endpoints) {
          for (const address of [...v4, ...v6])
            expect(networks.get(networkId)?.gateways ?? []).not.toContain(address)
        }
      }
    }
  })
})

describe('what is refused of a network, of whatever engine', () => {
  const addressing = (...config: ApiIpam[]) => {
    const { network, refused, assumed } = networkFrom(
      { Id: 'n', Name: 'n', Driver: 'bridge', IPAM: { Config: config } },
      'e',
    )
    const { gateways } = completeNetwork({ network, refused, assumed }, new Set())
    return {
      subnets: network.subnets.map(({ text }) => text),
      gateways,
      refused: refused.map(({ what }) => what),
    }
  }

  it.each<[ApiIpam, string[], string[], string[]]>([
    [{ Subnet: '0.0.0.0/0' }, [], [], ['subnet 0.0.0.0/0']],
    [{ Subnet: '0.0.0.0/0', Gateway: '192.0.2.1' }, [], [], ['subnet 0.0.0.0/0']],
    [{ Subnet: '128.0.0.0/1' }, [], [], ['subnet 128.0.0.0/1']],
    [{ Subnet: '10.0.0.0/7' }, [], [], ['subnet 10.0.0.0/7']],
    [{ Subnet: '10.0.0.0/8' }, ['10.0.0.0/8'], ['10.0.0.1'], []],
    [{ Subnet: '::/0' }, [], [], ['subnet ::/0']],
    [{ Subnet: '2000::/3' }, [], [], ['subnet 2000::/3']],
    [{ Subnet: 'fd00::/31' }, [], [], ['subnet fd00::/31']],
    [{ Subnet: 'fd00::/32' }, ['fd00::/32'], ['fd00::1'], []],
    [{ Subnet: '10.1.0.0/16', Gateway: '192.168.1.1' }, ['10.1.0.0/16'], [], ['gateway 192.168.1.1']],
    [{ Subnet: '10.1.0.0/16', Gateway: 'fd00::1' }, ['10.1.0.0/16'], [], ['gateway fd00::1']],
    [{ Gateway: '192.168.1.1' }, [], [], ['gateway 192.168.1.1']],
    [{ Subnet: 'x', Gateway: '192.168.1.1' }, [], [], ['gateway 192.168.1.1']],
  ])('of %j', (config, subnets, gateways, refused) => {
    expect(addressing(config)).toEqual({ subnets, gateways, refused })
    const good = { Subnet: '10.9.0.0/16', Gateway: '10.9.0.1' }
    expect(addressing(good, config)).toEqual({
      ...{ subnets: ['10.9.0.0/16', ...subnets], gateways: ['10.9.0.1', ...gateways], refused },
    })
  })

  it('a gateway belongs to the subnet beside it, not to another one of the network', () => {
    const found = addressing(
      { Subnet: '10.1.0.0/16', Gateway: '10.2.0.1' },
      { Subnet: '10.2.0.0/16', Gateway: '10.2.0.2' },
    )
    expect(found).toMatchObject({ gateways: ['10.2.0.2'], refused: ['gateway 10.2.0.1'] })
  })

  it('a gateway that containers use is in one of its subnets, too; each is told of once', () => {
    const told: string[] = []
    const known = createEngineState({
      ...grants,
      ...{ engine: 'e', late() {}, invalidLabels() {} },
      leftOut: ({ name }, what) => told.push(...what.map((each) => `${name} ${each.what}: ${each.why}`)),
    })
    const network = (Gateway: string): ApiNetwork => ({
      ...{ Id: 'n', Name: 'n', Driver: 'bridge' },
      IPAM: { Config: [{ Subnet: '10.1.0.0/16', Gateway }, { Subnet: '0.0.0.0/0' }] },
    })
    const using = (id: string): ApiContainer => ({
      ...{ Id: id, Name: `/${id}`, State: { Running: true } },
      NetworkSettings: {
        Networks: { n: { NetworkID: 'n', IPAddress: '10.1.0.2', Gateway: '203.0.113.1' } },
      },
    })
    const gateways = () => known.inventory().networks.get('n')!.gateways
    known.keepNetwork(network('10.1.0.1'), 1)
    known.keepContainer(using('a'), 1)
    expect(gateways()).toEqual(['10.1.0.1'])
    known.keepNetwork(network('10.1.0.9'), 2)
    known.keepContainer(using('b'), 2)
    expect(gateways()).toEqual(['10.1.0.9'])
    expect(told).toEqual([
      'n subnet 0.0.0.0/0: shorter than /8',
      'n gateway 203.0.113.1: outside of its subnets',
    ])
  })
})
