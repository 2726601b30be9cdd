// This network namespace's own addresses, from what the operating system tells: its list of interfaces
// (os.networkInterfaces), and on Linux the kernel's tables of addresses.
import type { NetworkInterfaceInfoIPv4, NetworkInterfaceInfoIPv6 } from 'node:os'
import { canonicalAddress, formatAddress, parseSubnet, type Subnet } from './ip.ts'

export interface LocalAddress {
  /** Canonical, without zone. */
  readonly address: string
  /** '' where no interface is known. */
  readonly interface: string
  /** As a socket wants it: with zone where it is link-local. */
  readonly bindable: string
  /** The interface's number where the address is link-local, else 0: a new interface of an old name is another zone. */
  readonly zone: number
  /**
   * It can't be bound: its duplicate check is not over, or has failed (RFC 4862, 5.4), or it is gone since the interfaces
   * were listed.
   */
  readonly unbindable: boolean
  /**
   * Nobody can ask it: it holds on one link alone, which hands all that comes to another (a bridge's port). Bound by name
   * it still is.
   */
  readonly unaskable: boolean
  readonly subnet: Subnet
}

export interface LocalAddresses {
  readonly all: readonly LocalAddress[]
  /** Canonical addresses, for "is it us?". */
  readonly own: ReadonlySet<string>
}

/** /proc/net/fib_trie and /proc/net/if_inet6; '' where there is none. */
export interface AddressTables {
  readonly v4: string
  readonly v6: string
}

/** As os.networkInterfaces gives it: infos by name. */
export type InterfaceList = Readonly<Record<string, readonly InterfaceInfo[] | undefined>>

/** As far as it is read here. */
export type InterfaceInfo =
  | Pick<NetworkInterfaceInfoIPv4, 'address' | 'family' | 'cidr'>
  | Pick<NetworkInterfaceInfoIPv6, 'address' | 'family' | 'cidr' | 'scopeid'>

/** What was read before: each container has a row in the table of IPv6 addresses, and few are other ones than before. */
export interface KnownAddresses {
  /** Of the list and the table of IPv4. */
  listed: (ListedBy & { readonly places: readonly LocalAddress[] }) | undefined
  readonly rows6: Map<string, LocalAddress>
  /** The same as those of a bridge's ports. */
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
 * The list of interfaces lacks those without a carrier, and a bridge has none until its first container is up: too
 * late to listen for that one's first question. The tables have them. `known`: of the last time, made to be of this one.
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
      // The tables are newer than the list, and have all that can be bound.
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
 * Address, interface's number, prefix length, scope and flags in hexadecimal, and the interface's name: the kernel takes
 * fewer characters for spaces than JavaScript does.
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

/** Of all interfaces that are listed, canonical. */
export function addressesIn(list: InterfaceList): Set<string> {
  const infos = Object.values(list).flatMap((each) => each ?? [])
  return new Set(infos.map(({ address }) => canonicalAddress(address) ?? address))
}

/** Of a canonical address. */
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
