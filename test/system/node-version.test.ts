// The oldest Node: package.json names it; berth, `npm start`, `npm test` and .ci/run refuse an older one in one sentence.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { main } from './serve.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(root + path, 'utf8')
const { engines, scripts, devDependencies } = JSON.parse(read('package.json'))
const [, oldest] = /^>=(\d+\.\d+)$/.exec(engines.node)!
const [major, minor] = oldest!.split('.').map(Number) as [number, number]

/** Runs a program with a Node that says it is of this version. */
function runAs(version: string, program: string, ...args: string[]) {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(pretend)}"` },
  })
  return { status, stdout, stderr }
}

const refusal = (version: string) => ({
  status: 1,
  stdout: '',
  stderr: `berth needs Node ${oldest} or later; this is ${version}\n`,
})

describe('an older Node', () => {
  const versions = [`${major}.${minor - 1}.9`, `${major - 1}.99.0`]

  it.each(versions)('%s is refused by .ci/run, before it does anything', (version) => {
    expect(runAs(version, '.ci/run')).toEqual(refusal(version))
  })

  it.each(versions)('%s is refused by berth', (version) => {
    expect(runAs(version, process.execPath, main, 'serve')).toEqual(refusal(version))
  })

  it('is refused before anything is built or run from a checkout', () => {
    const first = 'node .ci/install.mjs'
    const building = Object.entries(scripts as Record<string, string>).filter(([name, script]) =>
      name.startsWith('pre') && name !== 'prepublishOnly' ? true : script.includes('.ci/install'),
    )
    expect(building.length).toBeGreaterThan(5)
    expect(building.filter(([, script]) => !script.startsWith(first))).toEqual([])
    expect(scripts).toMatchObject({ prestart: expect.any(String), pretest: expect.any(String) })
  })
})

it.each([`${major}.${minor}.0`, `${major}.${minor + 1}.3`, `${major + 1}.0.0`])('%s will do', (version) => {
  expect(runAs(version, process.execPath, main, '--version')).toMatchObject({ status: 0, stderr: '' })
  const check = `import('./.ci/node.mjs').then(({ refusal }) => console.log(refusal(process.versions.node)))`
  expect(runAs(version, process.execPath, '--eval', check).stdout).toBe('undefined\n')
})

it('is the same in what people read, and in the types', () => {
  expect(read('README.md')).toContain(`Node ${oldest} or later`)
  expect(read('CONTRIBUTING.md')).toContain(`Node ${oldest} or later`)
  expect(devDependencies['@types/node']).toMatch(new RegExp(`^${oldest}\\.`))
})
