// Time that passes while the machine is suspended, and that nobody turns back.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { passingTime } from '../../../src/lib/clock.ts'
import { createHandClock } from '../../hand-clock.ts'

describe('passing time', () => {
  it('goes with the clock, through a suspension, and not back', () => {
    const hand = createHandClock()
    const now = passingTime(hand.clock)
    const start = now()
    hand.turn(5000)
    expect(now() - start).toBe(5000)
    hand.jump(3_600_000)
    expect(now() - start).toBe(3_605_000)
    hand.jump(-7_200_000)
    expect(now() - start).toBe(3_605_000)
    hand.turn(1000)
    expect(now() - start).toBe(3_606_000)
  })

  it('does not add up what a slewed wall clock gains bit by bit and loses again', () => {
    const hand = createHandClock()
    const now = passingTime(hand.clock)
    const start = now()
    for (let i = 0; i < 100; i++) {
      hand.jump(i % 2 === 0 ? 900 : -900)
      hand.turn(10)
      now()
    }
    expect(now() - start).toBe(1000)
  })

  it('never goes back, whatever is done to the clocks', () => {
    const steps = fc.array(fc.tuple(fc.nat(10_000), fc.integer({ min: -100_000, max: 100_000 })))
    fc.assert(
      fc.property(steps, (list) => {
        const hand = createHandClock()
        const now = passingTime(hand.clock)
        let last = now()
        for (const [turned, jumped] of list) {
          hand.turn(turned)
          hand.jump(jumped)
          expect(now() - last).toBeGreaterThanOrEqual(turned)
          last = now()
        }
      }),
    )
  })
})
