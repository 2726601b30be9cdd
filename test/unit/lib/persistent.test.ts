// A map that never changes, against a Map that does: whatever is done, at any size, and none made before is touched.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyMap, mapOf, type PersistentMap } from '../../../src/lib/persistent.ts'

/** Alike at both ends, as names of one project are; and short ones, as addresses. */
const keys = Array.from({ length: 900 }, (_, i) =>
  i % 2 === 0 ? `10.0.${i >> 8}.${i & 255}` : `service-of-a-project-with-${i}-in-the-middle-of-a-long-name`,
)
const step = fc.tuple(fc.nat(keys.length - 1), fc.nat(keys.length), fc.constantFrom('set', 'set', 'delete'))

const entriesOf = (map: ReadonlyMap<string, number>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

describe('a persistent map', () => {
  it('has what a Map would have, as it grows and shrinks, and leaves those it was made of as they were', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
        const model = new Map<string, number>()
        let map: PersistentMap<number> = emptyMap
        for (const [from, many, what] of steps) {
          const before = map
          const was = entriesOf(before)
          const edit = before.edit()
          for (const [i, key] of keys.slice(from, from + many).entries()) {
            if (what === 'set') {
              edit.set(key, i)
              model.set(key, i)
            } else {
              edit.delete(key)
              model.delete(key)
            }
          }
          expect(keys.map((key) => edit.get(key))).toEqual(keys.map((key) => model.get(key)))
          map = edit.done()
          expect(map.size).toBe(model.size)
          expect(entriesOf(map)).toEqual(entriesOf(model))
          expect(keys.map((key) => map.get(key))).toEqual(keys.map((key) => model.get(key)))
          expect(keys.filter((key) => map.has(key))).toEqual(keys.filter((key) => model.has(key)))
          expect(entriesOf(before)).toEqual(was)
          const gone = was.map(([key]) => key).filter((key) => !model.has(key))
          expect([...before.keysMissingIn(map)].sort()).toEqual(gone.sort())
        }
      }),
      { numRuns: 25 },
    )
  })

  it('is itself where an edit made nothing other', () => {
    const map = mapOf(keys.map((key, i) => [key, i]))
    const edit = map.edit()
    edit.set(keys[7]!, 7)
    edit.delete('nobody')
    expect(edit.done()).toBe(map)
  })

  it('is gone through in all the ways of a Map', () => {
    const map = mapOf([
      ['a', 1],
      ['b', 2],
    ])
    const seen: [string, number][] = []
    map.forEach((value, key, itself) => {
      expect(itself).toBe(map)
      seen.push([key, value])
    })
    expect(seen).toEqual([...map.entries()])
    expect(seen).toEqual([...map])
    expect([...map.keys()]).toEqual(['a', 'b'])
    expect([...map.values()]).toEqual([1, 2])
  })
})
