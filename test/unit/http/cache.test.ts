// /api/cache: who may look and who may flush, what is no request for either, and what is told.
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/config/api-token.ts'
import { type Access, apiRoutes } from '../../../src/http/api.ts'
import type { Inspector } from '../../../src/http/api-types.ts'
import type { CacheDesk } from '../../../src/http/cache-desk.ts'
import type { HttpServer, Place } from '../../../src/http/server.ts'
import { createServer, recordingInspector } from './asking.ts'

const directory = mkdtempSync(join(tmpdir(), 'berth-cache-'))
afterAll(() => rmSync(directory, { recursive: true }))
const open: HttpServer[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

const own = '192.0.2.1'
const token = 'c0ffee'
let digest: string | undefined
const access: Access = {
  hosts: () => [],
  tokenDigest: () => digest,
  hasHostView: (address) => address === own,
}
const done: unknown[][] = []
const desk: CacheDesk = {
  async show(name, type, below) {
    done.push(['show', name, type, below])
    return { name, below, entries: [] }
  },
  async flush(name, below, by) {
    done.push(['flush', name, below, by])
    return name === 'bad' ? { problem: 'no', status: 400 } : { below, flushed: [] }
  },
}

async function serve(remote?: string, place?: Place, inspector: Inspector = recordingInspector()) {
  digest = undefined
  done.length = 0
  const server = createServer(apiRoutes(inspector, ['build'], access, desk), place, remote)
  await server.start()
  open.push(server)
  return place === undefined ? server.address()!.port : (place as { path: string }).path
}

function send(to: number | string, method: string, path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; allow: string | undefined; body: string }>((resolve, reject) => {
    const place = typeof to === 'number' ? { host: '127.0.0.1', port: to } : { socketPath: to }
    const outgoing = request({ ...place, method, path, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part
      })
      response.on('end', () => resolve({ status: response.statusCode!, allow: response.headers.allow, body }))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

const both = [
  ['GET', '/api/cache?name=www.example.org'],
  ['HEAD', '/api/cache?name=www.example.org'],
  ['DELETE', '/api/cache?name=www.example.org'],
  ['DELETE', '/api/cache'],
] as const

describe.each(both)('%s %s', (method, path) => {
  it.each(['127.0.0.1', '::1', own])('is for %s, with the token where one is set', async (remote) => {
    const port = await serve(remote)
    expect((await send(port, method, path)).status).toBe(200)
    digest = digestOf(token)
    for (const authorization of ['', 'Bearer wrong', token]) {
      expect((await send(port, method, path, { authorization })).status).toBe(401)
    }
    expect(done).toHaveLength(1)
    expect((await send(port, method, path, { authorization: `Bearer ${token}` })).status).toBe(200)
  })

  it('is for whoever may use the socket, without token', async () => {
    const path2 = join(directory, 'api.sock')
    const to = await serve(undefined, { path: path2, group: undefined })
    digest = digestOf(token)
    expect((await send(to, method, path)).status).toBe(200)
  })

  it('is for nobody else, with or without token', async () => {
    const port = await serve('192.0.2.99')
    digest = digestOf(token)
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      expect((await send(port, method, path, headers)).status).toBe(403)
    }
    expect(done).toEqual([])
  })

  it.each<[string, Record<string, string>]>([
    ['by a name that is not ours', { host: 'evil.example' }],
    ['for a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['for another program’s page on this machine', { 'sec-fetch-site': 'same-site' }],
    ['with a foreign origin', { origin: 'http://evil.example' }],
    ['with no origin to name', { origin: 'null' }],
    ['with a foreign referer', { referer: 'http://evil.example/' }],
    ['through a proxy', { 'x-forwarded-for': '192.0.2.99' }],
  ])('is not done %s', async (_, headers) => {
    const port = await serve()
    expect((await send(port, method, path, headers)).status).toBe(403)
    expect(done).toEqual([])
  })
})

it('nothing is changed for a page, though it stand at our own address', async () => {
  const port = await serve()
  const host = `127.0.0.1:${port}`
  for (const headers of [
    { host, origin: `http://${host}` },
    { host, referer: `http://${host}/` },
    { host, 'sec-fetch-site': 'same-origin' },
  ]) {
    expect((await send(port, 'DELETE', '/api/cache', headers)).status).toBe(403)
    expect((await send(port, 'GET', '/api/cache?name=a', headers)).status).toBe(200)
  }
  expect(done.map(([what]) => what)).toEqual(['show', 'show', 'show'])
})

it.each(['POST', 'PUT', 'PATCH', 'OPTIONS', 'TRACE'])('%s is nothing', async (method) => {
  const port = await serve()
  expect(await send(port, method, '/api/cache?name=a')).toMatchObject({
    status: 405,
    allow: 'GET, HEAD, DELETE',
  })
  expect(done).toEqual([])
})

it.each([
  ['GET', ''],
  ['GET', '?name='],
  ['GET', '?name=a&type=A;B'],
  ['GET', '?name=a&below=1'],
  ['GET', '?name=a&as=host'],
  ['GET', `?name=${'a'.repeat(2000)}`],
  ['GET', '?name=a&name=b'],
  ['DELETE', '?name='],
  ['DELETE', '?name=a&name=b'],
  ['DELETE', '?name=a&type=A'],
  ['DELETE', '?below=true'],
  ['DELETE', '?name=a&below=yes'],
  ['DELETE', '?nam=a'],
  ['DELETE', '?as=web'],
  ['DELETE', `?name=${'a'.repeat(2000)}`],
])('%s %s is refused, and nothing is flushed', async (method, query) => {
  const port = await serve()
  const reply = await send(port, method, `/api/cache${query}`)
  expect([reply.status, JSON.parse(reply.body).status]).toEqual([400, 400])
  expect(done).toEqual([])
})

it('what is asked for is passed on', async () => {
  const port = await serve()
  await send(port, 'GET', '/api/cache?name=www.example.org&type=aaaa&below=true')
  await send(port, 'GET', '/api/cache?name=.')
  await send(port, 'DELETE', '/api/cache?name=www.example.org&below=true')
  await send(port, 'DELETE', '/api/cache?name=a&below=false')
  await send(port, 'DELETE', '/api/cache')
  expect(done).toEqual([
    ['show', 'www.example.org', 'AAAA', true],
    ['show', '.', undefined, false],
    ['flush', 'www.example.org', true, '127.0.0.1'],
    ['flush', 'a', false, '127.0.0.1'],
    ['flush', undefined, false, '127.0.0.1'],
  ])
  expect((await send(port, 'DELETE', '/api/cache?name=bad')).status).toBe(400)
})

it('/api/query tells what else is kept to whoever has the host’s view, as whomever they ask', async () => {
  const asked: unknown[] = []
  const inspector: Inspector = {
    ...recordingInspector(),
    async query(name, type, as, seesCache) {
      asked.push([as.kind, seesCache])
      return { name, type, as: '', rcode: '', source: '', rule: '', answers: [] }
    },
  }
  const ask = async (remote: string, query: string) => {
    const reply = await send(await serve(remote, undefined, inspector), 'GET', `/api/query?name=a${query}`)
    return reply.status
  }
  await ask('127.0.0.1', '&kept=true')
  await ask('127.0.0.1', '&kept=true&as=web')
  await ask(own, '&kept=true')
  await ask('192.0.2.99', '&kept=true&as=host')
  await ask('127.0.0.1', '')
  await ask('127.0.0.1', '&kept=false')
  expect(await ask('127.0.0.1', '&kept=1')).toBe(400)
  expect(asked).toEqual([
    ['host', true],
    ['container', true],
    ['address', true],
    ['address', false],
    ['host', false],
    ['host', false],
  ])
})
