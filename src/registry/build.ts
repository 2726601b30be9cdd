// Makes the next snapshot from the last one and a change, at a cost that depends on the change and not on the table.
import { isSame } from '../lib/deep-equal.ts'
import { emptyMap, type MapEdit, type PersistentMap } from '../lib/persistent.ts'
import { emptyInventory, findFirst, type Inventories, withUpdate } from './inventory.ts'
import { isLocal } from './locality.ts'
import { addEndpoint, removeFrom } from './multimap.ts'
import {
  affectedSharers,
  type ContainerChange,
  type NamespaceSharing,
  noSharing,
  placeSharer,
  updateSharing,
} from './shared-namespaces.ts'
import { noSubnets } from './subnets.ts'
import { changeTable, emptyTable, type Members } from './table.ts'
import { changeTables } from './tables.ts'
import type {
  Container,
  Endpoint,
  EngineStatus,
  Network,
  NetworkTable,
  Projects,
  RemoteEngines,
  Snapshot,
  StoreChange,
} from './types.ts'

/** A snapshot, and what the next one is made of besides. As immutable as that. */
export interface Registry {
  readonly snapshot: Snapshot
  readonly inventories: Inventories
  /** By network id: who is on a network that nobody has told of yet. */
  readonly orphans: PersistentMap<PersistentMap<Container>>
  readonly sharing: NamespaceSharing
}

const noProjects: Projects = { byName: emptyMap, set: {} }

export const emptyRegistry: Registry = nextRegistry({
  snapshot: nextSnapshot({
    ...{ version: 0, engines: new Map(), tables: [], subnets: noSubnets },
    ...{ networks: emptyMap, networksByName: emptyMap },
    ...{ containers: emptyMap, known: emptyMap, services: emptyMap, projects: noProjects },
    ...{ owners: emptyMap },
  }),
  ...{ inventories: new Map(), orphans: emptyMap, sharing: noSharing },
})

/**
 * All registries are made here, and all snapshots below: so they are of one shape to V8, and what it has compiled for
 * the last one is as good for the next. Where they were not, each change threw the way of fast answers back to bytecode.
 */
function nextRegistry(before: Registry, changes: Partial<Registry> = {}): Registry {
  const { snapshot, inventories, orphans, sharing } = before
  return {
    snapshot: changes.snapshot ?? snapshot,
    inventories: changes.inventories ?? inventories,
    orphans: changes.orphans ?? orphans,
    sharing: changes.sharing ?? sharing,
  }
}

function nextSnapshot(before: Snapshot, changes: Partial<Snapshot> = {}): Snapshot {
  return {
    version: changes.version ?? before.version,
    engines: changes.engines ?? before.engines,
    tables: changes.tables ?? before.tables,
    networks: changes.networks ?? before.networks,
    networksByName: changes.networksByName ?? before.networksByName,
    containers: changes.containers ?? before.containers,
    known: changes.known ?? before.known,
    services: changes.services ?? before.services,
    projects: changes.projects ?? before.projects,
    owners: changes.owners ?? before.owners,
    subnets: changes.subnets ?? before.subnets,
  }
}

/** The registry after the change: itself where that says nothing new, with the same snapshot where none is to see. */
export function advance(registry: Registry, change: StoreChange): Registry {
  const next = take(registry, change)
  if (next.snapshot === registry.snapshot) return next
  const version = change.kind === 'version' ? change.version : registry.snapshot.version + 1
  return nextRegistry(next, { snapshot: nextSnapshot(next.snapshot, { version }) })
}

function take(registry: Registry, change: StoreChange): Registry {
  const { snapshot, inventories } = registry
  if (change.kind === 'version') {
    return snapshot.version === change.version
      ? registry
      : nextRegistry(registry, { snapshot: nextSnapshot(snapshot) })
  }
  if (change.kind === 'engines') return withEngines(registry, change.engines, change.remote)
  const { engine } = change
  const state = snapshot.engines.get(engine)
  if (state === undefined) return registry
  if (change.kind === 'away') return withState(registry, engine, { ...state, away: change.away })
  const now = change.unfinished
    ? registry
    : withState(registry, engine, { ...state, synced: true, away: false })
  const told = withUpdate(inventories.get(engine)!, change)
  if (told === inventories.get(engine)) return now
  return withFacts(
    now,
    new Map(inventories).set(engine, told),
    idsOf(change.networks),
    idsOf(change.containers),
  )
}

