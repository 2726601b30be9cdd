// Relaying: a question made ready for an upstream, and its reply made ready for the asker. Bytes stay as they came;
// ID, flags and the question's case are patched in place. OPT is hop by hop (RFC 6891, 6.1.1): ours on both sides.
import { type Edns, encodeOpt } from './edns.ts'
import { countsOf, flag, flagsOf, headerBytes, idOf, rcode, rcodeOf } from './header.ts'
import type { Question } from './name.ts'
import { type RawRecord, readRecords } from './records.ts'
import { type } from './types.ts'

/** The question for an upstream: RD, AD and CD as asked, our own ID and OPT, no option of the asker's. */
export function encodeUpstreamQuery(
  query: Buffer,
  question: Question,
  edns: Edns | undefined,
  id: number,
): Buffer {
  const opt = edns === undefined ? Buffer.alloc(0) : encodeOpt(edns.dnssecOk)
  const message = Buffer.alloc(question.end + opt.length)
  query.copy(message, headerBytes, headerBytes, question.end)
  opt.copy(message, question.end)
  message.writeUInt16BE(id, 0)
  message.writeUInt16BE(flagsOf(query) & (flag.RD | flag.AD | flag.CD), 2)
  message.writeUInt16BE(1, 4)
  message.writeUInt16BE(edns === undefined ? 0 : 1, 10)
  return message
}

/**
 * Whether a reply belongs to the question that was sent: ID, direction, opcode and the question itself (RFC 5452, 9.1).
 * Servers that can't read a question may leave it out of an error.
 */
export function answersQuestion(sent: Buffer, question: Question, reply: Buffer): boolean {
  if (reply.length < headerBytes || idOf(reply) !== idOf(sent)) return false
  if ((flagsOf(reply) & 0xf800) !== flag.QR) return false
  const [questions] = countsOf(reply)
  if (questions === 0) return rcodeOf(reply) === rcode.FORMERR || rcodeOf(reply) === rcode.NOTIMP
  if (questions !== 1 || reply.length < question.end) return false
  for (let i = headerBytes; i < question.end - 4; i++) {
    // Label lengths are under 64, so folding bit 5 of letters can't confuse them.
    if (foldCase(reply[i]!) !== foldCase(sent[i]!)) return false
  }
  return reply.compare(sent, question.end - 4, question.end, question.end - 4, question.end) === 0
}

const foldCase = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)

/** A reply that can be read to its end, or undefined. */
export interface UpstreamReply {
  readonly message: Buffer
  readonly records: readonly RawRecord[]
}

export function readReply(message: Buffer, question: Question): UpstreamReply | undefined {
  if (countsOf(message)[0] !== 1) return undefined
  const records = readRecords(message, question.end)
  return records === undefined ? undefined : { message, records }
}

/** The reply for the asker: its ID, its question's case, RA set, our OPT or none; cut to `limit` bytes with TC. */
export function relayReply(
  query: Buffer,
  question: Question,
  edns: Edns | undefined,
  reply: UpstreamReply,
  limit: number,
): Buffer {
  const { message, records } = reply
  const opt = records.findLast((record) => record.type === type.OPT)
  const last = records.at(-1)
  let [, an, ns, ar] = countsOf(message)
  let end = last?.end ?? question.end
  if (opt !== undefined && opt === last) {
    end = opt.start
    ar--
  }
  const ours =
    edns === undefined ? Buffer.alloc(0) : encodeOpt(edns.dnssecOk, rcode.NOERROR, undefined, edns.reply)
  let truncated = (flagsOf(message) & flag.TC) !== 0
  if (end + ours.length > limit) {
    truncated = true
    end = question.end
    an = ns = ar = 0
  } else if (opt !== undefined && opt !== last) {
    blankOpt(message, opt)
  }
  const out = Buffer.allocUnsafe(end + ours.length)
  message.copy(out, 0, 0, end)
  ours.copy(out, end)
  query.copy(out, headerBytes, headerBytes, question.end)
  query.copy(out, 0, 0, 2)
  // AA is not ours to claim for what an upstream said, AD is kept only where the asker asked for it (RFC 6840, 5.8).
  const wantsAd = (flagsOf(query) & flag.AD) !== 0 || edns?.dnssecOk === true
  const kept = flagsOf(message) & (0x000f | (wantsAd ? flag.AD : 0))
  const asked = flagsOf(query) & (flag.RD | flag.CD)
  out.writeUInt16BE(flag.QR | flag.RA | asked | kept | (truncated ? flag.TC : 0), 2)
  out.writeUInt16BE(an, 6)
  out.writeUInt16BE(ns, 8)
  out.writeUInt16BE(ar + (ours.length > 0 ? 1 : 0), 10)
  return out
}

/** An OPT with records behind it can't be cut out (pointers would shift): it becomes an empty record of no type. */
function blankOpt(message: Buffer, opt: RawRecord): void {
  // TYPE0 is reserved and never assigned (RFC 6895, 3.1); an owner of the root and zeroed data say nothing.
  message.writeUInt16BE(0, opt.ttlAt - 4)
  message.fill(0, opt.ttlAt - 2, opt.ttlAt + 4)
  message.fill(0, opt.dataAt, opt.end)
}
