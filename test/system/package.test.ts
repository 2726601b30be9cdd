// The package as npm makes it: what is in it, and that it runs by itself in an empty folder.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, serve } from './serve.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'berth-package-'))
const home = join(folder, 'home')
const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, HOME: folder }
let files: string[]

const run = (program: string, args: string[], cwd: string) =>
  execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const berth = (...args: string[]) => run(join(home, 'node_modules/.bin/berth'), args, home)

beforeAll(() => {
  // dist/ is there; whoever packs to publish has it built first (prepack).
  const [packed] = JSON.parse(
    run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root),
  )
  files = packed.files.map(({ path }: { path: string }) => path)
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n')
  // An empty cache and no registry: all that berth cannot do without is in the package itself. koffi is optional.
  const options = [
    '--offline',
    '--cache',
    join(folder, 'cache'),
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ]
  run('npm', ['install', ...options, join(folder, packed.filename)], home)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the package', () => {
  it('has the program, its licences, the configuration and the documents, and nothing else', () => {
    const expected = [
      /^(?:package\.json|LICENSE|README\.md|ARCHITECTURE\.md|CHANGELOG\.md|SECURITY\.md)$/,
      /^dist\/(?:[a-z-]+\.js|package\.json|LICENSES\.txt)$/,
      /^config\/(?!image\.yml)[\w-]+\.(?:yml|json|cfg|conf)$/,
      /^docs\/[\w-]+\.(?:md|svg)$/,
      /^examples\/berth\.(?:service|yml)$/,
    ]
    expect(files.filter((file) => !expected.some((pattern) => pattern.test(file)))).toEqual([])
    for (const pattern of expected) expect(files.some((file) => pattern.test(file))).toBe(true)
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'config/berth.yml', 'dist/LICENSES.txt']))
  })

  it('has each file that README and the documents lead to, but those for a checkout alone', () => {
    const ofCheckout =
      /^(?:compose\.example\.yml|CONTRIBUTING\.md|Dockerfile|docs\/bench\.json|(?:src|test|\.ci)\/.*)$/
    const missing = files
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) =>
        [...readFileSync(join(root, file), 'utf8').matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, link]) =>
          posix.join(posix.dirname(file), link!),
        ),
      )
      .filter((link) => !files.includes(link) && !ofCheckout.test(link))
    expect(missing).toEqual([])
    const cited = readFileSync(join(root, 'config/berth.yml'), 'utf8').match(/docs\/[\w-]+\.md/g)!
    expect(cited.filter((file) => !files.includes(file))).toEqual([])
  })

  it('needs no other package', () => {
    expect(about.dependencies).toBeUndefined()
    expect(Object.keys(about.optionalDependencies)).toEqual(['koffi'])
    expect(existsSync(join(home, 'node_modules/koffi'))).toBe(false)
  })
})

describe('installed into an empty folder', () => {
  it('says its version', () => {
    expect(berth('--version')).toBe(`${about.version}\n`)
  })

  it('checks the configuration that it brings', () => {
    expect(berth('check', 'node_modules/berth/config/berth.yml')).toMatch(
      /^configuration {2}node_modules\/berth\/config\/berth\.yml\nlisten +127\.0\.0\.1:1053\n/,
    )
  })

  it('serves, and answers a question', async () => {
    const port = await freePort()
    const config = { listen: [`127.0.0.1:${port}`], http: 'off', docker: { engines: [] } }
    const program = join(home, 'node_modules/berth/dist/main.js')
    const { child, exited, logged } = serve(config, { program, env: { BERTH_UDP: 'auto' } })
    try {
      await logged('ready')
      expect(berth('query', '--wire', 'localhost', '--server', `127.0.0.1:${port}`)).toContain(
        'localhost.  0  A  127.0.0.1\n',
      )
    } finally {
      child.kill()
    }
    expect(await exited).toBe(0)
  })
})
