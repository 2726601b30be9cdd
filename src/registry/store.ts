// The current snapshot: engines report facts, readers take what is current; a change swaps it whole.
import { buildSnapshot } from './build.ts'
import type { EngineFacts, EngineState, Snapshot } from './types.ts'

export interface Store {
  current(): Snapshot
  /** Replaces all that `engine` told, marks it synced and in reach, and swaps the snapshot. */
  update(engine: string, facts: EngineFacts): void
  /** Marks an engine out of reach (or back); its names stay. */
  markAway(engine: string, away: boolean): void
  /** These are the engines now: new ones are not synced yet, those that are not named any more leave the table. */
  follow(engines: readonly string[]): void
  /** Called after each swap. */
  onSwap(listener: (snapshot: Snapshot) => void): void
}

export function createStore(engines: readonly string[]): Store {
  const facts = new Map<string, EngineFacts>()
  const states = new Map<string, EngineState>(engines.map((name) => [name, { synced: false, away: false }]))
  const listeners: ((snapshot: Snapshot) => void)[] = []
  let current = buildSnapshot(facts, states, undefined)

  function swap() {
    current = buildSnapshot(facts, states, current)
    for (const listener of listeners) listener(current)
  }

  return {
    current: () => current,
    update(engine, told) {
      facts.set(engine, told)
      states.set(engine, { synced: true, away: false })
      swap()
    },
    markAway(engine, away) {
      const state = states.get(engine)
      if (state === undefined || state.away === away) return
      states.set(engine, { ...state, away })
      swap()
    },
    follow(engines) {
      const gone = [...states.keys()].filter((name) => !engines.includes(name))
      const added = engines.filter((name) => !states.has(name))
      if (gone.length + added.length === 0) return
      for (const name of gone) {
        states.delete(name)
        facts.delete(name)
      }
      for (const name of added) states.set(name, { synced: false, away: false })
      swap()
    },
    onSwap(listener) {
      listeners.push(listener)
    },
  }
}
