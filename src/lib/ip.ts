// IP addresses and subnets: one canonical text for each address, so that they can be keys of a map.
import { isIP, isIPv4, isIPv6 } from 'node:net'

export type Family = 4 | 6

/** A subnet in CIDR sense; `bytes` is the network's address, host bits cleared, 4 or 16 long. */
export interface Subnet {
  readonly family: Family
  readonly bytes: Uint8Array
  readonly prefix: number
  /** Canonical text, "10.0.0.0/24". */
  readonly text: string
}

/** Bytes of an interface's name (IFNAMSIZ). */
const longestZone = 15

/** 4 or 16 bytes of an address without zone, or undefined if it is not an address. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  if (!isIPv6(text) || text.includes('%')) return undefined
  let source = text
  const dotted = source.slice(source.lastIndexOf(':') + 1)
  if (dotted.includes('.')) {
    const [a, b, c, d] = dotted.split('.').map(Number) as [number, number, number, number]
    source = `${source.slice(0, -dotted.length) + ((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  }
  const [head = '', tail] = source.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups =
    tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill('0'), ...right]
  const bytes = new Uint8Array(16)
  groups.forEach((group, i) => {
    const value = Number.parseInt(group, 16)
    bytes[2 * i] = value >> 8
    bytes[2 * i + 1] = value & 0xff
  })
  return bytes
}

/** Canonical text (RFC 5952 for IPv6) of 4 or 16 bytes. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!)
  let [start, length] = [-1, 1]
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > length) [start, length] = [i, end - i]
    if (end > i) i = end
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  return start < 0 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

/**
 * The one spelling under which berth knows an address: no zone, IPv4-mapped IPv6 as IPv4, RFC 5952.
 * undefined if `text` is not an address. A prefix length ("10.0.0.2/24", as Docker writes them) is dropped.
 */
export function canonicalAddress(text: string): string | undefined {
  const bare = text.replace(/[%/].*$/, '')
  if (isIPv4(bare)) return bare
  const bytes = parseAddress(bare)
  if (bytes === undefined) return undefined
  const mapped = bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  return formatAddress(mapped ? bytes.subarray(12) : bytes)
}

/**
 * The zone behind an address ("%eth0"), where it can be an interface's name or number (Linux: 15 bytes, no slash, colon or
 * space; Node itself accepts fewer). undefined: it cannot, or there is none.
 */
export function zoneOf(text: string): string | undefined {
  const zone = /^[^%]*%([^\s/:%]+)$/.exec(text)?.[1]
  return zone === undefined || Buffer.byteLength(zone) > longestZone ? undefined : zone
}

export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4
}

/** "10.1.2.3/24" → its subnet; undefined if it is not one. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = '', length, extra] = text.split('/')
  const bytes = parseAddress(address)
  if (bytes === undefined || extra !== undefined) return undefined
  const bits = bytes.length * 8
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined
  const prefix = length === undefined ? bits : Number(length)
  if (prefix > bits) return undefined
  const network = subnetOf(bytes, prefix)
  return { family: bits === 32 ? 4 : 6, bytes: network, prefix, text: `${formatAddress(network)}/${prefix}` }
}

/** The address with its host bits cleared. */
export function subnetOf(address: Uint8Array, prefix: number): Uint8Array {
  return address.map((byte, i) => byte & maskByte(prefix, i))
}

export function subnetContains(subnet: Subnet, address: Uint8Array): boolean {
  if (address.length !== subnet.bytes.length) return false
  for (let i = 0; 8 * i < subnet.prefix; i++) {
    if ((address[i]! & maskByte(subnet.prefix, i)) !== subnet.bytes[i]) return false
  }
  return true
}

/** The first usable address of a subnet: Docker's default gateway. */
export function firstAddress(subnet: Subnet): string {
  const bytes = Uint8Array.from(subnet.bytes)
  const last = bytes.length - 1
  if (subnet.prefix < bytes.length * 8 - 1) bytes[last] = bytes[last]! | 1
  return formatAddress(bytes)
}

function maskByte(prefix: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefix - 8 * index))
  return (0xff << (8 - bits)) & 0xff
}

/** Whether Node would pass this address to the system's resolver, which loses its zone. */
export const isOddlyScoped = (host: string): boolean => host.includes('%') && isIP(host) === 0
