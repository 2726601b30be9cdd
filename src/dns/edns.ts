// EDNS(0), RFC 6891: reading a question's OPT record, writing ours, extended errors (RFC 8914).
import { rcode } from './header.ts'
import { readRecords } from './records.ts'
import { type } from './types.ts'

/** What we say we can take, and the most we send in one datagram (RFC 9715: no fragments). */
export const udpPayloadBytes = 1232

/** Without EDNS a datagram holds this much (RFC 1035, 4.2.1). */
export const plainUdpBytes = 512

/** RFC 6891, 9. */
export const badVers = 16

export interface Edns {
  readonly version: number
  /** The asker's UDP size, at least 512 (RFC 6891, 6.2.3). */
  readonly udpBytes: number
  /** DNSSEC OK. */
  readonly dnssecOk: boolean
}

/** The option that carries an extended error (RFC 8914, 2). */
export const extendedErrorOption = 15

/** RFC 8914 codes berth uses. */
export const ede = {
  staleAnswer: 3,
  notReady: 14,
  blocked: 15,
  prohibited: 18,
  notAuthoritative: 20,
  noReachableAuthority: 22,
  networkError: 23,
} as const

export interface ExtendedError {
  readonly code: number
  readonly text?: string
}

/** A question's OPT; 'none' without one; undefined where records can't be read or there are two (FORMERR). */
export function readEdns(message: Buffer, questionEnd: number): Edns | 'none' | undefined {
  if (message.readUInt16BE(10) === 0) return 'none'
  const records = readRecords(message, questionEnd)
  if (records === undefined) return undefined
  const found = records.filter((record) => record.type === type.OPT)
  if (found.length > 1) return undefined
  const opt = found[0]
  if (opt === undefined) return 'none'
  // The owner of an OPT is the root, and its options fill its data (RFC 6891, 6.1.2).
  if (message[opt.start] !== 0 || !wholeOptions(message, opt.dataAt, opt.end)) return undefined
  return {
    version: message[opt.ttlAt + 1]!,
    udpBytes: Math.max(plainUdpBytes, opt.class),
    dnssecOk: (message[opt.ttlAt + 2]! & 0x80) !== 0,
  }
}

function wholeOptions(message: Buffer, start: number, end: number): boolean {
  let offset = start
  while (offset < end) {
    if (offset + 4 > end) return false
    offset += 4 + message.readUInt16BE(offset + 2)
  }
  return offset === end
}

/** The OPT record of a reply (or of a question we ask). `code` is the whole rcode, of which OPT holds the upper 8 bits. */
export function encodeOpt(dnssecOk: boolean, code: number = rcode.NOERROR, error?: ExtendedError): Buffer {
  const text = Buffer.from(error?.text ?? '', 'utf8')
  const data = error === undefined ? 0 : 6 + text.length
  const opt = Buffer.alloc(11 + data)
  opt.writeUInt16BE(type.OPT, 1)
  opt.writeUInt16BE(udpPayloadBytes, 3)
  opt[5] = code >> 4
  if (dnssecOk) opt[7] = 0x80
  opt.writeUInt16BE(data, 9)
  if (error !== undefined) {
    opt.writeUInt16BE(extendedErrorOption, 11)
    opt.writeUInt16BE(2 + text.length, 13)
    opt.writeUInt16BE(error.code, 15)
    text.copy(opt, 17)
  }
  return opt
}
