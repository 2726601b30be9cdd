// How berth query and names find the running berth: its socket, its address, and the token that it may want.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { ask, httpServer, isHere } from '../../../src/commands/api-client.ts'
import { run } from '../../../src/commands/run.ts'
import { digestOf } from '../../../src/config/api-token.ts'
import { type Access, apiRoutes } from '../../../src/http/api.ts'
import { createHttpServer, type Place } from '../../../src/http/server.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { recordingInspector } from '../http/asking.ts'
import { call } from './call.ts'

const directory = mkdtempSync(join(tmpdir(), 'berth-access-'))
const file = join(directory, 'berth.yml')
const socket = join(directory, 'api.sock')
const tokenFile = join(directory, 'token')
const secret = '0123456789abcdef'
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  rmSync(tokenFile, { force: true, recursive: true })
})
afterAll(() => rmSync(directory, { recursive: true }))

/** Serves there; says whether it was asked. */
async function serve(place: Place = { host: '127.0.0.1', port: 0 }, token?: string) {
  const inspector = recordingInspector()
  const access: Access = {
    hosts: () => [],
    tokenDigest: () => (token === undefined ? undefined : digestOf(token)),
    hasHostView: () => false,
  }
  const routes = apiRoutes(inspector, [], access)
  const server = createHttpServer({ address: place, routes, log: silentLogger })
  await server.start()
  closing.push(() => server.stop())
  const address = server.address()
  return { inspector, at: address === undefined ? socket : `${address.host}:${address.port}` }
}

const onSocket = () => serve({ path: socket, group: undefined })

function writeToken(text: string): void {
  writeFileSync(tokenFile, text)
  chmodSync(tokenFile, 0o640)
}

describe('the socket', () => {
  it.each([`unix://${socket}`, socket])('is asked where --http names it (%s)', async (http) => {
    const { inspector } = await onSocket()
    expect(await call(run, ['query', 'web', '--http', http])).toMatchObject({ code: 0 })
    expect(await call(run, ['names', '--http', http, '--as', 'web'])).toMatchObject({ code: 0 })
    expect(inspector.asked).toEqual([{ kind: 'host' }, { kind: 'container', name: 'web' }])
  })

  it('is asked where the configuration or the environment names it, also with http off', async () => {
    const { inspector } = await onSocket()
    writeFileSync(file, 'http: off\napi: {socket: api.sock}\n')
    expect((await call(run, ['query', 'web', '--config', file])).code).toBe(0)
    expect((await call(run, ['query', 'web'], { BERTH_CONFIG: file })).code).toBe(0)
    expect((await call(run, ['query', 'web'], { BERTH_API_SOCKET: socket, BERTH_HTTP: 'off' })).code).toBe(0)
    expect(inspector.asked).toHaveLength(3)
  })

  it('goes before the address', async () => {
    const tcp = await serve()
    const { inspector } = await onSocket()
    writeFileSync(file, `http: ${tcp.at}\napi: {socket: api.sock}\n`)
    expect((await call(run, ['query', 'web', '--config', file])).code).toBe(0)
    expect([inspector.asked.length, tcp.inspector.asked.length]).toEqual([1, 0])
  })

  it('that is not there leaves the address', async () => {
    const { at, inspector } = await serve()
    writeFileSync(file, `http: ${at}\napi: {socket: none.sock}\n`)
    expect((await call(run, ['query', 'web', '--config', file])).code).toBe(0)
    expect(inspector.asked).toHaveLength(1)
    writeFileSync(join(directory, 'file.sock'), '')
    writeFileSync(file, `http: ${at}\napi: {socket: file.sock}\n`)
    expect((await call(run, ['query', 'web', '--config', file])).code).toBe(0)
  })

  it('that is not there is said, beside what was tried then', async () => {
    writeFileSync(file, 'http: 127.0.0.1:1\napi: {socket: none.sock}\n')
    const { code, stderr } = await call(run, ['query', 'web', '--config', file])
    expect([code, stderr]).toEqual([
      1,
      `cannot reach berth at ${directory}/none.sock; use --http ADDRESS or --config FILE to say where it listens; ` +
        'cannot reach berth at 127.0.0.1:1; is it running? use --http ADDRESS or --config FILE to say where it listens\n',
    ])
    writeFileSync(file, 'http: off\napi: {socket: none.sock}\n')
    expect(await call(run, ['query', 'web', '--config', file])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^cannot reach berth at \S+none\.sock; use --http/),
    })
  })

  it('is tried where it usually is, unless the configuration says where berth is', async () => {
    await onSocket()
    const find = (more: Partial<Parameters<typeof httpServer>[0]>, text = '') => {
      writeFileSync(file, text)
      return httpServer({ config: file, env: {}, usual: socket, ...more })
    }
    const usual = { host: '127.0.0.1', port: 9153 }
    expect(await find({})).toEqual({ socket, http: usual })
    expect(await ask(await find({}), '/api/names', {})).toMatchObject({ as: 'host' })
    expect(await find({ usual: join(directory, 'none') })).toEqual({ http: usual })
    expect(await find({ usual: file })).toEqual({ http: usual })
    expect(await find({}, 'ttl: 1')).toEqual({ socket, http: usual })
    expect(await find({}, 'http: 127.0.0.1:99')).toEqual({ http: { host: '127.0.0.1', port: 99 } })
    expect(await find({}, 'api: {socket: off}')).toEqual({ http: usual })
    expect(await find({ env: { BERTH_HTTP: '127.0.0.1:99' } })).toEqual({
      http: { host: '127.0.0.1', port: 99 },
    })
    expect(await find({ address: '127.0.0.1:99' })).toEqual({ http: { host: '127.0.0.1', port: 99 } })
    await expect(find({}, 'http: off')).rejects.toThrow('the configuration has "http: off"')
  })
})

