// Walks the records of a raw message without decoding them: the offset, type and data of each.
import { countsOf, headerBytes } from './header.ts'
import { skipName } from './name.ts'

export type Section = 'answer' | 'authority' | 'additional'

export interface RawRecord {
  readonly section: Section
  /** Offset of the owner name. */
  readonly start: number
  readonly type: number
  readonly class: number
  /** Offset of the 32-bit TTL. */
  readonly ttlAt: number
  readonly dataAt: number
  /** Offset just after the record. */
  readonly end: number
}

/** Offset just after the questions, however many; undefined if they are cut short. */
export function skipQuestions(message: Buffer): number | undefined {
  let offset: number | undefined = headerBytes
  for (let n = countsOf(message)[0]; n > 0 && offset !== undefined && offset <= message.length; n--) {
    offset = skipName(message, offset)
    if (offset !== undefined) offset += 4
  }
  return offset === undefined || offset > message.length ? undefined : offset
}

/**
 * All records of a message whose one question ends at `questionEnd` (12: it has no question). undefined if counts, names
 * or lengths do not fit the bytes. Linear in the message's length, whatever the counts say: each record takes at least 11
 * bytes, and pointers are not followed.
 */
export function readRecords(message: Buffer, questionEnd: number = headerBytes): RawRecord[] | undefined {
  const answers = message.readUInt16BE(6)
  const authorities = answers + message.readUInt16BE(8)
  const all = authorities + message.readUInt16BE(10)
  const records: RawRecord[] = []
  let start = questionEnd
  for (let i = 0; i < all; i++) {
    const nameEnd = skipName(message, start)
    if (nameEnd === undefined || nameEnd + 10 > message.length) return undefined
    const end = nameEnd + 10 + message.readUInt16BE(nameEnd + 8)
    if (end > message.length) return undefined
    records.push({
      section: i < answers ? 'answer' : i < authorities ? 'authority' : 'additional',
      start,
      type: message.readUInt16BE(nameEnd),
      class: message.readUInt16BE(nameEnd + 2),
      ttlAt: nameEnd + 4,
      dataAt: nameEnd + 10,
      end,
    })
    start = end
  }
  return records
}
