// Small estates for tests of scope, names and order: networks and containers as plain facts, without an engine.
import { parseLabels } from '../../../src/docker/model/labels.ts'
import type { LocalAddresses } from '../../../src/lib/interfaces.ts'
import { canonicalAddress, firstAddress, parseSubnet } from '../../../src/lib/ip.ts'
import { advance, emptyRegistry, type Registry } from '../../../src/registry/build.ts'
import { differenceOf } from '../../../src/registry/difference.ts'
import { emptyInventory } from '../../../src/registry/inventory.ts'
import type { Container, Endpoint, EngineStatus, Network, Snapshot } from '../../../src/registry/types.ts'

/** A bridge network; its id is its name, its gateways are the subnets' first addresses, its bridge is br-NAME. */
export function network(name: string, subnets: readonly string[], extra: Partial<Network> = {}): Network {
  const parsed = subnets.map((text) => parseSubnet(text)!)
  return {
    id: name,
    name,
    engine: 'local',
    driver: 'bridge',
    internal: false,
    sealed: extra.internal ?? false,
    onLan: /^(mac|ip)vlan$/.test(extra.driver ?? ''),
    hasImplicitGateway: false,
    ingress: false,
    hasResolver: extra.driver !== undefined || name !== 'bridge',
    subnets: parsed,
    gateways: parsed.map(firstAddress),
    inhibited: false,
    bridge: `br-${name}`,
    members: undefined,
    ...extra,
  }
}

export interface Place
  extends Partial<Pick<Endpoint, 'gatewayPriority' | 'gatewayFamilies' | 'links' | 'namesFromEngine'>> {
  /** After the container's own name. */
  readonly names?: readonly string[]
  readonly at: readonly string[]
}

/** A running container; its id is its name. */
export function container(
  name: string,
  places: Readonly<Record<string, Place>>,
  extra: Partial<Container> = {},
): Container {
  const endpoints = Object.entries(places).map(([networkId, { at, names = [], ...rest }]) => ({
    networkId,
    containerId: extra.id ?? name,
    names: [name, ...names],
    namesFromEngine: false,
    v4: at.filter((address) => !address.includes(':')),
    v6: at.filter((address) => address.includes(':')),
    gatewayPriority: 0,
    gatewayFamilies: 1,
    links: new Map(),
    ...rest,
  }))
  const labels = extra.labels ?? {}
  const { settings, ports } = parseLabels(labels)
  return {
    ...{ id: name, name, engine: 'local', running: true, health: 'none', labels, settings, ports },
    ...{ ungranted: [], startedAt: undefined, sharesNetworkOf: undefined, endpoints },
    ...extra,
  }
}

/** The table of these, spread over the engines they name; all engines are local and synced unless `states` says otherwise. */
export function estate(
  networks: readonly Network[],
  containers: readonly Container[],
  states: Readonly<Record<string, Partial<EngineStatus>>> = {},
  previous?: Snapshot,
): Snapshot {
  const names = new Set([...networks, ...containers].map(({ engine }) => engine).concat(Object.keys(states)))
  const before = (previous && registries.get(previous)) ?? emptyRegistry
  const remote = Object.entries(states).flatMap(([name, { remote }]) =>
    remote === undefined ? [] : [[name, remote] as const],
  )
  let registry = advance(before, { kind: 'engines', engines: [...names], remote })
  for (const engine of names) {
    const { synced = true, away = false } = states[engine] ?? {}
    const known = registry.inventories.get(engine) ?? emptyInventory
    const byId = <T extends { id: string; engine: string }>(all: readonly T[]) =>
      new Map(all.filter((each) => each.engine === engine).map((each) => [each.id, each]))
    if (synced) {
      registry = advance(registry, {
        ...{ kind: 'update', engine },
        networks: differenceOf(known.networks, byId(networks)),
        containers: differenceOf(known.containers, byId(containers)),
      })
    }
    registry = advance(registry, { kind: 'away', engine, away })
  }
  registry = advance(registry, { kind: 'version', version: before.snapshot.version + 1 })
  registries.set(registry.snapshot, registry)
  return registry.snapshot
}

/** What the next snapshots are made of. */
const registries = new WeakMap<Snapshot, Registry>()

/** What a namespace has: interface → its addresses with prefix lengths. */
export function interfaces(listing: Readonly<Record<string, readonly string[]>>): LocalAddresses {
  const all = Object.entries(listing).flatMap(([name, addresses]) =>
    addresses.map((text) => {
      const address = canonicalAddress(text)!
      const place = {
        address,
        interface: name,
        bindable: address,
        zone: 0,
        unbindable: false,
        unaskable: false,
      }
      return { ...place, subnet: parseSubnet(text)! }
    }),
  )
  return { all, own: new Set(all.map(({ address }) => address)) }
}
