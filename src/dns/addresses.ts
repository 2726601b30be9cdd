// The addresses a raw reply leads to: A, AAAA, and the hints of SVCB and HTTPS (RFC 9460, 7.3).
import type { UpstreamReply } from './relay.ts'
import { type } from './types.ts'

/** SvcParamKeys (RFC 9460, 14.3.2), and how long an address is under each. */
const hintBytes: Readonly<Record<number, 4 | 16>> = { 4: 4, 6: 16 }

/**
 * 4 or 16 bytes each, good until the next is asked for: a reply may have thousands, and a view of each would cost more
 * than all that is done with it. Data that is not of its type's form holds none.
 */
export function* addressesIn({ message, records }: UpstreamReply): Generator<Uint8Array> {
  const room = { 4: new Uint8Array(4), 16: new Uint8Array(16) }
  const read = (at: number, size: 4 | 16) => {
    const address = room[size]
    for (let i = 0; i < size; i++) address[i] = message[at + i]!
    return address
  }
  for (const { type: code, dataAt, end } of records) {
    const size = end - dataAt
    if ((code === type.A && size === 4) || (code === type.AAAA && size === 16)) {
      yield read(dataAt, size)
    } else if (code === type.SVCB || code === type.HTTPS) {
      for (const { at, bytes } of hintsIn(message, dataAt, end)) yield read(at, bytes)
    }
  }
}

/** Priority, target name (never compressed), then key, length, value, until the data ends (RFC 9460, 2.2). */
function* hintsIn(
  message: Buffer,
  dataAt: number,
  end: number,
): Generator<{ readonly at: number; readonly bytes: 4 | 16 }> {
  let offset = dataAt + 2
  while (offset < end && message[offset] !== 0) {
    // A compressed target is against the standard, and some decoders follow it all the same.
    if (message[offset]! >= 0xc0) {
      offset++
      break
    }
    offset += 1 + message[offset]!
  }
  offset++
  while (offset + 4 <= end) {
    const size = hintBytes[message.readUInt16BE(offset)]
    const valueEnd = Math.min(end, offset + 4 + message.readUInt16BE(offset + 2))
    if (size !== undefined) {
      for (let at = offset + 4; at + size <= valueEnd; at += size) yield { at, bytes: size }
    }
    offset = valueEnd
  }
}
