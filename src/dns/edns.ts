// EDNS(0), RFC 6891: reading a question's OPT record, writing ours, extended errors (RFC 8914).
import { isCookieLength } from './cookie.ts'
import { rcode } from './header.ts'
import { readRecords } from './records.ts'
import { type } from './types.ts'

/** The UDP size we advertise, and the most we send in one datagram (RFC 9715: no fragments). */
export const udpPayloadBytes = 1232

/** The most bytes in a datagram without EDNS (RFC 1035, 4.2.1). */
export const plainUdpBytes = 512

/** EDNS option codes (IANA "DNS EDNS0 Option Codes") that berth reads or writes. */
export const optionCode = { nsid: 3, cookie: 10, keepalive: 11, extendedError: 15 } as const

/** A question's OPT, and the options for the reply's. */
export interface Edns {
  readonly version: number
  /** The client's UDP size, at least 512 (RFC 6891, 6.2.3). */
  readonly udpBytes: number
  /** DNSSEC OK. */
  readonly dnssecOk: boolean
  /** What is malformed; the reply is FORMERR and still has an OPT (RFC 6891, 6.1.1). */
  readonly flaw?: string | undefined
  /** The COOKIE option's data (RFC 7873), of a valid length. */
  readonly cookie?: Buffer | undefined
  /** The client asks for the server's identifier (RFC 5001). */
  readonly wantsNsid?: boolean | undefined
  /** The client asks how long the connection may be idle (RFC 7828). */
  readonly wantsKeepalive?: boolean | undefined
  /** The cookie is a valid one of ours, so the source address is not forged. */
  readonly isProven?: boolean | undefined
  /** Encoded options for the reply. */
  readonly reply?: Buffer | undefined
}

/** RFC 8914 codes berth uses. */
export const ede = {
  other: 0,
  staleAnswer: 3,
  cachedError: 13,
  notReady: 14,
  blocked: 15,
  prohibited: 18,
  staleNxdomain: 19,
  notAuthoritative: 20,
  noReachableAuthority: 22,
  networkError: 23,
} as const

export interface ExtendedError {
  readonly code: number
  readonly text?: string
}

/** A question's OPT; 'none' without one; undefined if the records cannot be read: FORMERR, without an OPT. */
export function readEdns(message: Buffer, questionEnd: number): Edns | 'none' | undefined {
  if (message.readUInt16BE(10) === 0) return 'none'
  const records = readRecords(message, questionEnd)
  if (records === undefined) return undefined
  const opt = records.find((record) => record.type === type.OPT)
  if (opt === undefined) return 'none'
  const fixed = {
    version: message[opt.ttlAt + 1]!,
    udpBytes: Math.max(plainUdpBytes, opt.class),
    dnssecOk: (message[opt.ttlAt + 2]! & 0x80) !== 0,
  }
  // RFC 6891, 6.1.1 and 6.1.2.
  if (records.findLast((record) => record.type === type.OPT) !== opt) {
    return { ...fixed, flaw: 'more than one OPT' }
  }
  if (message[opt.start] !== 0) return { ...fixed, flaw: "OPT's owner is not the root" }
  return opt.dataAt === opt.end ? fixed : { ...fixed, ...readOptions(message, opt.dataAt, opt.end) }
}

/** Skips unknown options (RFC 6891, 6.1.2); of several cookies the first counts (RFC 7873, 5.2). */
function readOptions(message: Buffer, start: number, end: number): Partial<Edns> {
  let cookie: Buffer | undefined
  let wantsNsid = false
  let wantsKeepalive = false
  let offset = start
  while (offset < end) {
    if (offset + 4 > end) return { flaw: 'an option is cut short' }
    const code = message.readUInt16BE(offset)
    const dataAt = offset + 4
    offset = dataAt + message.readUInt16BE(offset + 2)
    if (offset > end) return { flaw: 'an option is longer than OPT' }
    if (code === optionCode.cookie) cookie ??= message.subarray(dataAt, offset)
    else if (code === optionCode.nsid) wantsNsid = true
    else if (code === optionCode.keepalive) wantsKeepalive = true
  }
  const flaw =
    cookie === undefined || isCookieLength(cookie.length) ? undefined : 'COOKIE has an invalid length'
  return { flaw, cookie, wantsNsid, wantsKeepalive }
}

/** An option: code, length, data. */
export function encodeOption(code: number, data: Uint8Array): Buffer {
  const option = Buffer.alloc(4 + data.length)
  option.writeUInt16BE(code, 0)
  option.writeUInt16BE(data.length, 2)
  option.set(data, 4)
  return option
}

/** The size of an OPT record without options. */
export const plainOptBytes = 11

/** Writes an OPT record with our UDP size and no options. */
export function writePlainOpt(into: Buffer, at: number, dnssecOk: boolean): void {
  into[at] = 0
  into.writeUInt16BE(type.OPT, at + 1)
  into.writeUInt16BE(udpPayloadBytes, at + 3)
  into.writeUInt32BE(dnssecOk ? 0x8000 : 0, at + 5)
  into.writeUInt16BE(0, at + 9)
}

/**
 * The OPT record of a reply, or of a question we send. `code` is the whole rcode, of which OPT holds the upper 8 bits;
 * `options` are already encoded.
 */
export function encodeOpt(
  dnssecOk: boolean,
  code: number = rcode.NOERROR,
  error?: ExtendedError,
  options?: Buffer,
): Buffer {
  if (code <= 0x0f && error === undefined && options === undefined) {
    const plain = Buffer.allocUnsafe(plainOptBytes)
    writePlainOpt(plain, 0, dnssecOk)
    return plain
  }
  const text = Buffer.from(error?.text ?? '', 'utf8')
  const told = options?.length ?? 0
  const data = told + (error === undefined ? 0 : 6 + text.length)
  const opt = Buffer.alloc(11 + data)
  opt.writeUInt16BE(type.OPT, 1)
  opt.writeUInt16BE(udpPayloadBytes, 3)
  opt[5] = code >> 4
  if (dnssecOk) opt[7] = 0x80
  opt.writeUInt16BE(data, 9)
  options?.copy(opt, 11)
  if (error !== undefined) {
    opt.writeUInt16BE(optionCode.extendedError, 11 + told)
    opt.writeUInt16BE(2 + text.length, 13 + told)
    opt.writeUInt16BE(error.code, 15 + told)
    text.copy(opt, 17 + told)
  }
  return opt
}
