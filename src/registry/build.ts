// Facts → Snapshot. A network on which nothing changed keeps its table, so one event costs one network.
import { canonicalName } from '../dns/name.ts'
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
  const containers = new Map<string, Container>()
  const endpoints = new Map<string, Endpoint[]>()
  const owners = new Map<string, Endpoint[]>()
  for (const told of facts.values()) {
    for (const [id, network] of told.networks) {
      // A Swarm network is told by every engine on it; the first one speaks for all.
      if (!networks.has(id)) networks.set(id, network)
    }
    for (const [id, container] of told.containers) {
      if (containers.has(id)) continue
      containers.set(id, container)
      for (const endpoint of container.endpoints) {
        append(endpoints, endpoint.networkId, endpoint)
        for (const address of [...endpoint.v4, ...endpoint.v6]) append(owners, address, endpoint)
      }
    }
  }

  const tables = new Map<string, NetworkTable>()
  const byName = new Map<string, NetworkTable[]>()
  const known = new Set<string>()
  for (const [id, network] of networks) {
    const table = buildTable(network, endpoints.get(id) ?? [], previous?.networks.get(id))
    tables.set(id, table)
    append(byName, table.name, table)
    for (const name of table.known) known.add(name)
  }
  return {
    version: (previous?.version ?? 0) + 1,
    engines: new Map(states),
    networks: tables,
    networksByName: byName,
    containers,
    known,
    owners,
  }
}

function buildTable(
  network: Network,
  endpoints: readonly Endpoint[],
  previous: NetworkTable | undefined,
): NetworkTable {
  if (previous !== undefined && previous.network === network && sameMembers(previous.endpoints, endpoints)) {
    return previous
  }
  const names = new Map<string, Endpoint[]>()
  const owners = new Map<string, Endpoint>()
  const known = new Set<string>()
  const parents = new Set<string>()
  for (const endpoint of endpoints) {
    const addresses = [...endpoint.v4, ...endpoint.v6]
    for (const name of canonicalNames(endpoint)) {
      known.add(name)
      if (addresses.length === 0 || network.ingress) continue
      append(names, name, endpoint)
      for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
        parents.add(name.slice(dot + 1))
    }
    for (const address of addresses) if (!owners.has(address)) owners.set(address, endpoint)
  }
  const name = canonicalName(network.name) ?? network.name.toLowerCase()
  return { network, name, names, owners, known, parents, endpoints }
}

/** Names that differ only by case are one (RFC 4343); what can't be a DNS name (a label over 63 bytes) is left out. */
function canonicalNames(endpoint: Endpoint): Set<string> {
  return new Set(
    endpoint.names.map(canonicalName).filter((name) => name !== undefined && name !== '') as string[],
  )
}

function sameMembers(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && a.every((endpoint, i) => endpoint === b[i])
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
