// Things under way: each is put in a slot, and taken out soon after. A Map or Set of them is laid out anew all the time,
// and what V8 has left of the former layouts holds on to what was in it until the next full collection.
export class Slots<T> {
  readonly #slots: (T | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#slots.length - this.#free.length
  }

  /** Its slot, until it is removed. */
  add(item: T): number {
    const slot = this.#free.pop() ?? this.#slots.length
    this.#slots[slot] = item
    return slot
  }

  get(slot: number): T | undefined {
    return this.#slots[slot]
  }

  /** Once for each that was added. */
  remove(slot: number): void {
    this.#slots[slot] = undefined
    this.#free.push(slot)
  }

  /** Those that are there now, also while some are added and removed. */
  all(): T[] {
    return this.#slots.filter((item) => item !== undefined)
  }
}

/** The same, found by their keys. */
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
