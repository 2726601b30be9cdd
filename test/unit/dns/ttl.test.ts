// TTLs of raw messages by properties: aging lowers them and changes nothing else.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import { readRecords } from '../../../src/dns/records.ts'
import type { UpstreamReply } from '../../../src/dns/relay.ts'
import { ageReply, leastTtl, readTtl, staleReply } from '../../../src/dns/ttl.ts'
import { type } from '../../../src/dns/types.ts'

interface Drawn {
  readonly type: number
  readonly ttl: number
  readonly data: Uint8Array
}

const drawnRecord: fc.Arbitrary<Drawn> = fc.record({
  type: fc.constantFrom(type.A, type.SOA, type.RRSIG, type.OPT, 65_000),
  ttl: fc.oneof(fc.nat(100_000), fc.integer({ min: 0, max: 0xffffffff })),
  data: fc.uint8Array({ maxLength: 30 }),
})
const drawn = fc
  .tuple(...[0, 1, 2].map(() => fc.array(drawnRecord, { maxLength: 4 })))
  .map((sections) => replyOf(sections))
const age = fc.oneof(fc.nat(100_000), fc.nat(0x7fffffff))

function replyOf(sections: readonly (readonly Drawn[])[]): UpstreamReply {
  const query = encodeQuery('www.example.org', 'A', { id: 7 })
  const question = readQuestion(query)!
  const records = sections.flat().map((record) => {
    const head = Buffer.from('c00c00000001000000000000', 'hex')
    head.writeUInt16BE(record.type, 2)
    head.writeUInt32BE(record.ttl, 6)
    head.writeUInt16BE(record.data.length, 10)
    return Buffer.concat([head, record.data])
  })
  const message = Buffer.concat([query, ...records])
  for (const [i, section] of sections.entries()) message.writeUInt16BE(section.length, 6 + 2 * i)
  return { message, records: readRecords(message, question.end)! }
}

const withTtl = ({ records }: UpstreamReply) => records.filter((record) => record.type !== type.OPT)
const ttlsOf = (reply: UpstreamReply) => withTtl(reply).map(({ ttlAt }) => readTtl(reply.message, ttlAt))

const copyOf = ({ message, records }: UpstreamReply) => ({ message: Buffer.from(message), records })

/** The message with every TTL blanked, OPT's field left. */
function rest(reply: UpstreamReply): Buffer {
  const copy = Buffer.from(reply.message)
  for (const { ttlAt } of withTtl(reply)) copy.fill(0, ttlAt, ttlAt + 4)
  return copy
}

describe('a reply some seconds later', () => {
  it('has every TTL lower by them, none below zero, and every other byte as it was', () => {
    fc.assert(
      fc.property(drawn, age, (reply, seconds) => {
        const later = ageReply(copyOf(reply), seconds)
        expect(ttlsOf(later)).toEqual(ttlsOf(reply).map((ttl) => Math.max(0, ttl - seconds)))
        expect(rest(later)).toEqual(rest(reply))
        expect(later.records).toEqual(reply.records)
      }),
    )
  })

  it('is the same whether it aged at once or bit by bit', () => {
    fc.assert(
      fc.property(drawn, fc.nat(50_000), fc.nat(50_000), (reply, a, b) => {
        const once = ageReply(copyOf(reply), a + b)
        expect(ageReply(ageReply(copyOf(reply), a), b).message).toEqual(once.message)
      }),
    )
  })

  it('holds for its least TTL: none is below zero until then', () => {
    fc.assert(
      fc.property(drawn, (reply) => {
        const least = leastTtl(reply)
        expect(least).toBe(ttlsOf(reply).length === 0 ? 0 : Math.min(...ttlsOf(reply)))
        if (least > 0)
          for (const ttl of ttlsOf(ageReply(copyOf(reply), least - 1))) expect(ttl).toBeGreaterThan(0)
      }),
    )
  })
})

it('a stale reply has TTLs from 1 to 30, and every other byte as it was', () => {
  fc.assert(
    fc.property(drawn, age, (reply, seconds) => {
      const stale = staleReply(copyOf(reply), seconds, 30)
      for (const [i, ttl] of ttlsOf(stale).entries()) {
        const left = ttlsOf(reply)[i]! - seconds
        expect(ttl).toBe(left > 0 ? Math.min(left, 30) : 30)
      }
      expect(rest(stale)).toEqual(rest(reply))
    }),
  )
})

it.each([
  [0, 0],
  [1, 1],
  [0x7fffffff, 0x7fffffff],
  [0x80000000, 0],
  [0xffffffff, 0],
])('a TTL written %i means %i (RFC 2181, 8)', (written, meant) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(written)
  expect(readTtl(bytes, 0)).toBe(meant)
})
