// This network namespace's own addresses, from the operating system's list of interfaces
// (os.networkInterfaces) and, on Linux, the kernel's address tables.
import type { NetworkInterfaceInfoIPv4, NetworkInterfaceInfoIPv6 } from 'node:os'
import { canonicalAddress, formatAddress, parseSubnet, type Subnet } from './ip.ts'

export interface LocalAddress {
  /** Canonical, without zone. */
  readonly address: string
  /** '' if the interface is unknown. */
  readonly interface: string
  /** The address to bind: with its zone if it is link-local. */
  readonly bindable: string
  /** The interface's number if the address is link-local, else 0: a new interface may have an old one's name. */
  readonly zone: number
  /**
   * It cannot be bound: its duplicate address detection is running or has failed (RFC 4862, 5.4), or it was removed after
   * the interfaces were listed.
   */
  readonly unbindable: boolean
  /**
   * No client can reach it: it is link-local to a bridge's port, whose packets go to the bridge. It is bound only if
   * configured by name.
   */
  readonly unaskable: boolean
  readonly subnet: Subnet
}

export interface LocalAddresses {
  readonly all: readonly LocalAddress[]
  /** Our canonical addresses. */
  readonly own: ReadonlySet<string>
}

/** /proc/net/fib_trie and /proc/net/if_inet6; '' if there is none. */
export interface AddressTables {
  readonly v4: string
  readonly v6: string
}

/** The result of os.networkInterfaces. */
export type InterfaceList = Readonly<Record<string, readonly InterfaceInfo[] | undefined>>

/** The fields that are read. */
export type InterfaceInfo =
  | Pick<NetworkInterfaceInfoIPv4, 'address' | 'family' | 'cidr'>
  | Pick<NetworkInterfaceInfoIPv6, 'address' | 'family' | 'cidr' | 'scopeid'>

/** What was read before: each container has a row in the IPv6 table, and few rows change between two readings. */
export interface KnownAddresses {
  /** From the list and the IPv4 table. */
  listed: (ListedBy & { readonly places: readonly LocalAddress[] }) | undefined
  readonly rows6: Map<string, LocalAddress>
  /** The same addresses, marked as bridge ports'. */
  readonly ports: WeakMap<LocalAddress, LocalAddress>
}

interface ListedBy {
  readonly listing: InterfaceList
  readonly v4: string
  readonly hasTable6: boolean
}

export function createKnownAddresses(): KnownAddresses {
  return { listed: undefined, rows6: new Map(), ports: new WeakMap() }
}

/**
 * The list lacks interfaces without a carrier, and a bridge has none until its first container is up, which may ask at
 * once. The tables have them. `known`: the last reading, updated to this one.
 */
export function readInterfaces(
  listing: InterfaceList,
  { v4, v6 }: AddressTables = { v4: '', v6: '' },
  portsAmong: (local: readonly LocalAddress[]) => ReadonlySet<number> = () => new Set(),
  known: KnownAddresses = createKnownAddresses(),
): LocalAddresses {
  const by = { listing, v4, hasTable6: v6 !== '' }
  if (known.listed === undefined || !isSame(by, known.listed)) {
    known.listed = { ...by, places: readListed(by) }
  }
  const places = new Map(known.listed.places.map((local) => [local.bindable, local]))
  for (const local of readTable6(v6, known.rows6)) places.set(local.bindable, local)
  const read = [...places.values()]
  const ports = portsAmong(read)
  const all =
    ports.size === 0 ? read : read.map((local) => (ports.has(local.zone) ? asPort(local, known) : local))
  return { all, own: new Set(all.map(({ address }) => address)) }
}

function isSame(a: ListedBy, b: ListedBy): boolean {
  return a.listing === b.listing && a.v4 === b.v4 && a.hasTable6 === b.hasTable6
}

