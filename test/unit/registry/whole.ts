// The table built from nothing, in the plainest way: what every snapshot is compared with, however it came about.
import { namesAbove } from '../../../src/dns/name.ts'
import { keysIn, keysOf, networkKey, wildcardsIn } from '../../../src/dns/told.ts'
import type {
  Container,
  Endpoint,
  Network,
  Reach,
  Snapshot,
  StoreChange,
} from '../../../src/registry/types.ts'

/** All that is to be seen of a table or of a snapshot, in an order of its own. */
export type Seen = Readonly<Record<string, unknown>>

interface Facts {
  readonly networks: Map<string, Network>
  readonly containers: Map<string, Container>
  synced: boolean
  away: boolean
  remote: Reach | undefined
}

/** Facts by engine, in the engines' order. */
export type World = Map<string, Facts>

export function follow(world: World, change: StoreChange): void {
  if (change.kind === 'engines') {
    for (const name of world.keys()) if (!change.engines.includes(name)) world.delete(name)
    for (const name of change.engines) {
      const unheard = { synced: false, away: false, remote: undefined }
      if (!world.has(name)) world.set(name, { networks: new Map(), containers: new Map(), ...unheard })
      world.get(name)!.remote = change.remote.find(([each]) => each === name)?.[1]
    }
  }
  if (change.kind === 'away' && world.has(change.engine)) world.get(change.engine)!.away = change.away
  if (change.kind !== 'update') return
  const facts = world.get(change.engine)
  if (facts === undefined) return
  facts.synced = true
  facts.away = false
  for (const kind of ['networks', 'containers'] as const) {
    const known = facts[kind] as Map<string, Network | Container>
    for (const [id, value] of change[kind]) {
      if (value === undefined) known.delete(id)
      else known.set(id, value)
    }
  }
}

export function wholeOf(world: World): Seen {
  const networks = firsts(world, 'networks')
  const told = firsts(world, 'containers')
  const containers = new Map([...told].map(([id, container]) => [id, placed(container, told)]))
  const owners = new Map<string, Endpoint[]>()
  for (const { sharesNetworkOf, endpoints, engine } of containers.values()) {
    if (sharesNetworkOf === undefined && world.get(engine)!.remote === undefined) own(owners, endpoints)
  }
  const isRemote = (engine: string) => world.get(engine)!.remote !== undefined
  const tables = [...networks.values()].map((network) => tableOf(network, [...containers.values()], isRemote))
  const idsOf = (kind: 'known' | 'services' | 'projects') => {
    const ids = new Map<string, string[]>()
    for (const { [kind]: names, network } of tables) {
      for (const name of names.keys()) ids.set(name, [...(ids.get(name) ?? []), network.id].sort())
    }
    for (const { id, name, labels, endpoints } of containers.values()) {
      if (endpoints.length > 0) continue
      const project = labels['com.docker.compose.project']
      const service = labels['com.docker.compose.service']
      const services = project && service ? keysIn(`${service}.${project}`) : []
      const known = [name, id.slice(0, 12), ...(services.length > 0 ? [service!] : [])].flatMap(keysIn)
      const projects = services.length > 0 ? keysIn(project!) : []
      for (const each of new Set({ known: [...known, ...services], services, projects }[kind])) {
        ids.set(each!, [...(ids.get(each!) ?? []), id].sort())
      }
    }
    return ids
  }
  const known = idsOf('known')
  const ordered = tables.sort((a, b) => compare(a.name, b.name) || compare(a.network.id, b.network.id))
  const byName = new Map<string, string[]>()
  for (const { name, network } of ordered) byName.set(name, [...(byName.get(name) ?? []), network.id])
  return {
    engines: [...world].map(([name, { synced, away, remote }]) => [name, { synced, away, remote }]),
    tables: ordered.map(seenOf),
    networksByName: sorted(byName),
    containers: sorted(containers),
    known: sorted(known),
    ...{ services: sorted(idsOf('services')), projects: sorted(idsOf('projects')) },
    owners: sortedLists(owners),
  }
}

/** The same of a snapshot. */
export function seenIn(snapshot: Snapshot): Seen {
  return {
    engines: [...snapshot.engines],
    tables: snapshot.tables.map(seenOf),
    networksByName: sorted(snapshot.networksByName).map(([name, list]) => [
      name,
      list.map(({ network }) => network.id),
    ]),
    containers: sorted(snapshot.containers),
    known: sorted(snapshot.known),
    services: sorted(snapshot.services),
    projects: sorted(snapshot.projects.byName),
    owners: sorted(snapshot.owners),
  }
}

export function seenOf(table: { [K in keyof Snapshot['tables'][number]]: unknown }): Seen {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => [
      key,
      ['network', 'name', 'addressed'].includes(key) ? value : sorted(value as Map<string, unknown>),
    ]),
  )
}

function firsts<K extends 'networks' | 'containers'>(world: World, kind: K) {
  const found = new Map<string, K extends 'networks' ? Network : Container>()
  const isRemote = ({ remote }: Facts) => Number(remote !== undefined)
  for (const facts of [...world.values()].sort((a, b) => isRemote(a) - isRemote(b))) {
    for (const [id, value] of facts[kind]) if (!found.has(id)) found.set(id, value as never)
  }
  return found
}

/** Whether the lodger, or who it lodges with, was started before the next one was; whoever they lodge with is no host then. */
function isLeft(lodger: Container, host: Container | undefined): boolean {
  const [one, other] = [lodger.startedAt, host?.startedAt]
  return one !== undefined && other !== undefined && one < other
}

