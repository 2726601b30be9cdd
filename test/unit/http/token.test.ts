// api.token: who needs it for the host's view, and what becomes of those without.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/config/api-token.ts'
import { type Access, apiRoutes } from '../../../src/http/api.ts'
import type { AskerRef } from '../../../src/http/api-types.ts'
import type { HttpServer, Place } from '../../../src/http/server.ts'
import { createServer, get, recordingInspector } from './asking.ts'

const directory = mkdtempSync(join(tmpdir(), 'berth-token-'))
afterAll(() => rmSync(directory, { recursive: true }))
const open: HttpServer[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

const token = 'c0ffee~._+/-=='
const own = '192.0.2.1'
const inspector = recordingInspector()
let digest: string | undefined
const access: Access = {
  hosts: () => [],
  tokenDigest: () => digest,
  hasHostView: (address) => address === own,
}

async function serve(remote?: string, place?: Place): Promise<HttpServer> {
  const server = createServer(apiRoutes(inspector, [], access), place, remote)
  await server.start()
  open.push(server)
  return server
}

const portOf = (server: HttpServer) => server.address()!.port

/** The status, and as whom it was answered. */
async function ask(to: number | string, headers: Record<string, string | string[]> = {}, query = '?as=host') {
  inspector.asked.length = 0
  const { status } = await get(to, `/api/names${query}`, headers)
  return [status, inspector.asked[0]]
}

const bearer = { authorization: `Bearer ${token}` }
const host: AskerRef = { kind: 'host' }

describe('where a token is set', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', own])('%s has to have it', async (remote) => {
    digest = digestOf(token)
    const port = portOf(await serve(remote))
    const as = remote === own ? { kind: 'address', address: own } : host
    expect(await ask(port, bearer)).toEqual([200, as])
    expect(await ask(port)).toEqual([401, undefined])
  })

  it.each([
    ['none', undefined],
    ['another', 'Bearer c0ffee'],
    ['one that begins the same', `Bearer ${token.slice(0, -1)}`],
    ['one that goes on', `Bearer ${token}=`],
    ['another case', `Bearer ${token.toUpperCase()}`],
    ['an empty one', 'Bearer '],
    ['the scheme alone', 'Bearer'],
    ['no scheme', token],
    ['another scheme', `Basic ${Buffer.from(`:${token}`).toString('base64')}`],
    ['two words', `Bearer ${token} ${token}`],
    ['its digest', `Bearer ${digestOf(token)}`],
    ['latin-1', 'Bearer ÿÿÿ'],
  ])('%s is told what to do', async (_, authorization) => {
    digest = digestOf(token)
    const port = portOf(await serve())
    inspector.asked.length = 0
    for (const path of [
      '/api/names',
      '/api/names?as=web',
      '/api/query?name=web',
      '/api/query',
      '/api/names?x=1',
    ]) {
      const headers = authorization === undefined ? {} : { authorization }
      const reply = await get(port, path, headers)
      const challenge =
        authorization === undefined ? 'Bearer realm="berth"' : expect.stringContaining('invalid_token')
      expect([reply.status, reply.headers['www-authenticate']]).toEqual([401, challenge])
      expect(JSON.parse(reply.body)).toEqual({
        status: 401,
        problem: expect.stringMatching(/api\.token.*"Authorization: Bearer TOKEN"/),
      })
      expect(reply.body).not.toContain(digest)
    }
    expect(inspector.asked).toEqual([])
  })

  it('two of them are refused', async () => {
    digest = digestOf(token)
    const twice = { authorization: [`Bearer ${token}`, 'Bearer x'] }
    expect(await ask(portOf(await serve()), twice)).toEqual([400, undefined])
  })

  it('the scheme may be written in any case', async () => {
    digest = digestOf(token)
    const port = portOf(await serve())
    expect(await ask(port, { authorization: `bearer  ${token}` })).toEqual([200, host])
  })

  it.each([{}, bearer, { authorization: 'Bearer wrong' }])(
    'callers from elsewhere keep their own scope (%j)',
    async (headers) => {
      digest = digestOf(token)
      const port = portOf(await serve('192.0.2.99'))
      for (const query of ['', '?as=host', '?as=web']) {
        expect(await ask(port, headers, query)).toEqual([200, { kind: 'address', address: '192.0.2.99' }])
      }
    },
  )

  it('pages of other sites and what proxies pass on are refused, token or not', async () => {
    digest = digestOf(token)
    const port = portOf(await serve())
    expect(await ask(port, { ...bearer, 'x-forwarded-for': '192.0.2.9' })).toEqual([403, undefined])
    expect(await ask(port, { ...bearer, origin: 'http://evil.example' })).toEqual([403, undefined])
    expect(await ask(port, { ...bearer, host: 'evil.example' })).toEqual([403, undefined])
  })

  it('whoever may use the socket needs none', async () => {
    digest = digestOf(token)
    const path = join(directory, 'api.sock')
    await serve(undefined, { path, group: undefined })
    expect(await ask(path)).toEqual([200, host])
    expect(await ask(path, { host: 'any.example' }, '?as=192.0.2.7')).toEqual([
      200,
      { kind: 'address', address: '192.0.2.7' },
    ])
    expect(await ask(path, { 'x-forwarded-for': '192.0.2.9' })).toEqual([403, undefined])
    expect(await ask(path, { origin: 'http://evil.example' })).toEqual([403, undefined])
  })
})

it('a token that changes counts at once, and one that is taken away is not wanted any more', async () => {
  digest = digestOf(token)
  const port = portOf(await serve())
  expect(await ask(port, bearer)).toEqual([200, host])
  digest = digestOf('other')
  expect(await ask(port, bearer)).toEqual([401, undefined])
  digest = undefined
  expect(await ask(port)).toEqual([200, host])
  expect(await ask(port, bearer)).toEqual([200, host])
})
