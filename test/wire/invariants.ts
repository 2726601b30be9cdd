// What must be true of every reply, whatever was asked: read with a walker and a decoder that are not ours.
import { decode } from 'dns-packet'

/** A message taken apart by RFC 1035, 4.1; written apart from src/dns, to check it. */
export interface Walked {
  readonly flags: number
  /** After the header, one entry a question. */
  readonly questions: readonly Buffer[]
  readonly records: readonly {
    readonly section: number
    readonly at: number
    readonly isRoot: boolean
    readonly type: number
    readonly class: number
    readonly ttl: number
    readonly typeAt: number
    readonly data: Buffer
  }[]
  /** Bytes behind the last record. */
  readonly rest: number
}

export function walk(message: Buffer): Walked | undefined {
  if (message.length < 12) return undefined
  let at = 12
  const skip = (): boolean => {
    for (let size = message[at]; ; size = message[at]) {
      if (size === undefined) return false
      if (size >= 0xc0) at += 2
      else if (size >= 0x40) return false
      else at += size + 1
      if (size === 0 || size >= 0xc0) return at <= message.length
    }
  }
  const questions: Buffer[] = []
  const records: Walked['records'][number][] = []
  for (let n = message.readUInt16BE(4); n > 0; n--) {
    const from = at
    if (!skip() || at + 4 > message.length) return undefined
    at += 4
    questions.push(message.subarray(from, at))
  }
  for (const section of [1, 2, 3]) {
    for (let n = message.readUInt16BE(4 + 2 * section); n > 0; n--) {
      const from = at
      if (!skip() || at + 10 > message.length) return undefined
      const typeAt = at
      at += 10 + message.readUInt16BE(at + 8)
      if (at > message.length) return undefined
      records.push({
        ...{
          section,
          at: from,
          isRoot: message[from] === 0,
          typeAt,
          data: message.subarray(typeAt + 10, at),
        },
        ...{ type: message.readUInt16BE(typeAt), class: message.readUInt16BE(typeAt + 2) },
        ttl: message.readUInt32BE(typeAt + 4),
      })
    }
  }
  return { flags: message.readUInt16BE(2), questions, records, rest: message.length - at }
}

const OPT = 41

function isFilled(options: Buffer): boolean {
  let at = 0
  while (at + 4 <= options.length) at += 4 + options.readUInt16BE(at + 2)
  return at === options.length
}

/** The one question, where its bytes can be read. */
function readableQuestion(query: Buffer): Buffer | undefined {
  if (query.readUInt16BE(4) !== 1) return undefined
  let at = 12
  for (let size = query[at]; size !== 0; size = query[at]) {
    if (size === undefined || size > 63) return undefined
    at += 1 + size
  }
  return at - 11 <= 255 && at + 5 <= query.length ? query.subarray(12, at + 5) : undefined
}

/** What is wrong with a reply to this query; nothing is. */
export function flawsOf(query: Buffer, reply: Buffer, transport: 'udp' | 'tcp'): string[] {
  const flaws: string[] = []
  const walked = walk(reply)
  if (walked === undefined) return ['counts and lengths do not fit']
  const asked = walk(query)
  const { flags, questions, records, rest } = walked
  const queryFlags = query.readUInt16BE(2)
  if (reply.readUInt16BE(0) !== query.readUInt16BE(0)) flaws.push('another ID')
  if ((flags & 0x8000) === 0) flaws.push('QR clear')
  if (((flags ^ queryFlags) & 0x7800) !== 0) flaws.push('another opcode')
  if (((flags ^ queryFlags) & 0x0110) !== 0) flaws.push('RD or CD not as asked')
  if ((flags & 0x0040) !== 0) flaws.push('Z set')
  if ((flags & 0x0400) !== 0) flaws.push('AA set')
  if ((flags & 0x0080) === 0) flaws.push('RA clear')
  const dnssecOk = asked?.records.some(({ type, ttl }) => type === OPT && (ttl & 0x8000) !== 0) === true
  if ((flags & 0x20) !== 0 && (queryFlags & 0x20) === 0 && !dnssecOk) flaws.push('AD, not asked for')
  if (rest > 0) flaws.push('bytes behind the last record')

  const asks = readableQuestion(query)
  if (!(questions[0] ?? Buffer.alloc(0)).equals(asks ?? Buffer.alloc(0)) || questions.length > 1)
    flaws.push('another question')

  const opts = records.filter(({ type }) => type === OPT)
  const offered = asked?.records.filter(({ type }) => type === OPT) ?? []
  if (opts.length > 1) flaws.push('two OPT')
  if (opts.some(({ section, isRoot }) => section !== 3 || !isRoot)) flaws.push('OPT out of place')
  // Where records can be read, that is; an OPT out of place may get one back or not.
  const isReadable = asked !== undefined && query.length <= 4096 && (asks ?? asked.questions.length === 0)
  const isOwed = offered.some(({ section }) => section === 3)
  if (isReadable && (isOwed ? opts.length === 0 : opts.length > offered.length))
    flaws.push('OPT not as asked')
  // RFC 6891, 6.1.3: a version we know; flags other than DO clear.
  if (opts.some(({ ttl }) => (ttl & 0xff7fff) !== 0)) flaws.push('OPT version or Z')
  if (opts.some(({ data }) => !isFilled(data))) flaws.push('options that do not fill OPT')
  const size = offered.length === 0 ? 512 : Math.min(1232, Math.max(512, offered[0]!.class))
  if (reply.length > (transport === 'tcp' ? 0xffff : size)) flaws.push('too large')
  const undecodable = secondOpinion(reply)
  if (undecodable !== undefined) flaws.push(undecodable)
  return flaws
}

/** Types whose data a client reads names or an address from without looking twice (RFC 1035, 3.3; 2782; 3596). */
const readTypes = [1, 2, 5, 6, 12, 15, 28, 33, 39]

/**
 * What dns-packet says. Data of other types is opaque to us (RFC 3597), so it may be wrong in itself: they become type 0,
 * whose bytes are roots to what points at them.
 */
function secondOpinion(reply: Buffer): string | undefined {
  const opaque = Buffer.from(reply)
  for (const { type, typeAt } of walk(reply)!.records)
    if (type !== OPT && !readTypes.includes(type)) opaque.writeUInt16BE(0, typeAt)
  try {
    const { questions = [], answers = [], authorities = [], additionals = [] } = decode(opaque)
    const counts = [questions, answers, authorities, additionals].map(({ length }) => length)
    const told = [4, 6, 8, 10].map((at) => reply.readUInt16BE(at))
    return counts.join() === told.join() ? undefined : `counts ${told} decoded as ${counts}`
  } catch (error) {
    return `dns-packet: ${(error as Error).message}`
  }
}
