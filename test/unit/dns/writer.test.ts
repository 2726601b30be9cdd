// Replies as they are written, read back with dns-packet as a second opinion.
import { decode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readEdns } from '../../../src/dns/edns.ts'
import { countsOf, flag, flagsOf, rcode } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { encodeName, readQuestion } from '../../../src/dns/name.ts'
import { readRecords } from '../../../src/dns/records.ts'
import {
  addressRecord,
  pointerRecord,
  type ReplyParts,
  replyLimit,
  soaRecord,
  writeError,
  writeReply,
} from '../../../src/dns/writer.ts'

const plain = encodeQuery('WeB.Front', 'A', { id: 0x1234 })
const withOpt = encodeQuery('WeB.Front', 'A', { id: 0x1234, edns: 1232 })

function write(query: Buffer, parts: ReplyParts, limit = 512): Buffer {
  const question = readQuestion(query)!
  const edns = readEdns(query, question.end)!
  return writeReply(query, question, edns === 'none' ? undefined : edns, parts, limit)
}

const addresses = (count: number) =>
  Array.from({ length: count }, (_, i) => addressRecord(`10.0.${i >> 8}.${i & 255}`, 0))

describe('a reply', () => {
  it('echoes the question byte for byte, in the case it came', () => {
    const { end } = readQuestion(plain)!
    const reply = write(plain, { rcode: rcode.NOERROR, answers: addresses(2) })
    expect(reply.subarray(12, end)).toEqual(plain.subarray(12, end))
    expect(reply.readUInt16BE(0)).toBe(0x1234)
  })

  it('reads the same to another decoder', () => {
    const reply = write(withOpt, {
      rcode: rcode.NOERROR,
      answers: [addressRecord('10.0.0.1', 7), addressRecord('fd00::1', 7)],
      authority: [soaRecord('docker.internal', 'docker.internal', 42, 7)],
      additional: [{ ...addressRecord('10.0.0.2', 7), owner: 'other.example' }],
    })
    const packet = decode(reply)
    expect(packet).toMatchObject({ id: 0x1234, type: 'response', rcode: 'NOERROR' })
    expect(packet.questions).toEqual([{ name: 'WeB.Front', type: 'A', class: 'IN' }])
    expect(packet.answers).toMatchObject([
      { name: 'WeB.Front', type: 'A', ttl: 7, data: '10.0.0.1' },
      { name: 'WeB.Front', type: 'AAAA', ttl: 7, data: 'fd00::1' },
    ])
    expect(packet.authorities).toMatchObject([
      {
        name: 'docker.internal',
        type: 'SOA',
        ttl: 7,
        data: { mname: 'docker.internal', rname: 'hostmaster.docker.internal', serial: 42, minimum: 7 },
      },
    ])
    expect(packet.additionals).toMatchObject([
      { name: 'other.example', type: 'A', data: '10.0.0.2' },
      { type: 'OPT', udpPayloadSize: 1232, ednsVersion: 0 },
    ])
  })

  it('holds pointers’ targets in the case they are written', () => {
    const reply = write(plain, {
      rcode: rcode.NOERROR,
      answers: [pointerRecord(encodeName('Web.Front')!, 0)],
    })
    expect(decode(reply).answers).toMatchObject([{ type: 'PTR', data: 'Web.Front' }])
  })

  it('has OPT exactly where the question had one', () => {
    expect(decode(write(plain, { rcode: 3, error: { code: 18 } })).additionals).toEqual([])
    const opts = decode(write(withOpt, { rcode: 3, error: { code: 18, text: 'why' } })).additionals
    expect(opts).toHaveLength(1)
    expect(opts?.[0]).toMatchObject({ options: [{ code: 15, data: Buffer.from('\0\x12why', 'latin1') }] })
  })

  it('splits an extended rcode between header and OPT', () => {
    const question = readQuestion(withOpt)!
    const edns = { version: 1, udpBytes: 1232, dnssecOk: true }
    const packet = decode(writeReply(withOpt, question, edns, { rcode: rcode.BADVERS }, 512))
    expect(packet).toMatchObject({ rcode: 'NOERROR' })
    expect(packet.additionals?.[0]).toMatchObject({ extendedRcode: 1, flag_do: true })
  })
})

