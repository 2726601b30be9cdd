// Who may see what: the only place that decides it. In: a question's source address and the address it was sent to; out:
// the set of networks it may be answered from. The rows are those of the scope table in ARCHITECTURE.md, in its order.
import { isLinkLocal, isLoopback, type LocalAddresses } from '../lib/interfaces.ts'
import { canonicalAddress, parseAddress, type Subnet, subnetContains } from '../lib/ip.ts'
import { awaitsLocal, isLocal } from '../registry/locality.ts'
import type { Links } from '../registry/lookup.ts'
import { gatewayBridge, isGatewayBridge, type Placed, placesOf } from '../registry/order.ts'
import type { NetworkTable, Snapshot } from '../registry/types.ts'

/** The row that decided. */
export type ScopeRule =
  | 'host'
  | 'starting'
  | 'gateway'
  | 'container'
  | 'shared address'
  | 'subnet'
  | 'allowed'
  | 'stranger'

export interface Scope {
  /**
   * host: every network, under the host view's rules; networks: those in `networks`; forwarding: no names, only
   * forwarding; starting: no engine has been read yet; nobody: REFUSED.
   */
  readonly view: 'host' | 'networks' | 'forwarding' | 'starting' | 'nobody'
  /** In Docker's order; for the host view all of them. */
  readonly networks: readonly NetworkTable[]
  readonly forwards: boolean
  /** An engine that may have the name has not been read yet: a name that is not found may still exist. */
  readonly incomplete: boolean
  readonly rule: ScopeRule
  readonly containerId: string | undefined
  /** The asking container's own links, by network. */
  readonly links: Links | undefined
  /**
   * The wider scope from before the asker's engine went out of reach: the asker may be the same, or the address may have a
   * new owner. Nothing is answered from it, and its names are not denied. undefined: the scope is not narrower now.
   */
  readonly former: Scope | undefined
}

export interface ScopeSettings {
  readonly gateway: 'refuse' | 'network' | 'host'
  readonly allow: readonly Subnet[]
}

/** A question's two addresses, and everything else that the rows look at. */
interface Asking {
  readonly snapshot: Snapshot
  readonly addresses: LocalAddresses
  readonly settings: ScopeSettings
  /** As the socket has it: a link-local one with its zone ("fe80::1%br-0123456789ab"). */
  readonly asker: string
  /** Canonical, without zone. */
  readonly address: string
  /** The address it was sent to, canonical. */
  readonly here: string
  /** A local engine has not been read yet: the asker may be one of its containers. */
  readonly awaitsLocal: boolean
  /** No engine has been read, local or remote. */
  readonly starting: boolean
}

/** A scope before it is known whether the table is complete. */
type Decided = Omit<Scope, 'incomplete' | 'former'>

/** `former`: the row would decide if an engine were not out of reach; later rows decide instead. */
type Row = (asking: Asking) => Decided | { readonly former: Decided } | undefined

/** The first row that decides wins. An asker that no row knows is a stranger. */
export const scopeTable: Readonly<Record<string, Row>> = {
  host({ snapshot, addresses, address, starting }) {
    if (!isLoopback(address) && !addresses.own.has(address)) return undefined
    return starting ? scope('starting', 'starting', [], true) : hostView(snapshot, 'host')
  },

  // From here on only local engines identify an asker: `subnets` and `owners` hold nothing else. An overlay address on
  // another engine counts as an unknown address in that overlay's subnet.
  gateway({ snapshot, settings, address, here }) {
    const behind = tablesOf(snapshot, snapshot.subnets.behind(address))
    if (behind.length === 0) return undefined
    // A container of another network may have the address too: unless the listening address decides, neither counts.
    const held = (snapshot.owners.get(address) ?? []).map(({ networkId }) => networkId)
    const decided = decideByListener([...behind, ...tablesOf(snapshot, held)], here)
    if (!decided.some((table) => behind.includes(table))) return undefined
    if (settings.gateway === 'host' && decided.every((table) => behind.includes(table))) {
      return hostView(snapshot, 'gateway')
    }
    const networks = settings.gateway === 'network' ? decided : []
    return networks.length === 1
      ? scope('networks', 'gateway', networks, false)
      : scope('nobody', 'gateway', [], false)
  },

  container({ snapshot, address, here }) {
    const ids = findContainers(snapshot, address, here)
    if (ids.length === 0) return undefined
    const decided = viewOf(snapshot, ids)
    // While the engine is out of reach the address may get a new owner: only the subnet is certain.
    return ids.some((id) => isAway(snapshot, id)) ? { former: decided } : decided
  },

  subnet({ snapshot, addresses, asker, address, here }) {
    const subnets = findSubnets(snapshot, addresses, asker, address)
    if (subnets.length === 0) return undefined
    const networks = decideByListener(subnets, here)
    if (networks.length === 1) return scope('networks', 'subnet', networks, mayForward(networks))
    const forwards = subnets.every((table) => mayForward([table]))
    return scope('networks', 'shared address', [], forwards)
  },

  starting({ addresses, asker, address, awaitsLocal }) {
    const bytes = awaitsLocal ? parseAddress(address) : undefined
    return bytes !== undefined && isAttached(addresses, asker, bytes)
      ? scope('starting', 'starting', [], true)
      : undefined
  },

  allowed({ settings, address }) {
    const bytes = parseAddress(address)
    return bytes !== undefined && settings.allow.some((subnet) => subnetContains(subnet, bytes))
      ? scope('forwarding', 'allowed', [], true)
      : undefined
  },
}

