// Relaying: prepares a question for an upstream, and the reply for the client. Bytes stay unchanged except ID, flags and
// the question's case, which are patched in place. OPT is hop by hop (RFC 6891, 6.1.1): ours on both sides.
import { copyBytes } from './bytes.ts'
import {
  type Edns,
  type ExtendedError,
  encodeOpt,
  optionCode,
  plainOptBytes,
  plainUdpBytes,
  writePlainOpt,
} from './edns.ts'
import { flag, flagsOf, headerBytes, idOf, type Rcode, rcode, rcodeOf } from './header.ts'
import { lowerCase, type Question } from './name.ts'
import { type RawRecord, readRecords } from './records.ts'
import { type } from './types.ts'
import { isWellFormed } from './wellformed.ts'

/** What a question to an upstream has beyond RFC 1035. */
export interface Form {
  /** An OPT record, and with it DO as asked. */
  readonly edns: boolean
  readonly ad: boolean
}

export const wholeForm: Form = { edns: true, ad: true }

/** Strictly RFC 1035: no flag but RD, since AD and CD were zero bits then. */
export const plainForm: Form = { edns: false, ad: false }

export function isPlain({ edns, ad }: Form): boolean {
  return !edns && !ad
}

/**
 * The question to an upstream: RD and CD as asked, our own ID and OPT, none of the client's options. AD is set unless
 * `form` omits it: the reply may be cached for clients that want to know whether it was validated (RFC 6840, 5.7).
 */
export function encodeUpstreamQuery(
  query: Buffer,
  question: Question,
  edns: Edns | undefined,
  id: number,
  form: Form = wholeForm,
): Buffer {
  const offered = form.edns ? edns : undefined
  const message = Buffer.allocUnsafe(question.end + (offered === undefined ? 0 : plainOptBytes))
  const kept = isPlain(form) ? flag.RD : flag.RD | flag.CD
  message.writeUInt16BE(id, 0)
  message.writeUInt16BE((flagsOf(query) & kept) | (form.ad ? flag.AD : 0), 2)
  message.writeUInt32BE(0x1_0000, 4)
  message.writeUInt32BE(offered === undefined ? 0 : 1, 8)
  copyBytes(query, headerBytes, question.end, message, headerBytes)
  if (offered !== undefined) writePlainOpt(message, question.end, offered.dnssecOk)
  return message
}

/**
 * Whether a reply belongs to the question that was sent: ID, direction, opcode and the question itself (RFC 5452, 9.1).
 * Some servers omit the question when they have no answer: such an error, or TC alone, makes berth ask another server, or
 * over TCP. Nothing in such a reply is ever relayed or cached.
 */
export function answersQuestion(sent: Buffer, question: Question, reply: Buffer): boolean {
  if (reply.length < headerBytes || idOf(reply) !== idOf(sent)) return false
  if ((flagsOf(reply) & 0xf800) !== flag.QR) return false
  const questions = reply.readUInt16BE(4)
  if (questions === 0) {
    const bare = readBare(reply)
    return bare !== undefined && (bareErrors.has(replyCode(bare)) || isBareTruncation(bare))
  }
  if (questions !== 1 || reply.length < question.end) return false
  for (let i = headerBytes; i < question.end - 4; i++) {
    // Label lengths are under 64, so folding bit 5 of letters cannot confuse them.
    if (lowerCase(reply[i]!) !== lowerCase(sent[i]!)) return false
  }
  return reply.compare(sent, question.end - 4, question.end, question.end - 4, question.end) === 0
}

/** A reply that a client can read completely, all names followed. `records` includes OPT. */
export interface UpstreamReply {
  readonly message: Buffer
  readonly records: readonly RawRecord[]
}

/** undefined if it is cut short or malformed, or has two OPT records or a misplaced one (RFC 6891, 6.1.1). */
export function readReply(message: Buffer, question: Question): UpstreamReply | undefined {
  if (message.readUInt16BE(4) !== 1) {
    const bare = readBare(message)
    return bare !== undefined && bareErrors.has(replyCode(bare)) ? bare : undefined
  }
  const records = readRecords(message, question.end)
  if (records === undefined || !isWellFormed(message, records)) return undefined
  let opts = 0
  for (const record of records) {
    if (record.type !== type.OPT) continue
    if (++opts > 1 || record.section !== 'additional') return undefined
  }
  return { message, records }
}

