// The addresses in a raw reply: A, AAAA, and the hints of SVCB and HTTPS (RFC 9460, 7.3).
import type { UpstreamReply } from './relay.ts'
import { type } from './types.ts'

/** SvcParamKeys (RFC 9460, 14.3.2), each with the size of its addresses. */
const hintBytes: Readonly<Record<number, 4 | 16>> = { 4: 4, 6: 16 }

/** Gets 4 or 16 bytes, which the next call overwrites. */
type Test = (address: Uint8Array) => boolean

/**
 * Whether any address passes the test. A reply may have thousands, and a view of each would cost more than the test itself.
 * Malformed data holds none.
 */
export function someAddress({ message, records }: UpstreamReply, test: Test): boolean {
  let v4: Uint8Array | undefined
  let v6: Uint8Array | undefined
  for (const { type: code, dataAt, end } of records) {
    if (code === type.A && end - dataAt === 4) {
      v4 ??= new Uint8Array(4)
      if (passes(message, dataAt, v4, test)) return true
    } else if (code === type.AAAA && end - dataAt === 16) {
      v6 ??= new Uint8Array(16)
      if (passes(message, dataAt, v6, test)) return true
    } else if (code === type.SVCB || code === type.HTTPS) {
      if (someHint(message, dataAt, end, test)) return true
    }
  }
  return false
}

function passes(message: Buffer, at: number, address: Uint8Array, test: Test): boolean {
  for (let i = 0; i < address.length; i++) address[i] = message[at + i]!
  return test(address)
}

/** Priority, target name (never compressed), then key, length, value, until the data ends (RFC 9460, 2.2). */
function someHint(message: Buffer, dataAt: number, end: number, test: Test): boolean {
  let offset = dataAt + 2
  while (offset < end && message[offset] !== 0) {
    // The standard forbids a compressed target, but some decoders follow it.
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
      const address = new Uint8Array(size)
      for (let at = offset + 4; at + size <= valueEnd; at += size) {
        if (passes(message, at, address, test)) return true
      }
    }
    offset = valueEnd
  }
  return false
}
