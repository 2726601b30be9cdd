// What the benchmark asks, and how it judges answers.
import { encode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answersFrom, faultIn, fixedAnswers } from '../../tools/bench/world/judge.ts'
import { external, type Line, localA, localMix, mix, unique } from '../../tools/bench/world/questions.ts'
import { openWorld } from '../../tools/bench/world/world.ts'

describe('questions', () => {
  it('go round so that every asker comes to ask all of them', () => {
    const count = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(count, count, (lines, askers) => {
        const mixed = mix(
          Array.from({ length: lines }, (_, i): Line => `n${i} A`),
          askers,
        )
        const asked = new Set<string>()
        for (let i = 0; i < mixed.length * askers; i++) asked.add(`${i % askers} ${mixed[i % mixed.length]}`)
        expect(asked.size).toBe(lines * askers)
      }),
    )
  })

  it('are those of their workload', () => {
    expect(localA(['x'], 1)).toEqual(['x A'])
    expect(new Set(localMix(['x'], 1))).toEqual(new Set(['x AAAA', 'x-gone A']))
    expect(new Set(external(20)).size).toBe(20)
    expect(unique('warm', 2)).toEqual(['host0.warm.example A', 'host1.warm.example A'])
  })
})

const records = new Map([['p1-db', { name: 'p1-db', v4: '10.0.1.2', v6: 'fd00:0:0:1::2' }]])
records.set('p2-db', { name: 'p2-db', v4: '10.0.2.2' } as never)

/** `flags`: the rcode, and 512 for TC. */
function reply(name: string, type: 'A' | 'AAAA', addresses: string[], flags = 0): Buffer {
  const answers = addresses.map((data) => ({ name, type, data, ttl: 0 }) as const)
  return encode({ type: 'response', flags, questions: [{ name, type }], answers })
}

describe('an answer', () => {
  const judge = (message: Buffer, project = 'p1') => faultIn(message, project, answersFrom(records))

  it.each([
    ['an address', reply('P1-db', 'A', ['10.0.1.2'])],
    ['an IPv6 address', reply('p1-db', 'AAAA', ['fd00:0:0:1::2'])],
    ['what is not there', reply('p1-db-gone', 'A', [], 3)],
    ['what the upstream knows', reply('x.example', 'A', ['192.0.2.1'])],
  ])('that is right: %s', (_, message) => {
    expect(judge(message)).toBeUndefined()
  })

  it('without data is right where the network has no IPv6', () => {
    expect(judge(reply('p2-db', 'AAAA', []), 'p2')).toBeUndefined()
  })

  it.each([
    ['another address', reply('p1-db', 'A', ['10.0.1.3']), /A 10\.0\.1\.3.*where NOERROR \[A 10\.0\.1\.2\]/],
    ['none', reply('p1-db', 'A', []), /NOERROR \[\]/],
    ['one too many', reply('p1-db', 'A', ['10.0.1.2', '10.0.1.3']), /10\.0\.1\.3/],
    ['an rcode', reply('p1-db', 'A', [], 5), /REFUSED/],
    ['the beginning of it', reply('p1-db', 'A', ['10.0.1.2'], 512), /cut/],
    ['an address where there is no name', reply('p1-x-gone', 'A', ['10.0.1.2']), /NXDOMAIN \[\] is right/],
    ['no packet', Buffer.from('00', 'hex'), /./],
    ['a question', encode({ type: 'query', questions: [{ name: 'p1-db', type: 'A' }] }), /no reply/],
  ])('that is wrong: %s', (_, message, why) => {
    expect(judge(message)).toMatch(why)
  })

  it('to whom it does not belong is a mistake of ours', () => {
    expect(judge(reply('p2-db', 'A', ['10.0.2.2']))).toMatch(/p1 asks for p2-db/)
    expect(judge(reply('other', 'A', []))).toMatch(/nobody should ask/)
  })

  it('of the floor is always the same', () => {
    expect(faultIn(reply('p1-db', 'A', ['192.0.2.1']), 'p1', fixedAnswers)).toBeUndefined()
  })
})

it('the world has as many names and askers as it should, each asker a container of its network', async () => {
  const world = await openWorld({ networks: 4, containers: 60, names: 2 })
  try {
    expect(world.records.size).toBe(4 * 60 * 2)
    expect(world.names).toHaveLength(60 * 2)
    expect(world.askers).toHaveLength(200)
    expect(new Set(world.askers.map(({ address }) => address)).size).toBe(200)
    for (const { address, project } of world.askers) {
      const own = [...world.records.values()].find(({ v4 }) => v4 === address)
      expect(own?.name).toMatch(new RegExp(`^${project}-`))
    }
    const six = [...world.records.values()].filter(({ v6 }) => v6 !== undefined)
    expect(six).toHaveLength(world.records.size / 2)
  } finally {
    world.close()
  }
})