/** Errors that a server may send without the question, since it could not read it or refuses to. */
const bareErrors = new Set<number>([
  rcode.FORMERR,
  rcode.SERVFAIL,
  rcode.NOTIMP,
  rcode.REFUSED,
  rcode.BADVERS,
])

/** A header without question or records, except for an OPT. */
function readBare(message: Buffer): UpstreamReply | undefined {
  if (message.readUInt32BE(4) !== 0 || message.readUInt16BE(8) !== 0 || message.readUInt16BE(10) > 1) {
    return undefined
  }
  const records = readRecords(message)
  return records?.every((record) => record.type === type.OPT) ? { message, records } : undefined
}

/** TC and nothing else: the answer is available over TCP. */
function isBareTruncation(bare: UpstreamReply): boolean {
  return (flagsOf(bare.message) & flag.TC) !== 0 && replyCode(bare) === rcode.NOERROR
}

/**
 * Whether a reply ends before its records do, at 512 bytes or more, which every path lets through: something on the path
 * cut it without setting TC.
 */
export function isCutShort(message: Buffer, question: Question): boolean {
  if (message.length < plainUdpBytes || message.readUInt16BE(4) !== 1) return false
  return readRecords(message, question.end) === undefined
}

/** Whether OPT is outside the additional section, as from a server that copies the whole query and appends records. */
export function misplacesOpt(message: Buffer, question: Question): boolean {
  const records = message.readUInt16BE(4) === 1 ? readRecords(message, question.end) : undefined
  const opts = records?.filter((record) => record.type === type.OPT) ?? []
  return opts.length > 1 || opts.some(({ section }) => section !== 'additional')
}

/** The whole rcode: OPT holds its upper 8 bits (RFC 6891, 6.1.3). */
export function replyCode({ message, records }: UpstreamReply): Rcode {
  return codeOf(message, findOpt(records))
}

function codeOf(message: Buffer, opt: RawRecord | undefined): Rcode {
  return rcodeOf(message) | (opt === undefined ? 0 : message[opt.ttlAt]! << 4)
}

/**
 * Whether a reply is a referral instead of an answer to a question with RD: NOERROR without an answer and without the SOA
 * of a denial (RFC 2308, 2.2), from a server that claims neither recursion nor authority, by which stubs recognize a lame
 * one; or with the root's NS, whatever it claims, since a forwarder in between may have set RA.
 */
export function isReferral(reply: UpstreamReply): boolean {
  const { message, records } = reply
  if (message.readUInt16BE(6) > 0 || replyCode(reply) !== rcode.NOERROR) return false
  let pointsUp = false
  for (const record of records) {
    if (record.section !== 'authority') continue
    if (record.type === type.SOA) return false
    if (record.type === type.NS && message[record.start] === 0) pointsUp = true
  }
  return pointsUp || (flagsOf(message) & (flag.RA | flag.AA)) === 0
}

/** Whether a reply has an OPT, so that its server has read ours. */
export function hasOpt({ records }: UpstreamReply): boolean {
  return findOpt(records) !== undefined
}

