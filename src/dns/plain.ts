// Reads plain questions, as nearly all are: one name, type and class, and at most an OPT without options. Allocates
// nothing, so that the fast path finds an encoded answer at once.
import { plainUdpBytes, udpPayloadBytes } from './edns.ts'
import { flag, headerBytes, maxQueryBytes } from './header.ts'
import { lowerCase } from './name.ts'
import { type } from './types.ts'

/** What a reply over UDP depends on, besides the client; `readPlain` fills it. */
export interface PlainQuestion {
  /** Offset of the question's end in the message. */
  end: number
  /** Hash of name (in any case), type, class and form; 32 bits, signed. */
  hash: number
  /** One of `form`, combined with the question's AD and CD as in the header: replies differ by these. */
  form: number
  /** The most bytes the reply may have. */
  limit: number
}

/** Without OPT, with one, and with one that has DO set. */
export const form = { bare: 0, edns: 1, dnssecOk: 2 } as const

/** In the header's fourth byte. */
const adAndCd = flag.AD | flag.CD
const optBytes = 11
const maxNameBytes = 255

/**
 * Reads the message that lies at `start` to `stop` of `data`. False if it is not a plain question, which may still be
 * a valid one.
 */
export function readPlain(
  data: Uint8Array,
  start: number,
  stop: number,
  seed: number,
  into: PlainQuestion,
): boolean {
  const length = stop - start
  if (length < headerBytes + 5 || length > maxQueryBytes) return false
  // A query, one question, no answer, no authority, at most one record more.
  if ((data[start + 2]! & 0xf8) !== 0) return false
  if ((data[start + 4]! | data[start + 6]! | data[start + 7]! | data[start + 8]! | data[start + 9]!) !== 0) {
    return false
  }
  if (data[start + 5] !== 1 || data[start + 10] !== 0 || data[start + 11]! > 1) return false

  let hash = seed
  let at = start + headerBytes
  const last = Math.min(stop, at + maxNameBytes)
  for (;;) {
    const label = data[at]!
    if (label > 63) return false
    hash = Math.imul(hash ^ label, 0x01000193)
    const next = at + 1 + label
    if (label === 0) break
    if (next >= last) return false
    for (at++; at < next; at++) hash = Math.imul(hash ^ lowerCase(data[at]!), 0x01000193)
  }
  const end = at + 5
  if (end > stop) return false
  for (at++; at < end; at++) hash = Math.imul(hash ^ data[at]!, 0x01000193)

  let kind: number = form.bare
  into.limit = plainUdpBytes
  if (data[start + 11] === 1) {
    if (stop !== end + optBytes || !isPlainOpt(data, end)) return false
    const size = (data[end + 3]! << 8) | data[end + 4]!
    kind = data[end + 7] === 0 ? form.edns : form.dnssecOk
    into.limit = Math.min(Math.max(size, plainUdpBytes), udpPayloadBytes)
  } else if (stop !== end) return false
  kind |= data[start + 3]! & adAndCd
  into.end = end - start
  into.form = kind
  hash = Math.imul(hash ^ kind, 0x01000193)
  into.hash = hash ^ (hash >>> 15)
  return true
}

/** Root, version 0, no flag but DO, no options (RFC 6891, 6.1.2). */
function isPlainOpt(data: Uint8Array, at: number): boolean {
  if (data[at] !== 0 || data[at + 1] !== 0 || data[at + 2] !== type.OPT) return false
  if (data[at + 5] !== 0 || data[at + 6] !== 0) return false
  return (data[at + 7]! & 0x7f) === 0 && data[at + 8] === 0 && data[at + 9] === 0 && data[at + 10] === 0
}

/** Whether the message at `start` asks for the same name, type and class as `kept`, which is in lower case. */
export function asksTheSame(data: Uint8Array, start: number, end: number, kept: Uint8Array): boolean {
  const fixed = end - 4
  for (let at = headerBytes; at < fixed; at++) {
    const byte = data[start + at]!
    if (byte !== kept[at] && lowerCase(byte) !== kept[at]) return false
  }
  for (let at = fixed; at < end; at++) if (data[start + at] !== kept[at]) return false
  return true
}
