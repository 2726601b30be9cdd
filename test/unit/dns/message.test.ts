// Replies read into text, whatever is in their records.
import { expect, it } from 'vitest'
import { flag } from '../../../src/dns/header.ts'
import { encodeQuery, readMessage } from '../../../src/dns/message.ts'
import { typeCode } from '../../../src/dns/types.ts'

/** A reply to a question for x.example with records of these types and data, all at the name that was asked. */
function replyOf(...records: [type: string, data: string][]): Buffer {
  const query = encodeQuery('x.example', 'A', { id: 1 })
  query.writeUInt16BE(flag.QR | flag.RD, 2)
  query.writeUInt16BE(records.length, 6)
  const parts = records.map(([type, hex]) => {
    const data = Buffer.from(hex, 'hex')
    const head = Buffer.alloc(12)
    head.writeUInt16BE(0xc00c, 0)
    head.writeUInt16BE(typeCode(type)!, 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt32BE(60, 6)
    head.writeUInt16BE(data.length, 10)
    return Buffer.concat([head, data])
  })
  return Buffer.concat([query, ...parts])
}

it.each([
  // A character-string that is longer than the data, and types of which only bytes are told.
  ['TXT', 'c841'],
  ['RRSIG', '00'],
  ['DS', '01'],
  ['NAPTR', '01'],
  ['DNSKEY', '01'],
  ['TYPE47', '0000ff'],
  ['TYPE50', '0100'],
  ['TYPE52', ''],
  ['SRV', '00'],
  ['SOA', '000001'],
])('a record of type %s that can not be read (%s) is told as bytes', (type, hex) => {
  const told = hex === '' ? '\\# 0' : `\\# ${hex.length / 2} ${hex}`
  expect(readMessage(replyOf([type, hex])).answers).toEqual([
    { name: 'x.example.', type, ttl: 60, data: told },
  ])
})

it('beside one that has only bytes the others keep their form', () => {
  const reply = replyOf(['RRSIG', '00'], ['A', 'c0000201'], ['TXT', '0161'])
  expect(readMessage(reply).answers.map(({ data }) => data)).toEqual(['\\# 1 00', '192.0.2.1', '"a"'])
})
