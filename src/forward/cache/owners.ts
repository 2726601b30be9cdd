// Which entries say whether a name exists: records of it, and denials of the name itself. A hash of the name and of who is
// asked for it finds them, and the chains run through the entries: a Map of names would hold a text for each, and be
// laid out anew all the time.
import type { Entry } from './entry.ts'

export interface Owners {
  add(entry: Entry): void
  remove(entry: Entry): void
  /** The first of a chain that has all records of this hash, the latest first, and others. */
  records(hash: number): Entry | undefined
  /** The same of denials of the name itself. */
  denials(hash: number): Entry | undefined
}

const mostChains = 1 << 17

/** `entries`: how many there may be. */
export function createOwners(entries: number): Owners {
  const chains = 2 ** Math.ceil(Math.log2(Math.min(Math.max(entries, 1), mostChains)))
  const mask = chains - 1
  const chainOf = (hash: number) => (hash ^ (hash >>> 15)) & mask
  const records: (Entry | undefined)[] = new Array(chains).fill(undefined)
  // Apart: a name may have very many records, and few denials.
  const denials: (Entry | undefined)[] = new Array(chains).fill(undefined)
  const placeOf = ({ kind, forEveryType }: Entry) =>
    kind === 'success' ? records : forEveryType ? denials : undefined

  return {
    add(entry) {
      const firsts = placeOf(entry)
      if (firsts === undefined) return
      const at = chainOf(entry.hash)
      const next = firsts[at]
      entry.beside = next
      if (next !== undefined) next.ahead = entry
      firsts[at] = entry
    },
    remove(entry) {
      const firsts = placeOf(entry)
      if (firsts === undefined) return
      const { ahead, beside } = entry
      if (ahead === undefined) firsts[chainOf(entry.hash)] = beside
      else ahead.beside = beside
      if (beside !== undefined) beside.ahead = ahead
      entry.ahead = undefined
      entry.beside = undefined
    },
    records: (hash) => records[chainOf(hash)],
    denials: (hash) => denials[chainOf(hash)],
  }
}
