// Askers and their accounts: one account for an address, which each question finds anew.
import { isLinkLocal } from '../../lib/interfaces.ts'
import { formatAddress, parseAddress } from '../../lib/ip.ts'
import { Recent } from '../../lib/recent.ts'
import type { Place } from './connections.ts'
import { Line } from './fair-queue.ts'
import { ShareAccount } from './fair-share.ts'
import { RateAccount } from './rate-limit.ts'
import { Bucket } from './token-bucket.ts'

/** One asker: a record for each limit, which that limit alone writes. */
export class Asker {
  /** Its open TCP connections: connections.ts. Made for the first one, as most askers use UDP alone. */
  connections: Set<Place> | undefined
  readonly share = new ShareAccount()
  readonly line = new Line(this.share)
  readonly rate: RateAccount
  /** Questions being forwarded for it: limits.ts. */
  inFlight = 0

  constructor(prefix: Bucket) {
    this.rate = new RateAccount(prefix)
  }
}

export interface Askers {
  /** `address`: as a socket gives it, with zone if link-local. */
  of(address: string): Asker
  /** Addresses remembered. */
  size(): number
}

export interface AskersOptions {
  /** Addresses remembered at least, of those that hold nothing. */
  readonly capacity: () => number
  /** Whether an address is on a Docker network: all of its containers share the /64. */
  readonly isOnNetwork: (bytes: Uint8Array) => boolean
}

/**
 * An asker is an IPv4 address or an IPv6 /64, the least that one site gets (RFC 6177): more addresses bring no more
 * allowance. Neighbours on a link or on a Docker network share a /64; there an asker is one address. Prefixes are /24 and
 * /56.
 */
export function createAskers({ capacity, isOnNetwork }: AskersOptions): Askers {
  const accounts = new Recent<string, Asker>({
    capacity,
    isHeld: ({ connections, inFlight }) => (connections?.size ?? 0) > 0 || inFlight > 0,
  })
  const prefixes = new Recent<string, Bucket>({ capacity })

  function account(key: string, prefixKey: string): Asker {
    let asker = accounts.get(key)
    if (asker !== undefined) return asker
    let prefix = prefixes.get(prefixKey)
    if (prefix === undefined) {
      prefix = new Bucket()
      prefixes.add(prefixKey, prefix)
    }
    asker = new Asker(prefix)
    accounts.add(key, asker)
    return asker
  }

  function open(address: string): Asker {
    if (!address.includes(':')) return account(address, address.slice(0, address.lastIndexOf('.')))
    const bytes = parseAddress(address.replace(/%.*/, '')) ?? new Uint8Array(16)
    const prefix = prefixText(bytes, 7)
    if (isLinkLocal(address) || isOnNetwork(bytes)) return account(address, prefix)
    const asker = account(`${prefixText(bytes, 8)}/64`, prefix)
    // The next question from this address finds it without parsing.
    accounts.add(address, asker)
    return asker
  }

  return {
    of: (address) => accounts.get(address) ?? open(address),
    size: () => accounts.size,
  }
}

/** The address of the network that the first `count` bytes name. */
function prefixText(bytes: Uint8Array, count: number): string {
  return formatAddress(Uint8Array.from(bytes, (byte, i) => (i < count ? byte : 0)))
}
