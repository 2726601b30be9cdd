// Finds names and addresses in the table, for networks in a given order and for the host view.
import { compareEndpoints, type Placed } from './order.ts'
import type { Container, Endpoint, NetworkTable, Snapshot } from './types.ts'

export interface Found {
  readonly table: NetworkTable
  readonly endpoints: readonly Endpoint[]
}

/**
 * Docker's lookup (libnetwork, Sandbox.ResolveName): for "a.b.c" the whole name on any of the networks, then "a.b"
 * on the network "c", then "a" on "b.c". Networks are not merged: the first that has the name answers.
 */
export function findName(tables: readonly NetworkTable[], name: string): Found | undefined {
  for (const table of tables) {
    const endpoints = table.names.get(name)
    if (endpoints !== undefined) return { table, endpoints }
  }
  for (const [left, right] of qualified(name)) {
    for (const table of tables) {
      const endpoints = table.name === right ? table.names.get(left) : undefined
      if (endpoints !== undefined) return { table, endpoints }
    }
  }
  return undefined
}

/** Every way to read a dotted name as NAME.NETWORK, the longest NAME first. */
export function* qualified(name: string): Generator<[name: string, network: string]> {
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    yield [name.slice(0, dot), name.slice(dot + 1)]
  }
}

/** Whether something below `name` exists on these networks, while it holds nothing itself (RFC 8020, RFC 4592). */
export function isParent(tables: readonly NetworkTable[], name: string): boolean {
  return tables.some((table) => {
    if (table.names.size === 0) return false
    if (table.parents.has(name) || table.name === name || table.name.endsWith(`.${name}`)) return true
    return name.endsWith(`.${table.name}`) && table.parents.has(name.slice(0, -table.name.length - 1))
  })
}

/** What the host view says of a name: found, there but meaning several things, or not there. */
export type HostFound = Found | { readonly ambiguous: readonly Placed[] } | undefined

/**
 * The host view's lookup: a name that means one thing, one container, one Compose service's replicas or one Swarm
 * service, answers from that thing's first network in Docker's order. NAME.NETWORK names the network itself.
 */
export function findForHost(snapshot: Snapshot, name: string): HostFound {
  const anywhere = [...snapshot.networks.values()].filter((table) => table.names.has(name))
  if (anywhere.length > 0) return settle(snapshot, name, anywhere)
  for (const [left, right] of qualified(name)) {
    const tables = (snapshot.networksByName.get(right) ?? []).filter((table) => table.names.has(left))
    if (tables.length === 1) return { table: tables[0]!, endpoints: tables[0]!.names.get(left)! }
    if (tables.length > 1) return settle(snapshot, left, tables)
  }
  return undefined
}

function settle(snapshot: Snapshot, name: string, tables: readonly NetworkTable[]): HostFound {
  const places = tables
    .flatMap((table) => table.names.get(name)!.map((endpoint) => ({ endpoint, table })))
    .sort(compareEndpoints)
  const things = new Set(places.map(({ endpoint }) => thingOf(snapshot.containers.get(endpoint.containerId))))
  if (things.size > 1) return { ambiguous: places }
  const { table } = places[0]!
  return { table, endpoints: table.names.get(name)! }
}

/** What a container is a replica of, or itself. */
function thingOf(container: Container | undefined): string {
  const labels = container?.labels ?? {}
  const project = labels['com.docker.compose.project']
  const service = labels['com.docker.compose.service']
  if (project !== undefined && service !== undefined) return `compose ${project} ${service}`
  return labels['com.docker.swarm.service.id'] ?? container?.id ?? ''
}
