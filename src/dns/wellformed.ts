// Whether a client can read an upstream's records: every name can be followed to its end, and data has the size of its
// type. Relayed bytes must not hang or mislead the stub behind us (RFC 9267).
import { headerBytes } from './header.ts'
import type { RawRecord } from './records.ts'
import { type } from './types.ts'

/** Data that clients read without checks: bytes before its names, the number of names, bytes after them. */
const layouts = new Map<number, readonly [before: number, names: number, after: number]>([
  [type.A, [4, 0, 0]],
  [type.AAAA, [16, 0, 0]],
  [type.CNAME, [0, 1, 0]],
  [type.DNAME, [0, 1, 0]],
  [type.NS, [0, 1, 0]],
  [type.PTR, [0, 1, 0]],
  [type.MX, [2, 1, 0]],
  [type.SRV, [6, 1, 0]],
  [type.SOA, [0, 2, 20]],
])

const maxNameBytes = 255
/** A name has at most 127 labels, and each useful pointer follows one. */
const maxPointers = 127

/** Treats all other data as opaque (RFC 3597). Linear in the message's length. */
export function isWellFormed(message: Buffer, records: readonly RawRecord[]): boolean {
  return isPlain(message, records) || isFollowed(message, records)
}

/**
 * A shortcut for most replies: every owner is the question's name or the root, and no data holds a name. False: not
 * decided.
 */
function isPlain(message: Buffer, records: readonly RawRecord[]): boolean {
  const [first] = records
  if (first === undefined) return true
  if (!endsBefore(message, first.start - 4)) return false
  for (const { start, type: code, dataAt, end } of records) {
    if (message[start] !== 0 && (message[start] !== 0xc0 || message[start + 1] !== headerBytes)) return false
    const layout = layouts.get(code)
    if (layout !== undefined && (layout[1] > 0 || dataAt + layout[0] !== end)) return false
  }
  return true
}

/** Whether the question's name ends before `limit` and is not too long. */
function endsBefore(message: Buffer, limit: number): boolean {
  for (let at = headerBytes; at < limit; ) {
    const size = message[at]!
    if (size > 63) return false
    at += size + 1
    if (size === 0) return at - headerBytes <= maxNameBytes
  }
  return false
}

function isFollowed(message: Buffer, records: readonly RawRecord[]): boolean {
  const follow = createFollower(message, markFields(message, records))
  return records.every((record) => {
    if (follow(record.start) === undefined) return false
    const layout = layouts.get(record.type)
    if (layout === undefined) return true
    const [before, names, after] = layout
    let at: number | undefined = record.dataAt + before
    for (let n = 0; n < names && at !== undefined; n++) at = follow(at)
    return at !== undefined && at + after === record.end
  })
}

/**
 * 1 for each byte outside of names and data: the header, and type, class, TTL and length. Relaying changes some of them
 * (counts, TTLs), which would change a name that points there.
 */
function markFields(message: Buffer, records: readonly RawRecord[]): Uint8Array {
  const fields = new Uint8Array(message.length)
  fields.fill(1, 0, headerBytes)
  const [first] = records
  // Type and class of the question.
  if (first !== undefined) fields.fill(1, first.start - 4, first.start)
  for (const { ttlAt, dataAt } of records) fields.fill(1, ttlAt - 4, dataAt)
  return fields
}

/**
 * Returns a function that gives the offset just after the name at an offset, or undefined if the name is invalid: pointers
 * must go strictly backward, to a name that ends before this one begins (RFC 1035, 4.1.4), and not into `fields`; labels
 * and the whole name must keep their limits. Remembers every offset it has passed, so that names with a costly common tail
 * cost it once.
 */
function createFollower(message: Buffer, fields: Uint8Array): (offset: number) => number | undefined {
  /** Length and pointers of the name at each offset; bytes 0: not known. */
  const bytesFrom = new Uint8Array(message.length)
  const pointersFrom = new Uint8Array(message.length)
  /** The current name's offsets, each with the bytes and pointers before it. */
  const steps: number[] = []

  /** A shortcut for most owners: a pointer to a name that was followed before. */
  function isKnown(offset: number): boolean {
    if (message[offset]! < 0xc0 || offset + 2 > message.length) return false
    const target = message.readUInt16BE(offset) & 0x3fff
    return target < offset && bytesFrom[target]! > 0 && pointersFrom[target]! < maxPointers
  }

  return (offset) => {
    if (isKnown(offset)) return offset + 2
    steps.length = 0
    let end: number | undefined
    let at = offset
    let labelsStart = offset
    let bytes = 0
    let pointers = 0
    for (;;) {
      const size = message[at]
      if (size === undefined || fields[at] === 1) return undefined
      if (end !== undefined && at >= offset) return undefined
      if (bytesFrom[at]! > 0 && end !== undefined) {
        bytes += bytesFrom[at]!
        pointers += pointersFrom[at]!
        break
      }
      steps.push(at, bytes, pointers)
      if (size >= 0xc0) {
        if (at + 2 > message.length) return undefined
        const target = message.readUInt16BE(at) & 0x3fff
        if (target >= labelsStart || ++pointers > maxPointers) return undefined
        end ??= at + 2
        labelsStart = target
        at = target
      } else {
        if (size > 63) return undefined
        bytes += size + 1
        at += size + 1
        if (size === 0) break
        if (bytes >= maxNameBytes) return undefined
      }
    }
    if (bytes > maxNameBytes || pointers > maxPointers) return undefined
    for (let i = 0; i < steps.length; i += 3) {
      bytesFrom[steps[i]!] = bytes - steps[i + 1]!
      pointersFrom[steps[i]!] = pointers - steps[i + 2]!
    }
    return end ?? at
  }
}
