// Which of a scope's fast answers a change of the table leaves valid: a container that comes or goes touches a few names,
// and answers about all others stay right.
import { changedNames } from '../registry/changed-names.ts'
import type { NetworkTable } from '../registry/types.ts'

export type ChangedNames = readonly string[]

/** So many changes are remembered; an answer that was not asked for meanwhile is made anew. */
const mostChanges = 64

/** Changes of the networks of one scope, numbered from 1. */
export class ChangeLog {
  #last = 0
  readonly #recent: ChangedNames[] = []

  /** The number of the last change. */
  get last(): number {
    return this.#last
  }

  add(changed: ChangedNames): void {
    this.#last++
    this.#recent.push(changed)
    if (this.#recent.length > mostChanges) this.#recent.shift()
  }

  /**
   * Whether no change after number `since` can matter to a question for this name. A lookup only uses parts of the
   * question's name: without labels at its start (what lies above it, `_http._tcp.web`) or at its end (NAME.NETWORK, our
   * zone). So a changed name with a label that the question lacks does not matter.
   */
  isUnaffected(name: string, since: number): boolean {
    const from = this.#recent.length - (this.#last - since)
    if (from < 0) return false
    const labels = new Set(labelsOf(name))
    for (let i = from; i < this.#recent.length; i++) {
      for (const changed of this.#recent[i]!) {
        if (labelsOf(changed).every((label) => labels.has(label))) return false
      }
    }
    return true
  }
}

/** Or parts of labels, where one has an escaped dot: lookups cut names at every dot too. */
function labelsOf(name: string): readonly string[] {
  return name.split('.')
}

/** The names that differ between the same networks before and after; undefined: maybe all. */
export type CompareNetworks = (
  before: readonly NetworkTable[],
  after: readonly NetworkTable[],
) => ChangedNames | undefined

/** For one snapshot: remembers its results, since many scopes have the same networks. */
export function createComparison(): CompareNetworks {
  const known = new Map<NetworkTable, { before: NetworkTable; changed: ChangedNames | undefined }>()

  function compareTables(before: NetworkTable, after: NetworkTable): ChangedNames | undefined {
    const found = known.get(after)
    if (found?.before === before) return found.changed
    const changed = changedNames(before, after)
    known.set(after, { before, changed })
    return changed
  }

  return (before, after) => {
    const all: string[] = []
    for (const [i, table] of after.entries()) {
      const changed = before[i] === table ? [] : compareTables(before[i]!, table)
      if (changed === undefined) return undefined
      all.push(...changed)
    }
    return all
  }
}
