// A map that keeps what was used of late and forgets the rest: what it holds is bounded whatever is put in.

export interface RecentOptions<T> {
  /** What a generation may cost; the map holds at most twice that, and what is held. */
  readonly capacity: () => number
  /** Default: 1 for each value. */
  readonly costOf?: (value: T) => number
  /** Whether a value must stay. Default: none must. */
  readonly isHeld?: (value: T) => boolean
  /** Shared by several maps. Default: no limit. */
  readonly budget?: Budget
}

/** What several maps may cost together, and what they cost. */
export interface Budget {
  readonly most: number
  used: number
}

/**
 * Two generations: what is used lives in the young one; when that is full it becomes the old one, and the old one is
 * forgotten, except what is held. A map that finds the shared budget used up makes room among its own.
 */
export class Recent<K, T> {
  #young = new Map<K, T>()
  #old = new Map<K, T>()
  #youngCost = 0
  #oldCost = 0
  readonly #capacity: () => number
  readonly #costOf: (value: T) => number
  readonly #isHeld: ((value: T) => boolean) | undefined
  readonly #budget: Budget

  constructor({ capacity, costOf = () => 1, isHeld, budget }: RecentOptions<T>) {
    this.#capacity = capacity
    this.#costOf = costOf
    this.#isHeld = isHeld
    this.#budget = budget ?? { most: Number.POSITIVE_INFINITY, used: 0 }
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: K): T | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: K, value: T): void {
    this.#delete(key)
    this.add(key, value)
  }

  /** The same for a key that is not there. Does nothing if the budget is used up even with this map empty. */
  add(key: K, value: T): void {
    const cost = this.#costOf(value)
    const most = this.#budget.most - cost
    if (this.#youngCost + cost > this.#capacity() || this.#budget.used > most) this.#turn()
    if (this.#budget.used > most) this.#turn()
    if (this.#budget.used > most) return
    this.#young.set(key, value)
    this.#youngCost += cost
    this.#budget.used += cost
  }

  clear(): void {
    this.#budget.used -= this.#youngCost + this.#oldCost
    this.#young.clear()
    this.#old.clear()
    this.#youngCost = 0
    this.#oldCost = 0
  }

  #delete(key: K): void {
    const young = this.#young.get(key)
    const value = young ?? this.#old.get(key)
    if (value === undefined) return
    const cost = this.#costOf(value)
    this.#budget.used -= cost
    if (young === undefined) {
      this.#oldCost -= cost
      this.#old.delete(key)
    } else {
      this.#youngCost -= cost
      this.#young.delete(key)
    }
  }

  #turn(): void {
    const forgotten = this.#old
    this.#budget.used -= this.#oldCost
    this.#old = this.#young
    this.#oldCost = this.#youngCost
    this.#young = new Map()
    this.#youngCost = 0
    const isHeld = this.#isHeld
    if (isHeld === undefined) return
    // Not among the young, where they would take the room of what is used.
    for (const [key, value] of forgotten) {
      if (!isHeld(value)) continue
      const cost = this.#costOf(value)
      this.#old.set(key, value)
      this.#oldCost += cost
      this.#budget.used += cost
    }
  }
}
