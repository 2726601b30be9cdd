// The gate before every decoder, and replies made of a header alone.
import { describe, expect, it } from 'vitest'
import { flag, flagsOf, gate, headerOnly, idOf, opcodeOf, rcode, rcodeOf } from '../../../src/dns/header.ts'

interface Head {
  flags?: number
  counts?: readonly [qd: number, an: number, ns: number, ar: number]
  size?: number
}

function message({ flags = flag.RD, counts = [1, 0, 0, 0], size = 17 }: Head): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.writeUInt16BE(0xbeef, 0)
  bytes.writeUInt16BE(flags, 2)
  for (const [i, count] of counts.entries()) bytes.writeUInt16BE(count, 4 + 2 * i)
  return bytes
}

describe('the gate', () => {
  it.each([0, 1, 2, 11])('drops %i bytes: no whole header', (size) => {
    expect(gate(Buffer.alloc(size))).toBe('drop')
  })

  it.each<[string, Head, ReturnType<typeof gate>]>([
    ['a reply', { flags: flag.QR }, 'drop'],
    ['a reply of another opcode', { flags: flag.QR | 0x2800 }, 'drop'],
    ['an oversized reply', { flags: flag.QR, size: 9000 }, 'drop'],
    ['a question', {}, 'pass'],
    ['a question with OPT', { counts: [1, 0, 0, 1] }, 'pass'],
    ['a question with OPT and TSIG', { counts: [1, 0, 0, 2] }, 'pass'],
    ['strange flags on a question', { flags: 0x07ff }, 'pass'],
    ['a header alone that says one question', { size: 12 }, 'pass'],
    ['4096 bytes', { size: 4096 }, 'pass'],
    ['4097 bytes', { size: 4097 }, rcode.FORMERR],
    ['no question', { counts: [0, 0, 0, 0] }, rcode.FORMERR],
    ['no question, but an additional record', { counts: [0, 0, 0, 1] }, 'bare'],
    ['no question, but three additional records', { counts: [0, 0, 0, 3] }, rcode.FORMERR],
    ['no question, but an answer', { counts: [0, 1, 0, 1] }, rcode.FORMERR],
    ['two questions', { counts: [2, 0, 0, 0] }, rcode.FORMERR],
    ['65535 questions', { counts: [65535, 0, 0, 0], size: 12 }, rcode.FORMERR],
    ['an answer', { counts: [1, 1, 0, 0] }, rcode.FORMERR],
    ['an authority', { counts: [1, 0, 1, 0] }, rcode.FORMERR],
    ['three additionals', { counts: [1, 0, 0, 3] }, rcode.FORMERR],
    ['65535 everything', { counts: [65535, 65535, 65535, 65535] }, rcode.FORMERR],
  ])('sees %s', (_what, head, verdict) => {
    expect(gate(message(head))).toBe(verdict)
  })

  it('says NOTIMP to every opcode but QUERY, whatever the counts are', () => {
    for (let opcode = 1; opcode < 16; opcode++) {
      expect(gate(message({ flags: opcode << 11, counts: [0, 9, 9, 9] }))).toBe(rcode.NOTIMP)
    }
  })
})

describe('a reply of a header alone', () => {
  it('has the ID, opcode, RD and CD of the question, QR and RA, and counts of nothing', () => {
    for (const flags of [0, 0x7fff, flag.RD, flag.CD, flag.AD | flag.AA | flag.TC, 0x2800]) {
      const reply = headerOnly(message({ flags, counts: [1, 2, 3, 4] }), rcode.SERVFAIL)
      expect(reply).toHaveLength(12)
      expect(idOf(reply)).toBe(0xbeef)
      expect(rcodeOf(reply)).toBe(rcode.SERVFAIL)
      expect(opcodeOf(reply)).toBe((flags >> 11) & 15)
      expect(flagsOf(reply) & (flag.QR | flag.RA)).toBe(flag.QR | flag.RA)
      expect(flagsOf(reply) & (flag.RD | flag.CD)).toBe(flags & (flag.RD | flag.CD))
      expect(flagsOf(reply) & (flag.AA | flag.TC | flag.AD | 0x40)).toBe(0)
      expect(reply.subarray(4)).toEqual(Buffer.alloc(8))
    }
  })
})
