// What each engine told, by its name, local engines before remote ones, else in the order of the engines: where several
// tell of one thing, as they do of a Swarm's networks, the first one speaks for all.
import { emptyMap, type PersistentMap } from '../lib/persistent.ts'
import { sharing, sharingContainer } from './structural-sharing.ts'
import type { Container, EngineFacts, Network, StoreChange } from './types.ts'

export interface ToldFacts extends EngineFacts {
  readonly networks: PersistentMap<Network>
  readonly containers: PersistentMap<Container>
}

export type FactsByEngine = ReadonlyMap<string, ToldFacts>

export const noFacts: ToldFacts = { networks: emptyMap, containers: emptyMap }

/** The facts with what was told of them; the same ones where nothing of it is new. */
export function withTold(before: ToldFacts, told: StoreChange & { kind: 'told' }): ToldFacts {
  const networks = withChanges(before.networks, told.networks, sharing)
  const containers = withChanges(before.containers, told.containers, sharingContainer)
  const isSame = networks === before.networks && containers === before.containers
  return isSame ? before : { networks, containers }
}

/** What the first engine tells that knows it. */
export function firstTold<K extends keyof EngineFacts>(
  facts: FactsByEngine,
  kind: K,
  id: string,
): (K extends 'networks' ? Network : Container) | undefined {
  for (const told of facts.values()) {
    const found = told[kind].get(id)
    if (found !== undefined) return found as ReturnType<typeof firstTold<K>>
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
