// Writes replies: the question's bytes as they came, records compressed against it, OPT where one was asked with.
import { parseAddress } from '../lib/ip.ts'
import { type Edns, type ExtendedError, encodeOpt, plainUdpBytes, udpPayloadBytes } from './edns.ts'
import { flag, flagsOf, headerBytes, type Rcode, replyFlags } from './header.ts'
import { encodeName, type Question } from './name.ts'
import { classIN, type } from './types.ts'

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
  /** Told only to askers with EDNS. */
  readonly error?: ExtendedError
}

export type Transport = 'udp' | 'tcp'

/** The most bytes a reply may have for this asker. */
export function replyLimit(transport: Transport, edns: Edns | undefined): number {
  if (transport === 'tcp') return 0xffff
  return edns === undefined ? plainUdpBytes : Math.min(edns.udpBytes, udpPayloadBytes)
}

/**
 * A reply to `query`, whose question is `question`. Where it does not fit `limit`, whole records are left out:
 * additional ones silently, others with TC set (RFC 2181, 9).
 */
export function writeReply(
  query: Buffer,
  question: Question,
  edns: Edns | undefined,
  parts: ReplyParts,
  limit: number,
): Buffer {
  const opt = edns === undefined ? undefined : encodeOpt(edns.dnssecOk, parts.rcode, parts.error)
  const header = Buffer.alloc(headerBytes)
  query.copy(header, 0, 0, 2)
  let flags = replyFlags(flagsOf(query), parts.rcode)
  const pieces: Buffer[] = [header, query.subarray(headerBytes, question.end)]
  let room = limit - question.end - (opt?.length ?? 0)
  let truncated = false

  const put = (records: readonly Answer[] = [], needed: boolean): number => {
    let count = 0
    for (const record of records) {
      const bytes = encodeRecord(record)
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

/** A reply with header, question and OPT alone. */
export function writeEmpty(
  query: Buffer,
  question: Question,
  edns: Edns | undefined,
  code: Rcode,
  error?: ExtendedError,
): Buffer {
  return writeReply(
    query,
    question,
    edns,
    error === undefined ? { rcode: code } : { rcode: code, error },
    0xffff,
  )
}

function encodeRecord(record: Answer): Buffer {
  // c00c points at the question's name, right behind the header.
  const owner = record.owner === undefined ? Buffer.of(0xc0, headerBytes) : mustEncode(record.owner)
  const bytes = Buffer.allocUnsafe(owner.length + 10 + record.data.length)
  let offset = owner.copy(bytes, 0)
  offset = bytes.writeUInt16BE(record.type, offset)
  offset = bytes.writeUInt16BE(classIN, offset)
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
 * The SOA that goes with negative answers (RFC 2308, 3): a resolver keeps the negative for the lesser of the
 * SOA's own TTL and its MINIMUM, so both are ours. `owner` is the zone's canonical name.
 */
export function soaRecord(owner: string, mname: string, serial: number, ttl: number): Answer {
  const numbers = Buffer.alloc(20)
  // Serial, refresh, retry, expire, minimum; nobody transfers this zone, so the middle ones only look sane.
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
