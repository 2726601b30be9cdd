// Persistent maps: deriving a changed map costs as much as the change, however large the map is.

/** Bounds on the average number of entries per piece. */
const most = 64
const fewest = 4
/** Pieces per group (a power of two): replacing one of thousands of pieces then copies few references. */
const groupBits = 6
const groupSize = 1 << groupBits
/** Characters hashed at each end of a key. */
const end = 12

type Piece<V> = ReadonlyMap<string, V>
type Group<V> = readonly Piece<V>[]

/**
 * An immutable map in pieces; derived maps share all unchanged pieces. A read costs one hash more than with a Map, and
 * nothing more if the map is small. Iteration order is unspecified.
 */
export class PersistentMap<V> implements ReadonlyMap<string, V> {
  readonly size: number
  /** Each group has `groupSize` pieces, unless it is the only one. A key's hash selects its piece. */
  readonly #groups: readonly Group<V>[]
  /** Cuts a hash to a piece's number: the number of pieces less one. */
  readonly #mask: number
  /** Set if there is only one piece. */
  readonly #only: Piece<V> | undefined

  /** Only for `emptyMap` and `MapEdit`. */
  constructor(groups: readonly Group<V>[], size: number) {
    this.#groups = groups
    this.#mask = groups.length * groups[0]!.length - 1
    this.#only = this.#mask === 0 ? groups[0]![0] : undefined
    this.size = size
  }

  get(key: string): V | undefined {
    return this.size === 0 ? undefined : this.#pieceOf(key).get(key)
  }

  has(key: string): boolean {
    return this.size > 0 && this.#pieceOf(key).has(key)
  }

  /** Keys of this map that `other` lacks. Skips shared pieces. */
  *keysMissingIn(other: PersistentMap<V>): Generator<string, undefined> {
    const isAlike = this.#mask === other.#mask
    for (const [g, group] of this.#groups.entries()) {
      if (isAlike && group === other.#groups[g]) continue
      for (const [p, piece] of group.entries()) {
        if (isAlike && piece === other.#groups[g]![p]) continue
        for (const key of piece.keys()) if (!other.has(key)) yield key
      }
    }
  }

  /** Keys whose values differ in `other`, or that only one of the two has. */
  *keysDifferingIn(other: PersistentMap<V>): Generator<string, undefined> {
    const isAlike = this.#mask === other.#mask
    for (const [g, group] of this.#groups.entries()) {
      if (isAlike && group === other.#groups[g]) continue
      for (const [p, piece] of group.entries()) {
        if (isAlike && piece === other.#groups[g]![p]) continue
        for (const [key, value] of piece) if (other.get(key) !== value) yield key
      }
    }
    yield* other.keysMissingIn(this)
  }

  /** Starts a changed copy. */
  edit(): MapEdit<V> {
    return new MapEdit(this, this.#groups)
  }

  *entries(): Generator<[string, V], undefined> {
    for (const group of this.#groups) for (const piece of group) yield* piece
  }

  *keys(): Generator<string, undefined> {
    for (const group of this.#groups) for (const piece of group) yield* piece.keys()
  }

  *values(): Generator<V, undefined> {
    for (const group of this.#groups) for (const piece of group) yield* piece.values()
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries()
  }

  forEach(run: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) run(value, key, this)
  }

  #pieceOf(key: string): Piece<V> {
    if (this.#only !== undefined) return this.#only
    const at = hashOf(key) & this.#mask
    return this.#groups[at >> groupBits]![at & (groupSize - 1)]!
  }
}

/** Builds a changed copy of a map. */
export class MapEdit<V> {
  readonly #before: PersistentMap<V>
  readonly #groups: readonly Group<V>[]
  readonly #mask: number
  /** Pieces copied for writing, by number. */
  readonly #own = new Map<number, Map<string, V>>()
  #size: number

  constructor(before: PersistentMap<V>, groups: readonly Group<V>[]) {
    this.#before = before
    this.#groups = groups
    this.#mask = groups.length * groups[0]!.length - 1
    this.#size = before.size
  }

  get(key: string): V | undefined {
    return this.#pieceAt(this.#placeOf(key)).get(key)
  }

  set(key: string, value: V): void {
    const at = this.#placeOf(key)
    const piece = this.#pieceAt(at)
    const old = piece.get(key)
    const isThere = old !== undefined || piece.has(key)
    if (isThere && old === value) return
    if (!isThere) this.#size++
    this.#writable(at).set(key, value)
  }

  delete(key: string): void {
    const at = this.#placeOf(key)
    if (!this.#pieceAt(at).has(key)) return
    this.#size--
    this.#writable(at).delete(key)
  }

  /** The changed map; the original itself if nothing changed. */
  done(): PersistentMap<V> {
    if (this.#own.size === 0) return this.#before
    if (this.#size === 0) return emptyMap
    const copied = new Map<number, Piece<V>[]>()
    for (const [at, piece] of this.#own) {
      const group = copied.get(at >> groupBits) ?? this.#groups[at >> groupBits]!.slice()
      group[at & (groupSize - 1)] = piece
      copied.set(at >> groupBits, group)
    }
    const groups: Group<V>[] = this.#groups.slice()
    for (const [at, group] of copied) groups[at] = group
    return new PersistentMap(fitting(groups, this.#mask + 1, this.#size), this.#size)
  }

  #placeOf(key: string): number {
    return this.#mask === 0 ? 0 : hashOf(key) & this.#mask
  }

  #pieceAt(at: number): Piece<V> {
    return this.#own.get(at) ?? this.#groups[at >> groupBits]![at & (groupSize - 1)]!
  }

  #writable(at: number): Map<string, V> {
    let piece = this.#own.get(at)
    if (piece === undefined) {
      piece = copyOf(this.#pieceAt(at))
      this.#own.set(at, piece)
    }
    return piece
  }
}

// biome-ignore lint/suspicious/noExplicitAny: of no values of any kind
export const emptyMap: PersistentMap<any> = new PersistentMap<any>([[new Map()]], 0)

export function mapOf<V>(entries: Iterable<readonly [string, V]>): PersistentMap<V> {
  const edit: MapEdit<V> = emptyMap.edit()
  for (const [key, value] of entries) edit.set(key, value)
  return edit.done()
}

/** Like `new Map(piece)`, which would allocate a pair per entry. */
function copyOf<V>(piece: Piece<V>): Map<string, V> {
  const copy = new Map<string, V>()
  piece.forEach((value, key) => {
    copy.set(key, value)
  })
  return copy
}

/** The same entries in a suitable number of pieces. */
function fitting<V>(groups: readonly Group<V>[], pieces: number, size: number): readonly Group<V>[] {
  if (size <= most * pieces && (pieces === 1 || size >= fewest * pieces)) return groups
  // In the middle between the bounds, so that neither is near.
  const wanted = 2 ** Math.max(0, Math.ceil(Math.log2(size / (most / 2))))
  const others: Map<string, V>[] = Array.from({ length: wanted }, () => new Map())
  for (const piece of groups.flat()) {
    piece.forEach((value, key) => {
      others[hashOf(key) & (wanted - 1)]!.set(key, value)
    })
  }
  return Array.from({ length: Math.ceil(wanted / groupSize) }, (_, i) =>
    others.slice(i * groupSize, (i + 1) * groupSize),
  )
}

/** FNV-1a (over UTF-16 units) of the length and both ends: long keys differ there, too. */
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
