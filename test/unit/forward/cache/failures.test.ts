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
    ['an upstream’s own: twice as long each time, to 5 s', failed, [1, 2, 4, 5, 5]],
    ['silence: the same', unreachable, [1, 2, 4, 5, 5]],
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

  it('beside an old answer is remembered for as long as the settings say, and as without one once that is gone', async () => {
    for (const failureRecheck of [2000, 30_000, 300_000]) {
      const kept = keptBy({ failureRecheck })
      await kept.ask()
      kept.turn(60_000)
      kept.says = failed
      await kept.ask()
      kept.turn(failureRecheck - 1)
      expect(await kept.ask()).toMatchObject({ cached: { stale: true } })
      expect(kept.asked).toHaveLength(2)
      kept.turn(1)
      await kept.ask()
      expect(kept.asked).toHaveLength(3)
      // Nothing is left of the old answer: whoever asks has nothing meanwhile.
      kept.update({ entries: 0 })
      kept.turn(2000)
      await kept.ask()
      expect(kept.asked).toHaveLength(4)
    }
  })

  it('is asked for again as soon as settings of another time say', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(60_000)
    kept.says = failed
    await kept.ask()
    kept.turn(10_000)
    kept.update({ failureRecheck: 10_000 })
    await kept.ask()
    expect(kept.asked).toHaveLength(3)
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
