// The clients seen of late, each with its scope: worked out once, renewed with the table, in bounded memory.
import type { Config } from '../config/types.ts'
import type { LocalAddresses } from '../lib/interfaces.ts'
import { canonicalAddress } from '../lib/ip.ts'
import type { Store } from '../registry/store.ts'
import type { Snapshot } from '../registry/types.ts'
import { renewScope, type Scope, scopeOf, type scopeTable } from './scope.ts'

/** A source address at one of our addresses. */
export interface Client {
  readonly scope: Scope
  /** For whoever answers it: what belongs to the scope. Undefined again once the scope or the set of projects changes. */
  cached: unknown
}

export interface Clients {
  /** By the source address and the address it was sent to, as the socket has them. */
  of(asker: string, local: string): Client
  /** How many are remembered, strangers aside. */
  held(): number
  /** How often all have been forgotten. */
  sweeps(): number
}

export interface ClientsOptions {
  readonly config: Pick<Config, 'scope'>
  readonly store: Pick<Store, 'current'>
  /** This namespace's addresses now; the same object as long as they don't change. */
  readonly addresses: () => LocalAddresses
  /** Default: the scope table. */
  readonly scopeRows?: typeof scopeTable
}

/**
 * Clients of each of our addresses, and in all: the oldest of the address makes room, or all of the address that has most.
 * Strangers can send from any number of addresses, so they only push out each other.
 */
const mostClients = 10_000
const mostInAll = 20_000
const mostStrangers = 1000
/** All are forgotten after so many changes of the table: clients that no longer ask hold on to old tables. */
const sweepAfter = 256

interface Entry extends Client {
  scope: Scope
  /** The snapshot that the scope was last checked against. */
  of: Snapshot
}

export function createClients({ config, store, addresses, scopeRows }: ClientsOptions): Clients {
  const byLocal = new Map<string, Map<string, Entry>>()
  let held = 0
  let strangers = new Map<string, Entry>()
  let snapshot: Snapshot | undefined
  let ours: LocalAddresses | undefined
  let changes = 0
  let sweeps = 0
  /** Of the last question. */
  let local = ''
  let clients = clientsAt(local)

  function clientsAt(address: string): Map<string, Entry> {
    let map = byLocal.get(address)
    if (map === undefined) {
      map = new Map()
      byLocal.set(address, map)
    }
    return map
  }

  function follow(current: Snapshot, own: LocalAddresses): void {
    const hasMoved = own !== ours
    snapshot = current
    ours = own
    strangers = new Map()
    if (!hasMoved && ++changes <= sweepAfter) return
    byLocal.clear()
    clients = clientsAt(local)
    held = 0
    changes = 0
    sweeps++
  }

  /** False: the scope has to be worked out anew. */
  function renew(entry: Entry, asker: string, now: Snapshot): boolean {
    const scope = renewScope(entry.scope, canonicalAddress(asker) ?? asker, entry.of, now)
    if (scope === undefined) return false
    if (scope !== entry.scope || entry.of.projects.set !== now.projects.set) entry.cached = undefined
    entry.scope = scope
    entry.of = now
    return true
  }

  function add(asker: string, now: Snapshot, own: LocalAddresses): Entry {
    const key = `${asker} ${local}`
    const stranger = strangers.get(key)
    if (stranger !== undefined) return stranger
    const entry: Entry = {
      scope: scopeOf(now, own, config.scope, asker, local, scopeRows),
      cached: undefined,
      of: now,
    }
    if (entry.scope.view === 'nobody') put(strangers, mostStrangers, key, entry)
    else {
      if (held >= mostInAll) clearFullest()
      held -= clients.size
      put(clients, mostClients, asker, entry)
      held += clients.size
    }
    return entry
  }

  function clearFullest(): void {
    const fullest = [...byLocal.values()].reduce((a, b) => (b.size > a.size ? b : a))
    held -= fullest.size
    fullest.clear()
  }

  return {
    held: () => held,
    sweeps: () => sweeps,
    of(asker, at) {
      const now = store.current()
      const own = addresses()
      if (now !== snapshot || own !== ours) follow(now, own)
      if (at !== local) {
        local = at
        clients = clientsAt(at)
      }
      const entry = clients.get(asker)
      if (entry === undefined) return add(asker, now, own)
      if (entry.of === now || renew(entry, asker, now)) return entry
      clients.delete(asker)
      held--
      return add(asker, now, own)
    },
  }
}

/** The oldest makes room: one at a time, so that a flood never empties the map. */
function put<T>(map: Map<string, T>, most: number, key: string, value: T): void {
  if (map.size >= most) map.delete(map.keys().next().value!)
  map.set(key, value)
}