/** Extended errors (RFC 8914) for people: " (extended error 6: signature expired)", or "". */
export function describeErrors({ message, records }: UpstreamReply): string {
  const texts = extendedErrors(message, findOpt(records)).map((option) => {
    const text = option.toString('utf8', 6).replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '')
    return `extended error ${option.readUInt16BE(4)}${text === '' ? '' : `: ${text}`}`
  })
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`
}

/**
 * The reply for the client: its ID, its question's case, RA, and our OPT or none. Records stay in place, since compression
 * pointers may lead anywhere. So only the message's end can be cut: OPT and what follows it (a TSIG is not for the client,
 * either), then, beyond `limit` bytes, additional records, then others, with TC (RFC 2181, 9). What fits stays: some stubs
 * never ask over TCP. The upstream's extended errors follow `error`, ours, if there is room.
 */
export function relayReply(
  query: Buffer,
  question: Question,
  edns: Edns | undefined,
  reply: UpstreamReply,
  limit: number,
  error?: ExtendedError,
): Buffer {
  const { message, records } = reply
  const opt = findOpt(records)
  const code = codeOf(message, opt)
  const kept = countKept(records)
  const size = records[kept - 1]?.end ?? question.end
  let ours = edns && encodeOpt(edns.dnssecOk, code, error, edns.reply)
  if (ours !== undefined && opt !== undefined && opt.dataAt < opt.end) {
    const told = extendedErrors(message, opt)
    while (told.length > 0 && size + ours.length + Buffer.concat(told).length > limit) told.pop()
    ours = withOptions(ours, told)
  }
  const room = limit - (ours?.length ?? 0)
  const fitting = size <= room ? kept : countFitting(records, kept, room)
  const truncated = fitting < kept && records[fitting]!.section !== 'additional'
  const end = records[fitting - 1]?.end ?? question.end

  const out = Buffer.allocUnsafe(end + (ours?.length ?? 0))
  out[0] = query[0]!
  out[1] = query[1]!
  copyBytes(query, headerBytes, question.end, out, headerBytes)
  copyBytes(message, question.end, end, out, question.end)
  if (ours !== undefined) copyBytes(ours, 0, ours.length, out, end)
  // We never claim AA for an upstream's answer, and keep AD only if the client asked for it (RFC 6840, 5.8).
  const wantsAd = (flagsOf(query) & flag.AD) !== 0 || edns?.dnssecOk === true
  const said = flagsOf(message) & (flag.TC | (wantsAd ? flag.AD : 0))
  const asked = flagsOf(query) & (flag.RD | flag.CD)
  // RA: berth itself recurses. Stubs take NODATA with neither RA nor AA for a lame server's.
  const ra = isReferral(reply) ? flagsOf(message) & flag.RA : flag.RA
  // Without OPT the upper bits of an rcode cannot be sent.
  const low = code > 0x0f && edns === undefined ? rcode.SERVFAIL : code & 0x0f
  out.writeUInt16BE(flag.QR | ra | asked | said | low | (truncated ? flag.TC : 0), 2)
  let answers = 0
  let authorities = 0
  for (let i = 0; i < fitting; i++) {
    const { section } = records[i]!
    if (section === 'answer') answers++
    else if (section === 'authority') authorities++
  }
  out.writeUInt16BE(1, 4)
  out.writeUInt16BE(answers, 6)
  out.writeUInt16BE(authorities, 8)
  out.writeUInt16BE(fitting - answers - authorities + (edns === undefined ? 0 : 1), 10)
  return out
}

function findOpt(records: readonly RawRecord[]): RawRecord | undefined {
  return records.findLast((record) => record.type === type.OPT)
}

/** The number of records before OPT, or else before TSIG. No client needs the additional records after it. */
function countKept(records: readonly RawRecord[]): number {
  const at = records.findIndex(({ type: code }) => code === type.OPT || code === type.TSIG)
  return at < 0 ? records.length : at
}

/** Of the first `kept`. */
function countFitting(records: readonly RawRecord[], kept: number, room: number): number {
  const first = records.findIndex(({ end }) => end > room)
  return first < 0 ? kept : Math.min(first, kept)
}

/** The most text of an upstream's extended error that is passed on, bytes. */
const maxErrorBytes = 512

/** OPT's extended errors, unchanged: code, length, data. An option that exceeds its record ends the list. */
function extendedErrors(message: Buffer, opt: RawRecord | undefined): Buffer[] {
  const options: Buffer[] = []
  let left = maxErrorBytes
  for (let at = opt?.dataAt ?? 0, next: number; opt !== undefined && at + 4 <= opt.end; at = next) {
    const length = message.readUInt16BE(at + 2)
    next = at + 4 + length
    if (next > opt.end) break
    if (message.readUInt16BE(at) !== optionCode.extendedError || length < 2 || length + 4 > left) continue
    left -= length + 4
    options.push(message.subarray(at, next))
  }
  return options
}

function withOptions(opt: Buffer, options: readonly Buffer[]): Buffer {
  if (options.length === 0) return opt
  const all = Buffer.concat([opt, ...options])
  all.writeUInt16BE(all.length - 11, 9)
  return all
}
