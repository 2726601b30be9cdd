// Whatever comes, from askers or upstreams: nothing throws, and every reply is sound to a walker and a decoder that are
// not ours (invariants.ts).
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom, mutate } from './mutate.ts'
import { questionSeeds, replySeeds } from './seeds.ts'
import { asked, createTarget } from './target.ts'

const target = createTarget()
const transport = fc.constantFrom('udp', 'tcp')
const seed = fc.nat()
const runs = { numRuns: 2000 }

/** A header that the gate lets through before bytes that mean nothing, or nothing but those. */
const anything = fc
  .tuple(fc.boolean(), fc.uint8Array({ maxLength: 600 }))
  .map(([isHeaded, bytes]) =>
    Buffer.concat([Buffer.from(isHeaded ? '123401000001000000000001' : '', 'hex'), bytes]),
  )

describe('questions', () => {
  const seeds = questionSeeds()

  it('of any bytes are survived', () => {
    fc.assert(
      fc.property(anything, transport, (packet, by) => {
        expect(target.question({ packet, transport: by }).flaws).toEqual([])
      }),
      runs,
    )
  })

  it('mutated from good and bad ones are survived', () => {
    fc.assert(
      fc.property(fc.nat(seeds.length - 1), seed, transport, (n, chosen, by) => {
        const packet = mutate(seeds[n]!, createRandom(chosen), seeds)
        expect(target.question({ packet, transport: by }).flaws).toEqual([])
      }),
      runs,
    )
  })

  it('cut anywhere are answered, or are no question', () => {
    for (const whole of seeds.filter(({ length }) => length < 600)) {
      for (let end = 0; end <= whole.length; end++)
        expect(target.question({ packet: whole.subarray(0, end), transport: 'udp' }).flaws).toEqual([])
    }
  })
})

describe('replies', () => {
  const seeds = replySeeds()
  const packets = seeds.map(({ packet }) => packet)

  it('of any bytes behind the right question are survived', () => {
    fc.assert(
      fc.property(
        fc.nat(asked.length - 1),
        fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)),
        fc.uint8Array({ maxLength: 600 }),
        transport,
        (to, counts, bytes, by) => {
          const packet = Buffer.concat([target.sent(to), bytes])
          packet.writeUInt16BE(0x8180, 2)
          for (const [i, count] of counts.entries()) packet.writeUInt16BE(count, 6 + 2 * i)
          expect(target.reply({ packet, transport: by, to }).flaws).toEqual([])
        },
      ),
      runs,
    )
  })

  it('mutated from good and bad ones are survived', () => {
    fc.assert(
      fc.property(fc.nat(seeds.length - 1), seed, transport, (n, chosen, by) => {
        const { packet, to } = seeds[n]!
        const mutated = mutate(packet, createRandom(chosen), packets)
        expect(target.reply({ packet: mutated, transport: by, to }).flaws).toEqual([])
      }),
      runs,
    )
  })

  it('cut anywhere are not relayed, unless whole', () => {
    for (const { packet, to } of seeds.filter(({ packet: { length } }) => length < 600)) {
      for (let end = 0; end < packet.length; end++) {
        const verdict = target.reply({ packet: packet.subarray(0, end), transport: 'udp', to })
        expect(verdict.flaws).toEqual([])
      }
    }
  })
})
