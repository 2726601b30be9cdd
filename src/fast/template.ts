// An answer template: a whole reply without what is one client's, and where in it lies what differs from one answer to
// the next. Made once, written often.
import { countsOf, flag, flagsOf, headerBytes } from '../dns/header.ts'
import { lowerCase } from '../dns/name.ts'
import { asksTheSame, type PlainQuestion } from '../dns/plain.ts'
import { type RawRecord, readRecords } from '../dns/records.ts'
import { readTtl } from '../dns/ttl.ts'
import { classIN, type } from '../dns/types.ts'
import type { Lease } from '../forward/types.ts'

/** One flat object, made in one place: few cache lines to fetch, and one shape to V8. */
export interface AnswerTemplate extends Addresses, Validity {
  /** The whole reply: ID 0, RD clear, the name in lower case. */
  readonly bytes: Buffer
  readonly form: number
  /** It was made for this many bytes, and nothing larger. */
  readonly limit: number
  /** Where our own SOA has its serial; 0: there is none. */
  readonly serialAt: number
  /** Of an upstream's answer, which ages. */
  readonly aging: Aging | undefined
  /** For its metrics (counting). */
  readonly kind: number
  /** Bytes of memory, about. */
  readonly cost: number
}

/** What it holds for; see the table in fast-answers.ts. */
export interface Validity {
  /** The table's version; 0: every version, as far as its store is up to date. */
  readonly version: number
  /** The last of its store's changes that it was made after, or is unaffected by. */
  change: number
  /** Which set of upstreams; 0: it is no upstream's answer. */
  readonly upstreams: number
}

/** Addresses in the answer section, of this size, from one to the next `stride` bytes; count 0: nothing to shuffle. */
interface Addresses {
  readonly first: number
  readonly stride: number
  readonly size: number
  readonly count: number
}

export interface Aging {
  readonly lease: Lease
  /** Age of the cache's entry when the reply was made, and as the bytes have it now; seconds. */
  readonly madeAt: number
  writtenAt: number
  readonly ttlsAt: readonly number[]
  readonly ttls: readonly number[]
}

/** Memory that one takes besides its bytes, about. */
const overhead = 300

const none: Addresses = { first: 0, stride: 0, size: 0, count: 0 }

/** undefined: this reply cannot be kept. `lease` is that of an upstream's answer, `age` seconds old. */
export function makeTemplate(
  reply: Buffer,
  { end, form, limit }: PlainQuestion,
  kind: number,
  { version, change, upstreams }: Validity,
  lease?: Lease,
  age = 0,
): AnswerTemplate | undefined {
  // Of a truncated answer the same part would be left each time.
  if ((flagsOf(reply) & flag.TC) !== 0) return undefined
  const records = readRecords(reply, end)?.filter(({ type: code }) => code !== type.OPT)
  if (records === undefined) return undefined
  const aging = lease === undefined ? undefined : agingOf(reply, records, lease, age)
  const addresses = lease === undefined ? addressesOf(reply, records) : none
  if (addresses === undefined) return undefined
  // Serial, refresh, retry, expire and minimum are the last five words (RFC 1035, 3.3.13).
  const isOwn = aging === undefined && reply.readUInt16BE(end - 2) === classIN
  const soa = isOwn ? records.find(({ type: code }) => code === type.SOA) : undefined
  const bytes = withoutClient(reply, end)
  const { first, stride, size, count } = addresses
  return {
    bytes,
    form,
    limit,
    first,
    stride,
    size,
    count,
    aging,
    kind,
    version,
    change,
    upstreams,
    serialAt: soa === undefined ? 0 : soa.end - 20,
    cost: bytes.length + overhead,
  }
}

function agingOf(reply: Buffer, records: readonly RawRecord[], lease: Lease, age: number): Aging {
  const ttlsAt = records.map(({ ttlAt }) => ttlAt)
  return { lease, madeAt: age, writtenAt: age, ttlsAt, ttls: ttlsAt.map((at) => readTtl(reply, at)) }
}

