// Where fast answers are kept: a shelf for each scope, so that no scope ever finds another's, in bounded memory.
import type { NetworkTable } from '../registry/types.ts'
import type { Scope } from './scope.ts'

/**
 * All that an answer depends on of a scope. Askers for whom this is the same share answers; undefined: strangers,
 * who can send from any number of addresses, have no answers kept.
 */
export function scopeKey(scope: Scope): string | undefined {
  const { view, rule, networks, forwards, incomplete, links } = scope
  if (view === 'nobody') return undefined
  const hasLinks = links !== undefined && [...links.values()].some(({ size }) => size > 0)
  const ids = networks.map(({ network }: NetworkTable) => network.id)
  return JSON.stringify([view, rule, forwards, incomplete, hasLinks ? scope.containerId : '', ids])
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
    if (!fits()) return
    this.#young.set(hash, value)
    this.#youngBytes += value.cost
    this.#held.bytes += value.cost
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
