// This network namespace's own addresses, as the operating system lists them (os.networkInterfaces).
import type { NetworkInterfaceInfo } from 'node:os'
import { canonicalAddress, parseSubnet, type Subnet } from './ip.ts'

export interface LocalAddress {
  /** Canonical, without zone. */
  readonly address: string
  readonly interface: string
  /** As a socket wants it: with zone where it is link-local. */
  readonly bindable: string
  readonly subnet: Subnet
}

export interface LocalAddresses {
  readonly all: readonly LocalAddress[]
  /** Canonical addresses, for "is it us?". */
  readonly own: ReadonlySet<string>
}

type Listing = Readonly<Record<string, NetworkInterfaceInfo[] | undefined>>

/** `localTable` is /proc/net/fib_trie where there is one, or ''. */
export function readInterfaces(listing: Listing, localTable = ''): LocalAddresses {
  const all: LocalAddress[] = []
  for (const [name, infos] of Object.entries(listing)) {
    for (const info of infos ?? []) {
      const address = canonicalAddress(info.address)
      const subnet = parseSubnet(info.cidr ?? info.address)
      if (address === undefined || subnet === undefined) continue
      const linkLocal = info.family === 'IPv6' && info.scopeid !== 0
      all.push({ address, interface: name, bindable: linkLocal ? `${address}%${name}` : address, subnet })
    }
  }
  const own = new Set(all.map(({ address }) => address))
  for (const address of readLocalTable(localTable)) {
    if (own.has(address)) continue
    own.add(address)
    all.push({ address, interface: '', bindable: address, subnet: parseSubnet(`${address}/32`)! })
  }
  return { all, own }
}

/**
 * The IPv4 addresses of the kernel's local table. The list of interfaces lacks those without a carrier, and a bridge
 * has none until its first container is up: too late to listen for that one's first question.
 */
function readLocalTable(text: string): string[] {
  return [...text.matchAll(/\|-- ([\d.]+)\n\s*\/32 host LOCAL/g)].map(([, address]) => address!)
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/.test(address)
}

export function sameAddresses(a: LocalAddresses, b: LocalAddresses): boolean {
  return (
    a.all.length === b.all.length &&
    a.all.every(
      (address, i) =>
        address.bindable === b.all[i]!.bindable && address.subnet.text === b.all[i]!.subnet.text,
    )
  )
}
