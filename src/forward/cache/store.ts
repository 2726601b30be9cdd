// The kept replies, bounded in number and bytes; what was used longest ago goes first.
import { LRUCache } from 'lru-cache'
import type { Transport } from '../../dns/writer.ts'
import type { CacheCounters } from './counters.ts'
import type { Kind } from './keepable.ts'
import type { Packed } from './packed.ts'

export interface Entry {
  /** Where it is kept. */
  readonly key: string
  /** Of that key (key's ownerOf). */
  readonly owner: string
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
  /** The next one of its owner, of those that say whether it exists. */
  beside: Entry | undefined
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
  /** What is kept of a name and says whether it exists, the first of them: records, and denials of the name itself. */
  of(owner: string): Entry | undefined
  /** Of all there are now, the latest used first. */
  keys(): readonly string[]
  /** As `get`, but that it is no use. */
  peek(key: string): Entry | undefined
  /** Keeps each entry as `adapt` gives it, the latest used first, as far as there is room by the new limits. */
  update(limits: Limits, adapt: (entry: Entry) => Entry): void
}

/** One that nobody has used; field by field, so that to V8 all are of one shape. */
export function createEntry(made: Omit<Entry, 'hits' | 'prefetched' | 'isGone' | 'beside'>): Entry {
  return {
    key: made.key,
    owner: made.owner,
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
  }
}

/** What an entry takes beside its message and key: 220 to 260 bytes were measured, and its owner comes to some 120. */
const entryBytes = 400

/** With a limit of 0 entries nothing is kept. */
export function createStore(limits: Limits, counters: CacheCounters): Store {
  const count = (entry: Entry, key: string, sign: 1 | -1) => {
    counters.entries.add(sign, entry.kind)
    counters.bytes.add(sign * sizeOf(entry, key))
  }
  /** By owner; as long as they are kept. */
  const telling = new Map<string, Entry>()

  function index(entry: Entry): void {
    if (!tells(entry)) return
    entry.beside = telling.get(entry.owner)
    telling.set(entry.owner, entry)
  }

  function unindex(entry: Entry): void {
    if (!tells(entry)) return
    const { owner, beside } = entry
    let before = telling.get(owner)
    if (before === entry) {
      if (beside === undefined) telling.delete(owner)
      else telling.set(owner, beside)
      return
    }
    while (before !== undefined && before.beside !== entry) before = before.beside
    if (before !== undefined) before.beside = beside
  }

  const create = ({ entries, bytes }: Limits) =>
    entries === 0
      ? undefined
      : new LRUCache<string, Entry>({
          max: entries,
          maxSize: bytes,
          sizeCalculation: sizeOf,
          onInsert(entry, key) {
            entry.isGone = false
            count(entry, key, 1)
            index(entry)
          },
          dispose: (entry, key, reason) => {
            entry.isGone = true
            count(entry, key, -1)
            unindex(entry)
            if (reason === 'evict') counters.evictions.add(1)
          },
        })
  let lru = create(limits)
  return {
    get: (key) => lru?.get(key),
    set: (entry) => void lru?.set(entry.key, entry),
    delete: (key) => lru?.delete(key) === true,
    of: (owner) => telling.get(owner),
    keys: () => [...(lru?.keys() ?? [])],
    peek: (key) => lru?.peek(key),
    update(next, adapt) {
      const before = lru
      lru = create(next)
      for (const key of before?.rkeys() ?? []) {
        const entry = before?.peek(key)
        if (entry !== undefined) lru?.set(key, adapt(entry))
      }
      before?.clear()
    },
  }
}

const tells = ({ kind, forEveryType }: Entry): boolean => kind === 'success' || forEveryType

function sizeOf({ packed }: Entry, key: string): number {
  return packed.length + key.length + entryBytes
}
