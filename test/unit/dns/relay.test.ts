// A question made ready for an upstream, and what comes back made ready for the asker.
import { decode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { encodeOpt, readEdns } from '../../../src/dns/edns.ts'
import { flag, flagsOf } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import { answersQuestion, encodeUpstreamQuery, readReply, relayReply } from '../../../src/dns/relay.ts'

const query = encodeQuery('Example.COM', 'A', { id: 0x1111 })
const question = readQuestion(query)!
const edns = { version: 0, udpBytes: 4096, dnssecOk: true }

const record = Buffer.concat([Buffer.from('c00c00010001000000630004', 'hex'), Buffer.of(192, 0, 2, 1)])
const upstreamOpt = Buffer.concat([
  Buffer.from('0000291000000080000007', 'hex'),
  Buffer.from('000a0003616263', 'hex'),
])

interface Upstream {
  id?: number
  flags?: number
  answers?: Buffer[]
  additionals?: Buffer[]
  name?: string
}

/** What an upstream says, its question in another case. */
function reply({
  id = 7,
  flags = 0x8180,
  answers = [record],
  additionals = [],
  name = 'eXAMPLE.com',
}: Upstream) {
  const head = Buffer.from(encodeQuery(name, 'A', { id }))
  head.writeUInt16BE(flags, 2)
  head.writeUInt16BE(answers.length, 6)
  head.writeUInt16BE(additionals.length, 10)
  return Buffer.concat([head, ...answers, ...additionals])
}

const relay = (parts: Upstream, offered: typeof edns | 'none' = edns, limit = 1232, asked = query) =>
  relayReply(
    asked,
    question,
    offered === 'none' ? undefined : offered,
    readReply(reply(parts), question)!,
    limit,
  )

function withFlags(message: Buffer, flags: number): Buffer {
  const copy = Buffer.from(message)
  copy.writeUInt16BE(flags, 2)
  return copy
}

describe('the question for an upstream', () => {
  it('has our ID, the asker’s bytes of the question, and RD, AD and CD as asked', () => {
    const asked = withFlags(query, 0x7fff)
    const message = encodeUpstreamQuery(asked, question, undefined, 0xabcd)
    expect(message.readUInt16BE(0)).toBe(0xabcd)
    expect(flagsOf(message)).toBe(flag.RD | flag.AD | flag.CD)
    expect(message.subarray(4)).toEqual(
      Buffer.concat([Buffer.from('0001000000000000', 'hex'), query.subarray(12)]),
    )
    expect(flagsOf(encodeUpstreamQuery(withFlags(query, 0), question, undefined, 1))).toBe(0)
  })

  it('has our own OPT where the asker had one, with none of its options', () => {
    const options = Buffer.concat([withFlags(query, flag.RD), upstreamOpt])
    options.writeUInt16BE(1, 10)
    const message = encodeUpstreamQuery(options, question, edns, 1)
    expect(message.subarray(question.end)).toEqual(encodeOpt(true))
    expect(readEdns(message, question.end)).toEqual({ version: 0, udpBytes: 1232, dnssecOk: true })
  })
})

describe('whether a reply belongs to a question', () => {
  const sent = encodeUpstreamQuery(query, question, undefined, 7)
  const accepts = (bytes: Buffer) => answersQuestion(sent, question, bytes)

  it('it does with the ID and the question, in any case', () => {
    expect(accepts(reply({}))).toBe(true)
    expect(accepts(reply({ flags: 0x8182 }))).toBe(true)
  })

  it.each([
    ['another ID', reply({ id: 8 })],
    ['a question, not a reply', reply({ flags: 0x0100 })],
    ['another opcode', reply({ flags: 0xa800 })],
    ['another name', reply({ name: 'exbmple.com' })],
    ['a longer name', reply({ name: 'example.comx' })],
    ['another type', encodeQuery('example.com', 'AAAA', { id: 7 })],
    ['nothing', Buffer.alloc(0)],
    ['half a header', reply({}).subarray(0, 11)],
    ['half a question', reply({ answers: [] }).subarray(0, question.end - 1)],
  ])('it does not with %s', (_what, bytes) => {
    expect(accepts(bytes)).toBe(false)
  })

  it('another type or class in a reply is not ours', () => {
    for (const at of [question.end - 3, question.end - 1]) {
      const bytes = reply({})
      bytes[at] = 28
      expect(accepts(bytes)).toBe(false)
    }
  })

  it('an error without question is taken for FORMERR and NOTIMP alone', () => {
    const header = (code: number) => Buffer.from(`0007818${code}0000000000000000`, 'hex')
    expect([0, 1, 2, 3, 4, 5].filter((code) => accepts(header(code)))).toEqual([1, 4])
  })

  it('"@" and "`" are not one letter', () => {
    const odd = encodeQuery('@a', 'A', { id: 7 })
    const other = withFlags(encodeQuery('`a', 'A', { id: 7 }), 0x8180)
    expect(answersQuestion(odd, readQuestion(odd)!, other)).toBe(false)
  })
})

describe('the reply for the asker', () => {
  it('has its ID, its question’s case, and the records as they came', () => {
    const out = relay({}, 'none')
    expect(out.readUInt16BE(0)).toBe(0x1111)
    expect(out.subarray(12, question.end)).toEqual(query.subarray(12))
    expect(out.subarray(question.end)).toEqual(record)
    expect(decode(out).answers).toMatchObject([{ name: 'Example.COM', ttl: 99, data: '192.0.2.1' }])
  })

  it('has RA, RD and CD as asked, never AA, and the upstream’s rcode', () => {
    expect(flagsOf(relay({ flags: 0x8583 }, 'none'))).toBe(0x8183)
    expect(flagsOf(relay({ flags: 0x8000 }, 'none'))).toBe(0x8180)
    const checking = withFlags(query, flag.CD)
    expect(flagsOf(relay({ flags: 0x8180 }, 'none', 1232, checking))).toBe(0x8090)
  })

  it('keeps AD only for who asked with AD or DO', () => {
    const said = { flags: 0x81a0 }
    const has = (bytes: Buffer) => (flagsOf(bytes) & flag.AD) !== 0
    expect(has(relay(said, 'none'))).toBe(false)
    expect(has(relay(said, { ...edns, dnssecOk: false }))).toBe(false)
    expect(has(relay(said, edns))).toBe(true)
    expect(has(relay(said, 'none', 1232, withFlags(query, flag.RD | flag.AD)))).toBe(true)
    expect(has(relay({ flags: 0x8180 }, edns))).toBe(false)
  })

  it('has our OPT in place of the upstream’s, or none', () => {
    const said = { additionals: [record, upstreamOpt] }
    expect(relay(said).subarray(question.end)).toEqual(Buffer.concat([record, record, encodeOpt(true)]))
    expect(relay(said).readUInt16BE(10)).toBe(2)
    expect(relay(said, 'none').subarray(question.end)).toEqual(Buffer.concat([record, record]))
    expect(relay(said, 'none').readUInt16BE(10)).toBe(1)
    expect(relay({}).subarray(question.end)).toEqual(Buffer.concat([record, encodeOpt(true)]))
  })

  it('blanks an upstream’s OPT that has records behind it', () => {
    const out = relay({ additionals: [upstreamOpt, record] })
    expect(readEdns(out, question.end)).toEqual({ version: 0, udpBytes: 1232, dnssecOk: true })
    expect(out.includes('abc')).toBe(false)
    expect(decode(out).answers).toHaveLength(1)
    expect(out.subarray(-encodeOpt(true).length)).toEqual(encodeOpt(true))
    expect(out.readUInt16BE(10)).toBe(3)
  })

  it('is cut to the question with TC where it is over the limit', () => {
    const said = { answers: Array(40).fill(record) as Buffer[] }
    const out = relay(said, edns, 512)
    expect(out).toHaveLength(question.end + encodeOpt(true).length)
    expect(flagsOf(out) & flag.TC).toBe(flag.TC)
    expect([6, 8, 10].map((at) => out.readUInt16BE(at))).toEqual([0, 0, 1])
    const fits = question.end + 40 * record.length + encodeOpt(true).length
    expect(flagsOf(relay(said, edns, fits)) & flag.TC).toBe(0)
    expect(flagsOf(relay(said, edns, fits - 1)) & flag.TC).toBe(flag.TC)
  })

  it('keeps an upstream’s TC', () => {
    expect(flagsOf(relay({ flags: 0x8380 })) & flag.TC).toBe(flag.TC)
  })

  it('can not be made of what can not be read to its end', () => {
    const bytes = reply({ answers: [record, record] })
    expect(readReply(bytes.subarray(0, -1), question)).toBeUndefined()
    expect(readReply(bytes, question)).toBeDefined()
  })
})
