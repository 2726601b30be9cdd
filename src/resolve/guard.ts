// What an upstream may not tell: addresses of Docker networks out of the asker's scope, and, with
// `forward.rebindProtection`, private addresses for public names.
import { someAddress } from '../dns/addresses.ts'
import { ede } from '../dns/edns.ts'
import { type Rcode, rcode } from '../dns/header.ts'
import { isWithin } from '../dns/name.ts'
import type { UpstreamReply } from '../dns/relay.ts'
import type { Route } from '../forward/types.ts'
import { carriedIPv4, isPrivate } from '../lib/ranges.ts'
import type { Snapshot } from '../registry/types.ts'
import type { Scope } from './scope.ts'

export interface GuardSettings {
  readonly rebindProtection: boolean
  /** Domains whose names may lead to private addresses; canonical. */
  readonly rebindAllow: readonly string[]
}

/** What goes to the asker in the reply's place; the upstream's records stay here. */
export interface Withheld {
  readonly cause: 'foreign' | 'rebinding'
  readonly rcode: Rcode
  readonly error: { readonly code: number }
  readonly rule: string
}

/** `name` is the question's, canonical; the route is the one it was sent by. */
export function withhold(
  settings: GuardSettings,
  snapshot: Snapshot,
  scope: Scope,
  name: string,
  route: Route,
  reply: UpstreamReply,
): Withheld | undefined {
  const mayBeForeign = scope.view !== 'host' && route.zone === undefined
  const mayRebind =
    settings.rebindProtection &&
    !route.explicit &&
    !settings.rebindAllow.some((domain) => isWithin(name, domain))
  if (!mayBeForeign && !mayRebind) return undefined
  let withheld: Withheld | undefined
  someAddress(reply, (address) => {
    if (mayBeForeign && isForeignAddress(snapshot, scope, address)) withheld = foreign
    else if (mayRebind && isPrivate(address)) withheld = rebinding
    return withheld !== undefined
  })
  return withheld
}

const foreign: Withheld = {
  ...{ cause: 'foreign', rcode: rcode.NXDOMAIN, error: { code: ede.blocked } },
  rule: 'its answer held an address of a Docker network out of scope',
}

/** NODATA, as dnsmasq has it: the name exists, and its other types are none the worse (RFC 8020). */
const rebinding: Withheld = {
  ...{ cause: 'rebinding', rcode: rcode.NOERROR, error: { code: ede.blocked } },
  rule: 'its answer held a private address (forward.rebindProtection)',
}

/** Whether an upstream answered with an address of any Docker network; such answers are not kept. */
export function holdsDockerAddress(snapshot: Snapshot, reply: UpstreamReply): boolean {
  return someAddress(reply, (address) => isDockerAddress(snapshot, address))
}

/** An address inside a Docker subnet that the asker's networks do not cover: nothing an upstream may tell it. */
function isForeignAddress(snapshot: Snapshot, { networks }: Scope, address: Uint8Array): boolean {
  if (!isDockerAddress(snapshot, address)) return false
  const carried = carriedIPv4(address)
  const holders = [address, ...(carried === undefined ? [] : [carried])].flatMap(snapshot.subnets.holding)
  return !networks.some(({ network }) => holders.includes(network.id))
}

/** A reply may have thousands of addresses. IPv6 that carries a Docker network's IPv4 counts. */
function isDockerAddress({ subnets }: Snapshot, address: Uint8Array): boolean {
  const carried = carriedIPv4(address)
  return subnets.contains(address) || (carried !== undefined && subnets.contains(carried))
}
