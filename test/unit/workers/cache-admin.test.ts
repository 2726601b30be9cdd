// The caches of all processes as one: each is told, and what each says, or does not, is known.
import { describe, expect, it } from 'vitest'
import { createFlushes, type Flush } from '../../../src/forward/cache/flush.ts'
import { createCaches } from '../../../src/workers/cache-admin.ts'
import type { Request } from '../../../src/workers/messages.ts'
import type { Outcome } from '../../../src/workers/supervisor.ts'

function together(outcomes: readonly Outcome[] = []) {
  const flushes = createFlushes(4)
  const own: Flush[] = []
  const said: Request[] = []
  const caches = createCaches({
    flushes,
    cache: {
      async flush(flush) {
        flushes.note(flush)
        own.push(flush)
        return { answers: 1, failures: 0 }
      },
      holdings: async () => ({ list: [], more: 1 }),
    },
    pool: {
      async ask(request) {
        said.push(request)
        return outcomes
      },
    },
  })
  return { caches, own, said }
}

const done = { kind: 'done', id: 1, tally: new Map() } as const
const names = { name: 'www.example.org', below: false }

describe('a flush', () => {
  it('has the next number, the same everywhere', async () => {
    const { caches, own, said } = together([{ ...done, flushed: { answers: 2, failures: 1 } }])
    expect(await caches.flush(names)).toEqual({
      told: [
        { worker: 1, answers: 1, failures: 0 },
        { worker: 2, answers: 2, failures: 1 },
      ],
      silent: [],
    })
    await caches.flush(undefined)
    expect(own).toEqual([
      { number: 5, names },
      { number: 6, names: undefined },
    ])
    expect(said).toEqual(own.map((flush) => ({ kind: 'flush', flush })))
  })

  it('two at once have two numbers', async () => {
    const { caches, own } = together([])
    await Promise.all([caches.flush(names), caches.flush(names)])
    expect(own.map(({ number }) => number)).toEqual([5, 6])
  })

  it('tells which processes have not said that they did it; those that hold nothing are none of them', async () => {
    const { caches } = together(['silent', 'gone', done, { ...done, flushed: { answers: 0, failures: 0 } }])
    expect(await caches.flush(undefined)).toEqual({
      told: [
        { worker: 1, answers: 1, failures: 0 },
        { worker: 5, answers: 0, failures: 0 },
      ],
      silent: [2],
    })
  })

  it('is one process’s where there is no other', async () => {
    const { caches } = together()
    expect(await caches.flush(names)).toEqual({ told: [{ worker: 1, answers: 1, failures: 0 }], silent: [] })
  })
})

it('what they hold is told by each', async () => {
  const { caches, said } = together(['silent', { ...done, holdings: { list: [], more: 7 } }])
  expect(await caches.holdings(names, 9)).toEqual({
    told: [
      { worker: 1, list: [], more: 1 },
      { worker: 3, list: [], more: 7 },
    ],
    silent: [2],
  })
  expect(said).toEqual([{ kind: 'holdings', subject: names, limit: 9 }])
})
