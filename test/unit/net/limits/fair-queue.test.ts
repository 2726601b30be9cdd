// Whose question is next: many connections, few at a time.
import { expect, it } from 'vitest'
import { systemClock } from '../../../../src/lib/clock.ts'
import { Asker } from '../../../../src/net/limits/askers.ts'
import { createTurns, type Taker } from '../../../../src/net/limits/fair-queue.ts'
import { Bucket } from '../../../../src/net/limits/token-bucket.ts'

/** A clock that stands: no turn is too long. */
const still = { ...systemClock, monotonic: () => 0 }

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/** A connection with so many questions waiting; `taken` lists them in the order they were taken. */
function taker(name: string, asker: Asker, count: number, taken: string[]): Taker {
  let left = count
  return {
    asker,
    hasNext: () => left > 0,
    takeNext() {
      left--
      taken.push(name)
    },
  }
}

it('an asker with thousands of questions is not one whom the others wait for', async () => {
  const taken: string[] = []
  const turns = createTurns(still, () => true)
  turns.join(taker('flood', new Asker(new Bucket()), 10_000, taken))
  for (const name of ['a', 'b']) turns.join(taker(name, new Asker(new Bucket()), 1, taken))
  await nextTurn()
  expect(taken.indexOf('a')).toBeLessThanOrEqual(16)
  expect(taken.indexOf('b')).toBeLessThanOrEqual(17)
  expect(taken.length).toBeLessThanOrEqual(18)
  await nextTurn()
  expect(taken.length).toBeGreaterThan(18)
})

it('nor is one who has them on many connections', async () => {
  const taken: string[] = []
  const turns = createTurns(still, () => true)
  const flood = new Asker(new Bucket())
  for (let i = 0; i < 100; i++) turns.join(taker('flood', flood, 100, taken))
  turns.join(taker('a', new Asker(new Bucket()), 1, taken))
  await nextTurn()
  expect(taken.indexOf('a')).toBe(16)
})

it('the connections of one asker take turns', async () => {
  const taken: string[] = []
  const turns = createTurns(still, () => true)
  const asker = new Asker(new Bucket())
  turns.join(taker('x', asker, 100, taken))
  turns.join(taker('y', asker, 2, taken))
  await nextTurn()
  expect(taken.slice(0, 5)).toEqual(['x', 'y', 'x', 'y', 'x'])
})

it('one turn ends, however much there is to do, and the rest comes in the next', async () => {
  const taken: string[] = []
  let now = 0
  const clock = { ...systemClock, monotonic: () => now }
  const turns = createTurns(clock, () => true)
  for (let i = 0; i < 30; i++) {
    const asker = new Asker(new Bucket())
    const { hasNext, takeNext } = taker(`${i}`, asker, 1, taken)
    turns.join({
      ...{ asker, hasNext },
      takeNext() {
        now += 0.05
        takeNext()
      },
    })
  }
  await nextTurn()
  expect(taken.length).toBeGreaterThanOrEqual(10)
  expect(taken.length).toBeLessThanOrEqual(11)
  for (let i = 0; i < 2; i++) await nextTurn()
  expect(taken).toEqual(Array.from({ length: 30 }, (_, i) => `${i}`))
})

it('an asker that has had its share waits for the next window, the loop does not spin', async () => {
  const taken: string[] = []
  let asked = 0
  let timers: (() => void)[] = []
  const clock = {
    ...still,
    setTimeout(run: () => void) {
      timers.push(run)
      return undefined as never
    },
  }
  const flood = new Asker(new Bucket())
  const turns = createTurns(clock, (asker) => asker !== flood || asked++ < 3)
  turns.join(taker('flood', flood, 10, taken))
  turns.join(taker('a', new Asker(new Bucket()), 1, taken))
  for (let i = 0; i < 5; i++) await nextTurn()
  expect(taken).toEqual(['flood', 'flood', 'flood', 'a'])
  expect([asked, timers.length]).toEqual([4, 1])
  asked = 0
  for (const run of timers.splice(0)) run()
  timers = []
  await nextTurn()
  expect(taken.length).toBe(7)
})
