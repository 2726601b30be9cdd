// Slots hold what a Map or Set would hold.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeyedSlots, Slots } from '../../../src/lib/slots.ts'

it('hold what was added and not removed, each in a place of its own', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (steps) => {
      const slots = new Slots<number>()
      const there = new Map<number, number>()
      for (const [n, step] of steps.entries()) {
        const [slot] = [...there.keys()].filter((each) => each === step)
        if (slot === undefined) {
          const added = slots.add(n)
          expect(there.has(added)).toBe(false)
          there.set(added, n)
        } else {
          slots.remove(slot)
          there.delete(slot)
        }
        expect(slots.size).toBe(there.size)
        expect(slots.all().sort()).toEqual([...there.values()].sort())
      }
    }),
  )
})

it('are no more than there ever were things at once', () => {
  const slots = new Slots<object>()
  const used = new Set<number>()
  for (let n = 0; n < 1000; n++) {
    const slot = slots.add({})
    used.add(slot)
    slots.remove(slot)
  }
  expect(used.size).toBe(1)
})

it('with keys are a Map', () => {
  const step = fc.tuple(fc.constantFrom('set', 'delete'), fc.constantFrom('a', 'b', 'c', 'd'))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const slots = new KeyedSlots<number>()
      const map = new Map<string, number>()
      for (const [n, [what, key]] of steps.entries()) {
        if (what === 'set') {
          slots.set(key, n)
          map.set(key, n)
        } else {
          slots.delete(key)
          map.delete(key)
        }
        for (const each of ['a', 'b', 'c', 'd']) expect(slots.get(each)).toBe(map.get(each))
      }
    }),
  )
})
