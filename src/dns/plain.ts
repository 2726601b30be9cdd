// Questions of the form that nearly all have: one name, type and class, and at most an OPT without options. Read
// without making anything, so that an answer kept for the same question is found at once.
import { plainUdpBytes, udpPayloadBytes } from './edns.ts'
import { headerBytes, maxQueryBytes } from './header.ts'
import { type } from './types.ts'

/** What a reply over UDP depends on, besides who asks; filled by `readPlain`. */
export interface PlainQuestion {
  /** Offset of the first byte after the question. */
  end: number
  /** Of name (whatever its case), type, class and form; 32 bits, signed. */
  hash: number
  form: Form
  /** The most bytes the reply may have. */
  limit: number
}

/** Without OPT, with one, and with one that has DO set: replies differ by no more than these, and the limit. */
export const form = { bare: 0, edns: 1, dnssecOk: 2 } as const
export type Form = (typeof form)[keyof typeof form]

const optBytes = 11
const maxNameBytes = 255

/** False where the message is no plain question; that says nothing about whether it is a good one. */
export function readPlain(message: Buffer, seed: number, into: PlainQuestion): boolean {
  const { length } = message
  if (length < headerBytes + 5 || length > maxQueryBytes) return false
  // A query, one question, no answer, no authority, at most one record more.
  if ((message[2]! & 0xf8) !== 0) return false
  if (message[4] !== 0 || message[5] !== 1 || message[6] !== 0 || message[7] !== 0) return false
  if (message[8] !== 0 || message[9] !== 0 || message[10] !== 0 || message[11]! > 1) return false

  let hash = seed
  let at = headerBytes
  for (;;) {
    const label = message[at]!
    if (label > 63) return false
    hash = Math.imul(hash ^ label, 0x01000193)
    const next = at + 1 + label
    if (label === 0) break
    if (next >= length || next - headerBytes >= maxNameBytes) return false
    for (at++; at < next; at++) hash = Math.imul(hash ^ lowerCase(message[at]!), 0x01000193)
  }
  const end = at + 5
  if (end > length) return false
  for (at++; at < end; at++) hash = Math.imul(hash ^ message[at]!, 0x01000193)

  into.end = end
  into.form = form.bare
  into.limit = plainUdpBytes
  if (message[11] === 1) {
    if (length !== end + optBytes || !isPlainOpt(message, end)) return false
    const size = (message[end + 3]! << 8) | message[end + 4]!
    into.form = message[end + 7] === 0 ? form.edns : form.dnssecOk
    into.limit = Math.min(Math.max(size, plainUdpBytes), udpPayloadBytes)
  } else if (length !== end) return false
  hash = Math.imul(hash ^ into.form, 0x01000193)
  into.hash = hash ^ (hash >>> 15)
  return true
}

/** Root, version 0, no flag but DO, no options (RFC 6891, 6.1.2). */
function isPlainOpt(message: Buffer, at: number): boolean {
  if (message[at] !== 0 || message[at + 1] !== 0 || message[at + 2] !== type.OPT) return false
  if (message[at + 5] !== 0 || message[at + 6] !== 0) return false
  return (
    (message[at + 7]! & 0x7f) === 0 &&
    message[at + 8] === 0 &&
    message[at + 9] === 0 &&
    message[at + 10] === 0
  )
}

/** Whether two messages ask for the same name, type and class; `kept` is in lower case. */
export function asksTheSame(message: Buffer, end: number, kept: Buffer): boolean {
  const fixed = end - 4
  for (let at = headerBytes; at < fixed; at++) if (lowerCase(message[at]!) !== kept[at]) return false
  for (let at = fixed; at < end; at++) if (message[at] !== kept[at]) return false
  return true
}

/** ASCII letters alone (RFC 4343); a label's length is below them. */
export function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}
