// Reverse names: "2.0.18.198.in-addr.arpa" and the nibbles of ip6.arpa (RFC 1035, 3.5; RFC 3596, 2.5).
import { formatAddress, parseAddress, type Subnet } from '../lib/ip.ts'

/** What a name under in-addr.arpa or ip6.arpa stands for: an address, or the block above it. */
export interface ReverseBlock {
  /** 4 or 16 bytes; those not in the name are 0. */
  readonly bytes: Uint8Array
  /** Bits that the name gives; 32 or 128 is one address. */
  readonly prefix: number
  /** The name is longer than an address's, or has an invalid label: it stands for nothing. */
  readonly malformed: boolean
}

/** Reads a canonical name; undefined if it is not in a reverse zone. */
export function readReverse(name: string): ReverseBlock | undefined {
  const labels = name.split('.')
  const zone = labels.splice(-2).join('.')
  if (zone === 'in-addr.arpa') return readLabels(labels.reverse(), 4, 8, /^(?:0|[1-9]\d{0,2})$/, 10, 255)
  if (zone === 'ip6.arpa') return readLabels(labels.reverse(), 16, 4, /^[0-9a-f]$/, 16, 15)
  return undefined
}

function readLabels(
  labels: string[],
  size: number,
  bitsEach: number,
  shape: RegExp,
  radix: number,
  most: number,
): ReverseBlock {
  const bytes = new Uint8Array(size)
  let bit = 0
  for (const label of labels) {
    const value = shape.test(label) ? Number.parseInt(label, radix) : most + 1
    if (bit >= size * 8 || value > most) return { bytes, prefix: bit, malformed: true }
    const index = bit >> 3
    bytes[index] = bytes[index]! | (bitsEach === 8 || (bit & 7) === 4 ? value : value << 4)
    bit += bitsEach
  }
  return { bytes, prefix: bit, malformed: false }
}

/** The name to ask for an address's PTR; `address` must be one. */
export function reverseName(address: string): string {
  const bytes = parseAddress(address)
  if (bytes === undefined) throw new TypeError(`not an address: ${address}`)
  if (bytes.length === 4) return `${Array.from(bytes).reverse().join('.')}.in-addr.arpa`
  const nibbles = [...Buffer.from(bytes).toString('hex')].reverse()
  return `${nibbles.join('.')}.ip6.arpa`
}

/** The reverse zones that together hold a subnet's addresses: one if its prefix ends at a label, else up to 128. */
export function reverseZones({ bytes, prefix, family }: Subnet): string[] {
  const bitsEach = family === 4 ? 8 : 4
  const labels = Math.ceil(prefix / bitsEach)
  const free = labels * bitsEach - prefix
  return Array.from({ length: 2 ** free }, (_, i) => {
    const address = Uint8Array.from(bytes)
    const bit = labels * bitsEach - 1
    // The free bits are the lowest of the last label, which lies within one byte.
    if (free > 0) address[bit >> 3] = address[bit >> 3]! | (i << (7 - (bit & 7)))
    const all = reverseName(formatAddress(address)).split('.')
    return all.slice(-labels - 2).join('.')
  })
}
