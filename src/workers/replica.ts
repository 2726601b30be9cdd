// A worker's copy of the table: the same changes in the same order, and what they are worth while nobody tells any.
import type { Clock } from '../lib/clock.ts'
import { createStore, type Store } from '../registry/store.ts'
import type { StoreChange } from '../registry/types.ts'

export interface Replica {
  readonly store: Store
  /** The first process says something, whatever it is; to be called before that is done. */
  heard(): void
}

/** How often the silence is looked at, ms; the first process says something every second. */
const lookEvery = 1000
/** Looks in a row: as long as an engine may be silent before it counts as out of reach. What we had no time for is none. */
const mostUnheard = 5

/**
 * While the first process is silent, it may not follow its engines either: they count as out of reach, so that nobody
 * sees the names of an address's former owner.
 */
export function createReplica(told: readonly StoreChange[], clock: Clock): Replica {
  const store = createStore([])
  for (const change of told) store.apply(change)
  let looks = 0
  /** Those that are out of reach for that reason alone. */
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
