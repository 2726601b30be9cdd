// Whose question is next: many connections, few at a time.
import { expect, it } from 'vitest'
import { createFairQueue, Line, type QueueItem } from '../../../../src/net/limits/fair-queue.ts'
import { ShareAccount } from '../../../../src/net/limits/fair-share.ts'
import { createHandClock } from '../../../hand-clock.ts'

/** It stands: no turn is too long. */
const still = createHandClock().clock

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/** A connection with so many questions waiting; `taken` lists them in the order they were taken. */
function item(name: string, line: Line, count: number, taken: string[]): QueueItem {
  let left = count
  return {
    line,
    hasNext: () => left > 0,
    takeNext() {
      left--
      taken.push(name)
    },
  }
}

it('an asker with thousands of questions is not one whom the others wait for', async () => {
  const taken: string[] = []
  const queue = createFairQueue(still, () => true)
  queue.join(item('flood', new Line(new ShareAccount()), 10_000, taken))
  for (const name of ['a', 'b']) queue.join(item(name, new Line(new ShareAccount()), 1, taken))
  await nextTurn()
  expect(taken.indexOf('a')).toBeLessThanOrEqual(16)
  expect(taken.indexOf('b')).toBeLessThanOrEqual(17)
  expect(taken.length).toBeLessThanOrEqual(18)
  await nextTurn()
  expect(taken.length).toBeGreaterThan(18)
})

it('nor is one who has them on many connections', async () => {
  const taken: string[] = []
  const queue = createFairQueue(still, () => true)
  const flood = new Line(new ShareAccount())
  for (let i = 0; i < 100; i++) queue.join(item('flood', flood, 100, taken))
  queue.join(item('a', new Line(new ShareAccount()), 1, taken))
  await nextTurn()
  expect(taken.indexOf('a')).toBe(16)
})

it('the connections of one asker take turns', async () => {
  const taken: string[] = []
  const queue = createFairQueue(still, () => true)
  const line = new Line(new ShareAccount())
  queue.join(item('x', line, 100, taken))
  queue.join(item('y', line, 2, taken))
  await nextTurn()
  expect(taken.slice(0, 5)).toEqual(['x', 'y', 'x', 'y', 'x'])
})

it('one turn ends, however much there is to do, and the rest comes in the next', async () => {
  const taken: string[] = []
  const hand = createHandClock()
  const queue = createFairQueue(hand.clock, () => true)
  for (let i = 0; i < 30; i++) {
    const line = new Line(new ShareAccount())
    const { hasNext, takeNext } = item(`${i}`, line, 1, taken)
    queue.join({
      ...{ line, hasNext },
      takeNext() {
        hand.turn(0.05)
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
  const hand = createHandClock()
  const flood = new Line(new ShareAccount())
  const queue = createFairQueue(hand.clock, (line) => line !== flood || asked++ < 3)
  queue.join(item('flood', flood, 10, taken))
  queue.join(item('a', new Line(new ShareAccount()), 1, taken))
  for (let i = 0; i < 5; i++) await nextTurn()
  expect(taken).toEqual(['flood', 'flood', 'flood', 'a'])
  expect([asked, hand.pending()]).toEqual([4, 1])
  asked = 0
  hand.runNext()
  await nextTurn()
  expect(taken.length).toBe(7)
})
