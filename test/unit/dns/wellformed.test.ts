// Whether a client can read what an upstream sent: names that end, data of the size its type has.
import { decode, encode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import { readRecords } from '../../../src/dns/records.ts'
import { readReply } from '../../../src/dns/relay.ts'
import { isWellFormed } from '../../../src/dns/wellformed.ts'

const query = encodeQuery('www.example.com', 'A', { id: 1 })
const question = readQuestion(query)!
/** Where the first record begins: c021. */
const start = question.end

/** A reply of these answers, in hex. */
function reply(...answers: string[]): Buffer {
  const message = Buffer.concat([query, Buffer.from(answers.join('').replaceAll(' ', ''), 'hex')])
  message.writeUInt16BE(answers.length, 6)
  return message
}

const isGood = (message: Buffer) => isWellFormed(message, readRecords(message, start)!)
const record = (owner: string, type: string, data: string) => {
  const bytes = data.replaceAll(' ', '')
  return `${owner} ${type} 0001 0000003c ${(bytes.length / 2).toString(16).padStart(4, '0')} ${bytes}`
}

describe('names in records', () => {
  it.each([
    ['a pointer to the question', record('c00c', '0001', 'cb007101')],
    ['a pointer behind a label', record('0161c00c', '0001', 'cb007101')],
    ['the root', record('00', '0001', 'cb007101')],
    ['a CNAME that is a pointer', record('c00c', '0005', 'c010')],
    ['an SOA of two names', record('c00c', '0006', `c010 c010 ${'00'.repeat(20)}`)],
    ['opaque data, whatever it looks like', record('c00c', 'fde9', 'ffff')],
  ])('end where there is %s', (_what, answer) => {
    expect(isGood(reply(answer))).toBe(true)
  })

  it.each([
    ['a pointer to itself', record('c021', '0001', 'cb007101')],
    ['a pointer to the label before it', record('0161c021', '0001', 'cb007101')],
    ['a pointer into the header', record('c00b', '0001', 'cb007101')],
    ['a pointer to the question’s type', record('c01d', '0001', 'cb007101')],
    ['a pointer ahead', record('c031', '0001', 'cb007101') + record('c00c', '0001', 'cb007101')],
    ['a pointer past the end', record('ffff', '0001', 'cb007101')],
    ['a pointer cut short by the end of the message', record('c00c', '0005', 'c0')],
    ['a label of 64 bytes', record('c00c', '0005', `40${'61'.repeat(64)}00`)],
    [
      'a name of 256 bytes',
      record('c00c', '0005', `${'3f'.concat('61'.repeat(63)).repeat(3)}3e${'61'.repeat(62)}00`),
    ],
    ['data that goes on behind it', record('c00c', '0005', 'c010 00')],
    ['an address of 3 bytes', record('c00c', '0001', 'cb0071')],
    ['an IPv6 address of 4', record('c00c', '001c', 'cb007101')],
    ['an SOA without its numbers', record('c00c', '0006', 'c010 c010')],
  ])('do not with %s', (_what, answer) => {
    expect(isGood(reply(answer))).toBe(false)
  })

  it('do not lead into what relaying changes', () => {
    const first = record('c00c', '0001', 'cb007101')
    // The second's owner at the first's data, a root, and at its type, class and TTL, all of which begin with zero.
    expect(isGood(reply(first, record('c02e', '0001', 'cb007101')))).toBe(true)
    for (const at of ['c023', 'c025', 'c027', 'c028'])
      expect(isGood(reply(first, record(at, '0001', 'cb007101')))).toBe(false)
  })

  it('have at most 127 pointers, however they are reached', () => {
    /** `count` pointers in opaque data, each to the one before it, and an owner that leads to the last. */
    const chain = (count: number) => {
      const at = (n: number) => (0xc000 + start + 12 + 2 * n).toString(16)
      const hops = ['c00c', ...Array.from({ length: count - 1 }, (_, n) => at(n))]
      return reply(record('c00c', 'fde9', hops.join('')), record(at(count - 1), '0001', 'cb007101'))
    }
    expect(isGood(chain(126))).toBe(true)
    expect(isGood(chain(127))).toBe(false)
  })

  it('of 255 bytes by way of pointers are good, of 256 not', () => {
    const part = `${'3f'}${'61'.repeat(63)}`
    // www.example.com is 17 bytes; 3 × 64 and 46 make 255 of it.
    const name = (last: number) => `${part.repeat(3)}${last.toString(16)}${'62'.repeat(last)}c00c`
    expect(isGood(reply(record('c00c', '0005', name(45))))).toBe(true)
    expect(isGood(reply(record('c00c', '0005', name(46))))).toBe(false)
  })
})

it('records of the question’s own name are judged as all others are', () => {
  const drawn = fc.record({
    owner: fc.constantFrom('c00c', 'c00c', '00', 'c00d', 'c010', 'c00b', 'c01d'),
    type: fc.constantFrom('0001', '001c', '0005', '0029', '0010', '0006'),
    data: fc.constantFrom('', 'cb007101', '20010db8000000000000000000000001', 'c00c', '00'),
  })
  // A byte of the question's name is something else.
  const flaw = fc.option(
    fc.tuple(fc.integer({ min: 12, max: start - 5 }), fc.constantFrom(0, 1, 4, 63, 64, 192)),
  )
  fc.assert(
    fc.property(fc.array(drawn, { minLength: 1, maxLength: 3 }), flaw, (records, at) => {
      const written = records.map(({ owner, type, data }) => record(owner, type, data))
      const spoil = (message: Buffer) => {
        if (at !== null) message[at[0]] = at[1]
        return message
      }
      // One more that has a name of its own: then all are followed.
      const longer = spoil(reply(...written, record('016100', 'fde9', '')))
      expect(isGood(spoil(reply(...written)))).toBe(isGood(longer))
    }),
    { numRuns: 1000 },
  )
})

it('what another encoder writes is good', () => {
  const label = fc.stringMatching(/^[a-z0-9-]{1,20}$/)
  const name = fc.array(label, { minLength: 1, maxLength: 8 }).map((labels) => labels.join('.'))
  const answer = fc.oneof(
    fc.record({ type: fc.constant('A' as const), name, data: fc.constant('203.0.113.1') }),
    fc.record({ type: fc.constantFrom('CNAME' as const, 'NS' as const, 'PTR' as const), name, data: name }),
    fc.record({
      ...{ type: fc.constant('MX' as const), name },
      data: fc.record({ preference: fc.nat(9), exchange: name }),
    }),
    fc.record({
      ...{ type: fc.constant('SRV' as const), name },
      data: fc.record({ port: fc.nat(9), target: name }),
    }),
    fc.record({ type: fc.constant('TXT' as const), name, data: fc.string({ maxLength: 50 }) }),
  )
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 10 }), (answers) => {
      const questions = [{ name: 'www.example.com', type: 'A' as const }]
      const message = encode({ type: 'response', flags: 0x180, questions, answers })
      expect(readReply(message, question)).toBeDefined()
      expect(decode(message).answers).toHaveLength(answers.length)
    }),
  )
})
