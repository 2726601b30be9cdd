// Counts the gateways and addresses that containers use on each network: an address in use is no gateway.
import { isSame } from '../../lib/deep-equal.ts'
import type { InspectedContainer } from './container.ts'

export interface AddressUse {
  /** Takes back what the container used before, and counts what it uses now; whether its gateways are others. */
  follow(before: InspectedContainer | undefined, now: InspectedContainer | undefined): boolean
  /** Gateways that running containers use on a network; in an order that does not depend on who told first. */
  gateways(networkId: string): ReadonlySet<string>
  /** Whether a container has the address on the network. */
  isTaken(networkId: string, address: string): boolean
}

const none: InspectedContainer['gateways'] = new Map()

/** Network id → gateway or address → how many have it. */
type Counts = Map<string, Map<string, number>>

/** `changed`: the network may have other gateways now. `isGateway`: whether IPAM or a guess has the address for one. */
export function createAddressUse(
  changed: (networkId: string) => void,
  isGateway: (networkId: string, address: string) => boolean,
): AddressUse {
  const used: Counts = new Map()
  const taken: Counts = new Map()

  function useGateway(id: string, gateway: string, by: 1 | -1): void {
    const now = count(used, id, gateway, by)
    // Another one of those that use it: the network is as it was.
    if (now === 0 || (now === 1 && by === 1)) changed(id)
  }

  function takeAddress(id: string, address: string, by: 1 | -1): void {
    count(taken, id, address, by)
    if (used.get(id)?.has(address) === true || isGateway(id, address)) changed(id)
  }

  function takeAddresses(told: InspectedContainer | undefined, by: 1 | -1): void {
    if (told === undefined) return
    for (const { networkId, v4, v6 } of told.container.endpoints) {
      for (const address of v4) takeAddress(networkId, address, by)
      for (const address of v6) takeAddress(networkId, address, by)
    }
  }

  function useGateways(told: InspectedContainer | undefined, by: 1 | -1): void {
    if (told?.container.running !== true) return
    for (const [id, gateways] of told.gateways) for (const each of gateways) useGateway(id, each, by)
  }

  return {
    follow(before, now) {
      if (before?.container.endpoints !== now?.container.endpoints) {
        takeAddresses(before, -1)
        takeAddresses(now, 1)
      }
      if (usesTheSame(before, now)) return false
      useGateways(before, -1)
      useGateways(now, 1)
      return true
    },
    gateways: (networkId) => new Set([...(used.get(networkId)?.keys() ?? [])].sort()),
    isTaken: (networkId, address) => taken.get(networkId)?.has(address) === true,
  }
}

/** How many it is now. */
function count(counts: Counts, id: string, key: string, by: 1 | -1): number {
  const there = counts.get(id) ?? new Map<string, number>()
  const now = (there.get(key) ?? 0) + by
  if (now === 0) there.delete(key)
  else there.set(key, now)
  if (there.size === 0) counts.delete(id)
  else counts.set(id, there)
  return now
}

/** Gateways, if they run. */
function usesTheSame(before: InspectedContainer | undefined, now: InspectedContainer | undefined): boolean {
  const was = before?.container.running === true ? before.gateways : none
  const is = now?.container.running === true ? now.gateways : none
  return isSame(was, is)
}
