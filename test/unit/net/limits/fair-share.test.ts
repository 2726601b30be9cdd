// The fair share, on a simulated loop: what a turn costs is told, and so is what waits.
import { describe, expect, it } from 'vitest'
import { createFairShare, leastCap, ShareAccount } from '../../../../src/net/limits/fair-share.ts'
import { createHandClock } from '../../../hand-clock.ts'

/** ms for a question that is answered, and for one that is dropped. */
const answering = 0.01
const dropping = 0.003

/** A server with one line of at most `room` waiting messages, asked by askers at constant rates a second. */
function createWorld(rates: readonly number[], room = 300) {
  const { clock, turn } = createHandClock()
  let idle = 0
  /** By the kernel, for want of room. */
  let dropped = 0
  let endTurn: (() => void) | undefined
  const share = createFairShare({
    clock,
    idled: () => idle,
    lost: () => dropped,
    afterTurn: (run) => {
      endTurn = run
    },
  })
  const askers = rates.map(() => new ShareAccount())
  const due = rates.map((_, i) => i / 1000)
  const line: number[] = []
  const answered = rates.map(() => 0)
  const lost = rates.map(() => 0)

  /** What has come by now gets in line; what does not fit is lost, whoever sent it. */
  function arrive() {
    for (;;) {
      const next = due.indexOf(Math.min(...due))
      if (due[next]! > clock.monotonic()) return
      due[next]! += 1000 / rates[next]!
      if (line.length < room) line.push(next)
      else {
        lost[next]!++
        dropped++
      }
    }
  }

  return {
    share,
    answered,
    lost,
    run(ms: number) {
      const end = clock.monotonic() + ms
      answered.fill(0)
      lost.fill(0)
      while (clock.monotonic() < end) {
        arrive()
        if (line.length === 0) {
          const wait = Math.min(...due) - clock.monotonic()
          turn(wait)
          idle += wait
          continue
        }
        // libuv reads 32 datagrams a turn.
        for (const index of line.splice(0, 32)) {
          if (share.admit(askers[index]!)) {
            answered[index]!++
            turn(answering)
          } else {
            lost[index]!++
            turn(dropping)
          }
        }
        endTurn?.()
      }
    },
  }
}

describe('the fair share', () => {
  it('takes nothing from anybody while all is answered', () => {
    const { share, lost, run } = createWorld([500, 80_000])
    run(2_000)
    expect(share.cap()).toBe(Number.POSITIVE_INFINITY)
    expect(lost).toEqual([0, 0])
  })

  it('takes from the flood alone, when more comes than can be answered', () => {
    const { lost, answered, run } = createWorld([500, 200_000])
    run(2_000)
    run(10_000)
    expect(lost[0]! / 5_000).toBeLessThan(0.001)
    // What the server can do is not left lying.
    expect(answered[1]).toBeGreaterThan(300_000)
  })

  it('treats floods alike, and those below the cap not at all', () => {
    const { lost, answered, run } = createWorld([1_000, 90_000, 3_000, 90_000])
    run(2_000)
    run(10_000)
    expect(lost[0]! / 10_000).toBeLessThan(0.001)
    expect(lost[2]! / 30_000).toBeLessThan(0.001)
    expect(answered[1]! / answered[3]!).toBeCloseTo(1, 1)
  })

  it('leaves everybody the least there is, whatever the overload', () => {
    const { share, answered, run } = createWorld([1_000_000, 1_000_000])
    run(5_000)
    expect(share.cap()).toBe(leastCap)
    expect(answered[0]).toBeGreaterThan(0)
  })

  it('lets everything through again once the flood is over', () => {
    const rates = [500, 200_000]
    const { share, lost, run } = createWorld(rates)
    run(2_000)
    expect(share.cap()).toBeLessThan(Number.POSITIVE_INFINITY)
    rates[1] = 60_000
    run(2_000)
    expect(share.cap()).toBe(Number.POSITIVE_INFINITY)
    run(2_000)
    expect(lost).toEqual([0, 0])
  })

  it('does not take a line that never gets too long for an overload, nor a kernel that tells nothing for none', () => {
    for (const told of [7, undefined]) {
      const { clock, turn } = createHandClock()
      const share = createFairShare({
        clock,
        idled: () => 0,
        lost: () => told,
        afterTurn: (end) => {
          turn(5)
          end()
        },
      })
      const asker = new ShareAccount()
      for (let i = 0; i < 100; i++) share.admit(asker, 500)
      expect(share.cap()).toBe(told === undefined ? leastCap : Number.POSITIVE_INFINITY)
    }
  })

  it('holds nothing against an asker whose questions waited while the machine gave us no time', () => {
    const { clock, turn } = createHandClock()
    let endTurn = () => {}
    const share = createFairShare({
      clock,
      idled: () => 0,
      lost: clock.monotonic,
      afterTurn: (end) => {
        endTurn = end
      },
    })
    const ask = (asker: ShareAccount, messages: number) => {
      turn(200)
      const answered = Array.from({ length: messages }, () => share.admit(asker)).filter(Boolean).length
      endTurn()
      return answered
    }
    const [flood, polite] = [new ShareAccount(), new ShareAccount()]
    for (let i = 0; i < 20; i++) ask(flood, 5_000)
    expect(share.cap()).toBe(leastCap)
    for (let i = 0; i < 4; i++) expect(ask(polite, 100)).toBe(100)
    expect(ask(flood, 5_000)).toBeLessThan(1_000)
  })

  it('does not take one long turn for an overload', () => {
    const { clock, turn } = createHandClock()
    const blocked = createFairShare({
      clock,
      idled: () => 0,
      lost: clock.monotonic,
      afterTurn: (end) => {
        turn(500)
        end()
      },
    })
    const asker = new ShareAccount()
    for (let i = 0; i < 3; i++) blocked.admit(asker, 500)
    expect(blocked.cap()).toBe(Number.POSITIVE_INFINITY)
    blocked.admit(asker, 500)
    expect(blocked.cap()).toBe(leastCap)
  })
})
