// Pure: what Docker tells of a network → the table's Network.
import {
  canonicalAddress,
  firstAddress,
  formatAddress,
  parseAddress,
  parseSubnet,
  type Subnet,
  subnetContains,
} from '../lib/ip.ts'
import { gatewayBridge } from '../registry/order.ts'
import type { Network } from '../registry/types.ts'
import type { RawIpam, RawNetwork } from './raw.ts'

/** A network, and what the engine has left unsaid about its gateways. */
export interface ToldNetwork {
  /** `gateways` are IPAM's. */
  readonly network: Network
  /** Bridge networks' subnets without a gateway in IPAM: Docker has taken one and does not show it (API < 1.52). */
  readonly unsaid: readonly { readonly subnet: Subnet; readonly likely: string }[]
}

/** `raw` is a list's row or an inspect; only an inspect of docker_gwbridge has members. */
export function networkFrom(raw: RawNetwork, engine: string): ToldNetwork {
  const driver = raw.Driver ?? ''
  const configs = raw.IPAM?.Config ?? []
  const gateways = configs.flatMap(({ Gateway }) => canonicalAddress(Gateway ?? '') ?? [])
  return {
    network: {
      id: raw.Id,
      name: raw.Name,
      engine,
      driver,
      internal: raw.Internal === true,
      sealed: raw.Internal === true || (/^(mac|ip)vlan$/.test(driver) && !raw.Options?.parent),
      ingress: raw.Ingress === true,
      hasResolver: !isDefaultBridge(raw),
      subnets: configs.flatMap(({ Subnet }) => parseSubnet(Subnet ?? '') ?? []),
      gateways: [...new Set(gateways)],
      bridge: driver === 'bridge' ? bridgeName(raw) : undefined,
      members: raw.Name === gatewayBridge ? membersOf(raw) : undefined,
    },
    unsaid: driver === 'bridge' ? configs.flatMap((config) => unsaidGateway(config) ?? []) : [],
  }
}

/**
 * The network with all its gateways: IPAM's, those its running endpoints use, and for a subnet that has
 * neither the one Docker would have taken.
 */
export function completeNetwork({ network, unsaid }: ToldNetwork, used: ReadonlySet<string>): Network {
  const guessed = unsaid.filter(({ subnet }) => {
    return ![...used].some((address) => subnetContains(subnet, parseAddress(address)!))
  })
  const gateways = new Set([...network.gateways, ...used, ...guessed.map(({ likely }) => likely)])
  if (gateways.size === network.gateways.length) return network
  return { ...network, gateways: [...gateways] }
}

function bridgeName(raw: RawNetwork): string {
  const named = raw.Options?.['com.docker.network.bridge.name']
  if (named !== undefined && named !== '') return named
  return isDefaultBridge(raw) ? 'docker0' : `br-${raw.Id.slice(0, 12)}`
}

/** Its name is reserved; of the option a list of some engines tells nothing. */
function isDefaultBridge({ Name, Driver, Options }: RawNetwork): boolean {
  return (
    Driver === 'bridge' &&
    (Name === 'bridge' || Options?.['com.docker.network.bridge.default_bridge'] === 'true')
  )
}

/** Where an inspect of a network says that a container is. */
export function memberPlace(raw: RawNetwork, containerId: string) {
  const member = raw.Containers?.[containerId]
  const v4 = canonicalAddress(member?.IPv4Address ?? '')
  const v6 = canonicalAddress(member?.IPv6Address ?? '')
  if (v4 === undefined && v6 === undefined) return undefined
  return { v4: v4 === undefined ? [] : [v4], v6: v6 === undefined ? [] : [v6] }
}

/** Keys that are no container's id ("ingress-sbox") are the engine's own. */
function membersOf(raw: RawNetwork): ReadonlyMap<string, string> {
  const members = new Map<string, string>()
  for (const [id, member] of Object.entries(raw.Containers ?? {})) {
    if (!/^[0-9a-f]{64}$/.test(id)) continue
    for (const text of [member.IPv4Address, member.IPv6Address]) {
      const address = canonicalAddress(text ?? '')
      if (address !== undefined) members.set(address, id)
    }
  }
  return members
}

/** Docker takes the first free address of the range, which is the range's own first unless the subnet's. */
function unsaidGateway(config: RawIpam) {
  const subnet = parseSubnet(config.Subnet ?? '')
  if (subnet === undefined || (config.Gateway ?? '') !== '') return undefined
  const range = parseSubnet(config.IPRange ?? '')
  const inside = range !== undefined && !range.bytes.every((byte, i) => byte === subnet.bytes[i])
  return { subnet, likely: inside ? formatAddress(range.bytes) : firstAddress(subnet) }
}
