// What of an upstream's reply may be kept, as what, and for how long: answers, and denials with an SOA (RFC 2308).
import { flag, flagsOf, rcode, rcodeOf } from '../../dns/header.ts'
import { skipName } from '../../dns/name.ts'
import type { RawRecord } from '../../dns/records.ts'
import { isReferral, replyCode, type UpstreamReply } from '../../dns/relay.ts'
import { leastTtl, readTtl } from '../../dns/ttl.ts'
import { type } from '../../dns/types.ts'
import { type Packed, pack } from './packed.ts'

export type Kind = 'success' | 'denial'

export interface Keepable {
  readonly kind: Kind
  /** The name itself does not exist, so the reply serves for any type of it. */
  readonly forEveryType: boolean
  /** The message, a denial's SOA lowered to what the denial holds for. */
  readonly packed: Packed
  /** Seconds from now, over zero. */
  readonly ttl: number
}

/** Caps, seconds. They shorten what upstreams say and never lengthen it. */
export interface Caps {
  readonly maxTtl: number
  readonly maxNegativeTtl: number
}

/** `reply` is a conclusive one. undefined for what is not to be kept: denials without SOA, TTL 0. */
export function readKeepable(reply: UpstreamReply, asked: number, caps: Caps): Keepable | undefined {
  const kind = kindOf(reply, asked)
  if (kind === undefined) return undefined
  const told = kind === 'denial' ? withDenialTtl(reply) : reply
  const ttl = Math.min(leastTtl(told), kind === 'denial' ? caps.maxNegativeTtl : caps.maxTtl)
  if (ttl <= 0) return undefined
  // Behind a CNAME it is the target that does not exist (RFC 2308, 2.1): that serves for the asked type alone.
  const forEveryType = rcodeOf(reply.message) === rcode.NXDOMAIN && !reply.records.some(isInAnswer)
  return { kind, forEveryType, packed: pack(told.message), ttl }
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

function kindOf(reply: UpstreamReply, asked: number): Kind | undefined {
  const { message, records } = reply
  if (rcodeOf(message) === rcode.NOERROR && hasAnswer(records, asked)) return 'success'
  // A chain of CNAMEs that ends without the type is a denial too (RFC 2308, 2.2). Without SOA nobody can tell
  // how long it holds (5), and it may be a referral.
  return records.some(isDenialSoa) ? 'denial' : undefined
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
 * A copy with the TTL that a denial has: it holds for the lesser of the SOA's TTL and its MINIMUM (RFC 2308, 5). Servers
 * are to send that as the TTL (3), but not all do, and a stub that reads the TTL alone would keep an aged denial for too
 * long.
 */
function withDenialTtl(reply: UpstreamReply): UpstreamReply {
  const message = Buffer.from(reply.message)
  const { records } = reply
  for (const record of records.filter(isDenialSoa)) {
    const ttl = Math.min(readTtl(message, record.ttlAt), readMinimum(message, record))
    message.writeUInt32BE(ttl, record.ttlAt)
  }
  return { message, records }
}

/** The last of an SOA's five numbers (RFC 1035, 3.3.13), seconds; 0 where they are not all there. */
function readMinimum(message: Buffer, record: RawRecord): number {
  const rname = skipName(message, record.dataAt)
  const numbers = rname === undefined ? undefined : skipName(message, rname)
  return numbers !== undefined && numbers + 20 === record.end ? readTtl(message, record.end - 4) : 0
}
