// Askers, and what each of them holds and has spent: one account for an address, found anew for each question.
import { isLinkLocal } from '../../lib/interfaces.ts'
import { formatAddress, parseAddress } from '../../lib/ip.ts'
import { Recent } from '../../lib/recent.ts'
import type { Place } from './connections.ts'
import { Bucket } from './rate.ts'
import type { Taker } from './turns.ts'

/** What one asker holds and has spent; the limits read and write it. */
export class Asker {
  /** Its open TCP connections, the longest unused first. */
  readonly connections = new Set<Place>()
  /** Questions being forwarded for it. */
  inFlight = 0
  /** Its own rate, and that of its prefix. */
  readonly bucket = new Bucket()
  readonly prefix: Bucket
  /** What waits for its turn, in the order it came. */
  readonly line: Taker[] = []
  /** Questions over the rate so far; every so many of them slips. */
  pressed = 0
  /** For the fair share: what it may have while there is too much, and what it asked in the latest window. */
  readonly share = new Bucket()
  window = 0
  asked = 0
  /** Whether the rates are not for it, and the table by which that was judged. */
  isExempt = false
  judgedBy: unknown

  constructor(prefix: Bucket) {
    this.prefix = prefix
  }
}

export interface Askers {
  /** The account of an address as a socket tells it, with zone where link-local. */
  of(address: string): Asker
  /** Addresses remembered. */
  size(): number
}

export interface AskersOptions {
  /** Addresses remembered at the least, of those that hold nothing. */
  readonly capacity: () => number
  /** Whether an address is on a Docker network: all of its containers share the /64. */
  readonly isOnNetwork: (bytes: Uint8Array) => boolean
}

/**
 * An asker is an IPv4 address, or an IPv6 /64: what one customer has at least (RFC 6177), so that nobody is counted
 * anew for each address in it. Neighbours on a link or on a Docker network share their /64; there it is the address.
 * Prefixes are /24 and /56.
 */
export function createAskers({ capacity, isOnNetwork }: AskersOptions): Askers {
  const accounts = new Recent<string, Asker>({
    capacity,
    isHeld: ({ connections, inFlight }) => connections.size > 0 || inFlight > 0,
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
    // So that the next question of this address finds it without reading it.
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
