// The API's socket and token on a serving process: by the CLI, through reloads, and when it ends.
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { get } from '../unit/http/asking.ts'
import { freePort, main, type Serving, serve } from './serve.ts'

let folder: string
const running: Serving[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-api-'))
})
afterEach(async () => {
  for (const { child, exited } of running.splice(0)) {
    child.kill('SIGTERM')
    await exited
  }
  rmSync(folder, { recursive: true })
})

async function start(changes: object) {
  const web = await freePort()
  const config = {
    ...{ listen: [`127.0.0.1:${await freePort()}`], http: `127.0.0.1:${web}` },
    ...{ docker: { engines: [] }, forward: { upstreams: [] }, hosts: { 'box.example': '192.0.2.1' } },
    ...changes,
  }
  const serving = serve(config)
  running.push(serving)
  await serving.logged('ready')
  return { serving, web, config }
}

async function reload({ child, file, lines }: Serving, config: object) {
  const reloads = () => lines.filter(({ msg }) => /^configuration (reloaded|refused)/.test(String(msg)))
  const before = reloads().length
  writeFileSync(file, stringify(config))
  child.kill('SIGHUP')
  while (reloads().length === before) await wait(10)
  return reloads()[before]!
}

/** What the CLI prints, by the configuration of the server alone. */
function query({ file }: Serving, ...more: string[]): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    const args = [main, 'query', 'box.example', '--config', file, ...more]
    execFile(process.execPath, args, { env: {} }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), out: stdout + stderr }),
    )
  })
}

const names = (to: number | string, headers = {}) =>
  get(to, '/api/names', headers).then(({ status }) => status)
const token = '0123456789abcdef0123456789abcdef'
const bearer = (text: string) => ({ authorization: `Bearer ${text}` })

it('by default the CLI needs neither', async () => {
  const { serving } = await start({})
  expect(await query(serving)).toMatchObject({ code: 0, out: expect.stringContaining('192.0.2.1') })
})

it('the socket serves the host’s view to the CLI, moves with the configuration, and goes in the end', async () => {
  const path = join(folder, 'api.sock')
  const { serving, config, web } = await start({ http: 'off', api: { socket: path } })
  expect(await query(serving)).toMatchObject({ code: 0, out: expect.stringMatching(/asked as +host/) })
  expect((lstatSync(path).mode & 0o777).toString(8)).toBe('660')
  expect(serving.lines.find(({ msg }) => msg === 'ready')).toMatchObject({ socket: path })
  await expect(names(web)).rejects.toThrow()

  const next = join(folder, 'next.sock')
  const told = await reload(serving, { ...config, api: { socket: next } })
  expect(told.changed).toEqual(['api.socket'])
  expect([existsSync(path), await names(next)]).toEqual([false, 200])
  expect((await query(serving)).code).toBe(0)
  serving.child.kill('SIGTERM')
  expect(await serving.exited).toBe(0)
  expect(existsSync(next)).toBe(false)
})

it('a socket that a killed process left is replaced, a file is not', async () => {
  const path = join(folder, 'api.sock')
  const { serving } = await start({ api: { socket: path } })
  serving.child.kill('SIGKILL')
  await serving.exited
  expect(existsSync(path)).toBe(true)
  const second = await start({ api: { socket: path } })
  expect(await names(path)).toBe(200)
  const file = join(folder, 'file')
  writeFileSync(file, 'precious')
  await reload(second.serving, { ...second.config, api: { socket: file } })
  expect(
    await second.serving.logged('metrics and API on the socket cannot move yet, will retry'),
  ).toMatchObject({
    why: `api.socket: ${file} exists and is not a socket; remove it, or set api.socket to another path`,
    still: path,
  })
  expect([lstatSync(file).isFile(), await names(path)]).toEqual([true, 200])
})

it('the token is wanted, read again at each reload, and told to nobody', async () => {
  const file = join(folder, 'token')
  writeFileSync(file, `${token}\n`)
  chmodSync(file, 0o644)
  const { serving, config, web } = await start({
    workers: 2,
    api: { token: file, socket: join(folder, 's') },
  })
  expect([await names(web), await names(web, bearer(token)), await names(join(folder, 's'))]).toEqual([
    401, 200, 200,
  ])
  expect((await get(web, '/metrics')).status).toBe(200)
  expect(await query(serving, '--http', `127.0.0.1:${web}`)).toMatchObject({ code: 0 })
  expect(
    serving.lines.filter(({ warning }) => String(warning).includes('other users can read')),
  ).toHaveLength(1)

  writeFileSync(file, `${token}-2\n`)
  expect(await reload(serving, config)).toMatchObject({ changed: ['api.token'] })
  expect([await names(web, bearer(token)), await names(web, bearer(`${token}-2`))]).toEqual([401, 200])

  rmSync(file)
  expect(await reload(serving, config)).toMatchObject({
    level: 'error',
    problems: [expect.stringContaining('api.token')],
  })
  expect([await names(web), await names(web, bearer(`${token}-2`))]).toEqual([401, 200])
  expect(await reload(serving, { ...config, api: {} })).toMatchObject({
    changed: ['api.socket', 'api.token'],
  })
  expect(await names(web)).toBe(200)
  expect(JSON.stringify(serving.lines)).not.toContain(token)
})
