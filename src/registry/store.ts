// Holds the current snapshot: engines apply changes, readers take it as a whole.
import { advance, emptyRegistry } from './build.ts'
import { emptyInventory } from './inventory.ts'
import { remoteOf } from './locality.ts'
import type { EngineInventory, RemoteEngines, Snapshot, StoreChange } from './types.ts'

export interface Store {
  current(): Snapshot
  /** Makes the next snapshot, unless the change says nothing new. */
  apply(change: StoreChange): void
  /** All that one engine has told. */
  inventoryOf(engine: string): EngineInventory
  /** The changes that make this of a store of no engines, for a replica that begins. */
  asChanges(): StoreChange[]
  /** Called after each change that said something new, when it is in force. */
  onChange(listener: (change: StoreChange) => void): void
  /** Called after each swap. */
  onSwap(listener: (snapshot: Snapshot) => void): void
}

export function createStore(engines: readonly string[], remote: RemoteEngines = []): Store {
  const changeListeners: ((change: StoreChange) => void)[] = []
  const swapListeners: ((snapshot: Snapshot) => void)[] = []
  let registry = advance(emptyRegistry, { kind: 'engines', engines, remote })

  return {
    current: () => registry.snapshot,
    apply(change) {
      const before = registry
      registry = advance(before, change)
      if (registry === before) return
      if (registry.snapshot !== before.snapshot) {
        for (const listener of swapListeners) listener(registry.snapshot)
      }
      for (const listener of changeListeners) listener(change)
    },
    inventoryOf: (engine) => registry.inventories.get(engine) ?? emptyInventory,
    asChanges() {
      const { engines, version } = registry.snapshot
      const ofEngines = [...engines].flatMap(([engine, { synced, away }]): StoreChange[] => {
        const { networks, containers } = registry.inventories.get(engine)!
        const told = { kind: 'update', engine, networks: [...networks], containers: [...containers] } as const
        // Of a first list that is not whole yet, what has been told of it: the rest comes as changes.
        return [synced ? told : { ...told, unfinished: true }, { kind: 'away', engine, away }]
      })
      return [
        { kind: 'engines', engines: [...engines.keys()], remote: remoteOf(engines) },
        ...ofEngines,
        { kind: 'version', version },
      ]
    },
    onChange(listener) {
      changeListeners.push(listener)
    },
    onSwap(listener) {
      swapListeners.push(listener)
    },
  }
}
