// The kept replies, bounded in number and bytes; what was used longest ago goes first.
import { LRUCache } from 'lru-cache'
import type { Transport } from '../../dns/writer.ts'
import type { Kind } from './cacheability.ts'
import type { CacheCounters } from './counters.ts'
import { createOwners } from './owners.ts'
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
  /** When the store was last told that it is used. */
  usedAt: number
  /** Not in the store: it was too large, another one took its place, or it had to make room. */
  isGone: boolean
  /** The next one and the one before it, of those that say whether a name exists (see owners). */
  beside: Entry | undefined
  ahead: Entry | undefined
}

export interface Limits {
  readonly entries: number
  readonly bytes: number
}

export interface Store {
  get(key: string): Entry | undefined
  set(entry: Entry): void
  /** Whether there was one. */
  delete(key: string): boolean
  /** Records, and denials of the name itself, that may be of this hash's owner; see owners. */
  records(hash: number): Entry | undefined
  denials(hash: number): Entry | undefined
  /** Of all there are now, the latest used first. */
  keys(): readonly string[]
  /** As `get`, but that it is no use. */
  peek(key: string): Entry | undefined
  /** Keeps each entry as `adapt` gives it, the latest used first, as far as there is room by the new limits. */
  update(limits: Limits, adapt: (entry: Entry) => Entry): void
}

/** What one is that the store does not have. */
export const apart = { isGone: true, beside: undefined, ahead: undefined }

/** One that nobody has used; field by field, so that to V8 all are of one shape. */
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

/** What an entry takes beside its message and key: 305 to 345 bytes were measured. */
const entryBytes = 350

/** With a limit of 0 entries nothing is kept. */
export function createStore(limits: Limits, counters: CacheCounters): Store {
  const entries: { [kind in Kind]?: { value: number } } = {}
  const bytes = counters.bytes.cell()
  const evictions = counters.evictions.cell()
  const count = (entry: Entry, key: string, sign: 1 | -1) => {
    entries[entry.kind] ??= counters.entries.cell(entry.kind)
    entries[entry.kind]!.value += sign
    bytes.value += sign * sizeOf(entry, key)
  }
  const create = (limits: Limits) => {
    if (limits.entries === 0) return undefined
    const owners = createOwners(limits.entries)
    const lru = new LRUCache<string, Entry>({
      max: limits.entries,
      maxSize: limits.bytes,
      sizeCalculation: sizeOf,
      onInsert(entry, key) {
        entry.isGone = false
        count(entry, key, 1)
        owners.add(entry)
      },
      dispose: (entry, key, reason) => {
        entry.isGone = true
        count(entry, key, -1)
        owners.remove(entry)
        if (reason === 'evict') evictions.value++
      },
    })
    return { lru, owners }
  }
  let kept = create(limits)
  return {
    get: (key) => kept?.lru.get(key),
    set: (entry) => void kept?.lru.set(entry.key, entry),
    delete: (key) => kept?.lru.delete(key) === true,
    records: (hash) => kept?.owners.records(hash),
    denials: (hash) => kept?.owners.denials(hash),
    keys: () => [...(kept?.lru.keys() ?? [])],
    peek: (key) => kept?.lru.peek(key),
    update(next, adapt) {
      const before = kept?.lru
      kept = create(next)
      for (const key of before?.rkeys() ?? []) {
        const entry = before?.peek(key)
        if (entry !== undefined) kept?.lru.set(key, { ...adapt(entry), ...apart })
      }
      before?.clear()
    },
  }
}

function sizeOf({ packed }: Entry, key: string): number {
  return packed.length + key.length + entryBytes
}
