// Collections for short-lived items. Unlike a Map or Set, they do not reallocate all the time: V8's old tables would keep
// their items alive until the next full garbage collection.
export class Slots<T> {
  readonly #slots: (T | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#slots.length - this.#free.length
  }

  /** The item's slot, until it is removed. */
  add(item: T): number {
    const slot = this.#free.pop() ?? this.#slots.length
    this.#slots[slot] = item
    return slot
  }

  get(slot: number): T | undefined {
    return this.#slots[slot]
  }

  /** Exactly once per added item. */
  remove(slot: number): void {
    this.#slots[slot] = undefined
    this.#free.push(slot)
  }

  /** A copy, so that items may be added and removed meanwhile. */
  all(): T[] {
    return this.#slots.filter((item) => item !== undefined)
  }
}

/** The same, by key. */
export class KeyedSlots<T> {
  readonly #slotOf = new Map<string, number>()
  readonly #slots: (T | undefined)[] = []
  readonly #free: number[] = []

  get(key: string): T | undefined {
    const slot = this.#slotOf.get(key)
    return slot === undefined ? undefined : this.#slots[slot]
  }

  set(key: string, item: T): void {
    const slot = this.#slotOf.get(key) ?? this.#free.pop() ?? this.#slots.length
    this.#slotOf.set(key, slot)
    this.#slots[slot] = item
  }

  delete(key: string): void {
    const slot = this.#slotOf.get(key)
    if (slot === undefined) return
    this.#slotOf.delete(key)
    this.#slots[slot] = undefined
    this.#free.push(slot)
  }
}
