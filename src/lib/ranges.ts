// Ranges of addresses that mean something of their own: who can be reached there, and from where.
import { parseAddress, parseSubnet, type Subnet, subnetContains } from './ip.ts'

const subnets = (...texts: string[]): readonly Subnet[] => texts.map((text) => parseSubnet(text)!)

const loopback = subnets('127.0.0.0/8', '::1/128')

const linkLocal6 = subnets('fe80::/10')

/** Private and link-local networks (RFC 1918, 3927, 4193, 4291): their servers know what such a network's names are. */
const lan = subnets(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
)

/** Carrier-grade NAT (RFC 6598): not the Internet, and not one's own network either. */
const shared = subnets('100.64.0.0/10')

/** For benchmarks (RFC 2544), and taken for Docker networks too. */
const benchmarks = subnets('198.18.0.0/15')

/** "This host", and what IPv6 no longer uses. */
const others = subnets('0.0.0.0/8', '255.255.255.255/32', '::/128', 'fec0::/10')

const isIn = (ranges: readonly Subnet[], bytes: Uint8Array) =>
  ranges.some((range) => subnetContains(range, bytes))

/** This machine, or a machine of the networks it is on: an address of RFC 1918, 3927, 4193, loopback or link-local. */
export function isOnLan(address: string): boolean {
  const bytes = parseAddress(address.replace(/%.*$/, ''))
  return bytes !== undefined && (isIn(loopback, bytes) || isIn(lan, bytes))
}

/** Means another machine, or none, from another network namespace: loopback, and link-local IPv6 with its interface. */
export function isLocalTo(address: string): boolean {
  const bytes = parseAddress(address.replace(/%.*$/, ''))
  return bytes !== undefined && (isIn(loopback, bytes) || isIn(linkLocal6, bytes))
}

/** Not reached from the Internet. */
export function isInner(bytes: Uint8Array): boolean {
  return isIn(loopback, bytes) || isIn(lan, bytes) || isIn(shared, bytes)
}

/** Not on the Internet: no public name has a reason to lead there. IPv6 that carries such an IPv4 address counts. */
export function isPrivate(bytes: Uint8Array): boolean {
  const carried = carriedIPv4(bytes)
  const isNone = isIn(benchmarks, bytes) || isIn(others, bytes)
  return isInner(bytes) || isNone || (carried !== undefined && isPrivate(carried))
}

/** A block of addresses, all of which are of a range that Docker's networks are usually made from. */
export function isPrivateBlock({ bytes, prefix }: { bytes: Uint8Array; prefix: number }): boolean {
  return [...lan, ...shared, ...benchmarks].some(
    (range) => prefix >= range.prefix && subnetContains(range, bytes),
  )
}

/** IPv4-mapped and -compatible addresses (RFC 4291, 2.5.5), and NAT64's well-known prefix (RFC 6052, 2.1). */
const carriers = subnets('::ffff:0:0/96', '::/96', '64:ff9b::/96')

/** The IPv4 address that an IPv6 address stands for. */
export function carriedIPv4(bytes: Uint8Array): Uint8Array | undefined {
  return isIn(carriers, bytes) ? bytes.subarray(12) : undefined
}
