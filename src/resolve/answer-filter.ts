// The filter on upstreams' answers: withholds addresses of Docker networks out of the client's scope and, with
// `forward.rebindProtection`, private addresses and this machine's own for public names.
import { someAddress } from '../dns/addresses.ts'
import { ede } from '../dns/edns.ts'
import { type Rcode, rcode } from '../dns/header.ts'
import { namesAbove } from '../dns/name.ts'
import type { UpstreamReply } from '../dns/relay.ts'
import type { Route } from '../forward/types.ts'
import { formatAddress } from '../lib/ip.ts'
import { isPrivate, someCarried } from '../lib/ranges.ts'
import type { Snapshot } from '../registry/types.ts'
import type { Scope } from '../scope/scope.ts'

export interface FilterSettings {
  readonly rebindProtection: boolean
  /** Domains whose names may lead to private addresses; canonical. */
  readonly rebindAllow: ReadonlySet<string>
  /** Canonical addresses of this namespace, public ones too: a public name must not lead to what listens here. */
  readonly own: () => ReadonlySet<string>
}

/** What the client gets in place of the upstream's records. */
export interface Withheld {
  readonly cause: 'foreign' | 'rebinding'
  readonly rcode: Rcode
  readonly error: { readonly code: number }
  readonly rule: string
}

/** undefined: the answer passes. `name` is the question's, canonical; `route` is the way that it was forwarded. */
export function withhold(
  settings: FilterSettings,
  snapshot: Snapshot,
  scope: Scope,
  name: string,
  route: Route,
  reply: UpstreamReply,
): Withheld | undefined {
  const mayBeForeign = scope.view !== 'host' && route.zone === undefined
  const mayRebind = settings.rebindProtection && !route.explicit && !isAllowed(settings.rebindAllow, name)
  if (!mayBeForeign && !mayRebind) return undefined
  const own = settings.own()
  const isOwn = (address: Uint8Array) => own.has(formatAddress(address))
  const isForeign = foreignTo(snapshot, scope)
  let withheld: Withheld | undefined
  someAddress(reply, (address) => {
    if (mayBeForeign && (isForeign(address) || someCarried(address, isForeign))) withheld = foreign
    else if (mayRebind && (isPrivate(address) || isOwn(address) || someCarried(address, isOwn))) {
      withheld = rebinding
    }
    return withheld !== undefined
  })
  return withheld
}

const foreign: Withheld = {
  ...{ cause: 'foreign', rcode: rcode.NXDOMAIN, error: { code: ede.blocked } },
  rule: 'its answer held an address of a Docker network out of scope',
}

/** NODATA, as in dnsmasq: the name exists, and its other types stay usable (RFC 8020). */
const rebinding: Withheld = {
  ...{ cause: 'rebinding', rcode: rcode.NOERROR, error: { code: ede.blocked } },
  rule: 'its answer held a private address, or one of this machine (forward.rebindProtection)',
}

function isAllowed(domains: ReadonlySet<string>, name: string): boolean {
  if (domains.size === 0) return false
  if (domains.has(name)) return true
  for (const above of namesAbove(name)) if (domains.has(above)) return true
  return false
}

/** Whether an upstream answered with an address of any Docker network; such answers are not cached. */
export function holdsDockerAddress(snapshot: Snapshot, reply: UpstreamReply): boolean {
  return someAddress(reply, (address) => isDockerAddress(snapshot, address))
}

/**
 * Whether an address is inside a Docker subnet that none of the client's networks covers. An address that carries another
 * (6to4, NAT64 …) has to be tested as both: that one is the client's own does not excuse the other.
 */
function foreignTo({ subnets }: Snapshot, { networks }: Scope): (address: Uint8Array) => boolean {
  return (address) => {
    if (!subnets.contains(address)) return false
    const holders = subnets.holding(address)
    return !networks.some(({ network }) => holders.includes(network.id))
  }
}

/** Cheap, since a reply may have thousands of addresses. IPv6 that carries a Docker network's IPv4 counts. */
function isDockerAddress({ subnets }: Snapshot, address: Uint8Array): boolean {
  return subnets.contains(address) || someCarried(address, subnets.contains)
}
