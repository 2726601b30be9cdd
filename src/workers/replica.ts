// A worker's copy of the table: the same changes in the same order. It marks engines away while the first process is silent.
import type { Clock } from '../lib/clock.ts'
import { createStore, type Store } from '../registry/store.ts'
import type { StoreChange } from '../registry/types.ts'

export interface Replica {
  readonly store: Store
  /** Call it for every message of the first process, before it is handled. */
  heard(): void
}

/** Between checks, ms; the first process sends something every second. */
const lookEvery = 1000
/** Silent checks in a row, as long as an engine may be silent. They are counted, not timed: while we do not run, none is. */
const mostUnheard = 5

/**
 * A silent first process may not be following its engines: they count as away, so that no asker sees the names of its
 * address's former owner.
 */
export function createReplica(told: readonly StoreChange[], clock: Clock): Replica {
  const store = createStore([])
  for (const change of told) store.apply(change)
  let looks = 0
  /** Engines that are away for that reason alone. */
  let unheard: readonly string[] = []

  function mark(engines: readonly string[], away: boolean): void {
    for (const engine of engines) store.apply({ kind: 'away', engine, away })
  }

  function look(): void {
    if (++looks > mostUnheard && unheard.length === 0) {
      unheard = [...store.current().engines].filter(([, { away }]) => !away).map(([engine]) => engine)
      mark(unheard, true)
    }
    clock.setTimeout(look, lookEvery)
  }
  clock.setTimeout(look, lookEvery)

  return {
    store,
    heard() {
      looks = 0
      mark(unheard, false)
      unheard = []
    },
  }
}
