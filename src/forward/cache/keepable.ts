// What of an upstream's reply may be kept, as what, and for how long: answers, and denials with an SOA (RFC 2308).
import { flag, flagsOf, rcode, rcodeOf } from '../../dns/header.ts'
import { skipName } from '../../dns/name.ts'
import type { RawRecord } from '../../dns/records.ts'
import { replyCode, type UpstreamReply } from '../../dns/relay.ts'
import { leastTtl, readTtl } from '../../dns/ttl.ts'
import { type } from '../../dns/types.ts'

export type Kind = 'success' | 'denial'

export interface Keepable {
  readonly kind: Kind
  /** The name itself does not exist, so the reply serves for any type of it. */
  readonly forEveryType: boolean
  /** Bytes of its own, a denial's SOA lowered to what the denial holds for. */
  readonly reply: UpstreamReply
  /** Seconds from now, over zero. */
  readonly ttl: number
}

/** Caps, seconds. They shorten what upstreams say and never lengthen it. */
export interface Caps {
  readonly maxTtl: number
  readonly maxNegativeTtl: number
}

/** undefined for what is not to be kept: errors, what is cut short, denials without SOA, TTL 0. */
export function readKeepable(reply: UpstreamReply, asked: number, caps: Caps): Keepable | undefined {
  const kind = kindOf(reply, asked)
  if (kind === undefined) return undefined
  const own = kind === 'denial' ? withDenialTtl(ownCopy(reply)) : ownCopy(reply)
  const ttl = Math.min(leastTtl(own), kind === 'denial' ? caps.maxNegativeTtl : caps.maxTtl)
  if (ttl <= 0) return undefined
  // Behind a CNAME it is the target that does not exist (RFC 2308, 2.1): that serves for the asked type alone.
  const forEveryType = rcodeOf(reply.message) === rcode.NXDOMAIN && !reply.records.some(isInAnswer)
  return { kind, forEveryType, reply: own, ttl }
}

/** Whether a reply says all there is: a whole NOERROR or NXDOMAIN. Others leave things as they were (RFC 8767, 4). */
export function isConclusive(reply: UpstreamReply): boolean {
  const code = replyCode(reply)
  return (code === rcode.NOERROR || code === rcode.NXDOMAIN) && (flagsOf(reply.message) & flag.TC) === 0
}

function kindOf(reply: UpstreamReply, asked: number): Kind | undefined {
  const { message, records } = reply
  if (!isConclusive(reply)) return undefined
  const answers = (record: RawRecord) => isInAnswer(record) && (record.type === asked || asked === type.ANY)
  if (rcodeOf(message) === rcode.NOERROR && records.some(answers)) return 'success'
  // A chain of CNAMEs that ends without the type is a denial too (RFC 2308, 2.2). Without SOA nobody can tell
  // how long it holds (5), and it may be a referral.
  return records.some(isDenialSoa) ? 'denial' : undefined
}

const isInAnswer = (record: RawRecord): boolean => record.section === 'answer'
const isDenialSoa = (record: RawRecord): boolean => record.section === 'authority' && record.type === type.SOA

/** Not from Node's pool, where one small message that stays would hold on to 8 KiB. */
function ownCopy({ message, records }: UpstreamReply): UpstreamReply {
  const copy = Buffer.allocUnsafeSlow(message.length)
  message.copy(copy)
  return { message: copy, records }
}

/**
 * A denial holds for the lesser of the SOA's TTL and its MINIMUM (RFC 2308, 5). Servers are to send that as the TTL
 * (3), but not all do, and a stub that reads the TTL alone would keep an aged denial for too long.
 */
function withDenialTtl(reply: UpstreamReply): UpstreamReply {
  const { message, records } = reply
  for (const record of records.filter(isDenialSoa)) {
    const ttl = Math.min(readTtl(message, record.ttlAt), readMinimum(message, record))
    message.writeUInt32BE(ttl, record.ttlAt)
  }
  return reply
}

/** The last of an SOA's five numbers (RFC 1035, 3.3.13), seconds; 0 where they are not all there. */
function readMinimum(message: Buffer, record: RawRecord): number {
  const rname = skipName(message, record.dataAt)
  const numbers = rname === undefined ? undefined : skipName(message, rname)
  return numbers !== undefined && numbers + 20 === record.end ? readTtl(message, record.end - 4) : 0
}