describe('a reply that is too long', () => {
  it('leaves out whole records and sets TC', () => {
    const reply = write(plain, { rcode: rcode.NOERROR, answers: addresses(100) })
    expect(reply.length).toBeLessThanOrEqual(512)
    expect(reply.length).toBeGreaterThan(512 - 16)
    const packet = decode(reply)
    expect(packet.flag_tc).toBe(true)
    expect(packet.answers).toHaveLength(reply.readUInt16BE(6))
  })

  it('keeps OPT, and stays within every limit', () => {
    const { end } = readQuestion(withOpt)!
    for (let limit = end + 11; limit < 200; limit++) {
      const reply = write(
        withOpt,
        {
          rcode: rcode.NOERROR,
          answers: addresses(5),
          authority: [soaRecord('', 'docker.internal', 1, 0)],
          additional: addresses(2),
        },
        limit,
      )
      expect(reply.length).toBeLessThanOrEqual(limit)
      const records = readRecords(reply, end)!
      expect(records.at(-1)).toMatchObject({ type: 41, end: reply.length })
      const kept = records.filter(({ section }) => section === 'answer').length
      const all = kept === 5 && records.some(({ section }) => section === 'authority')
      expect((flagsOf(reply) & flag.TC) !== 0).toBe(!all)
    }
  })

  it('loses the text of an error before any record', () => {
    const error = { code: 22, text: 'x'.repeat(500) }
    const reply = write(withOpt, { rcode: 0, answers: addresses(2), error })
    expect(reply.length).toBeLessThanOrEqual(512)
    expect(flagsOf(reply) & flag.TC).toBe(0)
    const packet = decode(reply)
    expect(packet.answers).toHaveLength(2)
    expect(packet.additionals?.[0]).toMatchObject({ options: [{ code: 15, data: Buffer.of(0, 22) }] })
  })

  it('leaves additional records out silently', () => {
    const reply = write(plain, { rcode: 0, answers: addresses(1), additional: addresses(100) })
    expect(flagsOf(reply) & flag.TC).toBe(0)
    expect(reply.length).toBeLessThanOrEqual(512)
    expect(decode(reply).answers).toHaveLength(1)
  })
})

describe('an error', () => {
  const echoed = [{ name: 'WeB.Front', type: 'A', class: 'IN' }]

  it('brings the question back, and an OPT where there was one', () => {
    expect(decode(writeError(plain, rcode.FORMERR))).toMatchObject({ rcode: 'FORMERR', questions: echoed })
    expect(writeError(plain, rcode.FORMERR)).toHaveLength(plain.length)
    const packet = decode(writeError(withOpt, rcode.NOTIMP))
    expect(packet).toMatchObject({ id: 0x1234, rcode: 'NOTIMP', questions: echoed, answers: [] })
    expect(packet.additionals).toMatchObject([{ type: 'OPT', ednsVersion: 0, udpPayloadSize: 1232 }])
  })

  it('brings the question back without OPT where the records behind it are cut short', () => {
    const packet = decode(writeError(withOpt.subarray(0, -1), rcode.FORMERR))
    expect(packet).toMatchObject({ rcode: 'FORMERR', questions: echoed, additionals: [] })
  })

  it('has an OPT behind two questions as well, and brings neither back', () => {
    const { end } = readQuestion(plain)!
    const question = plain.subarray(12, end)
    const two = Buffer.concat([withOpt.subarray(0, 12), question, question, withOpt.subarray(end)])
    two.writeUInt16BE(2, 4)
    const packet = decode(writeError(two, rcode.FORMERR))
    expect(packet).toMatchObject({ rcode: 'FORMERR', questions: [], additionals: [{ type: 'OPT' }] })
  })

  it('is the header alone where no question can be read', () => {
    const cut = plain.subarray(0, 15)
    const two = Buffer.from(withOpt)
    two.writeUInt16BE(2, 4)
    for (const bad of [cut, two, plain.subarray(0, 12)]) {
      const reply = writeError(bad, rcode.FORMERR)
      expect(reply).toHaveLength(12)
      expect(reply.subarray(4)).toEqual(Buffer.alloc(8))
    }
  })

  it('never throws, and is whole, whatever came', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 80 }), fc.nat(3), (bytes, count) => {
        const message = Buffer.from(bytes)
        message.writeUInt16BE(count, 4)
        const reply = writeError(message, rcode.FORMERR)
        const [questions, answers, authorities] = countsOf(reply)
        expect([answers, authorities]).toEqual([0, 0])
        const end = questions === 0 ? 12 : readQuestion(reply)!.end
        expect(readRecords(reply, end)!.at(-1)?.end ?? end).toBe(reply.length)
      }),
    )
  })
})

describe('the most a reply may have', () => {
  it('is 512 bytes, what EDNS says up to 1232, and anything over TCP', () => {
    const edns = (udpBytes: number) => ({ version: 0, udpBytes, dnssecOk: false })
    expect(replyLimit('udp', undefined)).toBe(512)
    expect(replyLimit('udp', edns(700))).toBe(700)
    expect(replyLimit('udp', edns(65535))).toBe(1232)
    expect(replyLimit('tcp', undefined)).toBe(65535)
    expect(replyLimit('tcp', edns(512))).toBe(65535)
  })
})
