// Special address ranges: which addresses are private, local to a link, or off the Internet.
import { parseAddress, parseSubnet, type Subnet, subnetContains } from './ip.ts'

const subnets = (...texts: string[]): readonly Subnet[] => texts.map((text) => parseSubnet(text)!)

const loopback = subnets('127.0.0.0/8', '::1/128')

const linkLocal6 = subnets('fe80::/10')

/** Private and link-local networks (RFC 1918, 3927, 4193, 4291): their servers know such a network's names. */
const lan = subnets(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
)

/** Carrier-grade NAT (RFC 6598): neither the Internet nor one's own network. */
const shared = subnets('100.64.0.0/10')

/** For benchmarks (RFC 2544); also used for Docker networks. */
const benchmarks = subnets('198.18.0.0/15')

/**
 * IPv4 that is not on the Internet (IANA's special-purpose registry, "globally reachable": false), multicast, and
 * reserved ranges. Includes all of 192.0.0.0/24, of which two addresses are anycast to the next NAT router. AS112
 * (192.31.196.0/24, 192.175.48.0/24) and AMT (192.52.193.0/24) are reachable, so not listed.
 */
const special4 = [
  ...[...lan.filter(({ family }) => family === 4), ...shared, ...benchmarks, loopback[0]!],
  ...subnets('0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.51.100.0/24'),
  ...subnets('203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'),
]

/** All that is global unicast (RFC 4291, 2.4); the rest is local, multicast, or unassigned. */
const global6 = subnets('2000::/3')

/**
 * The part of it that is not on the Internet: protocol assignments (RFC 2928: Teredo, ORCHIDs, benchmarks, anycast to the
 * next router) except AMT and AS112, and documentation (RFC 3849, 9637). 6to4 counts as the IPv4 address in it.
 */
const special6 = subnets('2001::/23', '2001:db8::/32', '3fff::/20')
const reachable6 = subnets('2001:3::/32', '2001:4:112::/48')

const isIn = (ranges: readonly Subnet[], bytes: Uint8Array) =>
  ranges.some((range) => subnetContains(range, bytes))

/** This machine, or one on its networks: an address of RFC 1918, 3927, 4193, loopback or link-local. */
export function isOnLan(address: string): boolean {
  const bytes = parseAddress(address.replace(/%.*$/, ''))
  return bytes !== undefined && (isIn(loopback, bytes) || isIn(lan, bytes))
}

/** Means another machine, or none, in another network namespace: loopback, and link-local IPv6 with its interface. */
export function isLocalTo(address: string): boolean {
  const bytes = parseAddress(address.replace(/%.*$/, ''))
  return bytes !== undefined && (isIn(loopback, bytes) || isIn(linkLocal6, bytes))
}

/** Not reached from the Internet. */
export function isInner(bytes: Uint8Array): boolean {
  return isIn(loopback, bytes) || isIn(lan, bytes) || isIn(shared, bytes)
}

/** Not on the Internet, so no public name should have this address. IPv6 that carries such an IPv4 address counts. */
export function isPrivate(bytes: Uint8Array): boolean {
  if (bytes.length === 4) return isIn(special4, bytes)
  const stands = isIn(standIns, bytes)
  if (!stands && !isIn(global6, bytes)) return true
  if (isIn(special6, bytes) && !isIn(reachable6, bytes)) return true
  return someCarried(bytes, isPrivate)
}

/** A block that lies wholly in a range that Docker's networks usually use. */
export function isPrivateBlock({ bytes, prefix }: { bytes: Uint8Array; prefix: number }): boolean {
  return [...lan, ...shared, ...benchmarks].some(
    (range) => prefix >= range.prefix && subnetContains(range, bytes),
  )
}

/** IPv6 addresses that lead to the IPv4 address in them: mapped (RFC 4291, 2.5.5.2), NAT64's own (RFC 6052, 2.1). */
const standIns = subnets('::ffff:0:0/96', '64:ff9b::/96')

/** The four bytes of an IPv6 address that hold an IPv4 address. `isFlipped`: all bits inverted. */
interface Place {
  readonly at: readonly [number, number, number, number]
  readonly isFlipped?: boolean
}

const last: Place = { at: [12, 13, 14, 15] }

/** IPv6 prefixes that carry IPv4 addresses, and where. The length of a local NAT64 prefix is unknown: one of four. */
const carriers: readonly { readonly range: Subnet; readonly places: readonly Place[] }[] = [
  // IPv4-compatible and IPv4-translated (RFC 2765, 2.1), both obsolete.
  ...[...standIns, ...subnets('::/96', '::ffff:0:0:0/96')].map((range) => ({ range, places: [last] })),
  // NAT64 for local use (RFC 8215) has prefixes of 48, 56, 64 or 96 bits; byte 8 is skipped (RFC 6052, 2.2).
  {
    range: subnets('64:ff9b:1::/48')[0]!,
    places: [{ at: [6, 7, 9, 10] }, { at: [7, 9, 10, 11] }, { at: [9, 10, 11, 12] }, last],
  },
  // 6to4 (RFC 3056, 2).
  { range: subnets('2002::/16')[0]!, places: [{ at: [2, 3, 4, 5] }] },
  // Teredo (RFC 4380, 4): its server, and the client's address, inverted.
  { range: subnets('2001::/32')[0]!, places: [{ at: [4, 5, 6, 7] }, { ...last, isFlipped: true }] },
]

/**
 * Whether any IPv4 address that an IPv6 address may carry passes the test. The next call overwrites the test's argument.
 */
export function someCarried(bytes: Uint8Array, test: (address: Uint8Array) => boolean): boolean {
  if (bytes.length !== 16) return false
  for (const { range, places } of carriers) {
    if (!subnetContains(range, bytes)) continue
    for (const place of places) if (test(readPlace(bytes, place))) return true
  }
  return isIsatap(bytes) && test(bytes.subarray(12))
}

function readPlace(bytes: Uint8Array, { at, isFlipped }: Place): Uint8Array {
  return Uint8Array.from(at, (index) => (isFlipped ? ~bytes[index]! : bytes[index]!) & 0xff)
}

/** Below any prefix of 64 bits, "0:5efe" or "200:5efe" and an IPv4 address (RFC 5214, 6.1). */
function isIsatap(bytes: Uint8Array): boolean {
  return (bytes[8]! & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe
}
