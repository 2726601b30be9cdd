// One network's name table. Each container's part is added and removed alone, so a change costs one container's names.
import { namesAbove } from '../dns/name.ts'
import { keysIn, keysOf, networkKey, wildcardsIn } from '../dns/told.ts'
import { isSame } from '../lib/deep-equal.ts'
import { emptyMap, type MapEdit } from '../lib/persistent.ts'
import { isBelieved } from './locality.ts'
import { addEndpoint, removeFrom, withCounts } from './multimap.ts'
import type { Container, Endpoint, Network, NetworkTable, Snapshot } from './types.ts'

/** By container id; undefined: not on the network any more. */
export type Members = ReadonlyMap<string, Container | undefined>

export function emptyTable(network: Network): NetworkTable {
  return tableOf({
    network,
    name: networkKey(network.name),
    ...{ containers: emptyMap, names: emptyMap, added: emptyMap, replicas: emptyMap, labelled: emptyMap },
    ...{ wildcards: emptyMap, owners: emptyMap, known: emptyMap, services: emptyMap, projects: emptyMap },
    ...{ parents: emptyMap, addressed: 0 },
  })
}

/** All are made here, so that they are of one shape. */
function tableOf(parts: NetworkTable): NetworkTable {
  const { network, name, containers, names, added, replicas, labelled, wildcards, owners } = parts
  const { known, services, projects, parents, addressed } = parts
  return {
    ...{ network, name, containers, names, added, replicas, labelled, wildcards, owners },
    ...{ known, services, projects, parents, addressed },
  }
}

/** Whether anything has a name on the network that answers. */
export function hasNames({ names, added }: NetworkTable): boolean {
  return names.size > 0 || added.size > 0
}

/** How many names answer on the network, replicas' and wildcards aside. */
export function countNames({ names, added, labelled }: NetworkTable): number {
  return names.size + added.size + labelled.size
}

/** The table of this network with these members, in place of what they said before. */
export function changeTable(
  before: NetworkTable,
  network: Network,
  members: Members,
  engines: Snapshot['engines'],
): NetworkTable {
  if (!saysAlike(before.network, network)) {
    return changeTable(emptyTable(network), network, new Map([...before.containers, ...members]), engines)
  }
  const edits = {
    engines,
    containers: before.containers.edit(),
    names: before.names.edit(),
    added: before.added.edit(),
    replicas: before.replicas.edit(),
    labelled: before.labelled.edit(),
    wildcards: before.wildcards.edit(),
    owners: before.owners.edit(),
    known: new Map<string, number>(),
    services: new Map<string, number>(),
    projects: new Map<string, number>(),
    parents: new Map<string, number>(),
    addressed: before.addressed,
  }
  for (const [id, container] of members) {
    const old = before.containers.get(id)
    if (old === undefined || container === undefined || !saysTheSame(old, container, network.id)) {
      if (old !== undefined) say(edits, network, old, -1)
      if (container !== undefined) say(edits, network, container, 1)
    }
    if (container === undefined) edits.containers.delete(id)
    else edits.containers.set(id, container)
  }
  const { name } = network.name === before.network.name ? before : emptyTable(network)
  return tableOf({
    ...{ network, name },
    containers: edits.containers.done(),
    names: edits.names.done(),
    added: edits.added.done(),
    replicas: edits.replicas.done(),
    labelled: edits.labelled.done(),
    wildcards: edits.wildcards.done(),
    owners: edits.owners.done(),
    known: withCounts(before.known, edits.known),
    services: withCounts(before.services, edits.services),
    projects: withCounts(before.projects, edits.projects),
    parents: withCounts(before.parents, edits.parents),
    addressed: edits.addressed,
  })
}

/** Whether the same containers say the same on both versions of a network. */
function saysAlike(a: Network, b: Network): boolean {
  return (
    a.ingress === b.ingress &&
    a.hasResolver === b.hasResolver &&
    a.engine === b.engine &&
    a.driver === b.driver &&
    isSame(a.subnets, b.subnets)
  )
}

/** The container's endpoints on the network. */
export function endpointsOn({ endpoints }: Container, networkId: string): readonly Endpoint[] {
  return endpoints.filter((endpoint) => endpoint.networkId === networkId)
}

interface Edits {
  /** By which is judged whether a container is believed. */
  readonly engines: Snapshot['engines']
  readonly names: MapEdit<readonly Endpoint[]>
  readonly added: MapEdit<readonly Endpoint[]>
  readonly replicas: MapEdit<readonly Endpoint[]>
  readonly labelled: MapEdit<readonly Endpoint[]>
  readonly wildcards: MapEdit<readonly Endpoint[]>
  readonly owners: MapEdit<readonly Endpoint[]>
  /** By how many more or less it is. */
  readonly known: Map<string, number>
  readonly services: Map<string, number>
  readonly projects: Map<string, number>
  readonly parents: Map<string, number>
  addressed: number
}

