// Pure: Docker's inspect or list row of a network → the table's Network.
import { canonicalAddress, parseAddress, subnetContains } from '../../lib/ip.ts'
import { holds } from '../../registry/locality.ts'
import { gatewayBridge } from '../../registry/order.ts'
import type { Network } from '../../registry/types.ts'
import type { ApiNetwork } from '../api/types.ts'
import {
  type AssumedGateway,
  addressingOf,
  assumedGateways,
  isInhibited,
  type RejectedAddress,
} from './gateways.ts'

/** A network, and what the engine has left unsaid about its gateways. */
export interface InspectedNetwork {
  /** `gateways` are IPAM's. */
  readonly network: Network
  readonly assumed: readonly AssumedGateway[]
  /** What of its addressing is left out. */
  readonly refused: readonly RejectedAddress[]
}

/**
 * `raw` is a list's row or an inspect; only an inspect of docker_gwbridge has members. `supportsNoGateway`: the engine knows of
 * networks without a gateway (28 and later), on which a way out by the interface counts as one.
 */
export function networkFrom(raw: ApiNetwork, engine: string, supportsNoGateway = false): InspectedNetwork {
  const driver = raw.Driver ?? ''
  const { subnets, gateways, refused } = addressingOf(raw)
  const isLan = /^(mac|ip)vlan$/.test(driver)
  const isRouted = driver === 'ipvlan' && /^l3s?$/.test(raw.Options?.ipvlan_mode ?? '')
  const sealed = raw.Internal === true || (isLan && !raw.Options?.parent)
  return {
    network: {
      id: raw.Id,
      name: raw.Name,
      engine,
      driver,
      internal: raw.Internal === true,
      sealed,
      onLan: isLan && !isRouted,
      hasImplicitGateway: isLan && !sealed && (!isRouted || supportsNoGateway),
      ingress: raw.Ingress === true,
      hasResolver: !isDefaultBridge(raw),
      subnets,
      gateways,
      inhibited: isInhibited(raw),
      bridge: driver === 'bridge' && !isPodmans(raw) ? bridgeName(raw) : undefined,
      members: raw.Name === gatewayBridge ? membersOf(raw) : undefined,
    },
    assumed: assumedGateways(raw, supportsNoGateway),
    refused,
  }
}

/**
 * The network with all its gateways: IPAM's, those its running endpoints use, and for a subnet that has neither the one
 * Docker would have taken. None is an address that `isTaken` by a running container there.
 */
export function completeNetwork(
  { network, assumed }: InspectedNetwork,
  used: ReadonlySet<string>,
  isTaken: (address: string) => boolean = () => false,
): Network {
  const inside = [...used].filter((address) => holds(network, address))
  const guessed = assumed.filter(({ subnet }) => {
    return !inside.some((address) => subnetContains(subnet, parseAddress(address)!))
  })
  const all = new Set([...network.gateways, ...inside, ...guessed.map(({ likely }) => likely)])
  const gateways = [...all].filter((address) => !isTaken(address))
  const isSame =
    gateways.length === network.gateways.length && gateways.every((g, i) => g === network.gateways[i])
  return isSame ? network : { ...network, gateways }
}

/** Podman numbers its bridges (podman0, podman1 …), and its Docker-compatible API does not tell which is whose. */
function isPodmans({ IPAM }: ApiNetwork): boolean {
  return /^(host-local|dhcp|none)$/.test(IPAM?.Options?.driver ?? '')
}

/**
 * The network under the name that it has in lists: Podman calls its default network "bridge" there, as Docker does, and by
 * its own name ("podman") in an inspect. Docker lets no network be renamed, nor another be called "bridge".
 */
export function withListedName(raw: ApiNetwork, before: Network | undefined): ApiNetwork {
  return before?.name === defaultNetwork && raw.Name !== defaultNetwork
    ? { ...raw, Name: defaultNetwork }
    : raw
}

const defaultNetwork = 'bridge'

function bridgeName(raw: ApiNetwork): string {
  const named = raw.Options?.['com.docker.network.bridge.name']
  if (named !== undefined && named !== '') return named
  return isDefaultBridge(raw) ? 'docker0' : `br-${raw.Id.slice(0, 12)}`
}

/** Its name is reserved; of the option a list of some engines tells nothing. */
function isDefaultBridge({ Name, Driver, Options }: ApiNetwork): boolean {
  return (
    Driver === 'bridge' &&
    (Name === defaultNetwork || Options?.['com.docker.network.bridge.default_bridge'] === 'true')
  )
}

/** Where an inspect of a network says that a container is. */
export function memberAddresses(raw: ApiNetwork, containerId: string) {
  const member = raw.Containers?.[containerId]
  const v4 = canonicalAddress(member?.IPv4Address ?? '')
  const v6 = canonicalAddress(member?.IPv6Address ?? '')
  if (v4 === undefined && v6 === undefined) return undefined
  return { v4: v4 === undefined ? [] : [v4], v6: v6 === undefined ? [] : [v6] }
}

/** Keys that are no container's id ("ingress-sbox") are the engine's own. */
function membersOf(raw: ApiNetwork): ReadonlyMap<string, string> {
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
