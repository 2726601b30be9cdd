// Which names of a network a change affects; cached answers for the others stay valid.
import type { PersistentMap } from '../lib/persistent.ts'
import { hasNames, namesOf } from './table.ts'
import type { NetworkTable } from './types.ts'

/** With more of them it is as well to look at everything anew. */
const most = 1000

/**
 * Every name under which one of the tables says something else than the other, or of a container that is another one.
 * Addresses are not in it. undefined: it may be of all names.
 */
export function changedNames(before: NetworkTable, after: NetworkTable): readonly string[] | undefined {
  // What the network is, and whether it has any names, is looked at for all of them.
  if (before.network !== after.network || hasNames(before) !== hasNames(after)) return undefined
  const touched = new Set<string>()
  const touch = (names: Iterable<string>) => {
    for (const name of names) {
      if (touched.size > most) return
      touched.add(name)
    }
  }
  for (const lists of ['names', 'added', 'replicas', 'labelled', 'wildcards'] as const) {
    touch(before[lists].keysDifferingIn(after[lists]))
  }
  // How often it is does not matter.
  for (const counts of ['known', 'services', 'projects', 'parents'] as const) {
    touch(membershipOther(before[counts], after[counts]))
  }
  // One that came or went, or has other names, has told of them above; one that is unhealthy now has not.
  for (const id of before.containers.keysDifferingIn(after.containers)) {
    const container = after.containers.get(id)
    if (container !== undefined) touch(namesOf(container, after.network.id))
  }
  return touched.size > most ? undefined : [...touched]
}

function* membershipOther(a: PersistentMap<number>, b: PersistentMap<number>): Generator<string> {
  yield* a.keysMissingIn(b)
  yield* b.keysMissingIn(a)
}
