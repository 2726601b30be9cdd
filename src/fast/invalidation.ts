// What has changed in a scope's networks while answers are kept for it, name by name: a container that comes or goes says
// something of a few names, and what was answered for all others goes on being right.
import { namesTouched } from '../registry/touched.ts'
import type { NetworkTable } from '../registry/types.ts'

/** Names of one change. */
export type Touched = readonly string[]

/** So many changes are remembered; an answer that nobody asked for meanwhile is made anew. */
const most = 64

/** Numbered from 1 on. */
export class Changes {
  #last = 0
  readonly #recent: Touched[] = []

  /** The number of the last one. */
  get last(): number {
    return this.#last
  }

  add(touched: Touched): void {
    this.#last++
    this.#recent.push(touched)
    if (this.#recent.length > most) this.#recent.shift()
  }

  /**
   * Whether none of those after number `since` can be of a question for this name. A table is looked at under parts of the
   * question's name alone: without labels at its start (what lies above it, `_http._tcp.web`) or at its end (NAME.NETWORK,
   * our zone). So a name with a label that the question does not have is not looked at.
   */
  spare(name: string, since: number): boolean {
    const from = this.#recent.length - (this.#last - since)
    if (from < 0) return false
    const labels = new Set(labelsOf(name))
    for (let i = from; i < this.#recent.length; i++) {
      for (const touched of this.#recent[i]!) {
        if (labelsOf(touched).every((label) => labels.has(label))) return false
      }
    }
    return true
  }
}

/** Or parts of them, where one has an escaped dot: whoever cuts a name cuts it at dots. */
function labelsOf(name: string): readonly string[] {
  return name.split('.')
}

/** What differs between the same networks as they were and as they are in one snapshot; undefined: maybe everything. */
export type Compare = (before: readonly NetworkTable[], after: readonly NetworkTable[]) => Touched | undefined

/** For one snapshot: remembers what it found, for many scopes have the same networks. */
export function createCompare(): Compare {
  const found = new Map<NetworkTable, { before: NetworkTable; touched: Touched | undefined }>()

  function compareTables(before: NetworkTable, after: NetworkTable): Touched | undefined {
    const known = found.get(after)
    if (known?.before === before) return known.touched
    const touched = namesTouched(before, after)
    found.set(after, { before, touched })
    return touched
  }

  return (before, after) => {
    const all: string[] = []
    for (const [i, table] of after.entries()) {
      const touched = before[i] === table ? [] : compareTables(before[i]!, table)
      if (touched === undefined) return undefined
      all.push(...touched)
    }
    return all
  }
}
