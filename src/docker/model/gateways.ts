// Pure: a network's gateways: those that the engine reports, else the ones that Docker assigns by default, except in
// families without a gateway, and never an address that a container has.
import {
  canonicalAddress,
  firstAddress,
  formatAddress,
  parseAddress,
  parseSubnet,
  type Subnet,
  subnetContains,
} from '../../lib/ip.ts'
import type { ApiIpam, ApiNetwork } from '../api/types.ts'
import { isAtLeast } from '../api/versions.ts'

/** A bridge network's subnet without a gateway in IPAM: Docker has taken one and does not show it. */
export interface AssumedGateway {
  readonly subnet: Subnet
  readonly likely: string
}

/** A subnet or a gateway that is not taken from an engine, and why, in a few words. */
export interface RejectedAddress {
  readonly what: string
  readonly why: string
}

/** Shorter ones are no network of containers, and would be everybody's addresses; by family. */
const shortest = { 4: 8, 6: 32 } as const

/** IPAM's subnets and gateways, as far as they can be; each gateway belongs to the subnet that it stands beside. */
export function addressingOf(raw: ApiNetwork): {
  subnets: Subnet[]
  gateways: string[]
  refused: RejectedAddress[]
} {
  const subnets: Subnet[] = []
  const gateways = new Set<string>()
  const refused: RejectedAddress[] = []
  for (const { Subnet: text = '', Gateway = '' } of raw.IPAM?.Config ?? []) {
    const subnet = parseSubnet(text)
    const gateway = canonicalAddress(Gateway)
    const isShort = subnet !== undefined && subnet.prefix < shortest[subnet.family]
    if (isShort) {
      refused.push({ what: `subnet ${subnet.text}`, why: `shorter than /${shortest[subnet.family]}` })
    } else if (subnet !== undefined) subnets.push(subnet)
    if (gateway === undefined || isShort) continue
    if (subnet !== undefined && subnetContains(subnet, parseAddress(gateway)!)) gateways.add(gateway)
    else
      refused.push({ what: `gateway ${gateway}`, why: `outside of its subnet ${subnet?.text ?? '(none)'}` })
  }
  return { subnets, gateways: [...gateways], refused }
}

/**
 * Whether a bridge network may have no gateway in a family. Engines before 28 (API 1.48) do not know of such a thing, and
 * ignore the options.
 */
export function supportsNoGateway(apiVersion: string | undefined): boolean {
  return isAtLeast(apiVersion, '1.48')
}

/** What Docker has most likely taken. `noGatewayAllowed`: see supportsNoGateway. */
export function assumedGateways(raw: ApiNetwork, noGatewayAllowed: boolean): AssumedGateway[] {
  if (raw.Driver !== 'bridge') return []
  return (raw.IPAM?.Config ?? []).flatMap((config) => {
    const unsaid = unsaidGateway(config)
    if (unsaid === undefined || unsaid.subnet.prefix < shortest[unsaid.subnet.family]) return []
    return noGatewayAllowed && hasNone(raw, unsaid.subnet.family) ? [] : [unsaid]
  })
}

const bridgeOption = 'com.docker.network.bridge'

/** With a way out the bridge may lack the address too (inhibit_ipv4), but then somebody else is the gateway there. */
function hasNone(raw: ApiNetwork, family: 4 | 6): boolean {
  if (raw.Internal !== true) return false
  if (raw.Options?.[`${bridgeOption}.gateway_mode_ipv${family}`] === 'isolated') return true
  return family === 4 && isInhibited(raw)
}

/** Whether Docker gives the bridge no IPv4 address. */
export function isInhibited({ Driver, Options }: ApiNetwork): boolean {
  // As Go reads a truth value.
  return Driver === 'bridge' && /^(1|t|true)$/i.test(Options?.[`${bridgeOption}.inhibit_ipv4`] ?? '')
}

/** Docker takes the first free address of the range, which is the range's own first unless the subnet's. */
function unsaidGateway(config: ApiIpam): AssumedGateway | undefined {
  const subnet = parseSubnet(config.Subnet ?? '')
  if (subnet === undefined || (config.Gateway ?? '') !== '') return undefined
  const range = parseSubnet(config.IPRange ?? '')
  const inside = range !== undefined && !range.bytes.every((byte, i) => byte === subnet.bytes[i])
  return { subnet, likely: inside ? formatAddress(range.bytes) : firstAddress(subnet) }
}
