// Takes an engine's full lists: what they add, change or lack. Nothing replaces what was read since they were requested.
import { setImmediate as turn } from 'node:timers/promises'
import { gatewayBridge } from '../../registry/order.ts'
import type { EngineClient } from '../api/client.ts'
import type { ApiContainerRow, ApiNetwork } from '../api/types.ts'
import { isRowRunning, rowSignature } from '../model/container.ts'
import { nameCost } from '../model/limits.ts'
import type { EngineState } from './engine-state.ts'
import type { UnlistedIds } from './unlisted.ts'
import type { WorkQueue } from './work-queue.ts'

/** Id → what was known of it before the list. */
export type Suspects = ReadonlyMap<string, unknown>

/** Ids of what was listed, and what the lists showed though no event was pending. */
export interface Listed {
  readonly suspects: Suspects
  readonly networkIds: readonly string[]
  readonly running: readonly string[]
  readonly others: readonly string[]
}

export interface FullListOptions {
  readonly state: EngineState
  /** Ids that events have mentioned since the list was requested. */
  readonly unlisted: Pick<UnlistedIds, 'has'>
  readonly containerQueue: WorkQueue
  readonly networkQueue: WorkQueue
  readonly memberQueue: WorkQueue
  changed(eventTime: number | undefined): void
}

/** Rows taken in one turn of the event loop: about a millisecond's. */
const rowsAtOnce = 100
/** Labels of names (limits.ts), for the same reason. */
const costAtOnce = 5_000

export function createFullList(options: FullListOptions) {
  const { state, unlisted, containerQueue, networkQueue, memberQueue, changed } = options
  const { networks, containers, setContainer, removeContainer, keepNetwork, removeNetwork } = state

  /** A function of its own, so that thousands of rows are freed before the inspects. */
  async function take(asked: EngineClient, listedAt: number): Promise<Listed> {
    const [networkRows, rows] = await Promise.all([asked.listNetworks(), asked.listContainers()])
    const running = rows.filter(isRowRunning)
    const others = rows.filter((row) => !isRowRunning(row))
    const networkSuspects = takeNetworks(networkRows, listedAt)
    // Running containers are inspected first: inspects of the others may block the queue.
    const suspects = await takeRows([...running, ...others], listedAt)
    const ids = (listed: readonly { Id: string }[]) => listed.map(({ Id }) => Id)
    return {
      suspects: new Map([...networkSuspects, ...suspects]),
      ...{ networkIds: ids(networkRows), running: ids(running), others: ids(others) },
    }
  }

  /** Swarm networks and the gateway bridge change without an event here: they are no suspects. */
  function takeNetworks(rows: readonly ApiNetwork[], listedAt: number): [string, unknown][] {
    const suspects: [string, unknown][] = []
    const listed = new Set<string>()
    for (const row of rows) {
      listed.add(row.Id)
      const before = networks.get(row.Id)
      // A row of the gateway bridge lacks the members; it is inspected in any case.
      if (before !== undefined && (before.readAt > listedAt || row.Name === gatewayBridge)) continue
      const pending = networkQueue.has(row.Id)
      const told = before?.value
      const silent = row.Scope === 'swarm' || row.Name === gatewayBridge
      if (keepNetwork(row, listedAt) && !pending && !silent) suspects.push([row.Id, told])
    }
    for (const [id, { readAt, value }] of networks) {
      if (listed.has(id) || readAt > listedAt) continue
      removeNetwork(id)
      const silent = value.network.driver === 'overlay' || value.network.name === gatewayBridge
      if (!silent && !networkQueue.has(id)) suspects.push([id, value])
    }
    const isThere = (id: string) => networks.has(id) || unlisted.has(id) || id === gatewayBridge
    networkQueue.retain(isThere)
    memberQueue.retain(isThere)
    return suspects
  }

  /** What is stopped before and after may change without an event (docker network connect): no suspect. */
  async function takeRows(rows: readonly ApiContainerRow[], listedAt: number): Promise<[string, unknown][]> {
    const suspects: [string, unknown][] = []
    const listed = new Set<string>()
    let cost = 0
    for (const row of rows) {
      listed.add(row.Id)
      // Events in between are newer than the list, by their ticks.
      if (listed.size % rowsAtOnce === 0 || cost > costAtOnce) {
        await turn()
        cost = 0
      }
      const before = containers.get(row.Id)
      if (before !== undefined && before.readAt > listedAt) continue
      if (before !== undefined && before.value.signature === rowSignature(row)) continue
      const told = before?.value.container
      if (!containerQueue.has(row.Id) && (told?.running === true || row.State === 'running')) {
        suspects.push([row.Id, told])
      }
      // The inspect may take long, and the row has most of it.
      const byRow = state.fromRow(row)
      if (setContainer(byRow, listedAt)) changed(undefined)
      cost += nameCost(byRow.container)
      containerQueue.add(row.Id)
    }
    for (const [id, { readAt, value }] of containers) {
      // One created meanwhile is known by its events, which queue an inspect.
      if (listed.has(id) || readAt > listedAt || unlisted.has(id)) continue
      removeContainer(id)
      if (value.container.running && !containerQueue.has(id)) suspects.push([id, value.container])
    }
    // Ids queued before the list, and missing in it, are gone.
    containerQueue.retain((id) => containers.has(id) || unlisted.has(id))
    return suspects
  }

  return { take }
}
