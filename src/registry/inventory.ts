// What each engine reported, local engines first. Where several report one thing, such as a Swarm network, the first counts.
import { emptyMap, type PersistentMap } from '../lib/persistent.ts'
import { reuse, reuseContainer } from './structural-sharing.ts'
import type { Container, EngineInventory, Network, StoreChange } from './types.ts'

export interface PersistentInventory extends EngineInventory {
  readonly networks: PersistentMap<Network>
  readonly containers: PersistentMap<Container>
}

export type Inventories = ReadonlyMap<string, PersistentInventory>

export const emptyInventory: PersistentInventory = { networks: emptyMap, containers: emptyMap }

/** The facts with what was told of them; the same ones where nothing of it is new. */
export function withUpdate(
  before: PersistentInventory,
  told: StoreChange & { kind: 'update' },
): PersistentInventory {
  const networks = withChanges(before.networks, told.networks, reuse)
  const containers = withChanges(before.containers, told.containers, reuseContainer)
  const isSame = networks === before.networks && containers === before.containers
  return isSame ? before : { networks, containers }
}

/** What the first engine tells that knows it. */
export function findFirst<K extends keyof EngineInventory>(
  facts: Inventories,
  kind: K,
  id: string,
): (K extends 'networks' ? Network : Container) | undefined {
  for (const told of facts.values()) {
    const found = told[kind].get(id)
    if (found !== undefined) return found as ReturnType<typeof findFirst<K>>
  }
  return undefined
}

function withChanges<T>(
  before: PersistentMap<T>,
  changes: readonly (readonly [string, T | undefined])[],
  share: (fresh: T, before: T | undefined) => T,
): PersistentMap<T> {
  const edit = before.edit()
  for (const [id, value] of changes) {
    if (value === undefined) edit.delete(id)
    else edit.set(id, share(value, before.get(id)))
  }
  return edit.done()
}
