// A message as it is kept: a text of one character for each byte. To V8 that is one small object of its heap, where a
// Buffer of its own is memory apart with three objects about it, which cost more than all else about keeping it, and a
// piece of a shared block would hold on to all of that.
import { readRecords, skipQuestions } from '../../dns/records.ts'
import type { UpstreamReply } from '../../dns/relay.ts'

export type Packed = string

export function pack(message: Buffer): Packed {
  return message.toString('latin1')
}

export function unpack(packed: Packed): Buffer {
  return Buffer.from(packed, 'latin1')
}

/** The reply, to be written to at will. */
export function unpackReply(packed: Packed): UpstreamReply {
  const message = unpack(packed)
  // They were read before it was packed.
  return { message, records: readRecords(message, skipQuestions(message))! }
}
