// One cached reply, and what is known of it.
import type { Transport } from '../../dns/writer.ts'
import type { Kind } from './cacheability.ts'
import type { Packed } from './packed.ts'

export interface Entry {
  /** Where it is kept. */
  readonly key: string
  /** Of that key's owner (key's hashName). */
  readonly hash: number
  readonly kind: Kind
  /** The asked type. A denial of the name itself serves for all others too. */
  readonly type: number
  readonly forEveryType: boolean
  readonly packed: Packed
  /** Who gave it. */
  readonly upstream: string
  readonly transport: Transport
  /** The number of the latest flush when it was asked for. */
  readonly since: number
  /** ms, by the cache's own time. */
  readonly storedAt: number
  readonly expiresAt: number
  /** When its records' own TTLs are over, ms, whatever shortens the time for which it is given. */
  readonly validUntil: number
  hits: number
  /** It has been asked for again before its end. */
  prefetched: boolean
  /** When the store last noted its use. */
  usedAt: number
  /** Not in the store: it was too large, another one took its place, or it had to make room. */
  isGone: boolean
  /** The next one and the one before it, of those that say whether a name exists (see owners). */
  beside: Entry | undefined
  ahead: Entry | undefined
}

/** What one is that the store does not have. */
export const apart = { isGone: true, beside: undefined, ahead: undefined }

/** An unused one; written field by field, so that V8 gives all of them one shape. */
export function createEntry(made: Omit<Entry, 'hits' | 'prefetched' | keyof typeof apart>): Entry {
  return {
    key: made.key,
    hash: made.hash,
    kind: made.kind,
    type: made.type,
    forEveryType: made.forEveryType,
    packed: made.packed,
    upstream: made.upstream,
    transport: made.transport,
    since: made.since,
    storedAt: made.storedAt,
    expiresAt: made.expiresAt,
    validUntil: made.validUntil,
    hits: 0,
    prefetched: false,
    usedAt: made.usedAt,
    isGone: true,
    beside: undefined,
    ahead: undefined,
  }
}
