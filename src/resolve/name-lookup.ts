// What a name means to this asker: where it is, who has it, and what of that is to be told.
import { encodeName, isBelow, isWithin, namesAbove } from '../dns/name.ts'
import { literalName } from '../dns/told.ts'
import { findForHost } from '../registry/host.ts'
import {
  type Family,
  type Found,
  findAsDocker,
  findBeyondDocker,
  findLabelled,
  findName,
  isNowhere,
  noLinks,
} from '../registry/lookup.ts'
import type { Placed } from '../registry/order.ts'
import type { Endpoint, NetworkTable } from '../registry/types.ts'
import type { Scope } from '../scope/scope.ts'
import type { Context } from './decision.ts'
import { mayBeLabelled } from './labelled.ts'
import { podmanName } from './podman.ts'

/** Found, or there but meaning several things (the host view only). */
export type Meaning = Found | { readonly ambiguous: readonly Placed[] }

/** Whether a name has no meaning on the asker's networks, of whatever kind: cheap to find out, and true of most. */
export function isForeign({ view, networks, links = noLinks }: Scope, zone: string, name: string): boolean {
  if (view !== 'networks' || links.size > 0 || isWithin(name, zone)) return false
  return podmanName(name) === undefined && isNowhere(networks, name)
}

/** The part before our zone, or before Podman's search domain; undefined for a name that is below neither. */
export function innerName(context: Context, name: string): string | undefined {
  const { zone } = context
  return isBelow(name, zone) ? name.slice(0, -zone.length - 1) : podmanName(name)
}

/** What Docker's own resolver would find: aliases under our zone, `host.docker.internal` among them, are names too. */
export function findLiterally({ scope }: Context, name: string, family?: Family): Meaning | undefined {
  if (scope.view !== 'networks') return undefined
  return findAsDocker(scope.networks, name, scope.links ?? noLinks, family)
}

/**
 * Whether a stub's search list may have made the name of one that the asker knows, and would go on to: musl's search ends
 * where a name has no data (NODATA), and goes on where there is no such name (NXDOMAIN).
 */
export function mayBeSearch(context: Context, name: string): boolean {
  for (const above of namesAbove(name)) {
    if (findMeaning(context, name.slice(0, -above.length - 1)) !== undefined) return true
  }
  return false
}

export function findMeaning(context: Context, name: string, family?: Family): Meaning | undefined {
  return findLiterally(context, name, family) ?? findOtherwise(context, name, family)
}

/** What a name means that Docker's own resolver would not find; by label only where it means nothing else. */
export function findOtherwise(context: Context, name: string, family?: Family): Meaning | undefined {
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
  found: Meaning | undefined,
): Meaning | undefined {
  return found !== undefined && mayBeLabelled(context, name, inner !== undefined) ? found : undefined
}

/** Unhealthy containers step back behind others of the name (`prefer`), or always (`require`); starting ones never do. */
export function usable({ health }: Context, { table, endpoints }: Found): readonly Endpoint[] {
  if (health === 'ignore') return endpoints
  const healthOf = (endpoint: Endpoint) => table.containers.get(endpoint.containerId)?.health
  const good = endpoints.filter((endpoint) => healthOf(endpoint) !== 'unhealthy')
  if (health === 'require') return good.filter((endpoint) => healthOf(endpoint) !== 'starting')
  return good.length > 0 ? good : endpoints
}

/** Records of one set have one TTL (RFC 2181, 5.2): the least that any of the containers asks for. */
export function ttlOf({ ttl }: Context, { table, endpoints }: Found): number {
  const told = endpoints.map(({ containerId }) => table.containers.get(containerId)?.settings.ttl ?? ttl)
  return told.length === 0 ? ttl : Math.min(...told)
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

/** The same by the first of its names that can be asked for, for the wire. */
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
