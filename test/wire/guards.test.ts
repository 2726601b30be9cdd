// Every guard is needed: without it each packet that names it comes to something else.
import { afterAll, describe, expect, it } from 'vitest'
import { readCorpus } from './corpus.ts'
import { type Guard, guards } from './guards.ts'
import { cutOut, loadMutant } from './mutants.ts'
import { run } from './run.ts'

const entries = readCorpus()
const naming = (guard: Guard) => entries.filter((entry) => entry.guard === guard.id)

describe('guards', () => {
  it('are named by packets, and packets name no others', () => {
    expect(guards.filter((guard) => naming(guard).length === 0).map(({ id }) => id)).toEqual([])
    const ids = guards.map(({ id }) => id)
    expect(entries.filter(({ guard }) => !ids.includes(guard)).map(({ name }) => name)).toEqual([])
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('that are no longer where the table has them are told', () => {
    const gone: Guard = { id: 'gone', file: 'dns/header.ts', cuts: [['no such text', '']] }
    expect(() => cutOut(gone)).toThrow('guard gone: "no such text" is 0 times in src/dns/header.ts')
  })
})

describe('without its guard each packet comes to something else:', () => {
  const started = performance.now()
  afterAll(() => console.log(`${guards.length} guards, ${Math.round(performance.now() - started)} ms`))

  it.each(guards.map((guard) => [guard.id, guard] as const))('%s', async (_id, guard) => {
    const mutant = await loadMutant(guard)
    const unmoved: string[] = []
    for (const entry of naming(guard))
      if ((await run(mutant, entry)) === entry.expect) unmoved.push(entry.name)
    expect(unmoved).toEqual([])
  })
})
