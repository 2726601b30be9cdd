// The kept replies, bounded in number and bytes; what was used longest ago goes first.
import { LRUCache } from 'lru-cache'
import type { Transport } from '../../dns/writer.ts'
import type { CacheCounters } from './counters.ts'
import type { Kind } from './keepable.ts'
import type { Packed } from './packed.ts'

export interface Entry {
  readonly kind: Kind
  readonly packed: Packed
  /** Who gave it. */
  readonly upstream: string
  readonly transport: Transport
  /** The number of the latest flush when it was asked for. */
  readonly since: number
  /** ms, by the cache's own time. */
  readonly storedAt: number
  readonly expiresAt: number
  hits: number
  /** It has been asked for again before its end. */
  prefetched: boolean
  /** When the store was last told that it is used. */
  usedAt: number
  /** Not in the store any more: another one took its place, or it had to make room. */
  isGone: boolean
}

/** One that nobody has used. Times are ms, by the cache's own. */
export function entryOf(
  { kind, packed }: Pick<Entry, 'kind' | 'packed'>,
  { upstream, transport, since }: Pick<Entry, 'upstream' | 'transport' | 'since'>,
  storedAt: number,
  expiresAt: number,
  usedAt: number,
): Entry {
  return {
    kind,
    packed,
    upstream,
    transport,
    since,
    storedAt,
    expiresAt,
    hits: 0,
    prefetched: false,
    usedAt,
    isGone: false,
  }
}

export interface Limits {
  readonly entries: number
  readonly bytes: number
}

export interface Store {
  get(key: string): Entry | undefined
  set(key: string, entry: Entry): void
  /** Whether there was one. */
  delete(key: string): boolean
  /** Of all there are now, the latest used first. */
  keys(): readonly string[]
  /** As `get`, but that it is no use. */
  peek(key: string): Entry | undefined
  /** Keeps each entry as `adapt` gives it, the latest used first, as far as there is room by the new limits. */
  update(limits: Limits, adapt: (entry: Entry) => Entry): void
}

/** What an entry takes beside its message and key: 220 to 260 bytes were measured. */
const entryBytes = 300

/** With a limit of 0 entries nothing is kept. */
export function createStore(limits: Limits, counters: CacheCounters): Store {
  const count = (entry: Entry, key: string, sign: 1 | -1) => {
    counters.entries.add(sign, entry.kind)
    counters.bytes.add(sign * sizeOf(entry, key))
  }
  const create = ({ entries, bytes }: Limits) =>
    entries === 0
      ? undefined
      : new LRUCache<string, Entry>({
          max: entries,
          maxSize: bytes,
          sizeCalculation: sizeOf,
          onInsert: (entry, key) => count(entry, key, 1),
          dispose: (entry, key, reason) => {
            entry.isGone = true
            count(entry, key, -1)
            if (reason === 'evict') counters.evictions.add(1)
          },
        })
  let lru = create(limits)
  return {
    get: (key) => lru?.get(key),
    set: (key, entry) => void lru?.set(key, entry),
    delete: (key) => lru?.delete(key) === true,
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

function sizeOf({ packed }: Entry, key: string): number {
  return packed.length + key.length + entryBytes
}
