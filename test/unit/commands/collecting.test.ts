// What V8 is told of collecting garbage, where it has the setting: others would say on standard error that they have not.
import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { collectOnce } from '../../../src/commands/collecting.ts'

it.each([
  ['11.3.244.8-node.33', ['--memory-reducer-single-gc']],
  ['12.4.254.21-node.33', []],
  ['1.1.3', []],
])('of V8 %s: %j', (version, flags) => {
  const set: string[] = []
  collectOnce(version, (flag) => void set.push(flag))
  expect(set).toEqual(flags)
})

it('is a setting that this Node has, if it is told at all', () => {
  const options = execFileSync(process.execPath, ['--v8-options']).toString()
  collectOnce(process.versions.v8, (flag) => expect(options).toContain(`${flag} `))
})
