// Which test runs were asked for, and what came of them. Pure.

import type { Version } from './engine/install.ts'

export type Run = 'unit' | Version
export type Choice = { runs: Run[]; rest: string[] }
export type Counts = { passed: number; failed: number; skipped: number }

// The parts of vitest's JSON report that are read here.
export type Report = {
  success: boolean
  testResults: {
    name: string
    status: string
    message?: string
    assertionResults: { status: string; fullName?: string; failureMessages?: string[] }[]
  }[]
}

const words: Record<string, Run[]> = {
  unit: ['unit'],
  engine: ['28', 'podman', '26.1', '20.10'],
  '28': ['28'],
  '26.1': ['26.1'],
  '20.10': ['20.10'],
  podman: ['podman'],
}
// Two run at a time, those that take longest first.
const known: Run[] = ['unit', '28', 'podman', '26.1', '20.10']
const all: Run[] = known

// `npm test -- [unit] [engine] [28] [26.1] [20.10] [podman] …`: leading words choose, the rest goes on to vitest. `engine` with an
// engine means that one.
export function parseChoice(argv: string[]): Choice {
  const end = argv.findIndex((word) => !Object.hasOwn(words, word))
  const chosen = end === -1 ? argv : argv.slice(0, end)
  const rest = end === -1 ? [] : argv.slice(end)
  const named = chosen.some((word) => word !== 'unit' && word !== 'engine')
    ? chosen.filter((word) => word !== 'engine')
    : chosen
  const runs =
    named.length > 0 ? known.filter((run) => named.some((word) => words[word]!.includes(run))) : all
  return { runs, rest }
}

export const engineName = (version: string): string => (version === 'podman' ? 'Podman' : `Docker ${version}`)

// Counts one run. `filtered`: only some tests were asked for, so none at all may be right, and skipped ones are.
export function count(code: number, report: Report | undefined, filtered: boolean): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of report?.testResults ?? []) {
    const states = file.assertionResults.map(({ status }) => status)
    counts.passed += states.filter((state) => state === 'passed').length
    counts.failed += states.filter((state) => state === 'failed').length
    counts.skipped += states.filter((state) => state !== 'passed' && state !== 'failed').length
    // A file can fail by itself: it can't be loaded, or a hook throws.
    if (file.status === 'failed' && !states.includes('failed')) counts.failed++
  }
  const isEmpty = counts.passed + counts.failed === 0
  if (counts.failed === 0 && (code !== 0 || !report?.success || (isEmpty && !filtered))) counts.failed = 1
  if (filtered) counts.skipped = 0
  return counts
}

// What failed, a text each: the file, the test, and the head of why. For the end of a long log, of which often no more
// than that is kept.
export function listFailures(report: Report | undefined): string[] {
  const head = (text: string) => text.split('\n').slice(0, 12).join('\n    ').slice(0, 1_500)
  return (report?.testResults ?? []).flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0) return status === 'failed' ? [`${name}\n    ${head(message ?? '')}`] : []
    return failed.map(
      ({ fullName, failureMessages = [] }) =>
        `${name} > ${fullName}${failureMessages.map((text) => `\n    ${head(text)}`).join('')}`,
    )
  })
}

export function sum(list: Counts[]): Counts {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const counts of list) {
    total.passed += counts.passed
    total.failed += counts.failed
    total.skipped += counts.skipped
  }
  return total
}
