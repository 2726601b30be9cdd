// The kept replies, bounded in number and bytes; what was used longest ago goes first.
import { LRUCache } from 'lru-cache'
import type { CacheMetrics } from './cache-metrics.ts'
import type { Kind } from './cacheability.ts'
import { apart, type Entry } from './entry.ts'
import { createOwners } from './owners.ts'

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

/** What an entry takes beside its message and key: 305 to 345 bytes were measured. */
const entryBytes = 350

/** With a limit of 0 entries nothing is kept. */
export function createStore(limits: Limits, counters: CacheMetrics): Store {
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
