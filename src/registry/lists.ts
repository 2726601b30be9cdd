// Lists of endpoints under a key, in an order that does not depend on what was told first: two tables of the same
// containers are the same.
import type { MapEdit } from '../lib/persistent.ts'
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

/** One more (1) or one less (-1); what is there no more goes. */
export function count(counts: MapEdit<number>, key: string, by: 1 | -1): void {
  const now = (counts.get(key) ?? 0) + by
  if (now === 0) counts.delete(key)
  else counts.set(key, now)
}

function isBefore(a: Endpoint, b: Endpoint): boolean {
  return a.containerId < b.containerId || (a.containerId === b.containerId && a.networkId < b.networkId)
}
