// Sorted lists under a key, in an order that does not depend on arrival, and counts. An item comes as a list of one, which
// is shared by all keys that have nothing else: most do.
import type { MapEdit, PersistentMap } from '../lib/persistent.ts'
import type { Endpoint } from './types.ts'

/** Endpoints by container, then by network. */
export function addEndpoint(
  lists: MapEdit<readonly Endpoint[]>,
  key: string,
  alone: readonly [Endpoint],
): void {
  insert(lists, key, alone, isBefore)
}

/** Ids. */
export function addId(lists: MapEdit<readonly string[]>, key: string, alone: readonly [string]): void {
  if (!lists.get(key)?.includes(alone[0])) insert(lists, key, alone, (a, b) => a < b)
}

export function removeFrom<T>(lists: MapEdit<readonly T[]>, key: string, [item]: readonly [T]): void {
  const list = lists.get(key) ?? []
  const at = list.indexOf(item)
  if (at >= 0 && list.length === 1) lists.delete(key)
  else if (at >= 0) lists.set(key, list.toSpliced(at, 1))
}

function insert<T>(
  lists: MapEdit<readonly T[]>,
  key: string,
  alone: readonly [T],
  isBefore: (a: T, b: T) => boolean,
): void {
  const list = lists.get(key)
  if (list === undefined) {
    lists.set(key, alone)
    return
  }
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(list[middle]!, alone[0])) low = middle + 1
    else high = middle
  }
  lists.set(key, list.toSpliced(low, 0, alone[0]))
}

/** The counts, more or less by so many; what is there no more is not in them. */
export function withCounts(
  before: PersistentMap<number>,
  changes: ReadonlyMap<string, number>,
): PersistentMap<number> {
  const counts = before.edit()
  for (const [key, by] of changes) {
    const now = (before.get(key) ?? 0) + by
    if (now === 0) counts.delete(key)
    else counts.set(key, now)
  }
  return counts.done()
}

function isBefore(a: Endpoint, b: Endpoint): boolean {
  return a.containerId < b.containerId || (a.containerId === b.containerId && a.networkId < b.networkId)
}
