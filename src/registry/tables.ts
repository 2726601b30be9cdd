// All networks' tables by id, by name and in order, and which networks know a name.
import { emptyMap } from '../lib/persistent.ts'
import { addId, removeFrom } from './multimap.ts'
import type { ContainerChange } from './shared-namespaces.ts'
import { namesWithoutNetwork } from './table.ts'
import type { NetworkTable, Projects, Snapshot } from './types.ts'

type Tables = Pick<Snapshot, 'tables' | 'networks' | 'networksByName' | 'known' | 'services' | 'projects'>

/**
 * The tables with these in place of those of the same ids; undefined: there is none any more. A container that is on no
 * network is known by its own id in place of a network's.
 */
export function changeTables(
  { tables, networks, networksByName, known, services, projects }: Tables,
  changes: ReadonlyMap<string, NetworkTable | undefined>,
  turns: ReadonlyMap<string, ContainerChange>,
): Tables {
  const edits = {
    ...{ networks: networks.edit(), networksByName: networksByName.edit() },
    ...{ known: known.edit(), services: services.edit(), projects: projects.byName.edit() },
  }
  const ordered = tables.slice()
  const byName = (name: string) => edits.networksByName.get(name) ?? []
  for (const [id, after] of changes) {
    const before = networks.get(id)
    if (before === after) continue
    if (before !== undefined && before.name !== after?.name) {
      ordered.splice(placeOf(ordered, before), 1)
      const left = byName(before.name).filter((each) => each !== before)
      if (left.length === 0) edits.networksByName.delete(before.name)
      else edits.networksByName.set(before.name, left)
    }
    if (after === undefined) edits.networks.delete(id)
    else {
      const replaced = before?.name === after.name ? 1 : 0
      ordered.splice(placeOf(ordered, after), replaced, after)
      const list = byName(after.name)
      edits.networksByName.set(after.name, list.toSpliced(placeOf(list, after), replaced, after))
      edits.networks.set(id, after)
    }
    const alone = [id] as const
    for (const kind of ['known', 'services', 'projects'] as const) {
      const knew = before?.[kind] ?? emptyMap
      const knows = after?.[kind] ?? emptyMap
      if (knew === knows) continue
      for (const name of knows.keysMissingIn(knew)) addId(edits[kind], name, alone)
      for (const name of knew.keysMissingIn(knows)) removeFrom(edits[kind], name, alone)
    }
  }
  for (const [id, { before, after }] of turns) {
    const [knew, knows] = [namesWithoutNetwork(before), namesWithoutNetwork(after)]
    for (const kind of ['known', 'services', 'projects'] as const) {
      if (knew[kind].size + knows[kind].size === 0) continue
      for (const name of knew[kind]) if (!knows[kind].has(name)) removeFrom(edits[kind], name, [id])
      for (const name of knows[kind]) addId(edits[kind], name, [id])
    }
  }
  return {
    tables: ordered,
    networks: edits.networks.done(),
    networksByName: edits.networksByName.done(),
    known: edits.known.done(),
    services: edits.services.done(),
    projects: nextProjects(projects, edits.projects.done()),
  }
}

function nextProjects(before: Projects, byName: Projects['byName']): Projects {
  if (byName === before.byName) return before
  const isSame =
    byName.keysMissingIn(before.byName).next().done === true &&
    before.byName.keysMissingIn(byName).next().done === true
  return { byName, set: isSame ? before.set : {} }
}

/** Where in the list the table of this name and id is, or would be. */
function placeOf(list: readonly NetworkTable[], { name, network: { id } }: NetworkTable): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    const there = list[middle]!
    if (there.name < name || (there.name === name && there.network.id < id)) low = middle + 1
    else high = middle
  }
  return low
}
