// Many subnets at once: whether any of them holds an address, in steps as few as their number's logarithm.
import { type Subnet, subnetContains } from './ip.ts'

/** All addresses of some subnets. */
export interface Cover {
  /** `address` has 4 or 16 bytes. */
  contains(address: Uint8Array): boolean
}

export function coverOf(subnets: readonly Subnet[]): Cover {
  const v4 = outermost(subnets.filter(({ family }) => family === 4))
  const v6 = outermost(subnets.filter(({ family }) => family === 6))
  return { contains: (address) => isAmong(address.length === 4 ? v4 : v6, address) }
}

/** In order of their addresses, without those inside others: two subnets are one in the other, or apart. */
function outermost(subnets: readonly Subnet[]): readonly Subnet[] {
  const ordered = [...subnets].sort((a, b) => compare(a.bytes, b.bytes) || a.prefix - b.prefix)
  const kept: Subnet[] = []
  for (const subnet of ordered) {
    const last = kept.at(-1)
    if (last === undefined || !subnetContains(last, subnet.bytes)) kept.push(subnet)
  }
  return kept
}

/** Only the last that begins at or before the address can hold it. */
function isAmong(subnets: readonly Subnet[], address: Uint8Array): boolean {
  let low = 0
  let high = subnets.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(subnets[middle]!.bytes, address) <= 0) low = middle + 1
    else high = middle
  }
  return low > 0 && subnetContains(subnets[low - 1]!, address)
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}
