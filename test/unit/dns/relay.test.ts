// A question made ready for an upstream, and what comes back made ready for the asker.
import { decode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ede, encodeOpt, readEdns } from '../../../src/dns/edns.ts'
import { flag, flagsOf } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import {
  answersQuestion,
  describeErrors,
  encodeUpstreamQuery,
  plainForm,
  readReply,
  relayReply,
  replyCode,
} from '../../../src/dns/relay.ts'
import { replyLimit } from '../../../src/dns/writer.ts'

const query = encodeQuery('Example.COM', 'A', { id: 0x1111 })
const question = readQuestion(query)!
const edns = { version: 0, udpBytes: 4096, dnssecOk: true }

const record = Buffer.concat([Buffer.from('c00c00010001000000630004', 'hex'), Buffer.of(192, 0, 2, 1)])
const upstreamOpt = Buffer.concat([
  Buffer.from('0000291000000080000007', 'hex'),
  Buffer.from('000a0003616263', 'hex'),
])

/** An OPT with extended errors. */
function withErrors(...errors: [code: number, text: string][]): Buffer {
  const options = errors.map(([code, text]) => {
    const option = Buffer.alloc(6 + text.length)
    option.writeUInt16BE(15, 0)
    option.writeUInt16BE(2 + text.length, 2)
    option.writeUInt16BE(code, 4)
    option.write(text, 6)
    return option
  })
  const data = Buffer.concat(options)
  const head = Buffer.from('0000291000000080000000', 'hex')
  head.writeUInt16BE(data.length, 9)
  return Buffer.concat([head, data])
}

