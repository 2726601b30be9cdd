// A reply as fast answers keep it: bytes without what is one asker's, and where in them lies what differs from one
// answer to the next. Made once, written often.
import { countsOf, flag, flagsOf, headerBytes } from '../dns/header.ts'
import { lowerCase } from '../dns/name.ts'
import { asksTheSame, type PlainQuestion } from '../dns/plain.ts'
import { type RawRecord, readRecords } from '../dns/records.ts'
import { readTtl } from '../dns/ttl.ts'
import { classIN, type } from '../dns/types.ts'
import type { Lease } from '../forward/types.ts'

/**
 * One object, so that the processor has not many places to fetch it from, and made in one place, so that to V8 all are
 * of one shape.
 */
export interface KeptReply extends Addresses, Notes {
  /** The whole reply: ID 0, RD clear, the name in lower case. */
  readonly bytes: Buffer
  readonly form: number
  /** It was made for this many bytes, and nothing larger. */
  readonly limit: number
  /** Where our own SOA has its serial; 0: there is none. */
  readonly serialAt: number
  /** An upstream's, that ages. */
  readonly aging: Aging | undefined
  /** Bytes of memory, about. */
  readonly cost: number
}

/** What its keeper has to know of it. */
export interface Notes {
  /** What counting calls it. */
  readonly kind: number
  /** The table's version that it holds for; 0: for all that its shelf does. */
  readonly version: number
  /** The last of its shelf's changes that it was made after, or has outlived. */
  changes: number
  /** Which of the upstreams it came from; 0: it is ours. */
  readonly upstreams: number
}

/** Addresses in the answer section, of this size, from one to the next `stride` bytes; count 0: nothing to shuffle. */
interface Addresses {
  readonly first: number
  readonly stride: number
  readonly size: number
  readonly count: number
}

interface Aging {
  readonly lease: Lease
  /** Age of the entry when the reply was made, and as it is in the bytes now; seconds. */
  readonly madeAt: number
  told: number
  readonly ttlsAt: readonly number[]
  readonly ttls: readonly number[]
}

/** What one takes besides its bytes, about. */
const overhead = 300

const none: Addresses = { first: 0, stride: 0, size: 0, count: 0 }

/** undefined: this reply is none to keep. `lease` is that of an upstream's answer, `age` seconds old. */
export function keepReply(
  reply: Buffer,
  { end, form, limit }: PlainQuestion,
  { kind, version, changes, upstreams }: Notes,
  lease?: Lease,
  age = 0,
): KeptReply | undefined {
  // Of what was cut always the same part would be left.
  if ((flagsOf(reply) & flag.TC) !== 0) return undefined
  const records = readRecords(reply, end)?.filter(({ type: code }) => code !== type.OPT)
  if (records === undefined) return undefined
  const aging = lease === undefined ? undefined : agingOf(reply, records, lease, age)
  const addresses = lease === undefined ? addressesOf(reply, records) : none
  if (addresses === undefined) return undefined
  // Serial, refresh, retry, expire and minimum are the last five words (RFC 1035, 3.3.13).
  const isOwn = aging === undefined && reply.readUInt16BE(end - 2) === classIN
  const soa = isOwn ? records.find(({ type: code }) => code === type.SOA) : undefined
  const bytes = withoutAsker(reply, end)
  return {
    bytes,
    form,
    limit,
    first: addresses.first,
    stride: addresses.stride,
    size: addresses.size,
    count: addresses.count,
    serialAt: soa === undefined ? 0 : soa.end - 20,
    aging,
    kind,
    version,
    changes,
    upstreams,
    cost: bytes.length + overhead,
  }
}

function agingOf(reply: Buffer, records: readonly RawRecord[], lease: Lease, age: number): Aging {
  const ttlsAt = records.map(({ ttlAt }) => ttlAt)
  return { lease, madeAt: age, told: age, ttlsAt, ttls: ttlsAt.map((at) => readTtl(reply, at)) }
}

/** Whether it is what the message at `start`, read as `asked`, would get for its name, form and room. */
export function isReplyTo(kept: KeptReply, data: Uint8Array, start: number, asked: PlainQuestion): boolean {
  if (kept.form !== asked.form || !asksTheSame(data, start, asked.end, kept.bytes)) return false
  // For a smaller limit it would be the same as long as it fits; for a larger one it might hold more.
  return kept.bytes.length <= asked.limit && kept.limit >= asked.limit
}

/**
 * Writes it at `at` of `into`, as the reply to the message at `start` of `data`: that one's ID, RD and spelling, the
 * serial of now, and another order of addresses. Its length.
 */
export function writeKept(
  kept: KeptReply,
  data: Uint8Array,
  start: number,
  end: number,
  serial: number,
  random: () => number,
  into: Uint8Array,
  at: number,
): number {
  const { bytes, serialAt } = kept
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
  if (kept.count > 1) shuffle(into, at, kept, random)
  return length
}

/** Brings its TTLs to what they are at this time. False: it is not to be given any more. */
export function age({ bytes, aging }: KeptReply & { readonly aging: Aging }, time: number): boolean {
  const now = aging.lease.use(time)
  if (now === undefined) return false
  if (now !== aging.told) {
    aging.told = now
    const passed = now - aging.madeAt
    for (let i = 0; i < aging.ttls.length; i++) {
      bytes.writeUInt32BE(Math.max(0, aging.ttls[i]! - passed), aging.ttlsAt[i]!)
    }
  }
  return true
}

/** A reply without ID, RD and the name's case. */
function withoutAsker(reply: Buffer, end: number): Buffer {
  // Memory of its own: a slice of a shared block would hold all of that.
  const bytes = Buffer.alloc(reply.length)
  reply.copy(bytes)
  bytes.writeUInt16BE(0, 0)
  bytes.writeUInt16BE(flagsOf(reply) & ~flag.RD, 2)
  for (let at = headerBytes; at < end - 4; at++) bytes[at] = lowerCase(bytes[at]!)
  return bytes
}

/**
 * What of a reply is to be in another order each time. undefined: that it can't be kept, for it has several records
 * that are not addresses alone.
 */
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
