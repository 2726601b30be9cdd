// A map that remembers what was used of late and forgets the rest: its size is bounded whatever is put in.

/**
 * Two generations: what is used lives in the young one; when that is full it becomes the old one, and what was old
 * is forgotten, except what `isHeld` says must stay. Holds at most twice `capacity()` entries and what is held.
 */
export class Recent<T> {
  #young = new Map<string, T>()
  #old = new Map<string, T>()
  readonly #capacity: () => number
  readonly #isHeld: (value: T) => boolean

  constructor(capacity: () => number, isHeld: (value: T) => boolean) {
    this.#capacity = capacity
    this.#isHeld = isHeld
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): T | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old === undefined) return undefined
    this.#old.delete(key)
    this.set(key, old)
    return old
  }

  set(key: string, value: T): void {
    if (this.#young.size >= this.#capacity()) this.#turn()
    this.#young.set(key, value)
  }

  #turn(): void {
    const forgotten = this.#old
    this.#old = this.#young
    this.#young = new Map()
    // Not among the young, where they would take the room of what is used.
    for (const [key, value] of forgotten) if (this.#isHeld(value)) this.#old.set(key, value)
  }
}
