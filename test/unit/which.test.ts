// Which engine test files run where (test/engine/which.ts): no file is left out that isn't there, or everywhere.
import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { versions } from '../engine/install.ts'
import { dockerOnly, excludedFiles } from '../engine/which.ts'

const files = readdirSync(new URL('../engine', import.meta.url)).filter((name) => name.endsWith('.test.ts'))
const isPodmans = (name: string) => name.startsWith('podman')
const runsBeside = (engine: string) => {
  const excluded = excludedFiles(engine)
  const isOut = (name: string) =>
    excluded.includes(`test/engine/${name}`) ||
    (isPodmans(name) && excluded.includes('test/engine/podman*.test.ts'))
  return files.filter((name) => !isOut(name))
}

it('every file runs beside the newest Docker or Podman', () => {
  expect(runsBeside('28')).toEqual(files.filter((name) => !isPodmans(name)))
  expect([...new Set([...runsBeside('28'), ...runsBeside('podman')])].sort()).toEqual(files.sort())
})

it.each(versions)('beside %s the names and who sees them are tested', (version) => {
  for (const name of ['names', 'scope', 'follow', ...(version === 'podman' ? ['podman'] : ['soak'])]) {
    expect(runsBeside(version)).toContain(`${name}.test.ts`)
  }
})

it('Podman’s own run nowhere else, and what is Docker’s alone has a reason', () => {
  for (const version of ['28', '26.1', '20.10']) expect(runsBeside(version).some(isPodmans)).toBe(false)
  expect(runsBeside('podman').filter(isPodmans)).toEqual(files.filter(isPodmans))
  for (const why of Object.values(dockerOnly)) expect(why).not.toBe('')
})
