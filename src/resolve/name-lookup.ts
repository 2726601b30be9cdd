// Name lookup for one asker: the network a name is found on, the containers that have it, and which of them to answer with.
import { encodeName, isBelow, namesAbove } from '../dns/name.ts'
import { literalName } from '../dns/told.ts'
import { isDiscoveryName, reservedDomain } from '../registry/granting.ts'
import { findForHost } from '../registry/host.ts'
import {
  type Family,
  type Found,
  findAsDocker,
  findBeyondDocker,
  findLabelled,
  findName,
  noLinks,
} from '../registry/lookup.ts'
import type { Placed } from '../registry/order.ts'
import type { Endpoint, NetworkTable } from '../registry/types.ts'
import type { Context } from './context.ts'
import { findLocalOnly, hostParts } from './local-only.ts'
import { podmanName } from './podman.ts'

/** Found, or ambiguous (in the host view only). */
export type NameMatch = Found | { readonly ambiguous: readonly Placed[] }

/** The part before our zone, or before Podman's search domain; undefined for a name that is below neither. */
export function innerName(context: Context, name: string): string | undefined {
  const { zone } = context
  return isBelow(name, zone) ? name.slice(0, -zone.length - 1) : podmanName(name)
}

/** What Docker's own resolver would find: an alias may well lie under our zone, as `host.docker.internal` does. */
export function matchAsDocker({ scope }: Context, name: string, family?: Family): NameMatch | undefined {
  if (scope.view !== 'networks') return undefined
  return findAsDocker(scope.networks, name, scope.links ?? noLinks, family)
}

/**
 * Whether a stub's search list may have made the name from one that the asker knows and would try next: musl's search ends
 * at NODATA and goes on at NXDOMAIN.
 */
export function mayBeSearch(context: Context, name: string): boolean {
  for (const above of namesAbove(name)) {
    if (matchName(context, name.slice(0, -above.length - 1)) !== undefined) return true
  }
  return false
}

export function matchName(context: Context, name: string, family?: Family): NameMatch | undefined {
  return matchAsDocker(context, name, family) ?? matchBeyondDocker(context, name, family)
}

/** What Docker's own resolver would not find; by label only if the name means nothing else. */
export function matchBeyondDocker(context: Context, name: string, family?: Family): NameMatch | undefined {
  const { view, networks, links } = context.scope
  const inner = innerName(context, name)
  const asked = inner ?? name
  if (view === 'networks') {
    const find = inner === undefined ? findBeyondDocker : findName
    return (
      find(networks, asked, links, family) ??
      ifGranted(context, asked, inner, findLabelled(networks, asked, links, family))
    )
  }
  // The host is on none of the networks: dotted names without the zone are not its names.
  if (view !== 'host' || (inner === undefined && name.includes('.'))) return undefined
  const isGranted = (each: string) => mayBeLabelled(context, each, inner !== undefined)
  const whole = inner === undefined ? undefined : name
  return findForHost(context.whole(), asked, { family, whole, isGranted })
}

function ifGranted(
  context: Context,
  name: string,
  inner: string | undefined,
  found: NameMatch | undefined,
): NameMatch | undefined {
  return found !== undefined && mayBeLabelled(context, name, inner !== undefined) ? found : undefined
}

/**
 * Whether a label may grant the name: it means nothing else anywhere. `name` is canonical, without our zone, `isBelowZone` if it was asked for there: no public name is meant then. A wildcard
 * may stand above any name, so it is the name asked for that counts.
 */
export function mayBeLabelled(context: Context, name: string, isBelowZone: boolean): boolean {
  return hostParts(name).every((owner) => {
    if (isDiscoveryName(owner) || reservedDomain(owner) !== undefined) return false
    const kept = findLocalOnly(context, owner, true, isBelowZone)
    return kept === undefined || kept === 'above'
  })
}

/** Leaves out unhealthy containers if others share the name (`prefer`), or always (`require`, starting ones too). */
export function usable({ health }: Context, { table, endpoints }: Found): readonly Endpoint[] {
  if (health === 'ignore') return endpoints
  const healthOf = (endpoint: Endpoint) => table.containers.get(endpoint.containerId)?.health
  const good = endpoints.filter((endpoint) => healthOf(endpoint) !== 'unhealthy')
  if (health === 'require') return good.filter((endpoint) => healthOf(endpoint) !== 'starting')
  return good.length > 0 ? good : endpoints
}

/** Records of one set have one TTL (RFC 2181, 5.2): the least of the containers'. */
export function ttlOf({ ttl }: Context, { table, endpoints }: Found): number {
  const ttls = endpoints.map(({ containerId }) => table.containers.get(containerId)?.settings.ttl ?? ttl)
  return ttls.length === 0 ? ttl : Math.min(...ttls)
}

/** NAME.NETWORK of an endpoint, under our zone where `underZone`. */
export function qualifiedName(
  context: Context,
  endpoint: Endpoint,
  table: NetworkTable,
  underZone: boolean,
  name = endpoint.names[0],
): string {
  return `${name}.${table.network.name}${underZone ? `.${context.zone}` : ''}`
}

/** The same by the first of its names that DNS can carry. */
export function qualifiedOwner(
  context: Context,
  endpoint: Endpoint,
  table: NetworkTable,
  underZone: boolean,
): string | undefined {
  return endpoint.names
    .filter((name) => literalName(name) !== undefined)
    .map((name) => qualifiedName(context, endpoint, table, underZone, name))
    .find((name) => encodeName(name) !== undefined)
}
