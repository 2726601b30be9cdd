// Where fast answers are kept: a shelf for each scope, so that no scope ever finds another's, in bounded memory. A shelf
// knows what has changed in its scope's networks since an answer was put there, and is emptied where that may be anything.
import type { NetworkTable, Snapshot } from '../registry/types.ts'
import type { Scope } from '../scope/scope.ts'
import { Changes, type Compare, createCompare } from './invalidation.ts'

/**
 * All that an answer depends on of a scope, but for what its networks hold. Askers for whom this is the same share
 * answers; undefined: strangers, who can send from any number of addresses, have no answers kept.
 */
export function scopeKey(scope: Scope): string | undefined {
  const { view, rule, networks, forwards, incomplete, former } = scope
  if (view === 'nobody') return undefined
  // The host sees all networks, and what is kept for it holds for one version of the table.
  const ids = view === 'host' ? [] : networks.map(({ network }: NetworkTable) => network.id)
  const key = JSON.stringify([
    view,
    rule,
    forwards,
    incomplete,
    hasOwnLinks(scope) ? scope.containerId : '',
    ids,
  ])
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

export interface Shelves<T extends Sized> {
  /** The scope's, as of this snapshot. */
  of(scope: Scope, snapshot: Snapshot): Shelf<T> | undefined
  /** Removes those of networks that are gone or not what they were. */
  sweep(snapshot: Snapshot): void
  held(): { answers: number; bytes: number }
}

/** `see`: what of a scope tells answers apart, where it is not all that scopeKey looks at. */
export function createShelves<T extends Sized>(
  room: Room,
  see: (scope: Scope) => Scope = (scope) => scope,
): Shelves<T> {
  const held = { bytes: 0 }
  const places = new Map<string, Place<T>>()
  let compared: { of: Snapshot; compare: Compare } | undefined

  /** Whether what is kept there can be told from what has changed since; then it knows that. */
  function follow(place: Place<T>, scope: Scope, snapshot: Snapshot): boolean {
    if (place.subnets !== snapshot.subnets || place.projects !== snapshot.projects.set) return false
    const networks = networksOf(scope)
    if (areSame(place.networks, networks)) return true
    // A link's target is a name that the question does not have.
    if (hasLinks(scope)) return false
    if (compared?.of !== snapshot) compared = { of: snapshot, compare: createCompare() }
    const touched = compared.compare(place.networks, networks)
    if (touched === undefined) return false
    place.shelf.changes.add(touched)
    place.networks = networks
    return true
  }

  return {
    of(whole, snapshot) {
      const scope = see(whole)
      const key = scopeKey(scope)
      if (key === undefined) return undefined
      const before = places.get(key)
      if (before !== undefined) {
        if (follow(before, scope, snapshot)) return before.shelf
        before.shelf.clear()
      }
      const shelf = new Shelf<T>(room, held)
      const { subnets } = snapshot
      places.set(key, { shelf, networks: networksOf(scope), subnets, projects: snapshot.projects.set })
      return shelf
    },
    sweep(snapshot) {
      for (const [key, { shelf, networks, subnets, projects }] of places) {
        const isCurrent = (table: NetworkTable) => snapshot.networks.get(table.network.id) === table
        const isAsItWas = subnets === snapshot.subnets && projects === snapshot.projects.set
        if (isAsItWas && networks.every(isCurrent)) continue
        shelf.clear()
        places.delete(key)
      }
    },
    held: () => ({
      answers: [...places.values()].reduce((total, { shelf }) => total + shelf.size, 0),
      bytes: held.bytes,
    }),
  }
}

/** A shelf, and what it is up to date with. */
interface Place<T extends Sized> {
  readonly shelf: Shelf<T>
  networks: readonly NetworkTable[]
  /** With what a name may end in, whoever it is of. */
  readonly subnets: Snapshot['subnets']
  readonly projects: Snapshot['projects']['set']
}

function areSame(a: readonly NetworkTable[], b: readonly NetworkTable[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export interface Sized {
  readonly cost: number
}

/** Bytes that the answers of all scopes may take, and those of one. */
export interface Room {
  readonly total: number
  readonly each: number
}

/** What all shelves hold, bytes. */
export interface Held {
  bytes: number
}

/**
 * Answers of one scope, by a hash: one that meets another there takes its place. Two generations, as in net's Recent,
 * measured in bytes. A shelf that finds no room makes it among its own: nobody's questions push out another scope's.
 */
export class Shelf<T extends Sized> {
  /** Of the scope's networks, as of the shelf's last use. */
  readonly changes = new Changes()
  #young = new Map<number, T>()
  #old = new Map<number, T>()
  #youngBytes = 0
  #oldBytes = 0
  readonly #room: Room
  readonly #held: Held

  constructor(room: Room, held: Held) {
    this.#room = room
    this.#held = held
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(hash: number): T | undefined {
    const young = this.#young.get(hash)
    if (young !== undefined) return young
    const old = this.#old.get(hash)
    if (old !== undefined) this.set(hash, old)
    return old
  }

  set(hash: number, value: T): void {
    this.#remove(hash)
    const fits = () => this.#held.bytes + value.cost <= this.#room.total
    if (this.#youngBytes + value.cost > this.#room.each / 2 || !fits()) this.#turn()
    if (!fits()) this.#turn()
    if (!fits()) return
    this.#young.set(hash, value)
    this.#youngBytes += value.cost
    this.#held.bytes += value.cost
  }

  clear(): void {
    this.#held.bytes -= this.#youngBytes + this.#oldBytes
    this.#young.clear()
    this.#old.clear()
    this.#youngBytes = 0
    this.#oldBytes = 0
  }

  #remove(hash: number): void {
    const young = this.#young.get(hash)
    const old = this.#old.get(hash)
    if (young !== undefined) this.#youngBytes -= young.cost
    if (old !== undefined) this.#oldBytes -= old.cost
    this.#held.bytes -= (young?.cost ?? 0) + (old?.cost ?? 0)
    this.#young.delete(hash)
    this.#old.delete(hash)
  }

  #turn(): void {
    this.#held.bytes -= this.#oldBytes
    this.#old = this.#young
    this.#oldBytes = this.#youngBytes
    this.#young = new Map()
    this.#youngBytes = 0
  }
}
