// Describes cached answers in words and seconds, for /api/cache and `berth query`.
import { rcodeName } from '../dns/header.ts'
import { readMessage } from '../dns/message.ts'
import { typeName } from '../dns/types.ts'
import type { HeldAnswer, Holding } from '../forward/cache/contents.ts'
import type { CacheEntry } from './api-types.ts'
import type { FromAll } from './caches.ts'

const seconds = (ms: number) => Math.floor(ms / 1000)
/** Rounds up, as TTLs do: they are lowered by whole seconds of age. */
const secondsLeft = (ms: number) => Math.max(0, Math.ceil(ms / 1000))

export function describeHolding(held: Holding): CacheEntry {
  const { name, class: ofClass, dnssecOk, checkingDisabled, route, age, left } = held
  const key = {
    name: name === '' ? '.' : name,
    type: held.type === undefined ? '*' : typeName(held.type),
    ...(ofClass === 1 ? {} : { class: ofClass }),
    ...{ dnssecOk, checkingDisabled },
  }
  const times = { age: seconds(age), left: secondsLeft(left) }
  if (held.kind === 'failure') {
    const { why } = held
    return { ...key, answer: 'failure', rcode: 'SERVFAIL', records: [], stale: false, ...times, route, why }
  }
  const { rcode, answers } = readMessage(held.message)
  const { upstream, transport, ttl, uses, isRenewed, servable } = held
  return {
    ...key,
    answer: wordFor(held, rcodeName(rcode)),
    rcode: rcodeName(rcode),
    records: answers,
    stale: left <= 0,
    ...times,
    ...{ ttl: Math.round(ttl / 1000), staleLeft: secondsLeft(servable) },
    ...{ upstream, transport, route, uses, renewed: isRenewed },
  }
}

function wordFor({ kind }: HeldAnswer, rcode: string): CacheEntry['answer'] {
  if (kind === 'success') return 'records'
  return rcode === 'NXDOMAIN' ? 'nxdomain' : 'nodata'
}

/** How much the ages of one answer in two processes may differ, s: passing it on takes a moment. */
const sameTime = 1

/** One entry per answer, whichever processes hold it; sorted by name, then type. */
export function mergeHoldings({ told }: FromAll<{ readonly list: readonly Holding[] }>): CacheEntry[] {
  const merged: (CacheEntry & { processes: number[] })[] = []
  const alike = new Map<string, (typeof merged)[number][]>()
  for (const { worker, list } of told) {
    for (const held of list) {
      const entry = describeHolding(held)
      const id = identify(entry)
      const group = alike.get(id) ?? []
      alike.set(id, group)
      const same = group.find(
        ({ age, processes }) => Math.abs(age - entry.age) <= sameTime && !processes.includes(worker),
      )
      if (same === undefined) {
        const own = { ...entry, processes: [worker] }
        group.push(own)
        merged.push(own)
        continue
      }
      same.processes.push(worker)
      Object.assign(same, {
        ...(same.uses === undefined ? {} : { uses: same.uses + (entry.uses ?? 0) }),
        ...(same.renewed === undefined ? {} : { renewed: same.renewed || entry.renewed }),
      })
    }
  }
  const sorted = merged.sort((a, b) => compare(a.name, b.name) || compare(a.type, b.type))
  return told.length > 1 ? sorted : sorted.map(({ processes: _, ...entry }) => entry)
}

/** Everything except times and what each process counts for itself. */
function identify(entry: CacheEntry): string {
  const { name, type, class: ofClass, dnssecOk, checkingDisabled, route, rcode, answer } = entry
  const { upstream, transport, why, stale, records } = entry
  const data = records.map(({ name, type, data }) => [name, type, data])
  const key = [name, type, ofClass, dnssecOk, checkingDisabled, route]
  return JSON.stringify([key, rcode, answer, stale, upstream, transport, why, data])
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
