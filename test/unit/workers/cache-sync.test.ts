// Fills on their way: together, the newest of each question, within bounds.
import { describe, expect, it } from 'vitest'
import type { Fill } from '../../../src/forward/cache/fill.ts'
import { createCacheSync } from '../../../src/workers/cache-sync.ts'
import { createHandClock } from '../../hand-clock.ts'

function queue() {
  const hand = createHandClock()
  const sent: (readonly Fill[])[] = []
  const taken: (() => void)[] = []
  const { add } = createCacheSync({
    clock: hand.clock,
    send(fills, done) {
      sent.push(fills)
      taken.push(done)
    },
  })
  return { ...hand, add, sent, take: () => taken.shift()!() }
}

const fill = (question: string, bytes = 100): Fill => ({
  ...{ question, name: `* ${question}` },
  kept: {
    ...{ kind: 'success', forEveryType: false, message: Buffer.alloc(bytes), upstream: '192.0.2.1:53' },
    ...{ age: 0, ttl: 60_000 },
  },
  shown: [],
})
const questions = (fills: readonly Fill[]) => fills.map(({ question }) => question)

describe('what is to leave', () => {
  it('leaves together, aged by its wait', () => {
    const { add, sent, turn } = queue()
    add(fill('a'))
    turn(3)
    add(fill('b'))
    expect(sent).toEqual([])
    turn(2)
    expect(sent).toHaveLength(1)
    expect(sent[0]!.map(({ question, kept }) => [question, kept!.age])).toEqual([
      ['a', 5],
      ['b', 2],
    ])
  })

  it('tells for how much longer names count as there, by then', () => {
    const { add, sent, turn } = queue()
    add({ ...fill('a'), kept: undefined, shown: [{ owner: 'a', type: 1, left: 60_000 }] })
    turn(5)
    expect(sent[0]![0]!.shown).toEqual([{ owner: 'a', type: 1, left: 59_995 }])
  })

  it('waits until the system has taken what left before, the newest of each question', () => {
    const { add, sent, turn, take } = queue()
    add(fill('a'))
    turn(5)
    add(fill('b'))
    add(fill('a', 200))
    add(fill('b', 300))
    turn(1000)
    expect(sent).toHaveLength(1)
    take()
    turn(5)
    expect(sent[1]!.map(({ question, kept }) => [question, kept!.message.length])).toEqual([
      ['a', 200],
      ['b', 300],
    ])
    expect(sent[1]![0]!.kept!.age).toBe(1005)
    take()
    turn(1000)
    expect(sent).toHaveLength(2)
  })

  it('is told of what is not kept any more, too', () => {
    const { add, sent, turn } = queue()
    add(fill('a'))
    add({ ...fill('a'), kept: undefined })
    turn(5)
    expect(sent).toEqual([[{ ...fill('a'), kept: undefined }]])
  })
})

describe('where nobody takes it', () => {
  it('the oldest go once there are too many', () => {
    const { add, sent, turn, take } = queue()
    add(fill('first'))
    turn(5)
    for (let i = 0; i < 5000; i++) add(fill(`q${i}`))
    const came: string[] = []
    for (let i = 0; i < 20; i++) {
      take()
      turn(5)
      if (sent[i + 1] === undefined) break
      expect(sent[i + 1]!.length).toBeLessThanOrEqual(256)
      came.push(...questions(sent[i + 1]!))
    }
    expect(came).toEqual(Array.from({ length: 2048 }, (_, i) => `q${5000 - 2048 + i}`))
  })

  it('and once they are too large', () => {
    const { add, sent, turn, take } = queue()
    add(fill('first'))
    turn(5)
    for (let i = 0; i < 200; i++) add(fill(`q${i}`, 60_000))
    take()
    turn(5)
    const kept = sent[1]!.length
    expect(kept * 60_000).toBeLessThanOrEqual(4 * 1024 * 1024)
    expect(kept).toBeGreaterThan(60)
    expect(questions(sent[1]!).at(-1)).toBe('q199')
  })
})