function errorsOf(message: Buffer): [code: number, text: string][] {
  const opt = decode(message).additionals?.find(({ type }) => type === 'OPT') as unknown as {
    options: { code: number; data: Buffer }[]
  }
  return opt.options.map(({ data }) => [data.readUInt16BE(0), data.toString('utf8', 2)])
}

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
  it('has our ID, the asker’s bytes of the question, RD and CD as asked, and AD, since the reply may be kept', () => {
    const asked = withFlags(query, 0x7fff)
    const message = encodeUpstreamQuery(asked, question, undefined, 0xabcd)
    expect(message.readUInt16BE(0)).toBe(0xabcd)
    expect(flagsOf(message)).toBe(flag.RD | flag.AD | flag.CD)
    expect(message.subarray(4)).toEqual(
      Buffer.concat([Buffer.from('0001000000000000', 'hex'), query.subarray(12)]),
    )
    expect(flagsOf(encodeUpstreamQuery(withFlags(query, 0), question, undefined, 1))).toBe(flag.AD)
  })

  it('is RFC 1035’s in the plain form: RD as asked, and no other bit', () => {
    const asked = withFlags(query, 0x7fff)
    const message = encodeUpstreamQuery(asked, question, edns, 7, plainForm)
    expect(flagsOf(message)).toBe(flag.RD)
    expect(message.subarray(4)).toEqual(
      Buffer.concat([Buffer.from('0001000000000000', 'hex'), query.subarray(12)]),
    )
    expect(flagsOf(encodeUpstreamQuery(withFlags(query, 0), question, edns, 7, plainForm))).toBe(0)
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

  const header = (flags: number) => Buffer.from(`0007${flags.toString(16)}0000000000000000`, 'hex')

  it('one without question is taken for an error, or for TC; never for NOERROR, NXDOMAIN or YXDOMAIN', () => {
    const codes = Array.from({ length: 16 }, (_, code) => code)
    expect(codes.filter((code) => accepts(header(0x8180 | code)))).toEqual([1, 2, 4, 5])
    expect(codes.filter((code) => accepts(header(0x8380 | code)))).toEqual([0, 1, 2, 4, 5])
    expect(accepts(header(0x0100 | 5))).toBe(false)
    expect(accepts(withFlags(header(0x8185), 0x8185).fill(9, 1, 2))).toBe(false)
  })

  it('one without question is not taken with a record, or with what can not be read', () => {
    const opt = Buffer.from('0000290000000000000000', 'hex')
    const errorWith = (section: 6 | 8 | 10, ...records: Buffer[]) => {
      const bytes = Buffer.concat([header(0x8185), ...records])
      bytes.writeUInt16BE(Math.max(1, records.length), section)
      return bytes
    }
    const owned = Buffer.concat([Buffer.of(0), record.subarray(2)])
    expect(accepts(errorWith(10, opt))).toBe(true)
    for (const bytes of [
      ...([6, 8, 10] as const).map((section) => errorWith(section, owned)),
      ...([6, 8] as const).map((section) => errorWith(section, opt)),
      ...([6, 8, 10] as const).map((section) => errorWith(section)),
      errorWith(10, opt, opt),
      errorWith(10, opt.subarray(0, 10)),
    ]) {
      expect(accepts(bytes)).toBe(false)
    }
  })

  it('one without question is an error to read, and never something to relay', () => {
    expect(replyCode(readReply(header(0x8185), question)!)).toBe(5)
    for (const flags of [0x8180, 0x8183, 0x8186, 0x8380]) {
      expect(readReply(header(flags), question)).toBeUndefined()
    }
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

  it('has RA where there is an answer, and of a server that does not recurse as that one has it', () => {
    const ra = (parts: Upstream) => flagsOf(relay(parts, 'none')) & flag.RA
    expect(ra({ flags: 0x8100 })).toBe(flag.RA)
    expect(ra({ flags: 0x8500, answers: [] })).toBe(flag.RA)
    expect(ra({ flags: 0x8103, answers: [] })).toBe(flag.RA)
    expect(ra({ flags: 0x8180, answers: [] })).toBe(flag.RA)
    expect(ra({ flags: 0x8100, answers: [] })).toBe(0)
    const above = Buffer.from('0000020001000000630001' + '00', 'hex')
    const referral = (flags: number) => {
      const message = reply({ flags, answers: [], additionals: [above] })
      message.writeUInt16BE(1, 8)
      message.writeUInt16BE(0, 10)
      return flagsOf(relayReply(query, question, undefined, readReply(message, question)!, 1232)) & flag.RA
    }
    expect(referral(0x8100)).toBe(0)
    expect(referral(0x8180)).toBe(flag.RA)
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

  it('leaves out what stands behind an upstream’s OPT, which could not be cut out alone', () => {
    const out = relay({ additionals: [record, upstreamOpt, record] })
    expect(out.subarray(question.end)).toEqual(Buffer.concat([record, record, encodeOpt(true)]))
    expect([6, 8, 10].map((at) => out.readUInt16BE(at))).toEqual([1, 0, 2])
    expect(flagsOf(out) & flag.TC).toBe(0)
  })

  it('tells an extended error to who asked with EDNS', () => {
    const error = { code: ede.staleAnswer }
    const told = (offered: typeof edns | undefined) =>
      relayReply(query, question, offered, readReply(reply({}), question)!, 1232, error)
    expect(told(edns).subarray(question.end)).toEqual(Buffer.concat([record, encodeOpt(true, 0, error)]))
    expect(told(undefined).subarray(question.end)).toEqual(record)
  })

  it('leaves out a TSIG, which is not for the asker', () => {
    const tsig = Buffer.from('0000fa00ff000000000000', 'hex')
    for (const additionals of [
      [record, tsig],
      [record, upstreamOpt, tsig],
    ]) {
      expect(relay({ additionals }, 'none').subarray(question.end)).toEqual(Buffer.concat([record, record]))
    }
  })

  it('leaves out bytes behind the last record', () => {
    const message = Buffer.concat([reply({}), Buffer.from('garbage')])
    const out = relayReply(query, question, undefined, readReply(message, question)!, 1232)
    expect(out.subarray(question.end)).toEqual(record)
  })

  it('does not change the reply it is made of', () => {
    const read = readReply(reply({ additionals: [upstreamOpt, record] }), question)!
    const before = Buffer.from(read.message)
    relayReply(query, question, edns, read, 60)
    expect(read.message).toEqual(before)
  })

  it('keeps of an answer over the limit the records that fit, with TC', () => {
    const said = { answers: Array(40).fill(record) as Buffer[] }
    const out = relay(said, edns, 512)
    const fitting = Math.floor((512 - question.end - encodeOpt(true).length) / record.length)
    expect(out).toHaveLength(question.end + fitting * record.length + encodeOpt(true).length)
    expect(flagsOf(out) & flag.TC).toBe(flag.TC)
    expect([6, 8, 10].map((at) => out.readUInt16BE(at))).toEqual([fitting, 0, 1])
    expect(decode(out).answers).toHaveLength(fitting)
    const fits = question.end + 40 * record.length + encodeOpt(true).length
    expect(flagsOf(relay(said, edns, fits)) & flag.TC).toBe(0)
    expect(flagsOf(relay(said, edns, fits - 1)) & flag.TC).toBe(flag.TC)
  })

  it('of 100 addresses, for who takes 8192 bytes, is 1232 with TC: what is larger goes over TCP (RFC 9715)', () => {
    const all = { answers: Array.from({ length: 100 }, () => record) }
    const asked = { ...edns, udpBytes: 8192 }
    const cut = relay(all, asked, replyLimit('udp', asked))
    expect(cut.length).toBeLessThanOrEqual(1232)
    expect(flagsOf(cut) & flag.TC).toBe(flag.TC)
    expect(decode(cut).answers?.length).toBeGreaterThan(70)
    const whole = relay(all, asked, replyLimit('tcp', asked))
    expect(flagsOf(whole) & flag.TC).toBe(0)
    expect(decode(whole).answers).toHaveLength(100)
  })

  it('has nothing of what is behind OPT', () => {
    const told = relay({ additionals: [upstreamOpt, record] })
    expect(decode(told)).toMatchObject({ answers: [{ type: 'A' }], additionals: [{ type: 'OPT' }] })
    expect(relay({ additionals: [upstreamOpt, record] }, 'none')).toEqual(relay({}, 'none'))
  })

  it('leaves out additional records over the limit, without TC', () => {
    const said = { answers: [record], additionals: [record, record, upstreamOpt] }
    const limit = question.end + 2 * record.length + encodeOpt(true).length
    const out = relay(said, edns, limit + record.length - 1)
    expect(out).toHaveLength(limit)
    expect(flagsOf(out) & flag.TC).toBe(0)
    expect([6, 8, 10].map((at) => out.readUInt16BE(at))).toEqual([1, 0, 2])
  })

  it('never is over the limit, and always can be read', () => {
    const shape = fc.record({
      answers: fc.nat(30),
      additionals: fc.nat(5),
      opt: fc.boolean(),
      behind: fc.nat(2),
      limit: fc.integer({ min: 100, max: 1232 }),
      dnssecOk: fc.option(fc.boolean()),
    })
    fc.assert(
      fc.property(shape, ({ answers, additionals, opt, behind, limit, dnssecOk }) => {
        const said = {
          answers: Array(answers).fill(record) as Buffer[],
          additionals: [
            ...(Array(additionals).fill(record) as Buffer[]),
            ...(opt ? [withErrors([15, 'no'], [6, 'x'.repeat(90)])] : []),
            ...(Array(behind).fill(record) as Buffer[]),
          ],
        }
        const offered = dnssecOk === null ? 'none' : { ...edns, dnssecOk }
        const out = relay(said, offered, limit)
        expect(out.length).toBeLessThanOrEqual(limit)
        expect(readReply(out, question)).toBeDefined()
        const shown = out.readUInt16BE(6)
        expect((flagsOf(out) & flag.TC) !== 0).toBe(shown < answers)
        expect(readEdns(out, question.end) === 'none').toBe(dnssecOk === null)
      }),
    )
  })

  it('keeps an upstream’s TC', () => {
    expect(flagsOf(relay({ flags: 0x8380 })) & flag.TC).toBe(flag.TC)
  })

  it('passes on extended errors, behind ours, to who has EDNS', () => {
    const said = { additionals: [withErrors([6, 'signature expired'], [10, ''])] }
    expect(errorsOf(relay(said))).toEqual([
      [6, 'signature expired'],
      [10, ''],
    ])
    expect(relay(said, 'none').readUInt16BE(10)).toBe(0)
    const read = readReply(reply(said), question)!
    const out = relayReply(query, question, edns, read, 1232, { code: 3, text: 'stale' })
    expect(errorsOf(out).map(([code]) => code)).toEqual([3, 6, 10])
  })

  it('passes on no extended error where an answer would be cut for it', () => {
    const said = { additionals: [withErrors([6, 'signature expired'])] }
    const limit = question.end + record.length + encodeOpt(true).length
    const out = relay(said, edns, limit + 10)
    expect(errorsOf(out)).toEqual([])
    expect(out.readUInt16BE(6)).toBe(1)
    expect(flagsOf(out) & flag.TC).toBe(0)
  })

  it('passes on no endless text', () => {
    const said = { additionals: [withErrors([6, 'x'.repeat(600)], [7, 'short'])] }
    expect(errorsOf(relay(said))).toEqual([[7, 'short']])
  })

  it('has the upper bits of an rcode in its OPT, and SERVFAIL where there is none', () => {
    const said = { flags: 0x8187, additionals: [Buffer.from('0000291000010000000000', 'hex')] }
    expect(replyCode(readReply(reply(said), question)!)).toBe(23)
    const out = relay(said)
    expect(flagsOf(out) & 0xf).toBe(7)
    expect(out[question.end + record.length + 5]).toBe(1)
    expect(flagsOf(relay(said, 'none')) & 0xf).toBe(2)
  })

  it('tells people of extended errors, control characters left out', () => {
    const said = { additionals: [withErrors([6, 'signature\u0007 expired'], [10, ''])] }
    const text = describeErrors(readReply(reply(said), question)!)
    expect(text).toBe(' (extended error 6: signature expired, extended error 10)')
    expect(describeErrors(readReply(reply({}), question)!)).toBe('')
  })

  it('can not be made of two OPT records, or of one out of place', () => {
    expect(readReply(reply({ additionals: [upstreamOpt, upstreamOpt] }), question)).toBeUndefined()
    expect(readReply(reply({ answers: [upstreamOpt] }), question)).toBeUndefined()
    expect(readReply(reply({ additionals: [upstreamOpt] }), question)).toBeDefined()
  })

  it('can not be made of what can not be read to its end', () => {
    const bytes = reply({ answers: [record, record] })
    expect(readReply(bytes.subarray(0, -1), question)).toBeUndefined()
    expect(readReply(bytes, question)).toBeDefined()
  })
})
