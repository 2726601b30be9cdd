// DNS over a stream: each message follows its length in two bytes (RFC 1035, 4.2.2; RFC 7766, 8).

/** Lengths and messages in one buffer, so that they are sent together. */
export function frame(...messages: readonly Buffer[]): Buffer {
  let size = 0
  for (const { length } of messages) size += frameBytes + length
  const framed = Buffer.allocUnsafe(size)
  let at = 0
  for (const message of messages) {
    framed.writeUInt16BE(message.length, at)
    message.copy(framed, at + frameBytes)
    at += frameBytes + message.length
  }
  return framed
}

/** The extra bytes per message on a stream. */
export const frameBytes = 2

export interface FrameReader {
  /** Takes a chunk of the stream; returns the messages that are now complete. */
  push(chunk: Buffer): Buffer[]
  /** Bytes of a message that is not complete yet. */
  pending(): number
}

/** Chunks held before they are joined: a client may send single bytes, and a chunk costs more than its bytes. */
const mostParts = 64

/** Holds at most one unfinished message, 64 KiB, and the rest of its last chunk. */
export function readFrames(): FrameReader {
  let parts: Buffer[] = []
  let held = 0

  function take(count: number): Buffer {
    const joined = parts.length === 1 ? parts[0]! : Buffer.concat(parts, held)
    const rest = joined.subarray(count)
    parts = rest.length > 0 ? [rest] : []
    held = rest.length
    return joined.subarray(0, count)
  }

  return {
    push(chunk) {
      parts.push(chunk)
      held += chunk.length
      const messages: Buffer[] = []
      for (;;) {
        if (held < 2) return messages
        if (parts[0]!.length < 2 || parts.length > mostParts) parts = [Buffer.concat(parts, held)]
        const length = parts[0]!.readUInt16BE(0)
        if (held < 2 + length) return messages
        messages.push(take(2 + length).subarray(2))
      }
    },
    pending: () => held,
  }
}
