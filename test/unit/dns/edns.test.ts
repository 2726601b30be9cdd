// Records walked without decoding, and the OPT record among them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ede, encodeOpt, encodeOption, optionCode, readEdns } from '../../../src/dns/edns.ts'
import { readRecords } from '../../../src/dns/records.ts'

const questionEnd = 21

/** A question "web" with these bytes behind it, said to be `count` additional records. */
function query(rest: Buffer, count = 1): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(count, 10)
  return Buffer.concat([head, Buffer.from('\x03web\0\0\x01\0\x01', 'latin1'), rest])
}

interface Opt {
  size?: number
  ttl?: number
  data?: Buffer
  length?: number
  owner?: number[]
}

function opt({ size = 1232, ttl = 0, data = Buffer.alloc(0), length, owner = [0] }: Opt = {}) {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(41, 0)
  fixed.writeUInt16BE(size, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(length ?? data.length, 8)
  return Buffer.concat([Buffer.from(owner), fixed, data])
}

const option = (code: number, data: Buffer, length = data.length) => {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(code, 0)
  head.writeUInt16BE(length, 2)
  return Buffer.concat([head, data])
}

const read = (rest: Buffer, count = 1) => readEdns(query(rest, count), questionEnd)

describe('a question’s OPT', () => {
  it('is none where there is no record', () => {
    expect(read(Buffer.alloc(0), 0)).toBe('none')
  })

  it('tells version, size and DO', () => {
    expect(read(opt())).toEqual({ version: 0, udpBytes: 1232, dnssecOk: false })
    expect(read(opt({ ttl: 0x00038000, size: 4096 }))).toEqual({
      version: 3,
      udpBytes: 4096,
      dnssecOk: true,
    })
  })

  it('counts at least 512 bytes', () => {
    for (const size of [0, 511, 512]) expect(read(opt({ size }))).toMatchObject({ udpBytes: 512 })
  })

  it('may have options and another record beside it', () => {
    const data = Buffer.concat([
      option(10, Buffer.alloc(8)),
      option(12, Buffer.alloc(100)),
      option(3, Buffer.alloc(0)),
    ])
    const other = Buffer.from('\x01k\0\0\xfa\0\xff\0\0\0\0\0\x02hi', 'latin1')
    expect(read(opt({ data }))).toMatchObject({ version: 0 })
    expect(read(Buffer.concat([opt(), other]), 2)).toMatchObject({ version: 0 })
    expect(read(Buffer.concat([other, opt()]), 2)).toMatchObject({ version: 0 })
    expect(read(other)).toBe('none')
  })

  it.each([
    ['data longer than the message', opt({ length: 1 }), 1],
    ['data of 65535 bytes that are not there', opt({ length: 65535 }), 1],
    ['a record that is not there', Buffer.alloc(0), 1],
    ['a second record that is not there', opt(), 2],
    ['a record cut short', opt().subarray(0, 10), 1],
  ])('can not be read with %s', (_what, rest, count) => {
    expect(read(rest, count)).toBeUndefined()
  })

  it.each<[string, Buffer, number]>([
    ['two OPTs', Buffer.concat([opt(), opt()]), 2],
    ['an owner that is not the root', opt({ owner: [1, 0x61, 0] }), 1],
    ['an owner that is a pointer', opt({ owner: [0xc0, 12] }), 1],
    ['an option longer than the data', opt({ data: option(10, Buffer.alloc(8), 9) }), 1],
    ['half an option', opt({ data: Buffer.of(0, 10, 0) }), 1],
    ...[0, 7, 9, 15, 41, 100].map((length): [string, Buffer, number] => {
      return [`a cookie of ${length} bytes`, opt({ data: option(10, Buffer.alloc(length)) }), 1]
    }),
  ])('is there, but flawed, with %s', (_what, rest, count) => {
    expect(read(rest, count)).toMatchObject({ version: 0, flaw: expect.any(String) })
  })

  it('tells the options that are for us, the first of several cookies, and passes over all others', () => {
    const cookie = Buffer.from('0123456789abcdef')
    const options = [
      option(65001, Buffer.from('?')),
      option(10, cookie),
      option(10, Buffer.alloc(3)),
      option(3, Buffer.from('ignored')),
      option(11, Buffer.alloc(0)),
    ]
    const all = { cookie, wantsNsid: true, wantsKeepalive: true, flaw: undefined }
    expect(read(opt({ data: Buffer.concat(options) }))).toMatchObject(all)
    for (const length of [8, 16, 24, 40]) {
      const told = read(opt({ data: option(10, Buffer.alloc(length)) }))
      expect(told).toMatchObject({ flaw: undefined, wantsNsid: false, wantsKeepalive: false })
    }
  })
})

describe('our OPT', () => {
  it('says 1232 bytes, version 0 and DO as asked', () => {
    expect(encodeOpt(false)).toEqual(opt())
    expect(encodeOpt(true)).toEqual(opt({ ttl: 0x8000 }))
  })

  it('holds the upper bits of an extended rcode', () => {
    expect(encodeOpt(false, 16)).toEqual(opt({ ttl: 0x01000000 }))
  })

  it('holds an extended error and its text', () => {
    const data = option(15, Buffer.concat([Buffer.of(0, ede.prohibited), Buffer.from('nö')]))
    expect(encodeOpt(false, 5, { code: ede.prohibited, text: 'nö' })).toEqual(opt({ data }))
  })

  it('holds other options before the error', () => {
    const nsid = encodeOption(optionCode.nsid, Buffer.from('ns1'))
    const data = Buffer.concat([nsid, option(15, Buffer.of(0, ede.blocked))])
    expect(encodeOpt(false, 0, { code: ede.blocked }, nsid)).toEqual(opt({ data }))
    expect(encodeOpt(false, 0, undefined, nsid)).toEqual(opt({ data: nsid }))
  })
})

describe('walking records', () => {
  it('gives sections, offsets and lengths', () => {
    const message = query(Buffer.concat([opt(), opt({ data: option(3, Buffer.alloc(2)) })]), 0)
    message.writeUInt16BE(1, 6)
    message.writeUInt16BE(1, 10)
    expect(readRecords(message, questionEnd)).toEqual([
      { section: 'answer', start: 21, type: 41, class: 1232, ttlAt: 26, dataAt: 32, end: 32 },
      { section: 'additional', start: 32, type: 41, class: 1232, ttlAt: 37, dataAt: 43, end: 49 },
    ])
  })

  it('never throws, and stays inside the message, whatever the bytes and counts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 200 }), (bytes) => {
        const message = Buffer.from(bytes)
        for (const record of readRecords(message) ?? [])
          expect(record.end).toBeLessThanOrEqual(message.length)
        readEdns(message, 12)
      }),
    )
  })
})
