// Maps that never change: another map is made of one at the price of what is other in it, however large it is.

/** So many entries may be in a piece on average, and so few. */
const most = 64
const fewest = 4
/** Of a key's characters, as many count at either end. */
const end = 12

/**
 * An immutable map in pieces; maps made of it share all of them but those that something is other in. To read it costs
 * a hash more than to read a Map, and not even that where it is small. It goes through its entries in no order to
 * rely on.
 */
export class PersistentMap<V> implements ReadonlyMap<string, V> {
  readonly size: number
  /** A power of two of them: an entry is in the one that its key's hash tells. */
  readonly #pieces: readonly ReadonlyMap<string, V>[]

  /** For `emptyMap`, `mapOf` and edits; everybody else has one of these. */
  constructor(pieces: readonly ReadonlyMap<string, V>[], size: number) {
    this.#pieces = pieces
    this.size = size
  }

  get(key: string): V | undefined {
    return this.#pieceOf(key).get(key)
  }

  has(key: string): boolean {
    return this.#pieceOf(key).has(key)
  }

  /** Keys of this map that `other` does not have. What the two share is not looked at. */
  *keysMissingIn(other: PersistentMap<V>): Generator<string, undefined> {
    const [ours, theirs] = [this.#pieces, other.#pieces]
    for (let at = 0; at < ours.length; at++) {
      if (ours.length === theirs.length && ours[at] === theirs[at]) continue
      for (const key of ours[at]!.keys()) if (!other.has(key)) yield key
    }
  }

  /** To make another one of it. */
  edit(): MapEdit<V> {
    return new MapEdit(this, this.#pieces)
  }

  *entries(): Generator<[string, V], undefined> {
    for (const piece of this.#pieces) yield* piece
  }

  *keys(): Generator<string, undefined> {
    for (const piece of this.#pieces) yield* piece.keys()
  }

  *values(): Generator<V, undefined> {
    for (const piece of this.#pieces) yield* piece.values()
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries()
  }

  forEach(run: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) run(value, key, this)
  }

  #pieceOf(key: string): ReadonlyMap<string, V> {
    const pieces = this.#pieces
    return pieces.length === 1 ? pieces[0]! : pieces[hashOf(key) & (pieces.length - 1)]!
  }
}

/** The making of a map out of another one, which stays as it is. */
export class MapEdit<V> {
  readonly #before: PersistentMap<V>
  #pieces: readonly ReadonlyMap<string, V>[]
  /** What was copied to be written to, by its place. */
  readonly #own = new Map<number, Map<string, V>>()
  #size: number

  constructor(before: PersistentMap<V>, pieces: readonly ReadonlyMap<string, V>[]) {
    this.#before = before
    this.#pieces = pieces
    this.#size = before.size
  }

  get(key: string): V | undefined {
    const at = this.#placeOf(key)
    return (this.#own.get(at) ?? this.#pieces[at]!).get(key)
  }

  set(key: string, value: V): void {
    const at = this.#placeOf(key)
    const piece = this.#own.get(at) ?? this.#pieces[at]!
    const isThere = piece.has(key)
    if (isThere && piece.get(key) === value) return
    if (!isThere) this.#size++
    this.#writable(at).set(key, value)
  }

  delete(key: string): void {
    const at = this.#placeOf(key)
    if (!(this.#own.get(at) ?? this.#pieces[at]!).has(key)) return
    this.#size--
    this.#writable(at).delete(key)
  }

  /** The map as it is now; the one before itself where nothing was made other. */
  done(): PersistentMap<V> {
    if (this.#own.size === 0) return this.#before
    if (this.#size === 0) return emptyMap
    const pieces = this.#pieces.slice()
    for (const [at, piece] of this.#own) pieces[at] = piece
    return new PersistentMap(fitting(pieces, this.#size), this.#size)
  }

  #placeOf(key: string): number {
    return this.#pieces.length === 1 ? 0 : hashOf(key) & (this.#pieces.length - 1)
  }

  #writable(at: number): Map<string, V> {
    let piece = this.#own.get(at)
    if (piece === undefined) {
      piece = new Map(this.#pieces[at]!)
      this.#own.set(at, piece)
    }
    return piece
  }
}

// biome-ignore lint/suspicious/noExplicitAny: of no values of any kind
export const emptyMap: PersistentMap<any> = new PersistentMap<any>([new Map()], 0)

export function mapOf<V>(entries: Iterable<readonly [string, V]>): PersistentMap<V> {
  const edit: MapEdit<V> = emptyMap.edit()
  for (const [key, value] of entries) edit.set(key, value)
  return edit.done()
}

/** The same entries in as many pieces as are right for them. */
function fitting<V>(
  pieces: readonly ReadonlyMap<string, V>[],
  size: number,
): readonly ReadonlyMap<string, V>[] {
  const { length } = pieces
  if (size <= most * length && (length === 1 || size >= fewest * length)) return pieces
  // Right in the middle, so that neither bound is near.
  const wanted = 2 ** Math.max(0, Math.ceil(Math.log2(size / (most / 4))))
  const others: Map<string, V>[] = Array.from({ length: wanted }, () => new Map())
  for (const piece of pieces) {
    for (const [key, value] of piece) others[hashOf(key) & (wanted - 1)]!.set(key, value)
  }
  return others
}

/** FNV-1a (over UTF-16 units) of the length and both ends: longer keys differ in those too. */
function hashOf(key: string): number {
  const { length } = key
  let hash = 0x811c9dc5 ^ length
  const head = Math.min(length, end)
  for (let i = 0; i < head; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  for (let i = Math.max(head, length - end); i < length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  }
  return hash ^ (hash >>> 15)
}
