// The full lists of an engine: what they tell that was not known, and what they lack that was. Nothing in them replaces what
// was read since they were asked for.
import { setImmediate as turn } from 'node:timers/promises'
import { gatewayBridge } from '../../registry/order.ts'
import type { EngineClient } from '../api/client.ts'
import type { RawContainerRow, RawNetwork } from '../api/types.ts'
import { rowSignature, runsByRow } from '../model/container.ts'
import { nameCost } from '../model/limits.ts'
import type { Known } from './engine-state.ts'
import type { Strangers } from './unlisted.ts'
import type { DirtySet } from './work-queue.ts'

/** Id → what was known of it before the list. */
export type Suspects = ReadonlyMap<string, unknown>

/** Ids of what was listed, and what the lists knew better though nothing was pending. */
export interface Listed {
  readonly suspects: Suspects
  readonly networkIds: readonly string[]
  readonly running: readonly string[]
  readonly others: readonly string[]
}

export interface ListingOptions {
  readonly known: Known
  /** Ids that events told of since the list was asked for. */
  readonly heard: Pick<Strangers, 'has'>
  readonly dirtyContainers: DirtySet
  readonly dirtyNetworks: DirtySet
  readonly dirtyMembers: DirtySet
  changed(eventTime: number | undefined): void
}

/** Rows taken between two turns of the event loop: about a millisecond's. */
const rowsAtOnce = 100
/** Labels of names (limits.ts), for the same reason. */
const costAtOnce = 5_000

export function createListing(options: ListingOptions) {
  const { known, heard, dirtyContainers, dirtyNetworks, dirtyMembers, changed } = options
  const { networks, containers, setContainer, removeContainer } = known
  const { keepNetwork, removeNetwork } = known

  /** Apart, so that thousands of rows are not held on to while inspects come. */
  async function take(asked: EngineClient, listedAt: number): Promise<Listed> {
    const [networkRows, rows] = await Promise.all([asked.listNetworks(), asked.listContainers()])
    const running = rows.filter(runsByRow)
    const others = rows.filter((row) => !runsByRow(row))
    const networkSuspects = takeNetworks(networkRows, listedAt)
    // Those that run are looked at first: the others' looks may block, and there are not many at once.
    const suspects = await takeRows([...running, ...others], listedAt)
    const ids = (listed: readonly { Id: string }[]) => listed.map(({ Id }) => Id)
    return {
      suspects: new Map([...networkSuspects, ...suspects]),
      ...{ networkIds: ids(networkRows), running: ids(running), others: ids(others) },
    }
  }

  /** Networks of a swarm, and the gateway bridge, change without an event here: no suspects. */
  function takeNetworks(rows: readonly RawNetwork[], listedAt: number): [string, unknown][] {
    const suspects: [string, unknown][] = []
    const listed = new Set<string>()
    for (const row of rows) {
      listed.add(row.Id)
      const before = networks.get(row.Id)
      // A row of the gateway bridge lacks the members; it is inspected in any case.
      if (before !== undefined && (before.readAt > listedAt || row.Name === gatewayBridge)) continue
      const pending = dirtyNetworks.has(row.Id)
      const told = before?.told
      const silent = row.Scope === 'swarm' || row.Name === gatewayBridge
      if (keepNetwork(row, listedAt) && !pending && !silent) suspects.push([row.Id, told])
    }
    for (const [id, { readAt, told }] of networks) {
      if (listed.has(id) || readAt > listedAt) continue
      removeNetwork(id)
      const silent = told.network.driver === 'overlay' || told.network.name === gatewayBridge
      if (!silent && !dirtyNetworks.has(id)) suspects.push([id, told])
    }
    const isThere = (id: string) => networks.has(id) || heard.has(id) || id === gatewayBridge
    dirtyNetworks.keep(isThere)
    dirtyMembers.keep(isThere)
    return suspects
  }

  /** What is stopped before and after may change without an event (docker network connect): no suspect. */
  async function takeRows(rows: readonly RawContainerRow[], listedAt: number): Promise<[string, unknown][]> {
    const suspects: [string, unknown][] = []
    const listed = new Set<string>()
    let cost = 0
    for (const row of rows) {
      listed.add(row.Id)
      // Events that come in between are newer than the list, by their ticks.
      if (listed.size % rowsAtOnce === 0 || cost > costAtOnce) {
        await turn()
        cost = 0
      }
      const before = containers.get(row.Id)
      if (before !== undefined && before.readAt > listedAt) continue
      if (before !== undefined && before.told.signature === rowSignature(row)) continue
      const told = before?.told.container
      if (!dirtyContainers.has(row.Id) && (told?.running === true || row.State === 'running')) {
        suspects.push([row.Id, told])
      }
      // An inspect may be long in coming, and the row tells most of it.
      const byRow = known.byRow(row)
      if (setContainer(byRow, listedAt)) changed(undefined)
      cost += nameCost(byRow.container)
      dirtyContainers.mark(row.Id)
    }
    for (const [id, { readAt, told }] of containers) {
      // Of one that was created meanwhile only its events know; those have it looked at.
      if (listed.has(id) || readAt > listedAt || heard.has(id)) continue
      removeContainer(id)
      if (told.container.running && !dirtyContainers.has(id)) suspects.push([id, told.container])
    }
    // Of ids that were marked before the list, and that it lacks, nothing more will come.
    dirtyContainers.keep((id) => containers.has(id) || heard.has(id))
    return suspects
  }

  return { take }
}
