// Failures are remembered for a moment, so that a storm of retries does not reach upstreams (RFC 9520).
import { describe, expect, it } from 'vitest'
import { address, failed, keptBy, questionFor, unreachable, zoneRoute } from './kept.ts'

describe('a failure', () => {
  it('is remembered for 1 s, told as such, and then upstreams are tried again', async () => {
    const kept = keptBy()
    kept.says = failed
    expect(await kept.ask()).toEqual({ failure: '192.0.2.53:53 SERVFAIL', reason: 'failed' })
    kept.turn(999)
    expect(kept.forward(questionFor())).toEqual({ ...failed, cached: { age: 0, left: 1, stale: false } })
    expect([kept.count('failures'), kept.count('misses')]).toEqual([1, 1])
    kept.turn(1)
    kept.says = { answers: [address(60)] }
    expect(await kept.ask()).toEqual({ rcode: 0, records: ['A 60 192.0.2.1'] })
  })

  it.each([
    ['an upstream’s own: twice as long each time, to 30 s', failed, [1, 2, 4, 8, 16, 30, 30]],
    ['silence: to 5 s, for it is soon over', unreachable, [1, 2, 4, 5, 5]],
  ])('in a row is remembered for longer. %s', async (_, says, expected) => {
    const kept = keptBy()
    kept.says = says
    const seen: number[] = []
    for (let n = 0; n < expected.length; n++) {
      await kept.ask()
      const tries = kept.asked.length
      let seconds = 0
      do {
        kept.turn(500)
        seconds += 0.5
        if (seconds < expected[n]!) await kept.ask()
      } while (seconds < expected[n]! && kept.asked.length === tries)
      seen.push(seconds)
    }
    expect(seen).toEqual(expected)
    expect(kept.asked).toHaveLength(expected.length)
  })

  it('is forgotten with an answer, and after a minute without failures', async () => {
    for (const between of ['answer', 'minute']) {
      const kept = keptBy()
      kept.says = failed
      await kept.ask()
      kept.turn(1000)
      await kept.ask()
      if (between === 'answer') {
        kept.turn(2000)
        kept.says = { answers: [address(0)] }
        await kept.ask()
        kept.says = failed
      } else kept.turn(62_000)
      await kept.ask()
      const tries = kept.asked.length
      kept.turn(1000)
      await kept.ask()
      expect(kept.asked).toHaveLength(tries + 1)
    }
  })

  it('is of one question, at one route: others go through', async () => {
    const kept = keptBy()
    kept.says = failed
    await kept.ask()
    await kept.ask({ type: 'AAAA' })
    await kept.ask({ flags: 0x0110 })
    await kept.ask({ route: zoneRoute('org') })
    expect(kept.asked).toHaveLength(4)
  })

  it('of our own (too much to do, nobody to ask) is not remembered', async () => {
    for (const reason of ['busy', 'none'] as const) {
      const kept = keptBy()
      kept.says = { failure: 'x', reason }
      await kept.ask()
      await kept.ask()
      expect(kept.asked).toHaveLength(2)
    }
  })

  it('of a question without RD is not remembered', async () => {
    const kept = keptBy()
    kept.says = failed
    await kept.ask({ flags: 0 })
    await kept.ask({ flags: 0 })
    expect(kept.asked).toHaveLength(2)
  })

  it('counts once, however many waited for it', async () => {
    const kept = keptBy()
    kept.says = failed
    kept.slow = true
    const answers = [1, 2, 3, 4].map(() => kept.ask())
    await kept.release()
    await Promise.all(answers)
    kept.turn(1000)
    void kept.ask()
    expect(kept.asked).toHaveLength(2)
  })
})
