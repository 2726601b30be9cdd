// Answers in demand are asked for again before their end, behind who gets them.
import { describe, expect, it } from 'vitest'
import { address, keptBy, questionFor, settle, unreachable } from './kept.ts'

describe('an answer in demand', () => {
  async function atTheEnd(uses: number, ttl = 100) {
    const kept = keptBy()
    kept.says = { answers: [address(ttl)] }
    await kept.ask()
    kept.turn(ttl * 900 - 1)
    for (let i = 1; i < uses; i++) await kept.ask()
    expect(kept.asked).toHaveLength(1)
    kept.turn(1)
    return kept
  }

  it('is renewed behind its third use when a tenth is left of it; nobody waits', async () => {
    const kept = await atTheEnd(3)
    kept.says = { answers: [address(100, '192.0.2.2')] }
    expect(kept.forward(questionFor())).not.toBeInstanceOf(Promise)
    expect(kept.count('prefetch')).toBe(1)
    await settle()
    expect(await kept.ask()).toMatchObject({ records: ['A 100 192.0.2.2'] })
    expect(kept.asked).toHaveLength(2)
  })

  it.each([
    ['used less', 2, 100],
    ['that holds for less than 10 s', 5, 9],
  ])('%s is not', async (_, uses, ttl) => {
    const kept = await atTheEnd(uses, ttl)
    await kept.ask()
    expect(kept.asked).toHaveLength(1)
  })

  it('is tried once: where that fails, it stays to its end and after', async () => {
    const kept = await atTheEnd(3)
    kept.says = unreachable
    for (let i = 0; i < 5; i++) {
      expect(await kept.ask()).toMatchObject({ records: ['A 10 192.0.2.1'] })
      await settle()
    }
    expect(kept.asked).toHaveLength(2)
    kept.turn(10_000)
    expect(kept.forward(questionFor())).toMatchObject({ cached: { stale: true } })
  })

  it('is not renewed for a question without RD', async () => {
    const kept = await atTheEnd(5)
    await kept.ask({ flags: 0 })
    expect(kept.asked).toHaveLength(1)
  })

  it('shares the bound on renewals under way', async () => {
    const kept = keptBy({ entries: 200 })
    kept.says = { answers: [address(100)] }
    const names = Array.from({ length: 100 }, (_, i) => `n${i}.example`)
    for (const name of names) await kept.ask({ name })
    kept.turn(91_000)
    kept.slow = true
    for (const name of names) for (let i = 0; i < 3; i++) await kept.ask({ name })
    expect(kept.count('prefetch')).toBe(64)
    await kept.release()
    for (const name of names) await kept.ask({ name })
    expect(kept.count('prefetch')).toBe(100)
  })

  it('where the renewal itself breaks: it is logged, and the server lives', async () => {
    const told: string[] = []
    const kept = keptBy(
      {},
      {
        log: { error: (_: object, text: string) => void told.push(text) } as never,
        isCacheable: () => {
          if (kept.asked.length > 1) throw new Error('our bug')
          return true
        },
      },
    )
    kept.says = { answers: [address(100)] }
    await kept.ask()
    kept.turn(95_000)
    for (let i = 0; i < 3; i++) await kept.ask()
    await settle()
    expect(told).toEqual(['a kept answer could not be renewed'])
  })
})
