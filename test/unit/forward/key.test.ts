// Keys tell questions apart that differ in anything an answer depends on, and no others.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  createKeys,
  ownerBeside,
  ownerOf,
  questionBeside,
  readKey,
  wantsSignatures,
} from '../../../src/forward/key.ts'
import type { ForwardQuestion } from '../../../src/forward/types.ts'

const label = fc.constantFrom('a', 'b', 'A', '\\.', '\\032', '*', '1', '\\000')
const drawn = fc.record({
  name: fc.array(label, { maxLength: 3 }).map((labels) => labels.join('.').toLowerCase()),
  type: fc.constantFrom(1, 2, 11, 28, 255),
  class: fc.constantFrom(1, 3),
  dnssecOk: fc.boolean(),
  checkingDisabled: fc.boolean(),
  route: fc.constantFrom('default', 'default, own network', 'forward.zones a', 'forward.zones a.b'),
  upstreams: fc.uniqueArray(fc.constantFrom('192.0.2.1:53', '192.0.2.11:53', '[::1]:53'), { maxLength: 3 }),
  // What an answer does not depend on.
  id: fc.nat(0xffff),
  ad: fc.boolean(),
  edns: fc.boolean(),
  asker: fc.constantFrom('127.0.0.1', '10.0.0.1'),
})
type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never

function questionOf(told: Drawn): ForwardQuestion {
  const query = Buffer.alloc(12)
  query.writeUInt16BE(told.id, 0)
  query.writeUInt16BE(0x0100 | (told.ad ? 0x20 : 0) | (told.checkingDisabled ? 0x10 : 0), 2)
  const { name, type, class: qclass, dnssecOk, asker } = told
  const hasEdns = told.edns || dnssecOk
  return {
    query,
    question: { name, type, class: qclass, end: 12 },
    edns: hasEdns ? { version: 0, udpBytes: 1232, dnssecOk } : undefined,
    route: {
      ...{ name: told.route, zone: undefined, explicit: false, order: 'sequential' },
      upstreams: told.upstreams.map((text) => ({ host: 'x', port: 53, text })),
    },
    asker,
  }
}

const meaning = (told: Drawn, forName: boolean) => {
  const { name, type, class: qclass, dnssecOk, checkingDisabled, route, upstreams } = told
  return JSON.stringify([name, forName || type, qclass, dnssecOk, checkingDisabled, route, upstreams])
}

it('two questions have one key where they mean the same, and only there', () => {
  const pair = drawn.chain((first) =>
    fc.tuple(
      fc.constant(first),
      // Mostly like the first: two drawn apart would hardly ever be one.
      fc.tuple(drawn, fc.subarray(Object.keys(first) as (keyof Drawn)[], { maxLength: 2 })).map(
        ([other, keys]): Drawn => ({
          ...first,
          ...Object.fromEntries(keys.map((key) => [key, other[key]])),
        }),
      ),
    ),
  )
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const [one, two] = [questionOf(a), questionOf(b)]
      const keysOf = createKeys()
      const [first, second] = [keysOf(one), keysOf(two)]
      expect(first.question === second.question).toBe(meaning(a, false) === meaning(b, false))
      expect(first.name === second.name).toBe(meaning(a, true) === meaning(b, true))
      expect(first.question).not.toBe(second.name)
      // By one route, of which there is something known then, and by one of its name that goes elsewhere.
      const elsewhere = { ...one.route, upstreams: two.route.upstreams }
      for (const route of [one.route, elsewhere, one.route]) {
        const same = { ...two, route }
        expect(keysOf(same)).toEqual(createKeys()(same))
      }
    }),
    { numRuns: 1000 },
  )
})

it('a key tells its name, whatever type, DO and CD; its type; DO; and the keys beside it', () => {
  fc.assert(
    fc.property(drawn, drawn, (told, other) => {
      const keysOf = createKeys()
      const keys = keysOf(questionOf(told))
      const { type, dnssecOk, checkingDisabled } = other
      const sibling = keysOf(questionOf({ ...told, type, dnssecOk, checkingDisabled }))
      expect(ownerOf(keys.question)).toBe(ownerOf(sibling.name))
      expect(ownerOf(keys.name) === ownerOf(keysOf(questionOf(other)).question)).toBe(
        meaning({ ...told, dnssecOk, checkingDisabled }, true) === meaning(other, true),
      )
      expect(readKey(keys.question).type).toBe(told.type)
      expect(wantsSignatures(keys.name)).toBe(told.dnssecOk)
      expect(questionBeside(keys.name, type)).toBe(keysOf(questionOf({ ...told, type })).question)
      expect(ownerBeside(ownerOf(keys.name), other.name)).toBe(
        ownerOf(keysOf(questionOf({ ...told, name: other.name })).name),
      )
    }),
  )
})
