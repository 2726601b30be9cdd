// Lists of endpoints, and of ids, under a key, in an order that does not depend on what was told first: two tables of the same
// containers are the same.
import type { MapEdit, PersistentMap } from '../lib/persistent.ts'
import type { Endpoint } from './types.ts'

type Lists = MapEdit<readonly Endpoint[]>

/** By container, then by network. */
export function addTo(lists: Lists, key: string, endpoint: Endpoint): void {
  const list = lists.get(key) ?? []
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(list[middle]!, endpoint)) low = middle + 1
    else high = middle
  }
  lists.set(key, list.toSpliced(low, 0, endpoint))
}

export function takeFrom(lists: Lists, key: string, endpoint: Endpoint): void {
  const list = lists.get(key) ?? []
  if (list.length === 1 && list[0] === endpoint) lists.delete(key)
  else if (list.includes(endpoint)) lists.set(key, list.toSpliced(list.indexOf(endpoint), 1))
}

export function addId(lists: MapEdit<readonly string[]>, key: string, id: string): void {
  const list = lists.get(key) ?? []
  const next = list.findIndex((each) => each >= id)
  const at = next < 0 ? list.length : next
  // Spread into another one, a list of one would have room for 17.
  if (list[at] !== id) lists.set(key, list.toSpliced(at, 0, id))
}

export function takeId(lists: MapEdit<readonly string[]>, key: string, id: string): void {
  const left = (lists.get(key) ?? []).filter((each) => each !== id)
  if (left.length === 0) lists.delete(key)
  else lists.set(key, left)
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
