// Where fast answers are kept: a store for each scope, so that no scope ever finds another's, in bounded memory. A store
// knows which names have changed in its scope's networks, and is emptied where that may be any name.
import { type Budget, Recent } from '../lib/recent.ts'
import type { NetworkTable, Snapshot } from '../registry/types.ts'
import type { Scope } from '../scope/scope.ts'
import { ChangeLog, type CompareNetworks, createComparison } from './invalidation.ts'
import type { AnswerTemplate } from './template.ts'

/** Bytes that the answers of all scopes may take, and those of one. */
export interface Room {
  readonly total: number
  readonly each: number
}

export interface AnswerStore {
  /** By a hash of the question; of two questions with one hash the later takes the place. */
  readonly answers: Recent<number, AnswerTemplate>
  readonly changes: ChangeLog
  /** What it is up to date with. */
  networks: readonly NetworkTable[]
  subnets: Snapshot['subnets']
  projects: Snapshot['projects']['set']
}

export interface AnswerStores {
  /** The scope's, brought up to date with this snapshot; undefined: nothing is kept for strangers. */
  of(scope: Scope, snapshot: Snapshot): AnswerStore | undefined
  /** Removes the stores that are not up to date with this snapshot. */
  sweep(snapshot: Snapshot): void
  held(): { answers: number; bytes: number }
}

/** `see`: what of a scope tells answers apart, where it is not all that `scopeKey` looks at. */
export function createAnswerStores(
  room: Room,
  see: (scope: Scope) => Scope = (scope) => scope,
): AnswerStores {
  const budget: Budget = { most: room.total, used: 0 }
  const stores = new Map<string, AnswerStore>()
  let comparison: { of: Snapshot; compare: CompareNetworks } | undefined

  /** Logs the names that have changed. False: any may have. */
  function follow(store: AnswerStore, scope: Scope, snapshot: Snapshot): boolean {
    if (!hasSameParents(store, snapshot)) return false
    const networks = networksOf(scope)
    if (areSame(store.networks, networks)) return true
    // A link's target is a name that the question does not have.
    if (hasLinks(scope)) return false
    if (comparison?.of !== snapshot) comparison = { of: snapshot, compare: createComparison() }
    const changed = comparison.compare(store.networks, networks)
    if (changed === undefined) return false
    store.changes.add(changed)
    store.networks = networks
    return true
  }

  return {
    of(whole, snapshot) {
      const scope = see(whole)
      const key = scopeKey(scope)
      if (key === undefined) return undefined
      const before = stores.get(key)
      if (before !== undefined) {
        if (follow(before, scope, snapshot)) return before
        before.answers.clear()
      }
      const store: AnswerStore = {
        answers: new Recent({ capacity: () => room.each / 2, costOf: ({ cost }) => cost, budget }),
        changes: new ChangeLog(),
        networks: networksOf(scope),
        subnets: snapshot.subnets,
        projects: snapshot.projects.set,
      }
      stores.set(key, store)
      return store
    },
    sweep(snapshot) {
      const isCurrent = (table: NetworkTable) => snapshot.networks.get(table.network.id) === table
      for (const [key, store] of stores) {
        if (hasSameParents(store, snapshot) && store.networks.every(isCurrent)) continue
        store.answers.clear()
        stores.delete(key)
      }
    },
    held: () => ({
      answers: [...stores.values()].reduce((total, { answers }) => total + answers.size, 0),
      bytes: budget.used,
    }),
  }
}

/** Whether the same subnets and projects exist, whoever sees them: what a name may end in. */
function hasSameParents({ subnets, projects }: AnswerStore, snapshot: Snapshot): boolean {
  return subnets === snapshot.subnets && projects === snapshot.projects.set
}

/**
 * All of a scope that an answer depends on, except what its networks hold: clients with the same key share answers.
 * undefined: strangers, who can send from any number of addresses, have no answers kept.
 */
function scopeKey(scope: Scope): string | undefined {
  const { view, rule, networks, forwards, incomplete, containerId, former } = scope
  if (view === 'nobody') return undefined
  // The host sees all networks, and what is kept for it holds for one version of the table.
  const ids = view === 'host' ? [] : networks.map(({ network }) => network.id)
  const key = JSON.stringify([view, rule, forwards, incomplete, hasOwnLinks(scope) ? containerId : '', ids])
  return former === undefined ? key : `${key} ${scopeKey(former)}`
}

function hasLinks(scope: Scope): boolean {
  return hasOwnLinks(scope) || (scope.former !== undefined && hasOwnLinks(scope.former))
}

function hasOwnLinks({ links }: Scope): boolean {
  return links !== undefined && [...links.values()].some(({ size }) => size > 0)
}

/** All whose names its answers may depend on. */
function networksOf({ networks, former }: Scope): readonly NetworkTable[] {
  return former === undefined ? networks : [...networks, ...former.networks]
}

function areSame(a: readonly NetworkTable[], b: readonly NetworkTable[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
