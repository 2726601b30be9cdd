// The current snapshot: engines tell what changed, readers take what is current; a change swaps it whole.
import { isDeepStrictEqual } from 'node:util'
import { buildSnapshot } from './build.ts'
import type { EngineFacts, EngineState, Snapshot, StoreChange } from './types.ts'

export interface Store {
  current(): Snapshot
  /** Makes the next snapshot. What says nothing new makes none, and is told to nobody. */
  apply(change: StoreChange): void
  /** All that one engine has told. */
  factsOf(engine: string): EngineFacts
  /** The changes that make this of a store of no engines, for a replica that begins. */
  told(): StoreChange[]
  /** Called after each change that said something new, when it is in force. */
  onChange(listener: (change: StoreChange) => void): void
  /** Called after each swap. */
  onSwap(listener: (snapshot: Snapshot) => void): void
}

export function createStore(engines: readonly string[]): Store {
  const facts = new Map<string, EngineFacts>()
  let states = new Map<string, EngineState>(engines.map((name) => [name, { synced: false, away: false }]))
  const changeListeners: ((change: StoreChange) => void)[] = []
  const swapListeners: ((snapshot: Snapshot) => void)[] = []
  let current = buildSnapshot(facts, states, undefined)

  function factsOf(engine: string): EngineFacts {
    return facts.get(engine) ?? { networks: new Map(), containers: new Map() }
  }

  function setState(engine: string, next: EngineState): boolean {
    if (isDeepStrictEqual(states.get(engine), next)) return false
    states = new Map(states).set(engine, next)
    return true
  }

  /** Whether anything is another than before. */
  function take(change: StoreChange): boolean {
    if (change.kind === 'engines') return follow(change.engines)
    const { engine } = change
    const state = states.get(engine)
    if (state === undefined) return false
    if (change.kind === 'away') return setState(engine, { ...state, away: change.away })
    const before = factsOf(engine)
    const networks = changed(before.networks, change.networks)
    const containers = changed(before.containers, change.containers)
    facts.set(engine, { networks, containers })
    const isOther = networks !== before.networks || containers !== before.containers
    return setState(engine, { synced: true, away: false }) || isOther
  }

  function follow(engines: readonly string[]): boolean {
    const gone = [...states.keys()].filter((name) => !engines.includes(name))
    const added = engines.filter((name) => !states.has(name))
    if (gone.length + added.length === 0) return false
    const stay = [...states].filter(([name]) => !gone.includes(name))
    states = new Map([...stay, ...added.map((name) => [name, { synced: false, away: false }] as const)])
    for (const name of gone) facts.delete(name)
    return true
  }

  return {
    current: () => current,
    apply(change) {
      if (!take(change)) return
      current = buildSnapshot(facts, states, current)
      for (const listener of swapListeners) listener(current)
      for (const listener of changeListeners) listener(change)
    },
    factsOf,
    told: () => [
      { kind: 'engines', engines: [...states.keys()] },
      ...[...states].flatMap(([engine, { synced, away }]): StoreChange[] => {
        const { networks, containers } = factsOf(engine)
        const told = { kind: 'told', engine, networks: [...networks], containers: [...containers] } as const
        return synced ? [told, { kind: 'away', engine, away }] : []
      }),
    ],
    onChange(listener) {
      changeListeners.push(listener)
    },
    onSwap(listener) {
      swapListeners.push(listener)
    },
  }
}

/** `before` with the changes, or itself where there is nothing new in them. */
function changed<T>(
  before: ReadonlyMap<string, T>,
  changes: readonly (readonly [string, T | undefined])[],
): ReadonlyMap<string, T> {
  const real = changes.filter(([id, value]) => !isDeepStrictEqual(before.get(id), value))
  if (real.length === 0) return before
  const after = new Map(before)
  for (const [id, value] of real) {
    if (value === undefined) after.delete(id)
    else after.set(id, value)
  }
  return after
}
