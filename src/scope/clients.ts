// Scopes that were found, so that not each question has its asker's found anew: by listening address and asker.
import type { Config } from '../config/types.ts'
import type { LocalAddresses } from '../lib/interfaces.ts'
import { canonicalAddress } from '../lib/ip.ts'
import type { Store } from '../registry/store.ts'
import type { Snapshot } from '../registry/types.ts'
import { renewScope, type Scope, scopeOf, scopeTable } from './scope.ts'

export interface Scopes {
  /** The scope of who asks at one of our addresses, both as sockets tell them. */
  of(asker: string, local: string): Scope
  /** Another number whenever the table or the local addresses are others. */
  epoch(): number
  /** How many are kept, those of strangers aside. */
  held(): number
}

export interface ScopesOptions {
  readonly config: Pick<Config, 'scope'>
  readonly store: Pick<Store, 'current'>
  /** This namespace's addresses now; the same object as long as they don't change. */
  readonly addresses: () => LocalAddresses
  /** The scope table where it is another than ours. */
  readonly scopeRows?: typeof scopeTable
}

/**
 * Scopes kept for each listening address, and in all: then those of the address that has most go. Strangers can send from
 * any number of addresses: theirs are kept apart, so that they push nobody out but each other.
 */
const mostScopes = 10_000
const mostInAll = 20_000
const mostStrangers = 1000
/** After so many changes of the table all are found anew: those not asked for any more hold what was long ago. */
const sweepAfter = 256

interface Known {
  scope: Scope
  /** What it was last found right for. */
  of: Snapshot
}

export function createScopes({ config, store, addresses, scopeRows = scopeTable }: ScopesOptions): Scopes {
  const byServer = new Map<string, Map<string, Known>>()
  /** In all. */
  let held = 0
  let strangers = new Map<string, Scope>()
  let now: { snapshot: Snapshot; local: LocalAddresses } | undefined
  let epoch = 0
  let sweptAt = 0

  function look() {
    const snapshot = store.current()
    const local = addresses()
    if (snapshot === now?.snapshot && local === now.local) return now
    const isElsewhere = local !== now?.local
    now = { snapshot, local }
    epoch++
    strangers = new Map()
    if (isElsewhere || epoch - sweptAt > sweepAfter) {
      byServer.clear()
      held = 0
      sweptAt = epoch
    }
    return now
  }

  function keep(here: string, asker: string, known: Known): void {
    if (held >= mostInAll) {
      const [fullest, { size }] = [...byServer].reduce((a, b) => (b[1].size > a[1].size ? b : a))
      byServer.delete(fullest)
      held -= size
    }
    let map = byServer.get(here)
    if (map === undefined) {
      map = new Map()
      byServer.set(here, map)
    }
    held -= map.size
    put(map, mostScopes, asker, known)
    held += map.size
  }

  return {
    held: () => held,
    epoch() {
      look()
      return epoch
    },
    of(asker, here) {
      const { snapshot, local } = look()
      const known = byServer.get(here)
      const before = known?.get(asker)
      if (before !== undefined) {
        if (before.of === snapshot) return before.scope
        const scope = renewScope(before.scope, canonicalAddress(asker) ?? asker, before.of, snapshot)
        if (scope !== undefined) {
          before.scope = scope
          before.of = snapshot
          return scope
        }
        known!.delete(asker)
        held--
      }
      const stranger = strangers.get(`${asker} ${here}`)
      if (stranger !== undefined) return stranger
      const scope = scopeOf(snapshot, local, config.scope, asker, here, scopeRows)
      if (scope.view === 'nobody') put(strangers, mostStrangers, `${asker} ${here}`, scope)
      else keep(here, asker, { scope, of: snapshot })
      return scope
    },
  }
}

/** The oldest goes where there is no room: one at a time, so that a flood never empties the whole. */
function put<T>(map: Map<string, T>, most: number, key: string, value: T): void {
  if (map.size >= most) map.delete(map.keys().next().value!)
  map.set(key, value)
}
