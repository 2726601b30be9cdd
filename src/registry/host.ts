// The host view's lookup: the host is on no network, so a name must mean one thing, wherever it is.
import { namesAbove } from '../dns/name.ts'
import { type Family, type Found, hasFamily, isBelowWildcard, isParent, qualified } from './lookup.ts'
import { compareEndpoints, type Placed } from './order.ts'
import type { Container, Endpoint, NetworkTable, Snapshot } from './types.ts'

/** Found, there but meaning several things, or not there. */
export type HostFound = Found | { readonly ambiguous: readonly Placed[] } | undefined

/** Who has a name on a network. */
type Find = (table: NetworkTable, name: string) => readonly Endpoint[] | undefined

/** Whatever has it, for the name must mean one thing. */
const inNames: Find = ({ names, added }, name) => {
  const [dockers, ours] = [names.get(name), added.get(name)]
  return dockers === undefined || ours === undefined ? (dockers ?? ours) : [...dockers, ...ours]
}
/** Where the network is named, its meaning is the one that the network's members get. */
const inNamesThere: Find = ({ names, added }, name) => names.get(name) ?? added.get(name)
const inReplicas: Find = ({ replicas }, name) => replicas.get(name)
const inLabelled: Find = ({ labelled }, name) => labelled.get(name)
const inWildcards: Find = ({ wildcards }, name) => wildcards.get(name)

/**
 * A name that means one thing, one container, one Compose service's replicas or one Swarm service, answers from that
 * thing's first network in Docker's order. NAME.NETWORK names the network itself, and goes before SERVICE.PROJECT.
 */
export function findForHost(snapshot: Snapshot, name: string, family: Family = undefined): HostFound {
  return (
    findExact(snapshot, name, inNames, inNamesThere, family) ??
    findExact(snapshot, name, inReplicas, inReplicas, family)
  )
}

/** What a name that means nothing else means by label, as findForHost has it. */
export function findLabelledForHost(snapshot: Snapshot, name: string, family: Family = undefined): HostFound {
  const tables = snapshot.tables.filter(({ labelled }) => labelled.has(name))
  if (tables.length > 0) return settle(name, tables, inLabelled, family)
  return (
    findOnNetworks(snapshot, name, inLabelled, family, networksIn(snapshot, name)) ??
    findByWildcard(snapshot, name, family)
  )
}

function findExact(
  snapshot: Snapshot,
  name: string,
  find: Find,
  findThere: Find,
  family: Family = undefined,
  networks = networksIn(snapshot, name),
): HostFound {
  const anywhere = (snapshot.known.get(name) ?? [])
    .flatMap((id) => snapshot.networks.get(id) ?? [])
    .filter((table) => find(table, name) !== undefined)
  if (anywhere.length > 0) return settle(name, anywhere, find, family)
  return findOnNetworks(snapshot, name, findThere, family, networks)
}

/** The name as NAME.NETWORK. */
function findOnNetworks(
  snapshot: Snapshot,
  name: string,
  find: Find,
  family: Family,
  networks: readonly string[],
): HostFound {
  for (const network of networks) {
    if (network.length >= name.length) continue
    const left = name.slice(0, -network.length - 1)
    const tables = snapshot.networksByName.get(network)!.filter((table) => find(table, left) !== undefined)
    // On one network the name is whatever it is there, however many have it.
    if (tables.length === 1) return { table: tables[0]!, endpoints: find(tables[0]!, left)! }
    if (tables.length > 1) return settle(left, tables, find, family)
  }
  return undefined
}

/** The networks that the name's end may mean, the shortest first. */
function networksIn(snapshot: Snapshot, name: string): readonly string[] {
  const networks: string[] = []
  for (const [, right] of qualified(name)) if (snapshot.networksByName.has(right)) networks.push(right)
  return networks
}

/** As RFC 4592, 3.3.1 has it: the closest name above, unless a name in between exists. */
function findByWildcard(snapshot: Snapshot, name: string, family: Family): HostFound {
  const all = snapshot.tables
  const wild = all.filter(({ wildcards }) => wildcards.size > 0)
  if (!isBelowWildcard(wild, name) || isParent(all, name)) return undefined
  // Those of the whole name do for the names above it too: to look anew for each would cost the square of its labels.
  const networks = networksIn(snapshot, name)
  for (const above of namesAbove(name)) {
    const tables = wild.filter(({ wildcards }) => wildcards.has(above))
    if (tables.length > 0) return settle(above, tables, inWildcards, family)
    if (isParent(all, above)) return undefined
    if (findExact(snapshot, above, inNames, inNamesThere, undefined, networks) !== undefined) return undefined
    if (findExact(snapshot, above, inReplicas, inReplicas, undefined, networks) !== undefined)
      return undefined
    if (all.some(({ labelled }) => labelled.has(above))) return undefined
  }
  return undefined
}

function settle(name: string, tables: readonly NetworkTable[], find: Find, family: Family): HostFound {
  const places = tables
    .flatMap((table) => find(table, name)!.map((endpoint) => ({ endpoint, table })))
    .sort(compareEndpoints)
  const things = new Set(
    places.map(({ endpoint, table }) => thingOf(table.containers.get(endpoint.containerId))),
  )
  if (things.size > 1) return { ambiguous: places }
  const found = ({ table }: Placed) => ({ table, endpoints: find(table, name)! })
  return found(places.find((place) => hasFamily(found(place).endpoints, family)) ?? places[0]!)
}

/** What a container is a replica of, or itself. */
function thingOf(container: Container | undefined): string {
  const labels = container?.labels ?? {}
  const project = labels['com.docker.compose.project']
  const service = labels['com.docker.compose.service']
  if (project !== undefined && service !== undefined) return `compose ${project} ${service}`
  return labels['com.docker.swarm.service.id'] ?? container?.id ?? ''
}
