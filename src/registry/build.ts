// Facts → Snapshot. A network on which nothing changed keeps its table, so one event costs one network.
import { canonicalName, namesAbove } from '../dns/name.ts'
import { placeLodgers } from './lodgers.ts'
import { indexSubnets } from './subnets.ts'
import type {
  Container,
  Endpoint,
  EngineFacts,
  EngineState,
  Network,
  NetworkTable,
  Snapshot,
} from './types.ts'

export function buildSnapshot(
  facts: ReadonlyMap<string, EngineFacts>,
  states: ReadonlyMap<string, EngineState>,
  previous: Snapshot | undefined,
): Snapshot {
  const networks = new Map<string, Network>()
  const told = new Map<string, Container>()
  const owners = new Map<string, Endpoint[]>()
  for (const engine of facts.values()) {
    for (const [id, network] of engine.networks) {
      // A Swarm network is told by every engine on it; the first one speaks for all.
      if (!networks.has(id)) networks.set(id, network)
    }
    for (const [id, container] of engine.containers) {
      if (told.has(id)) continue
      told.set(id, container)
      for (const endpoint of container.endpoints) {
        for (const address of [...endpoint.v4, ...endpoint.v6]) append(owners, address, endpoint)
      }
    }
  }
  const containers = placeLodgers(told, previous)
  const members = new Map<string, Member[]>()
  for (const container of containers.values()) {
    for (const endpoint of container.endpoints) append(members, endpoint.networkId, { container, endpoint })
  }

  const tables = new Map<string, NetworkTable>()
  const byName = new Map<string, NetworkTable[]>()
  const known = new Set<string>()
  for (const [id, network] of networks) {
    const table = buildTable(network, members.get(id) ?? [], previous?.networks.get(id))
    tables.set(id, table)
    append(byName, table.name, table)
    for (const name of table.known) known.add(name)
  }
  return {
    version: (previous?.version ?? 0) + 1,
    engines: states,
    networks: tables,
    networksByName: sharingLists(byName, previous?.networksByName),
    containers,
    known,
    owners: sharingLists(owners, previous?.owners),
    subnets:
      previous && sameNetworks(previous, networks) ? previous.subnets : indexSubnets(networks.values()),
  }
}

/** The same ones in the same order. */
function sameNetworks(previous: Snapshot, networks: ReadonlyMap<string, Network>): boolean {
  const before = previous.networks.values()
  for (const network of networks.values()) if (before.next().value?.network !== network) return false
  return before.next().done === true
}

interface Member {
  readonly container: Container
  readonly endpoint: Endpoint
}

function buildTable(
  network: Network,
  members: readonly Member[],
  previous: NetworkTable | undefined,
): NetworkTable {
  const endpoints = members.map(({ endpoint }) => endpoint)
  const containers = new Map(members.map(({ container }) => [container.id, container]))
  if (previous !== undefined && previous.network === network && sameMembers(previous, members))
    return previous
  const names = new Map<string, Endpoint[]>()
  const replicas = new Map<string, Endpoint[]>()
  const wildcards = new Map<string, Endpoint[]>()
  const owners = new Map<string, Endpoint>()
  const known = new Set<string>()
  const parents = new Set<string>()
  for (const { container, endpoint } of members) {
    const { settings } = container
    const addresses = [...endpoint.v4, ...endpoint.v6]
    const isThere = addresses.length > 0 && !network.ingress && !settings.ignored
    const add = (map: Map<string, Endpoint[]>, name: string) => {
      known.add(name)
      if (!isThere) return
      append(map, name, endpoint)
      for (const above of namesAbove(name)) parents.add(above)
    }
    for (const name of canonicalNames([...endpoint.names, ...settings.names])) add(names, name)
    for (const name of canonicalNames(replicaNames(container))) add(replicas, name)
    if (isThere) {
      for (const suffix of settings.wildcards) {
        append(wildcards, suffix, endpoint)
        for (const above of [suffix, ...namesAbove(suffix)]) parents.add(above)
      }
    }
    // A lodger's addresses are its host's: the asker there, and the PTR.
    if (container.lodgesWith !== undefined) continue
    for (const address of addresses) if (!owners.has(address)) owners.set(address, endpoint)
  }
  const name = canonicalName(network.name) ?? network.name.toLowerCase()
  return { network, containers, name, names, replicas, wildcards, owners, known, parents, endpoints }
}

/** Names that differ only by case are one (RFC 4343); what can't be a DNS name (a label over 63 bytes) is left out. */
function canonicalNames(names: readonly string[]): Set<string> {
  return new Set(names.map(canonicalName).filter((name) => name !== undefined && name !== '') as string[])
}

/** Compose's runs of single commands (oneoff) are no replicas. */
function replicaNames({ labels }: Container): string[] {
  const project = labels['com.docker.compose.project']
  const service = labels['com.docker.compose.service']
  if (!project || !service || labels['com.docker.compose.oneoff'] === 'True') return []
  const name = `${service}.${project}`
  const number = labels['com.docker.compose.container-number']
  return number ? [name, `${number}.${name}`] : [name]
}

function sameMembers({ endpoints, containers }: NetworkTable, members: readonly Member[]): boolean {
  return (
    endpoints.length === members.length &&
    members.every(({ container, endpoint }, i) => {
      return endpoint === endpoints[i] && container === containers.get(container.id)
    })
  )
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** The lists, but those of `before` that hold the same. */
function sharingLists<T>(
  fresh: ReadonlyMap<string, readonly T[]>,
  before: ReadonlyMap<string, readonly T[]> | undefined,
): ReadonlyMap<string, readonly T[]> {
  if (before === undefined) return fresh
  return new Map(
    [...fresh].map(([key, list]) => {
      const old = before.get(key)
      return [key, old?.length === list.length && old.every((each, i) => each === list[i]) ? old : list]
    }),
  )
}