function withState(registry: Registry, engine: string, state: EngineStatus): Registry {
  const { snapshot } = registry
  if (isSame(snapshot.engines.get(engine), state)) return registry
  const engines = new Map(snapshot.engines).set(engine, state)
  return nextRegistry(registry, { snapshot: nextSnapshot(snapshot, { engines }) })
}

/** Those that stay keep their order. What one tells that is local now, or remote, is taken out and in again. */
function withEngines(registry: Registry, names: readonly string[], remote: RemoteEngines): Registry {
  const { snapshot, inventories } = registry
  const before = snapshot.engines
  const reaches = new Map(remote)
  const stay = [...before.keys()].filter((name) => names.includes(name))
  const engines = new Map(
    [...new Set([...stay, ...names])].map((name) => {
      return [name, { ...(before.get(name) ?? unheard), remote: reaches.get(name) }] as const
    }),
  )
  if (isSame([...engines], [...before])) return registry
  const local = [...engines.keys()].filter((name) => isLocal(engines, name))
  const order = new Set([...local, ...engines.keys()])
  const moved = stay.filter((name) => isLocal(before, name) !== isLocal(engines, name))
  const gone = [...before.keys()].filter((name) => !engines.has(name))
  const without = [...order].filter((name) => !moved.includes(name))
  const left = withFacts(
    registry,
    new Map(without.map((name) => [name, inventories.get(name) ?? emptyInventory])),
    ...idsToldBy(inventories, [...gone, ...moved]),
  )
  return withFacts(
    nextRegistry(left, { snapshot: nextSnapshot(left.snapshot, { engines }) }),
    new Map([...order].map((name) => [name, inventories.get(name) ?? emptyInventory])),
    ...idsToldBy(inventories, moved),
  )
}

const unheard: EngineStatus = { synced: false, away: false, remote: undefined }

/** Of networks, and of containers. */
function idsToldBy(facts: Inventories, names: readonly string[]): [string[], string[]] {
  const told = names.map((name) => facts.get(name) ?? emptyInventory)
  return [
    told.flatMap(({ networks }) => [...networks.keys()]),
    told.flatMap(({ containers }) => [...containers.keys()]),
  ]
}

/** The registry with these facts, which differ from those before in nothing but what has one of these ids. */
function withFacts(
  registry: Registry,
  inventories: Inventories,
  networkIds: readonly string[],
  containerIds: readonly string[],
): Registry {
  const { snapshot } = registry
  const networks = new Map<string, Network | undefined>()
  for (const id of networkIds) {
    const network = findFirst(inventories, 'networks', id)
    if (network !== snapshot.networks.get(id)?.network) networks.set(id, network)
  }
  const { turns, lodging: sharing } = turnsOf(registry, inventories, containerIds)
  if (networks.size + turns.size === 0) return nextRegistry(registry, { inventories, sharing })
  const { tables, waiting: orphans } = changedTables(registry, networks, turns)
  const containers = snapshot.containers.edit()
  const owners = snapshot.owners.edit()
  const isOurs = (engine: string | undefined) => isLocal(snapshot.engines, engine)
  for (const [id, { before, after }] of turns) {
    if (after === undefined) containers.delete(id)
    else containers.set(id, after)
    const [owned, owns] = [ownedBy(before, isOurs), ownedBy(after, isOurs)]
    for (const endpoint of owned) if (!owns.includes(endpoint)) own(owners, endpoint, removeFrom<Endpoint>)
    for (const endpoint of owns) if (!owned.includes(endpoint)) own(owners, endpoint, addEndpoint)
  }
  const all = changeTables(snapshot, tables, turns)
  const ours = (table: NetworkTable | undefined) => (isOurs(table?.network.engine) ? table : undefined)
  const moved = [...networks.keys()]
    .map((id) => [snapshot.networks.get(id), all.networks.get(id)] as const)
    .filter(([before, after]) => {
      const isSide = (ours(before) === undefined) === (ours(after) === undefined)
      return !isSide || !isAtSame(before?.network, after?.network)
    })
    .map(([before, after]) => [ours(before), ours(after)] as const)
  // Another one whatever has moved: by it, too, is told whether there are other networks.
  const subnets = moved.length > 0 ? snapshot.subnets.with(moved) : snapshot.subnets
  return nextRegistry(registry, {
    ...{ inventories, sharing, orphans },
    snapshot: nextSnapshot(snapshot, {
      ...{ ...all, subnets, containers: containers.done(), owners: owners.done() },
    }),
  })
}

