// Replies that are read without dns-packet: as with it, or not at all.
import { type Answer, encode } from 'dns-packet'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeQuery } from '../../../src/dns/asking.ts'
import { readMessage } from '../../../src/dns/message.ts'
import { readSimple } from '../../../src/dns/simple.ts'

const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/)
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
const address = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'))
const record = fc.oneof(
  fc.record({ type: fc.constant('A' as const), name, ttl: fc.nat(0x7fffffff), data: address }),
  fc.record({ type: fc.constant('CNAME' as const), name, ttl: fc.nat(9), data: name }),
  fc.record({ type: fc.constant('TXT' as const), name, ttl: fc.nat(9), data: fc.string({ maxLength: 9 }) }),
)
const opt = {
  ...{ type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode: 1, ednsVersion: 0 },
  ...{ flags: 0, flag_do: false, options: [] },
} as unknown as Answer

it('is the same as with it, or nothing', () => {
  fc.assert(
    fc.property(
      fc.record({ id: fc.nat(0xffff), flags: fc.nat(0xffff), asked: name }),
      fc.array(record, { maxLength: 4 }),
      fc.array(record, { maxLength: 2 }),
      fc.boolean(),
      ({ id, flags, asked }, answers, authorities, hasOpt) => {
        const bytes = encode({
          ...{ id, flags, questions: [{ name: asked, type: 'A' }], answers, authorities },
          additionals: hasOpt ? [opt] : [],
        })
        const simple = readSimple(bytes)
        if (simple === undefined)
          expect([...answers, ...authorities].some(({ type }) => type !== 'A')).toBe(true)
        else expect(simple).toEqual(readMessage(bytes))
      },
    ),
  )
})

it('is nothing, or the same, whatever the bytes are', () => {
  const whole = encode({
    ...{ id: 1, questions: [{ name: 'web.test', type: 'A' }] },
    answers: [{ type: 'A', name: 'web.test', ttl: 5, data: '192.0.2.1' }],
    additionals: [opt],
  })
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
      const bytes = Buffer.from(whole)
      bytes[at] = byte
      const cut = bytes.subarray(0, length)
      const simple = readSimple(cut)
      if (simple !== undefined) expect(simple).toEqual(readMessage(cut))
    }),
    { numRuns: 2000 },
  )
})

it('a question is written as dns-packet writes it', () => {
  const query = encodeQuery('web.test', 'AAAA', { id: 0x1234, edns: 1232 })
  const own = { ...opt, extendedRcode: 0 } as unknown as Answer
  const written = encode({
    id: 0x1234,
    flags: 0x100,
    questions: [{ name: 'web.test', type: 'AAAA' }],
    additionals: [own],
  })
  expect(query.toString('hex')).toBe(written.toString('hex'))
})
