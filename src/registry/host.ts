// The host view's lookup: the host is on no network, so a name must mean one thing, wherever it is.
import { namesAbove } from '../dns/name.ts'
import { awaitsLocal, isLocal, wayTo } from './locality.ts'
import { type Family, type Found, hasFamily, isBelowWildcard, isParent, qualified } from './lookup.ts'
import { compareEndpoints, type Placed } from './order.ts'
import type { Container, Endpoint, NetworkTable, Snapshot } from './types.ts'

/** Found, there but meaning several things, or not there. */
export type HostFound = Found | { readonly ambiguous: readonly Placed[] } | undefined

type Entries = (table: NetworkTable) => ReadonlyMap<string, readonly Endpoint[]>

/** The local engines' networks, or the remote ones', as a snapshot has all of them. */
interface Side extends Pick<Snapshot, 'engines' | 'tables' | 'known'> {
  readonly networks: Pick<Snapshot['networks'], 'get'>
  readonly networksByName: Pick<Snapshot['networksByName'], 'get' | 'has'>
}

/**
 * What the local engines know goes first: a container elsewhere neither takes a local one's name nor makes it ambiguous,
 * and while a local engine has not been read nobody knows what is its.
 */
export function findForHost(snapshot: Snapshot, name: string, family: Family = undefined): HostFound {
  const { engines } = snapshot
  if ([...engines.values()].every(({ remote }) => remote === undefined)) {
    return findAmong(snapshot, name, family)
  }
  const isHere = ({ network }: NetworkTable) => isLocal(engines, network.engine)
  const here = findAmong(sideOf(snapshot, isHere), name, family)
  if (here !== undefined || awaitsLocal(engines)) return here
  return findAmong(
    sideOf(snapshot, (table) => !isHere(table)),
    name,
    family,
  )
}

function sideOf({ engines, tables, known, ...all }: Snapshot, isIn: (table: NetworkTable) => boolean): Side {
  const named = (name: string) => {
    const found = all.networksByName.get(name)?.filter(isIn) ?? []
    return found.length === 0 ? undefined : found
  }
  return {
    ...{ engines, known, tables: tables.filter(isIn) },
    networksByName: { get: named, has: (name) => named(name) !== undefined },
    networks: {
      get(id) {
        const table = all.networks.get(id)
        return table !== undefined && isIn(table) ? table : undefined
      },
    },
  }
}

/**
 * A name that means one thing, one container, one Compose service's replicas or one Swarm service, answers from that
 * thing's first network in Docker's order. NAME.NETWORK names the network itself, and goes before SERVICE.PROJECT.
 */
function findAmong(snapshot: Side, name: string, family: Family): HostFound {
  return (
    findExact(snapshot, name, ({ names }) => names, family) ??
    findExact(snapshot, name, ({ replicas }) => replicas, family) ??
    findByWildcard(snapshot, name, family)
  )
}

function findExact(
  snapshot: Side,
  name: string,
  entries: Entries,
  family: Family = undefined,
  networks = networksIn(snapshot, name),
): HostFound {
  const anywhere = (snapshot.known.get(name) ?? [])
    .flatMap((id) => snapshot.networks.get(id) ?? [])
    .filter((table) => entries(table).has(name))
  if (anywhere.length > 0) return settle(snapshot, name, anywhere, entries, family)
  for (const network of networks) {
    if (network.length >= name.length) continue
    const left = name.slice(0, -network.length - 1)
    const tables = snapshot.networksByName.get(network)!.filter((table) => entries(table).has(left))
    // On one network the name is whatever it is there, however many have it.
    if (tables.length === 1) return { table: tables[0]!, endpoints: entries(tables[0]!).get(left)! }
    if (tables.length > 1) return settle(snapshot, left, tables, entries, family)
  }
  return undefined
}

/** The networks that the name's end may mean, the shortest first. */
function networksIn(snapshot: Side, name: string): readonly string[] {
  const networks: string[] = []
  for (const [, right] of qualified(name)) if (snapshot.networksByName.has(right)) networks.push(right)
  return networks
}

/** As RFC 4592, 3.3.1 has it: the closest name above, unless a name in between exists. */
function findByWildcard(snapshot: Side, name: string, family: Family): HostFound {
  const all = snapshot.tables
  const wild = all.filter(({ wildcards }) => wildcards.size > 0)
  if (!isBelowWildcard(wild, name) || isParent(all, name)) return undefined
  // Those of the whole name do for the names above it too: to look anew for each would cost the square of its labels.
  const networks = networksIn(snapshot, name)
  for (const above of namesAbove(name)) {
    const tables = wild.filter(({ wildcards }) => wildcards.has(above))
    if (tables.length > 0) return settle(snapshot, above, tables, ({ wildcards }) => wildcards, family)
    if (isParent(all, above)) return undefined
    if (findExact(snapshot, above, ({ names }) => names, undefined, networks) !== undefined) return undefined
    if (findExact(snapshot, above, ({ replicas }) => replicas, undefined, networks) !== undefined)
      return undefined
  }
  return undefined
}

function settle(
  { engines }: Side,
  name: string,
  tables: readonly NetworkTable[],
  entries: Entries,
  family: Family,
): HostFound {
  const containerOf = ({ endpoint, table }: Placed) => table.containers.get(endpoint.containerId)
  const places = tables
    .flatMap((table) =>
      entries(table)
        .get(name)!
        .map((endpoint) => ({ endpoint, table })),
    )
    .sort(compareEndpoints)
  // On a Swarm's network of ours are other engines' containers as well.
  const local = places.filter((place) => isLocal(engines, containerOf(place)?.engine))
  const meant = local.length > 0 ? local : places
  const [thing, ...others] = new Set(meant.map((place) => thingOf(containerOf(place))))
  if (others.length > 0) return { ambiguous: meant }
  const found = ({ table }: Placed) => ({
    table,
    endpoints: entries(table)
      .get(name)!
      .filter((endpoint) => thingOf(containerOf({ endpoint, table })) === thing),
  })
  const isReached = ({ table }: Placed) => wayTo(engines, table.network) !== 'none'
  const inOrder = [...meant.filter(isReached), ...meant]
  return found(inOrder.find((place) => hasFamily(found(place).endpoints, family)) ?? inOrder[0]!)
}

/** What a container is a replica of, or itself. */
function thingOf(container: Container | undefined): string {
  const labels = container?.labels ?? {}
  const project = labels['com.docker.compose.project']
  const service = labels['com.docker.compose.service']
  if (project !== undefined && service !== undefined) return `compose ${project} ${service}`
  return labels['com.docker.swarm.service.id'] ?? container?.id ?? ''
}