function readListed({ listing, v4, hasTable6 }: ListedBy): LocalAddress[] {
  const places = new Map<string, LocalAddress>()
  for (const [name, infos] of Object.entries(listing)) {
    for (const info of infos ?? []) {
      const address = canonicalAddress(info.address)
      const subnet = parseSubnet(info.cidr ?? info.address)
      if (address === undefined || subnet === undefined) continue
      const local = place(address, name, info.family === 'IPv6' ? info.scopeid : 0)
      // The tables are newer than the list, and hold every address that can be bound.
      const unbindable = info.family === 'IPv6' ? hasTable6 : v4 !== ''
      places.set(local.bindable, { ...local, unbindable, subnet })
    }
  }
  for (const local of readTable4(v4)) {
    const listed = places.get(local.bindable)
    places.set(local.bindable, listed === undefined ? local : { ...listed, unbindable: false })
  }
  return [...places.values()]
}

function asPort(local: LocalAddress, { ports }: KnownAddresses): LocalAddress {
  const before = ports.get(local)
  if (before !== undefined) return before
  const port = { ...local, unaskable: true }
  ports.set(local, port)
  return port
}

function place(address: string, name: string, zone: number) {
  const bindable = zone === 0 ? address : `${address}%${name}`
  return { address, interface: name, bindable, zone, unaskable: false }
}

/** The IPv4 addresses of the kernel's local table. */
function readTable4(text: string): LocalAddress[] {
  return [...text.matchAll(/\|-- ([\d.]+)\n\s*\/32 host LOCAL/g)].map(([, address]) => ({
    ...place(address!, '', 0),
    unbindable: false,
    subnet: parseSubnet(`${address}/32`)!,
  }))
}

/** linux/if_addr.h; an optimistic address is usable although tentative (RFC 4429). */
const tentativeFlag = 0x40
const optimisticFlag = 0x04
/** Scope of a link-local address in if_inet6. */
const linkScope = 0x20

/**
 * Address, interface's number, prefix length, scope and flags in hexadecimal, and the interface's name, which
 * may hold characters that JavaScript counts as spaces.
 */
const row6 = /^([\da-f]{32}) ([\da-f]+) ([\da-f]+) ([\da-f]+) ([\da-f]+) +([^ ]+)$/

function readTable6(text: string, known: Map<string, LocalAddress>): LocalAddress[] {
  const before = new Map(known)
  known.clear()
  for (const line of text.split('\n')) {
    const local = before.get(line) ?? readRow6(line)
    if (local !== undefined) known.set(line, local)
  }
  return [...known.values()]
}

function readRow6(line: string): LocalAddress | undefined {
  const [, digits, ...fields] = row6.exec(line) ?? []
  if (digits === undefined) return undefined
  const [index, prefix, scope, flags] = fields.slice(0, 4).map((field) => Number.parseInt(field, 16))
  const address = formatAddress(Buffer.from(digits, 'hex'))
  return {
    ...place(address, fields[4]!, scope === linkScope ? index! : 0),
    unbindable: (flags! & (tentativeFlag | optimisticFlag)) === tentativeFlag,
    subnet: parseSubnet(`${address}/${prefix}`)!,
  }
}

/** The canonical addresses of all listed interfaces. */
export function addressesIn(list: InterfaceList): Set<string> {
  const infos = Object.values(list).flatMap((each) => each ?? [])
  return new Set(infos.map(({ address }) => canonicalAddress(address) ?? address))
}

/** `address` is canonical. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/.test(address)
}

export function sameAddresses(a: Pick<LocalAddresses, 'all'>, b: Pick<LocalAddresses, 'all'>): boolean {
  return (
    a.all.length === b.all.length &&
    a.all.every((local, i) => {
      const other = b.all[i]!
      if (local === other) return true
      const { bindable, zone, unbindable, unaskable, subnet } = local
      const isSamePlace = bindable === other.bindable && zone === other.zone
      const isSameUse = unbindable === other.unbindable && unaskable === other.unaskable
      return isSamePlace && isSameUse && subnet.text === other.subnet.text
    })
  )
}