/** What becomes of the containers of these ids, and of those that share with them. */
function turnsOf(registry: Registry, facts: Inventories, ids: readonly string[]) {
  const { containers } = registry.snapshot
  const turns = new Map<string, ContainerChange>()
  for (const id of ids) {
    const turn = { before: containers.get(id), after: findFirst(facts, 'containers', id) }
    if (turn.before !== turn.after) turns.set(id, turn)
  }
  const lodging = updateSharing(registry.sharing, turns)
  const containerOf = (id: string) => (turns.has(id) ? turns.get(id)!.after : containers.get(id))
  const placed = [...affectedSharers(lodging, turns, containerOf)].map((id): [string, ContainerChange] => {
    const before = containers.get(id)
    const told = findFirst(facts, 'containers', id)!
    return [id, { before, after: placeSharer(told, before, lodging, containerOf) }]
  })
  for (const [id, turn] of placed) {
    if (turn.before === turn.after) turns.delete(id)
    else turns.set(id, turn)
  }
  return { turns, lodging }
}

/** The tables of networks that are other ones, or have other members; undefined: the network is gone. */
function changedTables(
  { snapshot, orphans: waitingBefore }: Registry,
  networks: ReadonlyMap<string, Network | undefined>,
  turns: ReadonlyMap<string, ContainerChange>,
) {
  const members = new Map<string, Map<string, Container | undefined>>()
  const setMembers = (id: string, of: Container | undefined, container: Container | undefined) => {
    for (const { networkId } of of?.endpoints ?? []) {
      const known = members.get(networkId)
      if (known === undefined) members.set(networkId, new Map([[id, container]]))
      else known.set(id, container)
    }
  }
  for (const [id, { before, after }] of turns) {
    setMembers(id, before, undefined)
    setMembers(id, after, after)
  }
  const tables = new Map<string, NetworkTable | undefined>()
  const waiting = waitingBefore.edit()
  for (const id of new Set([...networks.keys(), ...members.keys()])) {
    const before = snapshot.networks.get(id)
    const network = networks.has(id) ? networks.get(id) : before?.network
    const changes: Members = members.get(id) ?? new Map()
    const there = before?.containers ?? waiting.get(id) ?? emptyMap
    if (network === undefined) {
      const left = withMembers(there, changes)
      if (left.size === 0) waiting.delete(id)
      else waiting.set(id, left)
      if (before !== undefined) tables.set(id, undefined)
    } else {
      waiting.delete(id)
      tables.set(
        id,
        before === undefined
          ? changeTable(emptyTable(network), network, new Map([...there, ...changes]), snapshot.engines)
          : changeTable(before, network, changes, snapshot.engines),
      )
    }
  }
  return { tables, waiting: waiting.done() }
}

function withMembers(before: PersistentMap<Container>, members: Members): PersistentMap<Container> {
  const edit = before.edit()
  for (const [id, container] of members) {
    if (container === undefined) edit.delete(id)
    else edit.set(id, container)
  }
  return edit.done()
}

/** Endpoints whose addresses are the container's own, if it is ours; a sharer's are its host's. */
function ownedBy(container: Container | undefined, isOurs: (engine: string) => boolean): readonly Endpoint[] {
  if (container === undefined || container.sharesNetworkOf !== undefined) return []
  return isOurs(container.engine) ? container.endpoints : []
}

function own(owners: MapEdit<readonly Endpoint[]>, endpoint: Endpoint, change: typeof addEndpoint): void {
  const alone = [endpoint] as const
  for (const address of [...endpoint.v4, ...endpoint.v6]) change(owners, address, alone)
}

/** Whether nothing that the subnets' index holds is other. */
function isAtSame(a: Network | undefined, b: Network | undefined): boolean {
  return isSame([a?.name, a?.subnets, a?.gateways], [b?.name, b?.subnets, b?.gateways])
}

function idsOf(told: readonly (readonly [id: string, unknown])[]): string[] {
  return told.map(([id]) => id)
}
