// The addresses a raw reply leads to: A, AAAA, and the hints of SVCB and HTTPS (RFC 9460, 7.3).
import type { UpstreamReply } from './relay.ts'
import { type } from './types.ts'

/** SvcParamKeys (RFC 9460, 14.3.2), and how long an address is under each. */
const hintBytes: Readonly<Record<number, number>> = { 4: 4, 6: 16 }

/** 4 or 16 bytes each, as they stand in the message. Data that is not of its type's form holds none. */
export function* addressesIn({ message, records }: UpstreamReply): Generator<Uint8Array> {
  for (const { type: code, dataAt, end } of records) {
    const size = end - dataAt
    if ((code === type.A && size === 4) || (code === type.AAAA && size === 16)) {
      yield message.subarray(dataAt, end)
    } else if (code === type.SVCB || code === type.HTTPS) {
      yield* hintsIn(message, dataAt, end)
    }
  }
}

/** Priority, target name (never compressed), then key, length, value, until the data ends (RFC 9460, 2.2). */
function* hintsIn(message: Buffer, dataAt: number, end: number): Generator<Uint8Array> {
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
      for (let at = offset + 4; at + size <= valueEnd; at += size) yield message.subarray(at, at + size)
    }
    offset = valueEnd
  }
}
