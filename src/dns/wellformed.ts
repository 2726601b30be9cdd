// Whether a client can read an upstream's records: names that can be followed to their end, data of the size that its
// type has. What is relayed as it came must not be what hangs or misleads the stub behind us (RFC 9267).
import { headerBytes } from './header.ts'
import type { RawRecord } from './records.ts'
import { type } from './types.ts'

/** Data that clients read without looking twice: bytes before its names, the names, bytes after them. */
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
/** A name has at most 127 labels, and a pointer that follows none is no use. */
const maxPointers = 127

/** All other data is opaque (RFC 3597). Linear in the message's length. */
export function isWellFormed(message: Buffer, records: readonly RawRecord[]): boolean {
  const follow = createFollower(message)
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
 * Gives the offset just after the name at an offset, or undefined where it has no end: pointers go strictly backward
 * (RFC 1035, 4.1.4), and not into the header, which is another in what is relayed; labels and the whole name keep their limits. What follows from an offset is remembered, so that
 * many names that share one costly tail cost it once.
 */
function createFollower(message: Buffer): (offset: number) => number | undefined {
  /** Of the name from an offset on; bytes 0: not known. */
  const bytesFrom = new Uint8Array(message.length)
  const pointersFrom = new Uint8Array(message.length)

  return (offset) => {
    const steps: { at: number; bytes: number; pointers: number }[] = []
    let end: number | undefined
    let at = offset
    let labelsStart = offset
    let bytes = 0
    let pointers = 0
    for (;;) {
      const size = message[at]
      if (size === undefined) return undefined
      if (bytesFrom[at]! > 0 && end !== undefined) {
        bytes += bytesFrom[at]!
        pointers += pointersFrom[at]!
        break
      }
      steps.push({ at, bytes, pointers })
      if (size >= 0xc0) {
        if (at + 2 > message.length) return undefined
        const target = message.readUInt16BE(at) & 0x3fff
        if (target < headerBytes || target >= labelsStart || ++pointers > maxPointers) return undefined
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
    for (const step of steps) {
      bytesFrom[step.at] = bytes - step.bytes
      pointersFrom[step.at] = pointers - step.pointers
    }
    return end ?? at
  }
}