describe('the token', () => {
  it('is sent where its file can be read', async () => {
    const { at, inspector } = await serve(undefined, secret)
    writeToken(`${secret}\n`)
    writeFileSync(file, `http: ${at}\napi: {token: token}\n`)
    expect(await call(run, ['query', 'web', '--config', file])).toMatchObject({ code: 0, stderr: '' })
    expect(await call(run, ['names', '--http', at], { BERTH_API_TOKEN: tokenFile })).toMatchObject({
      code: 0,
    })
    expect(await call(run, ['names', '--http', at, '--config', file])).toMatchObject({ code: 0 })
    expect(inspector.asked).toHaveLength(3)
  })

  it('that can not be read, or is another, is said', async () => {
    const { at, inspector } = await serve(undefined, secret)
    writeFileSync(file, `http: ${at}\napi: {token: token}\n`)
    const { code, stderr } = await call(run, ['query', 'web', '--config', file])
    expect([code, stderr]).toEqual([
      1,
      'the host’s view needs the token of api.token: send "Authorization: Bearer TOKEN", or ask through api.socket; ' +
        `${tokenFile}: the file cannot be read: no such file (api.token names a file, not the token itself)\n`,
    ])
    writeToken('another-token-of-16')
    expect(await call(run, ['query', 'web', '--config', file])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^this is not the token of api\.token/),
    })
    expect((await call(run, ['query', 'web', '--http', at])).code).toBe(1)
    expect(inspector.asked).toEqual([])
  })

  it('is not needed where the configuration is no matter', async () => {
    const { at } = await serve()
    writeFileSync(file, 'api: {token: [}')
    expect((await call(run, ['query', 'web', '--http', at, '--config', file])).code).toBe(0)
    expect((await call(run, ['query', 'web', '--http', at], { BERTH_CONFIG: '/nowhere.yml' })).code).toBe(0)
  })

  it('goes to nobody by the socket, and to no other machine', async () => {
    const seen: (string | undefined)[] = []
    const server = createPlainServer(({ headers }, response) => {
      seen.push(headers.authorization)
      response.end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    const { port } = server.address() as AddressInfo
    writeToken(secret)
    await ask({ http: { host: '127.0.0.1', port }, token: tokenFile }, '/', {})
    expect(seen).toEqual([`Bearer ${secret}`])
    const other = createPlainServer(({ headers }, response) => {
      seen.push(headers.authorization)
      response.end('{}')
    })
    await new Promise<void>((resolve) => other.listen(`${socket}.2`, resolve))
    closing.push(() => other.close())
    await ask({ socket: `${socket}.2`, token: tokenFile }, '/', {})
    expect(seen[1]).toBeUndefined()
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map(isHere)).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(['192.0.2.1', '2001:db8::1', 'localhost', ''].map(isHere)).toEqual([false, false, false, false])
  })
})

it('berth check tells what is set, and never the token', async () => {
  writeToken(secret)
  writeFileSync(file, 'api: {socket: api.sock, group: 7, token: token, hosts: [berth.example]}\n')
  const { code, stdout, stderr } = await call(run, ['check', file])
  expect([code, stderr]).toEqual([0, ''])
  for (const line of [
    `api            socket ${socket}, group 7`,
    `               over TCP the host's view requires the token in ${tokenFile}`,
    '               also reached as berth.example',
  ]) {
    expect(stdout.split('\n')).toContain(line)
  }
  const json = (await call(run, ['check', '--json', file])).stdout
  expect(JSON.parse(json).api).toEqual({ socket, group: 7, token: tokenFile, hosts: ['berth.example'] })
  expect(json).not.toContain(digestOf(secret))
  chmodSync(tokenFile, 0o644)
  expect((await call(run, ['check', file])).stderr).toMatch(/^warning: api\.token: other users can read/)
})
