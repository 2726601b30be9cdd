// Maps that never change: another map is made of one at the price of what is other in it, however large it is.

/** So many entries may be in a piece on average, and so few. */
const most = 64
const fewest = 4
/** Pieces are held in groups of so many (a power of two), so that to exchange one of thousands copies few references. */
const groupBits = 6
const groupSize = 1 << groupBits
/** Of a key's characters, as many count at either end. */
const end = 12

type Piece<V> = ReadonlyMap<string, V>
type Group<V> = readonly Piece<V>[]

/**
 * An immutable map in pieces; maps made of it share all of them but those that something is other in. To read it costs
 * a hash more than to read a Map, and not even that where it is small. It goes through its entries in no order to
 * rely on.
 */
export class PersistentMap<V> implements ReadonlyMap<string, V> {
  readonly size: number
  /** All but a single group have `groupSize` pieces. An entry is in the piece that its key's hash tells. */
  readonly #groups: readonly Group<V>[]
  /** Of a hash, for the piece's number: one less than there are pieces. */
  readonly #mask: number
  /** The only one there is. */
  readonly #only: Piece<V> | undefined

  /** For `emptyMap` and for edits; everybody else has one of these. */
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

  /** Keys of this map that `other` does not have. What the two share is not looked at. */
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

  /** Keys under which `other` has another value, or none, and those that it alone has. */
  *keysOtherIn(other: PersistentMap<V>): Generator<string, undefined> {
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

  /** To make another one of it. */
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

/** The making of a map out of another one, which stays as it is. */
export class MapEdit<V> {
  readonly #before: PersistentMap<V>
  readonly #groups: readonly Group<V>[]
  readonly #mask: number
  /** What was copied to be written to, by its number. */
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

  /** The map as it is now; the one before itself where nothing was made other. */
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

/** As `new Map(piece)`, which makes a pair of each entry on the way. */
function copyOf<V>(piece: Piece<V>): Map<string, V> {
  const copy = new Map<string, V>()
  piece.forEach((value, key) => {
    copy.set(key, value)
  })
  return copy
}

/** The same entries in as many pieces as are right for them. */
function fitting<V>(groups: readonly Group<V>[], pieces: number, size: number): readonly Group<V>[] {
  if (size <= most * pieces && (pieces === 1 || size >= fewest * pieces)) return groups
  // Right in the middle, so that neither bound is near.
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