/** `asker` and `local` as the socket has them. */
export function scopeOf(
  snapshot: Snapshot,
  addresses: LocalAddresses,
  settings: ScopeSettings,
  asker: string,
  local: string,
  rows: Readonly<Record<string, Row>> = scopeTable,
): Scope {
  const { engines } = snapshot
  const asking: Asking = {
    ...{ snapshot, addresses, settings, asker },
    address: canonicalAddress(asker) ?? asker,
    here: canonicalAddress(local) ?? local,
    awaitsLocal: awaitsLocal(engines),
    starting: engines.size > 0 && [...engines.values()].every((engine) => !engine.synced),
  }
  let former: Scope | undefined
  for (const row of Object.values(rows)) {
    const decided = row(asking)
    if (decided === undefined) continue
    if ('former' in decided) former = finish(decided.former, isIncomplete(snapshot, decided.former))
    else return finish(decided, isIncomplete(snapshot, decided), former)
  }
  return finish(scope('nobody', 'stranger', [], false), asking.awaitsLocal, former)
}

function finish(decided: Decided, incomplete: boolean, former?: Scope): Scope {
  const isLess = former !== undefined && hasMore(former, decided)
  return scopeWith(decided, decided.networks, incomplete, isLess ? former : undefined)
}

/** Whether a name may mean something in `former` that it does not mean in `now`. */
function hasMore({ networks, links }: Scope, now: Decided): boolean {
  return (links !== undefined && links.size > 0) || networks.some((table) => !now.networks.includes(table))
}

/**
 * The scope in a later snapshot, if nothing has changed but its networks' members: not the one container with the address,
 * nor anything that earlier rows look at. The same object if no member changed either. undefined: work it out anew. The
 * local addresses must be the same, and the question's two.
 */
export function renewScope(
  scope: Scope,
  address: string,
  before: Snapshot,
  now: Snapshot,
): Scope | undefined {
  const { rule, networks, containerId } = scope
  if (rule !== 'container') return undefined
  if (before.subnets !== now.subnets || before.engines !== now.engines) return undefined
  if (now.networksByName.has(gatewayBridge)) return undefined
  if (now.owners.get(address)?.length !== 1 || now.subnets.behind(address).length > 0) return undefined
  if (now.containers.get(containerId!) !== before.containers.get(containerId!)) return undefined
  let isSame = true
  for (const table of networks) {
    const there = now.networks.get(table.network.id)
    if (there?.network !== table.network) return undefined
    isSame &&= there === table
  }
  if (isSame) return scope
  const renewed = networks.map(({ network }) => now.networks.get(network.id)!)
  return scopeWith(scope, renewed, scope.incomplete, undefined)
}

/**
 * Whether an engine that is still to be read may add names: a remote one only to the host view and to a Swarm's networks.
 * And the asking container may be on a network that has not been read.
 */
function isIncomplete(snapshot: Snapshot, { view, networks, containerId }: Decided): boolean {
  const { engines } = snapshot
  const seesRemote =
    view === 'host' || view === 'starting' || networks.some(({ network }) => network.driver === 'overlay')
  return (
    awaitsLocal(engines) ||
    (seesRemote && [...engines.values()].some(({ synced }) => !synced)) ||
    isOnUnread(snapshot, containerId)
  )
}

/** Its network is new, or the engine does not list it: it exists, and its members are unknown. */
function isOnUnread({ containers, networks }: Snapshot, containerId: string | undefined): boolean {
  const container = containerId === undefined ? undefined : containers.get(containerId)
  return (
    container?.endpoints.some(
      ({ networkId, v4, v6 }) => v4.length + v6.length > 0 && !networks.has(networkId),
    ) ?? false
  )
}

/** All scopes are made here, so that V8 sees one shape. */
function scopeWith(
  { view, rule, forwards, containerId, links }: Decided,
  networks: readonly NetworkTable[],
  incomplete: boolean,
  former: Scope | undefined,
): Scope {
  return { view, networks, forwards, incomplete, rule, containerId, links, former }
}

function scope(
  view: Scope['view'],
  rule: ScopeRule,
  networks: readonly NetworkTable[],
  forwards: boolean,
  containerId?: string,
  links?: Links,
): Decided {
  return { view, rule, networks, forwards, containerId, links }
}