function hostOf(
  lodger: Container,
  told: ReadonlyMap<string, Container>,
): { host: Container | undefined; left: boolean } {
  let host: Container | undefined = lodger
  let left = false
  for (let step = 0; host?.sharesNetworkOf !== undefined; step++) {
    if (step === 4) return { host: undefined, left }
    const before: Container = host
    const { sharesNetworkOf: call = '', engine } = before
    const neighbours: Container[] = sorted(told)
      .map(([, each]) => each)
      .filter((each) => each.engine === engine)
    host =
      neighbours.find(({ id }) => id === call) ??
      neighbours.find(({ name }) => name === call) ??
      neighbours.find(({ id }) => call.length >= 12 && id.startsWith(call))
    left ||= isLeft(before, host)
  }
  return { host, left }
}

function placed(container: Container, told: ReadonlyMap<string, Container>): Container {
  if (container.sharesNetworkOf === undefined) return container
  const { host, left } = hostOf(container, told)
  const service = container.labels['com.docker.compose.service']
  const names = [container.name, container.id.slice(0, 12), ...(service ? [service] : [])]
  const isThere = container.running && host?.running === true && !left
  const endpoints = (host?.endpoints ?? []).map((place) => ({
    ...{ ...place, containerId: container.id, names, links: new Map() },
    ...(isThere ? {} : { v4: [], v6: [] }),
  }))
  return { ...container, endpoints }
}

function tableOf(network: Network, containers: readonly Container[], isRemote: (engine: string) => boolean) {
  const names = new Map<string, Endpoint[]>()
  const added = new Map<string, Endpoint[]>()
  const replicas = new Map<string, Endpoint[]>()
  const labelled = new Map<string, Endpoint[]>()
  const wildcards = new Map<string, Endpoint[]>()
  const owners = new Map<string, Endpoint[]>()
  const known = new Map<string, number>()
  const services = new Map<string, number>()
  const projects = new Map<string, number>()
  const parents = new Map<string, number>()
  let addressed = 0
  const more = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)
  const members = containers.filter(({ endpoints }) =>
    endpoints.some(({ networkId }) => networkId === network.id),
  )
  for (const container of members) {
    const endpoint = container.endpoints.find(({ networkId }) => networkId === network.id)!
    const { settings, labels, sharesNetworkOf } = container
    // All addresses that are drawn are in each subnet of their family that is drawn.
    const isInside = network.subnets[0]!.family === 4 ? endpoint.v6.length === 0 : endpoint.v4.length === 0
    const isShared = network.driver === 'overlay' && isInside
    if (container.engine !== network.engine && isRemote(container.engine) && !isShared) continue
    if (endpoint.v4.length + endpoint.v6.length > 0) addressed++
    const isThere = endpoint.v4.length + endpoint.v6.length > 0 && !network.ingress && !settings.ignored
    const project = labels['com.docker.compose.project']
    const service = labels['com.docker.compose.service']
    const keys = endpoint.names.map(keysOf)
    const literal = new Set(keys.flatMap((each) => each.literal ?? []))
    const ours = new Set(keys.flatMap((each) => each.ours).filter((name) => !literal.has(name)))
    const kinds = [
      [network.hasResolver && sharesNetworkOf === undefined ? names : added, literal],
      [added, ours],
      [replicas, new Set(project && service ? keysIn(`${service}.${project}`) : [])],
      [labelled, new Set(settings.names)],
    ] as const
    for (const [lists, texts] of kinds) {
      for (const name of texts) {
        if (lists !== labelled) more(known, name)
        if (!isThere) continue
        append(lists, name, endpoint)
        for (const above of namesAbove(name)) more(parents, above)
      }
    }
    if (project && service) {
      for (const name of keysIn(`${service}.${project}`)) more(services, name)
      for (const name of keysIn(project)) more(projects, name)
    }
    const wild = new Set([...settings.wildcards, ...endpoint.names.flatMap(wildcardsIn)])
    for (const suffix of isThere ? wild : []) {
      append(wildcards, suffix, endpoint)
      for (const above of [suffix, ...namesAbove(suffix)]) more(parents, above)
    }
    if (sharesNetworkOf === undefined) own(owners, [endpoint])
  }
  const name = networkKey(network.name)
  const byId = new Map(members.map((container) => [container.id, container]))
  const asMap = (lists: Map<string, Endpoint[]>) => new Map(sortedLists(lists))
  return {
    ...{ network, name, containers: byId, names: asMap(names), added: asMap(added) },
    ...{ replicas: asMap(replicas), labelled: asMap(labelled), wildcards: asMap(wildcards) },
    ...{ owners: asMap(owners), known, services, projects, parents, addressed },
  }
}

function own(owners: Map<string, Endpoint[]>, endpoints: readonly Endpoint[]): void {
  for (const endpoint of endpoints) {
    for (const address of [...endpoint.v4, ...endpoint.v6]) append(owners, address, endpoint)
  }
}

function append(lists: Map<string, Endpoint[]>, key: string, endpoint: Endpoint): void {
  lists.set(key, [...(lists.get(key) ?? []), endpoint])
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => compare(a, b))
}

function sortedLists(lists: ReadonlyMap<string, readonly Endpoint[]>): [string, Endpoint[]][] {
  return sorted(lists).map(([key, list]) => [
    key,
    [...list].sort((a, b) => compare(a.containerId, b.containerId) || compare(a.networkId, b.networkId)),
  ])
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
