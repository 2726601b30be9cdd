// Coalescing: who shares an exchange, who does not, and what bounds those who wait.
import { describe, expect, it } from 'vitest'
import { createForwardMetrics } from '../../../src/forward/forward-metrics.ts'
import { createInflight, type InflightOptions } from '../../../src/forward/inflight.ts'
import { createKeys } from '../../../src/forward/key.ts'
import type { Forwarded, ForwardQuestion } from '../../../src/forward/types.ts'
import { type Asked, failed, questionFor, settle, zoneRoute } from './cache/kept.ts'

function sharing(more: Partial<InflightOptions> = {}) {
  const counters = createForwardMetrics()
  const asked: ForwardQuestion[] = []
  const open: ((result: Forwarded) => void)[] = []
  const ask = (question: ForwardQuestion) => {
    asked.push(question)
    return new Promise<Forwarded>((resolve) => open.push(resolve))
  }
  const kept: Forwarded[] = []
  const keep: InflightOptions['keep'] = (_asked, _keys, result) => {
    kept.push(result)
    return result
  }
  const forward = createInflight({ ask, keep, counters, claim: () => () => {}, ...more })
  const keysOf = createKeys()
  return {
    asked,
    kept,
    counters,
    async ask(what: Asked = {}) {
      const question = questionFor(what)
      return forward(question, keysOf(question))
    },
    answer(result: Forwarded = failed) {
      for (const resolve of open.splice(0)) resolve(result)
    },
  }
}

/** So many places in all, and so many for one asker. */
function claimsFor(total: number, perAsker: number): InflightOptions['claim'] {
  const held: string[] = []
  return (asker) => {
    if (held.length >= total || held.filter((each) => each === asker).length >= perAsker) return undefined
    held.push(asker)
    return () => void held.splice(held.indexOf(asker), 1)
  }
}

const busy: Forwarded = { failure: 'too many', reason: 'busy' }

describe('identical questions under way', () => {
  it('share one exchange and its result, whoever asks', async () => {
    const run = sharing()
    const answers = ['10.0.0.1', '10.0.0.2', '10.0.0.2'].map((asker) => run.ask({ asker, name: 'A.example' }))
    expect(run.asked).toHaveLength(1)
    expect(run.counters.coalesced.cell().value).toBe(2)
    run.answer()
    expect(await Promise.all(answers)).toEqual([failed, failed, failed])
    expect(run.kept).toEqual([failed])
  })

  it('are those of one name, type, class, RD, DO, CD and route', async () => {
    const run = sharing()
    const others: Asked[] = [
      { name: 'a.example' },
      { name: 'b.example' },
      { name: 'a.example', type: 'AAAA' },
      { name: 'a.example', class: 3 },
      { name: 'a.example', flags: 0 },
      { name: 'a.example', flags: 0x0110 },
      { name: 'a.example', dnssecOk: true },
      { name: 'a.example', route: zoneRoute('example') },
    ]
    for (const other of others) void run.ask(other)
    expect(run.asked).toHaveLength(others.length)
    for (const other of others) void run.ask(other)
    expect(run.asked).toHaveLength(others.length)
  })

  it('are no more so once the exchange is over', async () => {
    const run = sharing()
    const first = run.ask()
    run.answer()
    await first
    void run.ask()
    expect(run.asked).toHaveLength(2)
  })

  it('do not share what came of one asker’s own limit', async () => {
    const run = sharing()
    const [first, same, other] = ['10.0.0.1', '10.0.0.1', '10.0.0.2'].map((asker) => run.ask({ asker }))
    run.answer(busy)
    expect(await first).toBe(busy)
    expect(await same).toBe(busy)
    await settle()
    expect(run.asked.map(({ asker }) => asker)).toEqual(['10.0.0.1', '10.0.0.2'])
    run.answer(failed)
    expect(await other).toBe(failed)
    expect(run.kept).toEqual([busy, failed])
  })

  it('wait in bounded number, in all and for each asker, and those over it are told so', async () => {
    const run = sharing({ claim: claimsFor(5, 3) })
    const ask = (asker: string) => run.ask({ asker })
    const waiting = ['1', '1', '1', '1'].map(ask)
    await expect(ask('1')).resolves.toMatchObject({ reason: 'busy' })
    waiting.push(ask('2'), ask('2'))
    await expect(ask('3')).resolves.toMatchObject({ reason: 'busy' })
    expect(run.counters.rejects.cell().value).toBe(2)
    run.answer()
    expect(await Promise.all(waiting)).toHaveLength(6)
    // All have gone, so there is room again.
    const again = ['1', '1', '1', '1'].map(ask)
    expect(run.asked).toHaveLength(2)
    run.answer()
    expect(await Promise.all(again)).toEqual([failed, failed, failed, failed])
  })

  it('are set free by an exchange that breaks', async () => {
    let broken = true
    const run = sharing({
      ask: async () => {
        if (broken) throw new Error('our bug')
        return failed
      },
    })
    const answers = [run.ask(), run.ask()]
    await expect(answers[0]).rejects.toThrow('our bug')
    await expect(answers[1]).rejects.toThrow('our bug')
    broken = false
    await expect(run.ask()).resolves.toBe(failed)
  })
})

it('what is at hand is passed on as it is, without a promise', () => {
  const forward = createInflight({
    ask: () => busy,
    keep: (_asked, _keys, result) => result,
    counters: createForwardMetrics(),
    claim: () => undefined,
  })
  const question = questionFor()
  expect(forward(question, createKeys()(question))).toBe(busy)
})
