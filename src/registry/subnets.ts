// Finds the networks that an address belongs to, at the same small cost for one network and for a thousand.
import type { Subnet } from '../lib/ip.ts'
import { emptyMap, type MapEdit, type PersistentMap } from '../lib/persistent.ts'

/** What of a network's table is indexed. */
interface IndexedNetwork {
  /** Canonical. */
  readonly name: string
  readonly network: {
    readonly id: string
    readonly subnets: readonly Subnet[]
    readonly gateways: readonly string[]
  }
}

export interface SubnetIndex {
  /** Whether any network has a subnet holding these 4 or 16 bytes; cheaper than to ask which. */
  contains(address: Uint8Array): boolean
  /** Ids of the networks that have a subnet holding these 4 or 16 bytes, in the order of `Snapshot.tables`. */
  holding(address: Uint8Array): readonly string[]
  /** Ids of the networks that have this canonical address as a gateway, in that order. */
  behind(address: string): readonly string[]
  /** The index without each first one's network, and with each second one's. */
  with(changes: Iterable<readonly [IndexedNetwork | undefined, IndexedNetwork | undefined]>): SubnetIndex
}

/** A network as it stands in lists. */
interface Entry {
  readonly id: string
  /** Canonical. */
  readonly name: string
}

interface Parts {
  /** By subnet (`keyOf`) and by gateway, in order. */
  readonly subnets: PersistentMap<readonly Entry[]>
  readonly gateways: PersistentMap<readonly Entry[]>
  /** The prefix lengths that there are → of how many subnets: an address is looked up once for each. */
  readonly prefixes: Readonly<Record<4 | 6, ReadonlyMap<number, number>>>
}

const none: readonly Entry[] = []

export const noSubnets: SubnetIndex = indexOf({
  ...{ subnets: emptyMap, gateways: emptyMap },
  prefixes: { 4: new Map(), 6: new Map() },
})

function indexOf(parts: Parts): SubnetIndex {
  const { subnets, gateways, prefixes } = parts
  const prefixesOf = ({ length }: Uint8Array) => prefixes[length === 4 ? 4 : 6].keys()
  return {
    contains(address) {
      for (const prefix of prefixesOf(address)) if (subnets.has(keyOf(address, prefix))) return true
      return false
    },
    holding(address) {
      const found = new Map<string, Entry>()
      for (const prefix of prefixesOf(address)) {
        for (const entry of subnets.get(keyOf(address, prefix)) ?? none) found.set(entry.id, entry)
      }
      return idsOf(found.size < 2 ? found.values() : [...found.values()].sort(compare))
    },
    behind: (address) => idsOf(gateways.get(address) ?? none),
    with: (changes) => indexOf(changed(parts, changes)),
  }
}

function changed(before: Parts, changes: Parameters<SubnetIndex['with']>[0]): Parts {
  const edits = { subnets: before.subnets.edit(), gateways: before.gateways.edit() }
  const prefixes = { 4: new Map(before.prefixes[4]), 6: new Map(before.prefixes[6]) }
  const take = ({ network, name }: IndexedNetwork, isIn: boolean) => {
    const entry: Entry = { id: network.id, name }
    for (const { family, bytes, prefix } of network.subnets) {
      const count = (prefixes[family].get(prefix) ?? 0) + (isIn ? 1 : -1)
      if (count === 0) prefixes[family].delete(prefix)
      else prefixes[family].set(prefix, count)
      put(edits.subnets, keyOf(bytes, prefix), entry, isIn)
    }
    for (const address of network.gateways) put(edits.gateways, address, entry, isIn)
  }
  for (const [old, fresh] of changes) {
    if (old !== undefined) take(old, false)
    if (fresh !== undefined) take(fresh, true)
  }
  return { subnets: edits.subnets.done(), gateways: edits.gateways.done(), prefixes }
}

/** Into the list or out of it; in it once, though a network may tell a subnet twice. */
function put(lists: MapEdit<readonly Entry[]>, key: string, entry: Entry, isIn: boolean): void {
  const others = (lists.get(key) ?? none).filter(({ id }) => id !== entry.id)
  const list = isIn ? [...others, entry].sort(compare) : others
  if (list.length === 0) lists.delete(key)
  else lists.set(key, list)
}

/** The address's first bits, so many of them, as a key: 16 bits a character, after the prefix length and the family. */
function keyOf(address: Uint8Array, prefix: number): string {
  if (address.length === 4)
    return String.fromCharCode(prefix, unit(address, 0, prefix), unit(address, 1, prefix))
  const units = [0x100 | prefix]
  for (let i = 0; i < 8; i++) units.push(unit(address, i, prefix))
  return String.fromCharCode(...units)
}

/** The address's bits from 16 times `i` on, 16 of them; those after the prefix are 0. */
function unit(address: Uint8Array, i: number, prefix: number): number {
  const left = prefix - 16 * i
  const bits = (address[2 * i]! << 8) | address[2 * i + 1]!
  return left >= 16 ? bits : left <= 0 ? 0 : bits & (0xffff << (16 - left))
}

function compare(a: Entry, b: Entry): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

function idsOf(entries: Iterable<Entry>): string[] {
  return Array.from(entries, ({ id }) => id)
}
