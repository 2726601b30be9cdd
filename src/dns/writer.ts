// Writes replies: the question's bytes unchanged, records compressed against it, and OPT if the question had one.
import { parseAddress } from '../lib/ip.ts'
import { type Edns, type ExtendedError, encodeOpt, plainUdpBytes, readEdns, udpPayloadBytes } from './edns.ts'
import {
  countsOf,
  flag,
  flagsOf,
  headerBytes,
  headerOnly,
  maxQueryBytes,
  type Rcode,
  replyFlags,
} from './header.ts'
import { encodeName, type Question, readQuestion } from './name.ts'
import { skipQuestions } from './records.ts'
import { type } from './types.ts'

/** A record whose owner is the question's name, unless `owner` says otherwise. */
export interface Answer {
  readonly owner?: string
  readonly type: number
  readonly ttl: number
  readonly data: Buffer
}

export interface ReplyParts {
  readonly rcode: Rcode
  readonly answers?: readonly Answer[]
  readonly authority?: readonly Answer[]
  readonly additional?: readonly Answer[]
  /** Sent only to clients with EDNS. */
  readonly error?: ExtendedError
  /** Sets TC although nothing was cut: the client should ask again over TCP (a rate limit's slip). */
  readonly truncated?: boolean
}

export type Transport = 'udp' | 'tcp'

/** A message's length on a stream has two bytes (RFC 1035, 4.2.2). */
export const maxMessageBytes = 0xffff

/** The most bytes a reply to this client may have. */
export function replyLimit(transport: Transport, edns: Edns | undefined): number {
  if (transport === 'tcp') return maxMessageBytes
  return edns === undefined ? plainUdpBytes : Math.min(edns.udpBytes, udpPayloadBytes)
}

/**
 * A reply to `query`, whose question is `question`. If it exceeds `limit`, whole records are left out: additional ones
 * silently, others with TC set (RFC 2181, 9). The text of an extended error is left out before any record.
 */
export function writeReply(
  query: Buffer,
  question: Question,
  edns: Edns | undefined,
  parts: ReplyParts,
  limit: number,
): Buffer {
  let opt = edns && encodeOpt(edns.dnssecOk, parts.rcode, parts.error, edns.reply)
  if (edns && opt && parts.error?.text !== undefined && question.end + opt.length > limit) {
    opt = encodeOpt(edns.dnssecOk, parts.rcode, { code: parts.error.code }, edns.reply)
  }
  const header = Buffer.alloc(headerBytes)
  query.copy(header, 0, 0, 2)
  let flags = replyFlags(flagsOf(query), parts.rcode)
  const pieces: Buffer[] = [header, query.subarray(headerBytes, question.end)]
  let room = limit - question.end - (opt?.length ?? 0)
  let truncated = parts.truncated ?? false

  const put = (records: readonly Answer[] = [], needed: boolean): number => {
    let count = 0
    for (const record of records) {
      const bytes = encodeRecord(record, question.class)
      if (truncated || bytes.length > room) {
        if (needed) truncated = true
        break
      }
      room -= bytes.length
      pieces.push(bytes)
      count++
    }
    return count
  }
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(put(parts.answers, true), 6)
  header.writeUInt16BE(put(parts.authority, true), 8)
  const extra = put(parts.additional, false)
  header.writeUInt16BE(extra + (opt === undefined ? 0 : 1), 10)
  if (opt !== undefined) pieces.push(opt)
  if (truncated) flags |= flag.TC
  header.writeUInt16BE(flags, 2)
  return Buffer.concat(pieces)
}

/**
 * An error reply to a message of which only the header is known to be valid. It has the question if that can be read, and
 * an OPT if the message had one (RFC 6891, 6.1.1). `known`: the message's OPT, if already read.
 */
export function writeError(message: Buffer, code: Rcode, known?: Edns): Buffer {
  const question = countsOf(message)[0] === 1 ? readQuestion(message) : undefined
  const end = question?.end ?? headerBytes
  const records = message.length <= maxQueryBytes ? (question?.end ?? skipQuestions(message)) : undefined
  const edns = known ?? (records === undefined ? undefined : readEdns(message, records))
  const opt =
    edns === undefined || edns === 'none'
      ? Buffer.alloc(0)
      : encodeOpt(edns.dnssecOk, code, undefined, edns.reply)
  const reply = Buffer.concat([headerOnly(message, code), message.subarray(headerBytes, end), opt])
  if (question !== undefined) reply.writeUInt16BE(1, 4)
  if (opt.length > 0) reply.writeUInt16BE(1, 10)
  return reply
}

function encodeRecord(record: Answer, ofClass: number): Buffer {
  // c00c points at the question's name, right after the header.
  const owner = record.owner === undefined ? Buffer.of(0xc0, headerBytes) : mustEncode(record.owner)
  const bytes = Buffer.allocUnsafe(owner.length + 10 + record.data.length)
  let offset = owner.copy(bytes, 0)
  offset = bytes.writeUInt16BE(record.type, offset)
  offset = bytes.writeUInt16BE(ofClass, offset)
  offset = bytes.writeUInt32BE(record.ttl, offset)
  offset = bytes.writeUInt16BE(record.data.length, offset)
  record.data.copy(bytes, offset)
  return bytes
}

/** A or AAAA, by the address's family. */
export function addressRecord(address: string, ttl: number): Answer {
  const data = Buffer.from(parseAddress(address)!)
  return { type: data.length === 4 ? type.A : type.AAAA, ttl, data }
}

/** The one small answer to ANY (RFC 8482, 4.2). */
export function anyRecord(ttl: number): Answer {
  return { type: type.HINFO, ttl, data: Buffer.from('\x07RFC8482\0', 'latin1') }
}

/** One character-string, cut to the 255 bytes it may have (RFC 1035, 3.3.14). */
export function textRecord(text: string, ttl: number): Answer {
  const bytes = Buffer.from(text, 'utf8').subarray(0, 255)
  return { type: type.TXT, ttl, data: Buffer.concat([Buffer.of(bytes.length), bytes]) }
}

export function pointerRecord(target: Buffer, ttl: number): Answer {
  return { type: type.PTR, ttl, data: target }
}

export function nameServerRecord(server: string, ttl: number): Answer {
  return { type: type.NS, ttl, data: mustEncode(server) }
}

/** SRV with priority 0 and equal weights (RFC 2782); the target is never compressed. */
export function serviceRecord(port: number, target: Buffer, ttl: number): Answer {
  return { type: type.SRV, ttl, data: Buffer.concat([Buffer.of(0, 0, 0, 1, port >> 8, port & 0xff), target]) }
}

/**
 * The SOA that goes with negative answers (RFC 2308, 3): a resolver caches the denial for the lesser of the
 * SOA's TTL and its MINIMUM, so both are ours. `owner` is the zone's canonical name.
 */
export function soaRecord(owner: string, mname: string, serial: number, ttl: number): Answer {
  const numbers = Buffer.alloc(20)
  // Serial, refresh, retry, expire, minimum. The middle three only matter for zone transfers, which we refuse.
  for (const [i, value] of [serial >>> 0, 7200, 1800, 86_400, ttl].entries())
    numbers.writeUInt32BE(value, 4 * i)
  return {
    owner,
    type: type.SOA,
    ttl,
    data: Buffer.concat([mustEncode(mname), mustEncode(`hostmaster.${mname}`), numbers]),
  }
}

function mustEncode(name: string): Buffer {
  const bytes = encodeName(name)
  if (bytes === undefined) throw new RangeError(`not a DNS name: ${name}`)
  return bytes
}