/** Whether it answers the message at `start`, read as `asked`: the same name, form and room. */
export function isAnswerTo(
  template: AnswerTemplate,
  data: Uint8Array,
  start: number,
  asked: PlainQuestion,
): boolean {
  if (template.form !== asked.form || !asksTheSame(data, start, asked.end, template.bytes)) return false
  // For a smaller limit it would be the same as long as it fits; for a larger one it might hold more.
  return template.bytes.length <= asked.limit && template.limit >= asked.limit
}

/**
 * Writes the reply to the message at `start` of `data` into `into` at `at`: that message's ID, RD and spelling of the name,
 * the current serial, and another order of addresses. Returns its length.
 */
export function writeTemplate(
  template: AnswerTemplate,
  data: Uint8Array,
  start: number,
  end: number,
  serial: number,
  random: () => number,
  into: Uint8Array,
  at: number,
): number {
  const { bytes, serialAt } = template
  const { length } = bytes
  into[at] = data[start]!
  into[at + 1] = data[start + 1]!
  into[at + 2] = bytes[2]! | (data[start + 2]! & (flag.RD >> 8))
  for (let i = 3; i < headerBytes; i++) into[at + i] = bytes[i]!
  for (let i = headerBytes; i < end; i++) into[at + i] = data[start + i]!
  for (let i = end; i < length; i++) into[at + i] = bytes[i]!
  if (serialAt !== 0) {
    into[at + serialAt] = serial >>> 24
    into[at + serialAt + 1] = serial >>> 16
    into[at + serialAt + 2] = serial >>> 8
    into[at + serialAt + 3] = serial
  }
  if (template.count > 1) shuffle(into, at, template, random)
  return length
}

/** Brings its TTLs up to date with this time. False: its lease is over. */
export function ageTo(time: number, bytes: Buffer, aging: Aging): boolean {
  const age = aging.lease.use(time)
  if (age === undefined) return false
  if (age !== aging.writtenAt) {
    aging.writtenAt = age
    const passed = age - aging.madeAt
    for (let i = 0; i < aging.ttls.length; i++) {
      bytes.writeUInt32BE(Math.max(0, aging.ttls[i]! - passed), aging.ttlsAt[i]!)
    }
  }
  return true
}

/** Without ID, RD and the spelling of the name. */
function withoutClient(reply: Buffer, end: number): Buffer {
  // Memory of its own: a slice would keep all of its block alive.
  const bytes = Buffer.alloc(reply.length)
  reply.copy(bytes)
  bytes.writeUInt16BE(0, 0)
  bytes.writeUInt16BE(flagsOf(reply) & ~flag.RD, 2)
  for (let at = headerBytes; at < end - 4; at++) bytes[at] = lowerCase(bytes[at]!)
  return bytes
}

/** The addresses to shuffle. undefined: the reply cannot be kept, since its order matters and it is not of addresses alone. */
function addressesOf(reply: Buffer, records: readonly RawRecord[]): Addresses | undefined {
  const [, answers] = countsOf(reply)
  if (records.length - answers > 1) return undefined
  if (answers < 2) return none
  const [first, second] = records as [RawRecord, RawRecord]
  const addresses = {
    first: first.dataAt,
    stride: second.start - first.start,
    size: first.end - first.dataAt,
  }
  const isAlike = records
    .slice(0, answers)
    .every(
      ({ type: code, start, dataAt }, i) =>
        (code === type.A || code === type.AAAA) &&
        dataAt === addresses.first + i * addresses.stride &&
        reply.subarray(start, dataAt).equals(reply.subarray(first.start, first.dataAt)),
    )
  return isAlike ? { ...addresses, count: answers } : undefined
}

function shuffle(
  into: Uint8Array,
  at: number,
  { first, stride, size, count }: Addresses,
  random: () => number,
): void {
  for (let i = count - 1; i > 0; i--) {
    const a = at + first + i * stride
    const b = at + first + Math.floor(random() * (i + 1)) * stride
    for (let n = 0; n < size; n++) {
      const byte = into[a + n]!
      into[a + n] = into[b + n]!
      into[b + n] = byte
    }
  }
}
