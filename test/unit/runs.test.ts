// Choosing and summing of test runs (test/runs.ts).
import { describe, expect, it } from 'vitest'
import { count, listFailures, parseChoice, type Report, sum } from '../runs.ts'

const report = (...files: string[][]): Report => ({
  success: files.flat().every((status) => status === 'passed'),
  testResults: files.map((states, index) => ({
    name: `${index}.test.ts`,
    status: states.includes('failed') ? 'failed' : 'passed',
    assertionResults: states.map((status) => ({ status })),
  })),
})

describe('choosing runs', () => {
  it('takes all without a word', () => {
    const runs = ['unit', '28', 'podman', '26.1', '20.10']
    expect(parseChoice([])).toEqual({ runs, rest: [] })
    expect(parseChoice(['-t', 'unit'])).toEqual({ runs, rest: ['-t', 'unit'] })
  })

  it('takes what is named, in the usual order', () => {
    expect(parseChoice(['engine']).runs).toEqual(['28', 'podman', '26.1', '20.10'])
    expect(parseChoice(['20.10', 'unit']).runs).toEqual(['unit', '20.10'])
    expect(parseChoice(['engine', 'podman', '28']).runs).toEqual(['28', 'podman'])
    expect(parseChoice(['engine', '26.1', '-t', 'a pattern'])).toEqual({
      runs: ['26.1'],
      rest: ['-t', 'a pattern'],
    })
  })

  it('leaves words after the first other one to vitest', () => {
    expect(parseChoice(['unit', 'scope', 'engine'])).toEqual({ runs: ['unit'], rest: ['scope', 'engine'] })
  })
})

describe('counting a run', () => {
  it('counts tests by their outcome', () => {
    const counts = count(1, report(['passed', 'failed'], ['passed', 'pending', 'todo']), false)
    expect(counts).toEqual({ passed: 2, failed: 1, skipped: 2 })
  })

  it('does not count as skipped what was filtered out', () => {
    expect(count(0, { ...report(['passed', 'pending']), success: true }, true)).toEqual({
      passed: 1,
      failed: 0,
      skipped: 0,
    })
  })

  it('counts a file that fails without a failed test', () => {
    const broken = { name: 'a.test.ts', status: 'failed', assertionResults: [] }
    const { testResults } = report(['passed'])
    expect(count(1, { success: false, testResults: [broken, ...testResults] }, false)).toMatchObject({
      passed: 1,
      failed: 1,
    })
  })

  it('counts a crash, a lost report and an empty run as one failure', () => {
    expect(count(137, undefined, false).failed).toBe(1)
    expect(count(0, undefined, true).failed).toBe(1)
    expect(count(1, report(['passed']), false)).toMatchObject({ passed: 1, failed: 1 })
    expect(count(0, report(), false).failed).toBe(1)
    expect(count(0, report(), true).failed).toBe(0)
  })

  it('sums', () => {
    const one = { passed: 1, failed: 2, skipped: 3 }
    expect(sum([one, one])).toEqual({ passed: 2, failed: 4, skipped: 6 })
    expect(sum([])).toEqual({ passed: 0, failed: 0, skipped: 0 })
  })
})

describe('telling what failed', () => {
  it('names the file and the test, and the head of why', () => {
    const why = ['AssertionError: expected 1 to be 2', ...Array.from({ length: 50 }, () => 'at x')].join('\n')
    const assertionResults = [
      { status: 'passed', fullName: 'it works', failureMessages: [] },
      { status: 'failed', fullName: 'it adds', failureMessages: [why] },
    ]
    const testResults = [
      { name: 'a.test.ts', status: 'failed', message: '', assertionResults },
      { name: 'b.test.ts', status: 'failed', message: 'SyntaxError: no', assertionResults: [] },
      { name: 'c.test.ts', status: 'passed', message: '', assertionResults: [] },
    ]
    const [one, two, ...more] = listFailures({ success: false, testResults })
    expect(one).toMatch(/^a\.test\.ts > it adds\n {4}AssertionError: expected 1 to be 2\n/)
    expect(one!.split('\n').length).toBeLessThan(15)
    expect(two).toBe('b.test.ts\n    SyntaxError: no')
    expect(more).toEqual([])
  })

  it('tells nothing where nothing failed, or nothing was reported', () => {
    expect(listFailures(report(['passed'], ['pending']))).toEqual([])
    expect(listFailures(undefined)).toEqual([])
  })
})
