// Which entries say whether a name exists: whatever is kept, replaced, evicted and taken over by other settings, they are
// found by their name, and nobody's very many records make that slow.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createCacheMetrics } from '../../../../src/forward/cache/cache-metrics.ts'
import { createEntry, type Entry } from '../../../../src/forward/cache/entry.ts'
import { createExistence } from '../../../../src/forward/cache/existence.ts'
import { createStore } from '../../../../src/forward/cache/store.ts'
import { nxdomain, questionFor, replyTo } from './kept.ts'

const key = (name: string, type: number | string, end = 0) =>
  `192.0.2.53:53, 1 default\n${type} ${name}\n${end}`

function entry(hash: number, type: number, how: 'records' | 'denied' | 'none', end = 0, size = 10): Entry {
  const forEveryType = how === 'denied'
  return createEntry({
    ...{ key: key(`n${hash}`, forEveryType ? '*' : type, end), hash, type, forEveryType },
    ...{
      kind: how === 'records' ? 'success' : 'denial',
      packed: 'x'.repeat(size),
      upstream: '192.0.2.53:53',
    },
    ...{ transport: 'udp', since: 0, storedAt: 0, expiresAt: 1, validUntil: 1, usedAt: 0 },
  })
}

const chain = (first: Entry | undefined, hash: number) => {
  const found: Entry[] = []
  for (let at = first; at !== undefined; at = at.beside) {
    if (found.length > 0) expect(at.ahead?.beside).toBe(at)
    if (at.hash === hash) found.push(at)
  }
  return new Set(found)
}

const hashes = [1, 2, 3, 17, 33, -5]
const step = fc.oneof(
  fc.record({
    do: fc.constant('set' as const),
    hash: fc.constantFrom(...hashes),
    type: fc.constantFrom(1, 28),
    how: fc.constantFrom('records' as const, 'denied' as const, 'none' as const),
    end: fc.constantFrom(0, 1),
    size: fc.constantFrom(10, 10, 10, 5000),
  }),
  fc.record({
    do: fc.constant('delete' as const),
    hash: fc.constantFrom(...hashes),
    type: fc.constantFrom(1, 28),
  }),
  fc.record({
    do: fc.constant('use' as const),
    hash: fc.constantFrom(...hashes),
    type: fc.constantFrom(1, 28),
  }),
  fc.record({
    do: fc.constant('update' as const),
    entries: fc.constantFrom(0, 1, 4, 8),
    bytes: fc.constantFrom(2000, 9000),
  }),
)

it('every entry that tells is found, and no other', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const store = createStore({ entries: 6, bytes: 6000 }, createCacheMetrics())
      const made = new Set<Entry>()
      for (const each of steps) {
        if (each.do === 'set') {
          const one = entry(each.hash, each.type, each.how, each.end, each.size)
          store.set(one)
          made.add(one)
        } else if (each.do === 'delete') store.delete(key(`n${each.hash}`, each.type))
        else if (each.do === 'use') store.get(key(`n${each.hash}`, each.type))
        else store.update(each, (old) => old)
        const kept = store.keys().map((text) => store.peek(text)!)
        for (const hash of hashes) {
          const own = kept.filter((one) => one.hash === hash)
          const records = own.filter(({ kind }) => kind === 'success')
          expect(chain(store.records(hash), hash)).toEqual(new Set(records))
          expect(chain(store.denials(hash), hash)).toEqual(
            new Set(own.filter(({ forEveryType }) => forEveryType)),
          )
        }
        for (const one of kept) expect(one.isGone).toBe(false)
        for (const one of made) if (!kept.includes(one)) expect(one).toMatchObject({ isGone: true })
      }
    }),
    { numRuns: 200 },
  )
})

it('very many types of one name, as somebody may have who runs its server, cost no more than some', () => {
  let looks = 0
  const many = Array.from({ length: 20_000 }, (_, type) => {
    const one = entry(7, type, 'records')
    let beside: Entry | undefined
    Object.defineProperty(one, 'beside', {
      get() {
        looks++
        return beside
      },
      set: (next: Entry | undefined) => {
        beside = next
      },
    })
    return one
  })
  const store = createStore({ entries: 10_000, bytes: 1e9 }, createCacheMetrics())
  for (const one of many) store.set(one)
  // Half of them had to make room.
  expect(looks / many.length).toBeLessThan(4)
  looks = 0
  const existing = createExistence(store, 0)
  const question = questionFor({ name: 'n7' })
  const subject = { key: key('n7', 1), context: 0, hash: 7, name: 'n7', type: 1 }
  existing.against(subject, replyTo(question, nxdomain), 0)
  store.set(entry(7, 1, 'denied'))
  existing.learn(subject, replyTo(question, nxdomain), true, 0, true)
  expect(store.denials(7)).toBeUndefined()
  expect(looks).toBeLessThan(1000)
})
