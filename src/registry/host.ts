// Name lookup for the host's view: it is on no network, so a name must mean one thing across all of them.
import { namesAbove } from '../dns/name.ts'
import { awaitsLocal, isLocal, wayTo } from './locality.ts'
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

/** The local engines' networks, or the remote ones', as a snapshot has all of them. */
interface Side extends Pick<Snapshot, 'engines' | 'tables' | 'known'> {
  readonly networks: Pick<Snapshot['networks'], 'get'>
  readonly networksByName: Pick<Snapshot['networksByName'], 'get' | 'has'>
}

/** What else is asked for with a name under our zone, and which labels count. */
export interface HostOptions {
  readonly family?: Family
  /** The whole name, where `name` is the part of it before our zone: an alias may be called so. */
  readonly whole?: string | undefined
  /** Whether a label may give this name; default: whatever its container was granted. */
  readonly isGranted?: (name: string) => boolean
}

/**
 * What the local engines know goes first: a container elsewhere neither takes a local one's name nor makes it ambiguous,
 * and while a local engine has not been read nobody knows what is its.
 */
export function findForHost(snapshot: Snapshot, name: string, options: HostOptions = {}): HostFound {
  const { engines } = snapshot
  if ([...engines.values()].every(({ remote }) => remote === undefined)) {
    return findAmong(snapshot, name, options)
  }
  const isHere = ({ network }: NetworkTable) => isLocal(engines, network.engine)
  const here = findAmong(sideOf(snapshot, isHere), name, options)
  if (here !== undefined || awaitsLocal(engines)) return here
  return findAmong(
    sideOf(snapshot, (table) => !isHere(table)),
    name,
    options,
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
 * thing's first network in Docker's order. NAME.NETWORK names the network itself, and goes before SERVICE.PROJECT. By
 * label it means something only where it means nothing else.
 */
function findAmong(
  side: Side,
  name: string,
  { family, whole, isGranted = () => true }: HostOptions,
): HostFound {
  const named =
    findNamed(side, name, family) ?? (whole === undefined ? undefined : findNamed(side, whole, family))
  if (named !== undefined) return named
  // Of a stopped container it is still the name.
  if (side.known.get(name)?.some((id) => side.networks.get(id) !== undefined)) return undefined
  const labelled = findLabelled(side, name, family)
  return labelled !== undefined && isGranted(name) ? labelled : undefined
}

function findNamed(side: Side, name: string, family: Family, networks?: readonly string[]): HostFound {
  return (
    findExact(side, name, inNames, inNamesThere, family, networks) ??
    findExact(side, name, inReplicas, inReplicas, family, networks)
  )
}

function findLabelled(side: Side, name: string, family: Family): HostFound {
  const tables = side.tables.filter(({ labelled }) => labelled.has(name))
  if (tables.length > 0) return settle(side, name, tables, inLabelled, family)
  return (
    findOnNetworks(side, name, inLabelled, family, networksIn(side, name)) ??
    findByWildcard(side, name, family)
  )
}

function findExact(
  side: Side,
  name: string,
  find: Find,
  findThere: Find,
  family: Family = undefined,
  networks = networksIn(side, name),
): HostFound {
  const anywhere = (side.known.get(name) ?? [])
    .flatMap((id) => side.networks.get(id) ?? [])
    .filter((table) => find(table, name) !== undefined)
  if (anywhere.length > 0) return settle(side, name, anywhere, find, family)
  return findOnNetworks(side, name, findThere, family, networks)
}

/** The name as NAME.NETWORK. */
function findOnNetworks(
  side: Side,
  name: string,
  find: Find,
  family: Family,
  networks: readonly string[],
): HostFound {
  for (const network of networks) {
    if (network.length >= name.length) continue
    const left = name.slice(0, -network.length - 1)
    const tables = side.networksByName.get(network)!.filter((table) => find(table, left) !== undefined)
    // On one network the name is whatever it is there, however many have it.
    if (tables.length === 1) return { table: tables[0]!, endpoints: find(tables[0]!, left)! }
    if (tables.length > 1) return settle(side, left, tables, find, family)
  }
  return undefined
}

/** The networks that the name's end may mean, the shortest first. */
function networksIn(side: Side, name: string): readonly string[] {
  const networks: string[] = []
  for (const [, right] of qualified(name)) if (side.networksByName.has(right)) networks.push(right)
  return networks
}

/** As RFC 4592, 3.3.1 has it: the closest name above, unless a name in between exists. */
function findByWildcard(side: Side, name: string, family: Family): HostFound {
  const all = side.tables
  const wild = all.filter(({ wildcards }) => wildcards.size > 0)
  if (!isBelowWildcard(wild, name) || isParent(all, name)) return undefined
  // Those of the whole name do for the names above it too: to look anew for each would cost the square of its labels.
  const networks = networksIn(side, name)
  for (const above of namesAbove(name)) {
    const tables = wild.filter(({ wildcards }) => wildcards.has(above))
    if (tables.length > 0) return settle(side, above, tables, inWildcards, family)
    if (isParent(all, above)) return undefined
    if (findNamed(side, above, undefined, networks) !== undefined) return undefined
    if (all.some(({ labelled }) => labelled.has(above))) return undefined
  }
  return undefined
}

function settle(
  { engines }: Side,
  name: string,
  tables: readonly NetworkTable[],
  find: Find,
  family: Family,
): HostFound {
  const containerOf = ({ endpoint, table }: Placed) => table.containers.get(endpoint.containerId)
  const places = tables
    .flatMap((table) => find(table, name)!.map((endpoint) => ({ endpoint, table })))
    .sort(compareEndpoints)
  // On a Swarm's network of ours are other engines' containers as well.
  const local = places.filter((place) => isLocal(engines, containerOf(place)?.engine))
  const meant = local.length > 0 ? local : places
  const [thing, ...others] = new Set(meant.map((place) => thingOf(containerOf(place))))
  if (others.length > 0) return { ambiguous: meant }
  const found = ({ table }: Placed) => ({
    table,
    endpoints: find(table, name)!.filter((endpoint) => thingOf(containerOf({ endpoint, table })) === thing),
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