function hostView(snapshot: Snapshot, rule: ScopeRule): Decided {
  return scope('host', rule, snapshot.tables, true)
}

/** A network without a way out for packets has none for questions (CVE-2024-29018). */
function mayForward(networks: readonly NetworkTable[]): boolean {
  return networks.some((table) => !table.network.sealed)
}

function tablesOf(snapshot: Snapshot, ids: readonly string[]): NetworkTable[] {
  return ids.flatMap((id) => snapshot.networks.get(id) ?? [])
}

/** Every engine may list any network, and has its own docker_gwbridge: only local ones count here. */
function isOurs({ engines }: Snapshot, { network }: NetworkTable): boolean {
  return isLocal(engines, network.engine)
}

/** What the containers with the asker's address see. */
function viewOf(snapshot: Snapshot, ids: readonly string[]): Decided {
  const [id, ...others] = ids as [string, ...string[]]
  if (others.length === 0) {
    const places = localPlaces(snapshot, id)
    const networks = places.map(({ table }) => table)
    const linking = places.filter(({ endpoint }) => endpoint.links.size > 0)
    const links = new Map(linking.map(({ endpoint }) => [endpoint.networkId, endpoint.links]))
    const forwards = mayForward(networks) || isOnUnread(snapshot, id)
    return scope('networks', 'container', networks, forwards, id, links)
  }
  // Several containers have this address and cannot be told apart: only what each of them may see.
  const views = ids.map((each) => localPlaces(snapshot, each).map(({ table }) => table))
  const common = views[0]!.filter((table) => views.every((view) => view.includes(table)))
  return scope('networks', 'shared address', common, views.every(mayForward))
}

function isAway({ engines, containers }: Snapshot, containerId: string): boolean {
  return engines.get(containers.get(containerId)?.engine ?? '')?.away ?? false
}

function localPlaces(snapshot: Snapshot, containerId: string): Placed[] {
  return placesOf(snapshot, containerId).filter(({ table }) => isOurs(snapshot, table))
}

/** Of networks that share the asker's address, those that the listening address belongs to, if any. */
function decideByListener(candidates: readonly NetworkTable[], here: string): readonly NetworkTable[] {
  if (candidates.length < 2) return candidates
  const owning = candidates.filter(
    ({ network, owners }) => network.gateways.includes(here) || owners.has(here),
  )
  return owning.length > 0 ? owning : candidates
}

/** Ids of the containers that have this address. Members of docker_gwbridge are askers on overlay networks. */
function findContainers(snapshot: Snapshot, address: string, here: string): string[] {
  const found: { table: NetworkTable | undefined; id: string }[] = []
  for (const endpoint of snapshot.owners.get(address) ?? []) {
    const table = snapshot.networks.get(endpoint.networkId)
    if (table === undefined || isOurs(snapshot, table)) found.push({ table, id: endpoint.containerId })
  }
  for (const table of snapshot.networksByName.get(gatewayBridge) ?? []) {
    const isBridge = isGatewayBridge(table.network) && isOurs(snapshot, table)
    const id = isBridge ? table.network.members?.get(address) : undefined
    if (isLocal(snapshot.engines, snapshot.containers.get(id ?? '')?.engine)) found.push({ table, id: id! })
  }
  // A network that has not been read may own the listening address too.
  const tables = [...new Set(found.flatMap(({ table }) => table ?? []))]
  const isSure = found.every(({ table }) => table !== undefined)
  const decided = isSure ? decideByListener(tables, here) : tables
  const isMeant = (table: NetworkTable | undefined) => table === undefined || decided.includes(table)
  return [...new Set(found.filter(({ table }) => isMeant(table)).map(({ id }) => id))]
}

/** Networks whose subnet holds the address, or on whose bridge it is link-local. */
function findSubnets(
  snapshot: Snapshot,
  addresses: LocalAddresses,
  asker: string,
  address: string,
): NetworkTable[] {
  if (isLinkLocal(address)) {
    const zone = asker.split('%')[1]
    const ours = addresses.all.filter((local) => local.interface === zone)
    return snapshot.tables.filter(
      (table) =>
        zone !== undefined &&
        isOurs(snapshot, table) &&
        (table.network.bridge === zone ||
          table.network.subnets.some((subnet) =>
            ours.some((local) => subnetContains(subnet, parseAddress(local.address)!)),
          )),
    )
  }
  const bytes = parseAddress(address)
  if (bytes === undefined) return []
  return tablesOf(snapshot, snapshot.subnets.holding(bytes))
}

function isAttached(addresses: LocalAddresses, asker: string, bytes: Uint8Array): boolean {
  const zone = asker.split('%')[1]
  return addresses.all.some(
    (local) => subnetContains(local.subnet, bytes) && (zone === undefined || zone === local.interface),
  )
}
