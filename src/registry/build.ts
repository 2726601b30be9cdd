// Facts → Snapshot. A network on which nothing changed keeps its table, so one event costs one network.
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
  for (const [id, network] of networks) {
    const table = buildTable(network, endpoints.get(id) ?? [], previous?.networks.get(id))
    tables.set(id, table)
    append(byName, network.name.toLowerCase(), table)
  }
  return {
    version: (previous?.version ?? 0) + 1,
    engines: new Map(states),
    networks: tables,
    networksByName: byName,
    containers,
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
  for (const endpoint of endpoints) {
    // Names that differ only by case are one name (RFC 4343).
    const own = new Set(endpoint.names.map((name) => name.toLowerCase()))
    const placed = endpoint.v4.length + endpoint.v6.length > 0
    for (const name of own) {
      known.add(name)
      if (placed && !network.ingress) append(names, name, endpoint)
    }
    for (const address of [...endpoint.v4, ...endpoint.v6]) {
      if (!owners.has(address)) owners.set(address, endpoint)
    }
  }
  return { network, names, owners, known, endpoints }
}

function sameMembers(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && a.every((endpoint, i) => endpoint === b[i])
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
