// What of an upstream's reply may be kept, as what, and for how long: answers, and denials with an SOA (RFC 2308).
import { flag, flagsOf, rcode, rcodeOf } from '../../dns/header.ts'
import { skipName } from '../../dns/name.ts'
import type { RawRecord } from '../../dns/records.ts'
import { isReferral, replyCode, type UpstreamReply } from '../../dns/relay.ts'
import { capTtls, leastTtl, readTtl } from '../../dns/ttl.ts'
import { type } from '../../dns/types.ts'
import { type Packed, pack } from './packed.ts'

export type Kind = 'success' | 'denial'

export interface Cacheable {
  readonly kind: Kind
  /** The name itself does not exist, so the reply serves for any type of it. */
  readonly forEveryType: boolean
  /** The message. */
  readonly packed: Packed
  /** Seconds from now, over zero. */
  readonly ttl: number
}

/** Caps, seconds. They shorten what upstreams say and never lengthen it. */
export interface Caps {
  readonly maxTtl: number
  readonly maxNegativeTtl: number
}

/**
 * `reply` is a conclusive one of this kind, with the TTLs that hold. undefined for what is not to be kept: denials without
 * SOA, TTL 0.
 */
export function readCacheable(
  reply: UpstreamReply,
  kind: Kind | undefined,
  caps: Caps,
): Cacheable | undefined {
  if (kind === undefined) return undefined
  const ttl = Math.min(leastTtl(reply), kind === 'denial' ? caps.maxNegativeTtl : caps.maxTtl)
  if (ttl <= 0) return undefined
  // Behind a CNAME it is the target that does not exist (RFC 2308, 2.1): that serves for the asked type alone.
  const forEveryType = rcodeOf(reply.message) === rcode.NXDOMAIN && !reply.records.some(isInAnswer)
  return { kind, forEveryType, packed: pack(reply.message), ttl }
}

/**
 * Whether a reply says all there is: a whole NOERROR or NXDOMAIN, and not from a server that does not recurse. Others
 * leave things as they were (RFC 8767, 4).
 */
export function isConclusive(reply: UpstreamReply): boolean {
  const code = replyCode(reply)
  const isWhole = (flagsOf(reply.message) & flag.TC) === 0
  return isWhole && (code === rcode.NXDOMAIN || (code === rcode.NOERROR && !isReferral(reply)))
}

/** "success": it has records of the asked type, all or some of them. */
export function kindOf(reply: UpstreamReply, asked: number): Kind | undefined {
  if (showsRecords(reply, asked)) return 'success'
  // A chain of CNAMEs that ends without the type is a denial too (RFC 2308, 2.2). Without SOA nobody can tell
  // how long it holds (5), and it may be a referral.
  return reply.records.some(isDenialSoa) ? 'denial' : undefined
}

function showsRecords({ message, records }: UpstreamReply, asked: number): boolean {
  return rcodeOf(message) === rcode.NOERROR && hasAnswer(records, asked)
}

/** Whether it denies a name that it shows no record of: the asked one, or where a chain of CNAMEs leads. */
export function deniesName({ message, records }: UpstreamReply, asked: number): boolean {
  return rcodeOf(message) === rcode.NXDOMAIN && !hasAnswer(records, asked)
}

function hasAnswer(records: readonly RawRecord[], asked: number): boolean {
  for (const record of records) {
    if (isInAnswer(record) && (record.type === asked || asked === type.ANY)) return true
  }
  return false
}

const isInAnswer = (record: RawRecord): boolean => record.section === 'answer'
const isDenialSoa = (record: RawRecord): boolean => record.section === 'authority' && record.type === type.SOA

/**
 * Writes the TTLs that hold in their place, for whoever asks first as for all who ask later. One with its top bit set
 * means zero (RFC 2181, 8), and a stub might take it for a long time. A denial holds for the lesser of its SOA's TTL and
 * MINIMUM (RFC 2308, 5); servers are to send that as the TTL (3), but not all do.
 */
export function writeTtls(reply: UpstreamReply, kind: Kind | undefined): void {
  const { message, records } = reply
  capTtls(reply)
  if (kind !== 'denial') return
  for (const record of records) {
    if (!isDenialSoa(record)) continue
    const ttl = Math.min(readTtl(message, record.ttlAt), readMinimum(message, record))
    message.writeUInt32BE(ttl, record.ttlAt)
  }
}

/** The last of an SOA's five numbers (RFC 1035, 3.3.13), seconds; 0 where they are not all there. */
function readMinimum(message: Buffer, record: RawRecord): number {
  const rname = skipName(message, record.dataAt)
  const numbers = rname === undefined ? undefined : skipName(message, rname)
  return numbers !== undefined && numbers + 20 === record.end ? readTtl(message, record.end - 4) : 0
}
