// Which networks an address belongs to, at the same small cost for one network and for a thousand: whoever asks, the
// stranger first of all, is looked up here.
import { coverOf } from '../lib/cover.ts'
import { subnetOf } from '../lib/ip.ts'
import type { Network } from './types.ts'

export interface SubnetIndex {
  /** Whether any network has a subnet holding these 4 or 16 bytes; cheaper than to ask which. */
  contains(address: Uint8Array): boolean
  /** Ids of the networks that have a subnet holding these 4 or 16 bytes, in the networks' order. */
  holding(address: Uint8Array): readonly string[]
  /** Ids of the networks that have this canonical address as a gateway, in the networks' order. */
  behind(address: string): readonly string[]
}

const none: readonly string[] = []

export function indexSubnets(networks: Iterable<Network>): SubnetIndex {
  const all = [...networks]
  const cover = coverOf(all.flatMap(({ subnets }) => subnets))
  const places = new Map<string, number>()
  const bySubnet = new Map<string, string[]>()
  const byGateway = new Map<string, string[]>()
  const prefixes = { 4: new Set<number>(), 6: new Set<number>() }
  for (const { id, subnets, gateways } of all) {
    places.set(id, places.size)
    for (const { family, bytes, prefix } of subnets) {
      prefixes[family].add(prefix)
      add(bySubnet, keyOf(bytes, prefix), id)
    }
    for (const address of gateways) add(byGateway, address, id)
  }

  return {
    contains: cover.contains,
    holding(address) {
      const found = new Set<string>()
      for (const prefix of prefixes[address.length === 4 ? 4 : 6]) {
        for (const id of bySubnet.get(keyOf(subnetOf(address, prefix), prefix)) ?? none) found.add(id)
      }
      return found.size < 2 ? [...found] : [...found].sort((a, b) => places.get(a)! - places.get(b)!)
    },
    behind: (address) => byGateway.get(address) ?? none,
  }
}

function keyOf(network: Uint8Array, prefix: number): string {
  return `${String.fromCharCode(...network)}/${prefix}`
}

function add(map: Map<string, string[]>, key: string, id: string): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [id])
  else if (!list.includes(id)) list.push(id)
}
