// Messages as text, and a shortcut: reads a reply that holds only addresses, as a health check gets, without dns-packet,
// which takes longer to load than everything else that asking needs.
import { flagsOf, headerBytes, idOf, type Rcode, rcodeOf } from './header.ts'
import { readRecords, skipQuestions } from './records.ts'
import { type as types } from './types.ts'

/** A record as text: names end in a dot, data as in a zone file, or \# and hex for unknown types (RFC 3597). */
export interface TextRecord {
  readonly name: string
  readonly type: string
  readonly ttl: number
  readonly data: string
}

export interface Message {
  readonly id: number
  /** The extended rcode if the message has EDNS. */
  readonly rcode: Rcode
  /** The header's second 16-bit word; bits in header.ts. */
  readonly flags: number
  readonly questions: readonly { readonly name: string; readonly type: string }[]
  readonly answers: readonly TextRecord[]
  readonly authorities: readonly TextRecord[]
  /** Without OPT. */
  readonly additionals: readonly TextRecord[]
}

/** The same as message.ts; undefined: only message.ts can read it. */
export function readSimple(bytes: Buffer): Message | undefined {
  if (bytes.length < headerBytes || bytes.readUInt16BE(4) !== 1) return undefined
  const questionEnd = skipQuestions(bytes)
  const records = questionEnd === undefined ? undefined : readRecords(bytes, questionEnd)
  if (questionEnd === undefined || records === undefined) return undefined
  const asked = readSimpleName(bytes, headerBytes)
  if (asked === undefined || bytes.readUInt16BE(questionEnd - 4) !== types.A) return undefined
  const sections = {
    answer: [] as TextRecord[],
    authority: [] as TextRecord[],
    additional: [] as TextRecord[],
  }
  let extended: number | undefined
  for (const { section, start, type, ttlAt, dataAt, end } of records) {
    const name = readSimpleName(bytes, start)
    if (name === undefined) return undefined
    if (type === types.A && end === dataAt + 4) {
      const data = bytes.subarray(dataAt, end).join('.')
      sections[section].push({ name, type: 'A', ttl: bytes.readUInt32BE(ttlAt), data })
    } else if (type === types.OPT && end === dataAt && section === 'additional') {
      extended ??= bytes[ttlAt]!
    } else return undefined
  }
  return {
    id: idOf(bytes),
    rcode: rcodeOf(bytes) | ((extended ?? 0) << 4),
    flags: flagsOf(bytes),
    questions: [{ name: asked, type: 'A' }],
    answers: sections.answer,
    authorities: sections.authority,
    additionals: sections.additional,
  }
}

/** Reads only letters, digits, "-" and "_", and a pointer only to the question's name. */
function readSimpleName(bytes: Buffer, start: number): string | undefined {
  const at = bytes.readUInt16BE(start) === (0xc000 | headerBytes) ? headerBytes : start
  let name = ''
  for (let offset = at; ; ) {
    const length = bytes[offset]
    if (length === undefined || length > 63) return undefined
    if (length === 0) return name === '' ? '.' : name
    const label = bytes.toString('latin1', offset + 1, offset + 1 + length)
    if (!/^[\w-]+$/.test(label)) return undefined
    name += `${label}.`
    offset += 1 + length
  }
}