/** What the container says of itself on the network is said (1), or taken back (-1). */
function say(edits: Edits, network: Network, container: Container, by: 1 | -1): void {
  if (!isBelieved(edits.engines, container, network)) return
  const { settings, sharesNetworkOf } = container
  const list = by === 1 ? addEndpoint : removeFrom<Endpoint>
  for (const endpoint of endpointsOn(container, network.id)) {
    const alone = [endpoint] as const
    const addresses = [...endpoint.v4, ...endpoint.v6]
    if (addresses.length > 0) edits.addressed += by
    const isThere = addresses.length > 0 && !network.ingress && !settings.ignored
    const answer = (lists: MapEdit<readonly Endpoint[]>, name: string) => {
      if (!isThere) return
      list(lists, name, alone)
      for (const above of namesAbove(name)) add(edits.parents, above, by)
    }
    const { literal, ours } = keysOfAll(endpoint.names)
    const isDockers = (network.hasResolver || endpoint.namesFromEngine) && sharesNetworkOf === undefined
    for (const name of [...literal, ...ours]) {
      add(edits.known, name, by)
      answer(isDockers && literal.has(name) ? edits.names : edits.added, name)
    }
    for (const name of canonicalNames(replicaNames(container))) {
      add(edits.known, name, by)
      add(edits.services, name, by)
      answer(edits.replicas, name)
    }
    for (const project of canonicalNames(projectNames(container))) add(edits.projects, project, by)
    for (const name of new Set(settings.names)) answer(edits.labelled, name)
    for (const suffix of isThere ? wildcardsOf(container, endpoint) : []) {
      list(edits.wildcards, suffix, alone)
      for (const above of [suffix, ...namesAbove(suffix)]) add(edits.parents, above, by)
    }
    // A sharer's addresses are its host's: the asker there, and the PTR.
    if (sharesNetworkOf === undefined) for (const address of addresses) list(edits.owners, address, alone)
  }
}

/** All names that the container has on the network, and those that a wildcard of it stands below. */
export function namesOf(container: Container, networkId: string): readonly string[] {
  const { settings } = container
  const endpoints = endpointsOn(container, networkId)
  const own = canonicalNames(endpoints.flatMap(({ names }) => names))
  const replicas = canonicalNames(replicaNames(container))
  const wildcards = endpoints.flatMap((endpoint) => [...wildcardsOf(container, endpoint)])
  return [...own, ...replicas, ...settings.names, ...wildcards]
}

/** What its labels' wildcards stand below, and those among its aliases there. */
function wildcardsOf({ settings }: Container, { names }: Endpoint): ReadonlySet<string> {
  return new Set([...settings.wildcards, ...names.flatMap(wildcardsIn)])
}

/** What a table tells of those on it, of a container. */
export type NameSets = Readonly<Record<'known' | 'services' | 'projects', ReadonlySet<string>>>

const nothing: NameSets = { known: new Set(), services: new Set(), projects: new Set() }

/** Of one that is on no network (the host's, none, or with another that is not there): so no table tells of it. */
export function namesWithoutNetwork(container: Container | undefined): NameSets {
  if (container === undefined || container.endpoints.length > 0) return nothing
  const { id, name, labels } = container
  const services = canonicalNames(replicaNames(container))
  const service = services.size > 0 ? [labels['com.docker.compose.service']!] : []
  return {
    known: new Set([...canonicalNames([name, id.slice(0, 12), ...service]), ...services]),
    ...{ services, projects: canonicalNames(projectNames(container)) },
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}

/** Whether the two versions of a container, however else they differ, have the same names and addresses there. */
function saysTheSame(a: Container, b: Container, networkId: string): boolean {
  const [before, after] = [endpointsOn(a, networkId), endpointsOn(b, networkId)]
  return (
    a.settings === b.settings &&
    a.labels === b.labels &&
    a.sharesNetworkOf === b.sharesNetworkOf &&
    before.length === after.length &&
    before.every((endpoint, i) => endpoint === after[i])
  )
}

/** Names that differ only by case are one (RFC 4343); what nobody can ask for (a label over 63 bytes) is left out. */
function canonicalNames(names: readonly string[]): Set<string> {
  return new Set(names.flatMap(keysIn))
}

/** What Docker's resolver answers to, and what berth alone does. */
function keysOfAll(names: readonly string[]): { literal: ReadonlySet<string>; ours: ReadonlySet<string> } {
  const literal = new Set<string>()
  const ours = new Set<string>()
  for (const name of names) {
    const keys = keysOf(name)
    if (keys.literal !== undefined) literal.add(keys.literal)
    for (const each of keys.ours) ours.add(each)
  }
  for (const name of literal) ours.delete(name)
  return { literal, ours }
}

/** What the names of its service end in. */
function projectNames(container: Container): string[] {
  return replicaNames(container).length === 0 ? [] : [container.labels['com.docker.compose.project']!]
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
