// What commands load: the health check is started every 30 s for as long as a container runs.
import { execFile } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from './serve.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'berth-weight-'))
const tell = join(folder, 'tell.cjs')
let server: Socket
let at: string

beforeAll(async () => {
  writeFileSync(
    tell,
    `process.on('exit', () => require('node:fs').writeFileSync(process.env.TOLD, JSON.stringify({
      files: Object.keys(require.cache), own: process.moduleLoadList })))`,
  )
  server = createSocket('udp4')
  server.on('message', (question, { port, address }) => {
    question[2]! |= 0x80
    server.send(question, port, address)
  })
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
  at = `127.0.0.1:${server.address().port}`
})

afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

/** Files that a command loads, those of Node's own parts that are dear, and what it prints. */
async function load(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const told = join(folder, 'told.json')
  const { stdout } = await run(process.execPath, ['--require', tell, main, ...args], {
    env: { PATH: process.env.PATH, TOLD: told, ...env },
  })
  const { files, own } = JSON.parse(readFileSync(told, 'utf8')) as { files: string[]; own: string[] }
  return {
    stdout,
    files: files
      .filter((file) => file !== tell)
      .map((file) => (dirname(file) === dirname(main) ? basename(file) : file))
      .sort(),
    dear: ['crypto', 'http', 'http2', 'tls', 'worker_threads'].filter((name) =>
      own.includes(`NativeModule ${name}`),
    ),
  }
}

const light = ['errors.js', 'main.js', 'query.js']
const check = ['query', '--wire', 'localhost']

describe('a command loads what it needs:', () => {
  it.each([['--help'], ['--version']])('%s hardly any file', async (option) => {
    expect(await load([option])).toMatchObject({ files: ['errors.js', 'main.js'], dear: [] })
  })

  it('the health check three, by an address of the environment', async () => {
    const { files, dear, stdout } = await load(check, { BERTH_LISTEN: at })
    expect([files, dear]).toEqual([light, []])
    expect(stdout).toMatch(/^NOERROR, 0 answers/)
  })

  it('also beside a file with nothing but comments, as the image has it', async () => {
    const file = join(folder, 'empty.yml')
    writeFileSync(file, '# Nothing.\n\n  # Nor here.\n')
    const { files } = await load([...check, '--server', at], { BERTH_CONFIG: file })
    expect(files).toEqual(light)
    expect((await load(check, { BERTH_CONFIG: file, BERTH_LISTEN: at })).files).toEqual(files)
  })

  it('zod never, where the file says where berth is', async () => {
    const file = join(folder, 'berth.yml')
    writeFileSync(file, `listen: ["${at}"]\nttl: 5\n`)
    const { files, stdout } = await load(check, { BERTH_CONFIG: file })
    expect(files).toContain('sources.js')
    expect(files.filter((name) => /schema|serve|load/.test(name))).toEqual([])
    expect(stdout).toMatch(/^NOERROR/)
  })
})

it('serve loads nothing of node_modules but what has native code', async () => {
  const { files } = await load(['check'], { DOCKER_HOST: `unix://${folder}/none` })
  expect(files.filter((file) => file.includes('node_modules'))).toEqual([])
})

it('where koffi is not there, whoever needs it is told so in one line', async () => {
  const build = join(folder, 'a build alone')
  cpSync(dirname(main), build, { recursive: true })
  const question = ['query', '--wire', 'localhost', '--tcp', '--server', '[fe80::1%up_link]:53']
  const asked = run(process.execPath, [join(build, basename(main)), ...question])
  await expect(asked).rejects.toMatchObject({
    ...{ code: 1, stdout: '' },
    stderr: expect.stringMatching(
      /^no DNS reply .* \(Cannot find module 'koffi'\); give the interface .*\n$/,
    ),
  })
})
