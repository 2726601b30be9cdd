// Decodes whole messages into text as dig shows it, for people and tools. The only importer of dns-packet, and never on
// the serving path: its decoder allocates by the header's counts and follows pointers without a limit, so counts and
// lengths are checked against the bytes first.
import { type Answer, decode, type RecordType } from 'dns-packet'
import { BerthError } from '../lib/errors.ts'
import { flagsOf, headerBytes, idOf, rcodeOf } from './header.ts'
import { type RawRecord, readRecords, skipQuestions } from './records.ts'
import type { Message, TextRecord } from './simple.ts'
import { typeName, type as types } from './types.ts'

export { encodeQuery } from './asking.ts'
export type { Message, TextRecord } from './simple.ts'

/** Throws a BerthError (WIRE) if the bytes are not a whole message. */
export function readMessage(bytes: Buffer): Message {
  const raw = readRaw(bytes)
  if (raw === undefined)
    throw new BerthError('WIRE', 'not a DNS message: counts or lengths do not fit its bytes')
  const packet = decodeAll(bytes, raw)
  const section = (name: RawRecord['section'], decoded: readonly Answer[] = []) =>
    raw
      .filter((record) => record.section === name)
      .flatMap((record, i) => {
        const answer = decoded[i]
        return answer === undefined || record.type === types.OPT ? [] : [textOf(record, answer, bytes)]
      })
  const opt = packet.additionals?.find((record) => record.type === 'OPT')
  return {
    id: idOf(bytes),
    rcode: rcodeOf(bytes) | ((opt?.extendedRcode ?? 0) << 4),
    flags: flagsOf(bytes),
    questions: (packet.questions ?? []).map(({ name, type }) => ({
      name: dotted(name),
      type: knownName(type),
    })),
    answers: section('answer', packet.answers),
    authorities: section('authority', packet.authorities),
    additionals: section('additional', packet.additionals),
  }
}

/** Stands for the type of a record whose data is shown as bytes (RFC 6895, 3.1: private use). */
const opaque = 0xff00
/** Types that `presentation` formats. */
const formed: ReadonlySet<number> = new Set([
  ...[types.A, types.AAAA, types.CNAME, types.DNAME, types.NS, types.PTR, types.MX, types.SRV, types.SOA],
  ...[types.TXT, types.HINFO, types.CAA, types.OPT],
])

/** The decoder fails on the whole message if it cannot read one record's data: then all data is shown as bytes. */
function decodeAll(bytes: Buffer, raw: readonly RawRecord[]): ReturnType<typeof decode> {
  try {
    return decode(hiding(bytes, raw, (type) => !formed.has(type)))
  } catch {
    // As below.
  }
  try {
    return decode(hiding(bytes, raw, () => true))
  } catch (error) {
    throw new BerthError('WIRE', 'not a DNS message', error)
  }
}

function hiding(bytes: Buffer, raw: readonly RawRecord[], isHidden: (type: number) => boolean): Buffer {
  const copy = Buffer.from(bytes)
  for (const { type, ttlAt } of raw) if (isHidden(type)) copy.writeUInt16BE(opaque, ttlAt - 4)
  return copy
}

function readRaw(bytes: Buffer): RawRecord[] | undefined {
  if (bytes.length < headerBytes) return undefined
  const offset = skipQuestions(bytes)
  return offset === undefined ? undefined : readRecords(bytes, offset)
}

function textOf(raw: RawRecord, answer: Answer, bytes: Buffer): TextRecord {
  const data = bytes.subarray(raw.dataAt, raw.end)
  return {
    name: dotted(answer.name),
    type: typeName(raw.type),
    ttl: bytes.readUInt32BE(raw.ttlAt),
    data:
      presentation(answer, data) ?? `\\# ${data.length}${data.length > 0 ? ` ${data.toString('hex')}` : ''}`,
  }
}

/** undefined: the type has no format here, or the data is too short. */
function presentation(answer: Answer, raw: Buffer): string | undefined {
  switch (answer.type) {
    // The decoder reads past RDATA that is too short.
    case 'A':
      return raw.length === 4 ? answer.data : undefined
    case 'AAAA':
      return raw.length === 16 ? answer.data : undefined
    case 'CNAME':
    case 'DNAME':
    case 'NS':
    case 'PTR':
      return dotted(answer.data)
    case 'MX':
      return `${answer.data.preference ?? 0} ${dotted(answer.data.exchange)}`
    case 'SRV': {
      const { priority, weight, port, target } = answer.data
      return `${priority ?? 0} ${weight ?? 0} ${port} ${dotted(target)}`
    }
    case 'SOA': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = answer.data
      return [dotted(mname), dotted(rname), serial, refresh, retry, expire, minimum].join(' ')
    }
    case 'TXT':
      return [answer.data].flat().map(quoted).join(' ')
    case 'HINFO':
      return `${quoted(answer.data.cpu)} ${quoted(answer.data.os)}`
    case 'CAA':
      return `${answer.data.flags ?? 0} ${answer.data.tag} ${quoted(answer.data.value)}`
    default:
      return undefined
  }
}

/** A character-string as RFC 1035, 5.1 writes it. */
function quoted(text: string | Buffer): string {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  let inner = ''
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c) inner += `\\${String.fromCharCode(byte)}`
    else if (byte >= 0x20 && byte < 0x7f) inner += String.fromCharCode(byte)
    else inner += `\\${String(byte).padStart(3, '0')}`
  }
  return `"${inner}"`
}

function dotted(name: string): string {
  return name === '.' || name === '' ? '.' : `${name}.`
}

/** dns-packet writes UNKNOWN_65 for HTTPS. */
function knownName(type: RecordType): string {
  const code = /^UNKNOWN_(\d+)$/.exec(type)?.[1]
  return code === undefined ? type : typeName(Number(code))
}
