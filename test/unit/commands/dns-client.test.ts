// Messages as berth query --wire writes and prints them: records in dig's way, hostile bytes as one clear error.
import { encode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { encodeQuery, readMessage } from '../../../src/dns/message.ts'

describe('questions', () => {
  it('are what dig would send', () => {
    const bytes = encodeQuery('web.front', 'https', { id: 0x1234 })
    expect(bytes.toString('hex')).toBe('12340100000100000000000003776562' + '0566726f6e74' + '0000410001')
    const edns = encodeQuery('.', 'TYPE1000', { id: 1, edns: 1232 })
    expect(edns.toString('hex')).toBe('000101000001000000000001' + '0003e80001' + '00002904d0000000000000')
  })

  it.each([
    ['a..b', 'A'],
    ['a'.repeat(64), 'A'],
    ['web', 'NOPE'],
    ['web', 'TYPE65536'],
  ])('%s %s is refused', (name, type) => {
    expect(() => encodeQuery(name, type, { id: 1 })).toThrow(expect.objectContaining({ code: 'WIRE' }))
  })
})

describe('replies', () => {
  it('show their records as zone files do', () => {
    const bytes = encode({
      id: 7,
      type: 'response',
      flags: 0x0400 | 3,
      questions: [{ name: 'x.test', type: 'A' }],
      answers: [
        { name: 'x.test', type: 'A', ttl: 1, data: '192.0.2.1' },
        { name: 'x.test', type: 'AAAA', ttl: 1, data: '2001:db8::1' },
        { name: 'x.test', type: 'SRV', ttl: 1, data: { priority: 1, weight: 2, port: 80, target: 'y.test' } },
        { name: 'x.test', type: 'TXT', ttl: 1, data: ['a "b"', Buffer.of(0, 0x5c)] },
        { name: 'x.test', type: 'MX', ttl: 1, data: { preference: 10, exchange: 'm.test' } },
        { name: 'x.test', type: 'PTR', ttl: 1, data: 'y.test' },
        { name: 'x.test', type: 'UNKNOWN_65' as 'NULL', ttl: 1, data: Buffer.of(0, 1, 0) },
      ],
      authorities: [
        {
          name: 'test',
          type: 'SOA',
          ttl: 0xffffffff,
          data: { mname: 'a.test', rname: '', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 },
        },
      ],
    })
    const message = readMessage(bytes)
    expect(message).toMatchObject({ id: 7, rcode: 3, questions: [{ name: 'x.test.', type: 'A' }] })
    expect(message.answers.map(({ type, data }) => `${type} ${data}`)).toEqual([
      'A 192.0.2.1',
      'AAAA 2001:db8::1',
      'SRV 1 2 80 y.test.',
      'TXT "a \\"b\\"" "\\000\\\\"',
      'MX 10 m.test.',
      'PTR y.test.',
      'HTTPS \\# 3 000100',
    ])
    expect(message.authorities).toEqual([
      { name: 'test.', type: 'SOA', ttl: 0xffffffff, data: 'a.test. . 1 2 3 4 5' },
    ])
  })

  it('have the extended rcode, and no OPT among their records', () => {
    const bytes = encode({
      id: 1,
      type: 'response',
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 1232,
          extendedRcode: 1,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ],
    })
    expect(readMessage(bytes)).toMatchObject({ rcode: 16, additionals: [] })
  })

  it.each([
    ['nothing', ''],
    ['half a header', '000180000000'],
    ['counts without records', '00018000ffffffffffffffff'],
    ['a record cut short', '000180000000000100000000' + '0000010001000000000004c000'],
    ['a pointer to itself', '000180000001000000000000' + 'c00c00010001'],
  ])('%s is an error', (_, hex) => {
    expect(() => readMessage(Buffer.from(hex, 'hex'))).toThrow(expect.objectContaining({ code: 'WIRE' }))
  })

  it('show an address of the wrong length as bytes', () => {
    const record = '0000010001000000000003c00002'
    const bytes = Buffer.from(`000180000000000100000000${record}`, 'hex')
    try {
      expect(readMessage(bytes).answers[0]?.data).toBe('\\# 3 c00002')
    } catch (error) {
      // The decoder may refuse it as well; it must not make up an address.
      expect(error).toMatchObject({ code: 'WIRE' })
    }
  })
})
