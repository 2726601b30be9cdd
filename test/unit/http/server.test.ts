// The HTTP listener and its routes, asked over real connections on loopback.
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, createServer as createPlainServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { apiRoutes } from '../../../src/http/api.ts'
import { healthRoutes } from '../../../src/http/health.ts'
import type { AskerRef, Inspector } from '../../../src/http/inspector.ts'
import { createHttpServer, type HttpServer, type Route } from '../../../src/http/server.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { createStore } from '../../../src/registry/store.ts'

const open: HttpServer[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

async function serve(routes: readonly Route[], remote?: string): Promise<number> {
  const server = createHttpServer({
    address: { host: '127.0.0.1', port: 0 },
    routes,
    log: silentLogger,
    ...(remote === undefined ? {} : { remoteOf: () => remote }),
  })
  await server.start()
  open.push(server)
  return server.address()!.port
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

function get(port: number, path: string, { method = 'GET', headers = {}, body = '' } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

const asked: { name?: string; type?: string; as: AskerRef }[] = []
const inspector: Inspector = {
  names(as) {
    asked.push({ as })
    if (as.kind === 'container' && as.name === 'ghost') return { problem: 'no container ghost', status: 404 }
    return { as: as.kind, rule: 'because', view: 'host', networks: [], forwards: true, names: [] }
  },
  async query(name, type, as) {
    asked.push({ name, type, as })
    return { name, type, as: as.kind, rcode: 'NOERROR', source: 'local', rule: 'because', answers: [] }
  },
}

describe('paths and methods', () => {
  const routes: Route[] = [
    { path: '/a', handle: () => ({ status: 200, type: 'text/plain', body: 'hällo' }) },
    {
      path: '/broken',
      handle: () => {
        throw new Error('secret')
      },
    },
  ]

  it('answers GET and HEAD', async () => {
    const port = await serve(routes)
    expect(await get(port, '/a?x=1')).toMatchObject({
      status: 200,
      body: 'hällo',
      headers: { 'content-length': '6', 'cache-control': 'no-store' },
    })
    expect(await get(port, '/a', { method: 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '6' },
    })
  })

  it('says in JSON what is not there, not allowed, or broken', async () => {
    const port = await serve(routes)
    const missing = await get(port, '/../etc/passwd')
    expect([missing.status, JSON.parse(missing.body)]).toEqual([
      404,
      { problem: 'there is nothing here; there are /a, /broken', status: 404 },
    ])
    expect(await get(port, '//')).toMatchObject({ status: 404 })
    const posted = await get(port, '/a', { method: 'POST', body: 'x=1' })
    expect(posted).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD', connection: 'close' } })
    const broken = await get(port, '/broken')
    expect(broken.status).toBe(500)
    expect(broken.body).not.toContain('secret')
  })

  it('refuses headers that are too large, and what is no HTTP', async () => {
    const port = await serve(routes)
    expect((await get(port, '/a', { headers: { x: 'y'.repeat(9000) } })).status).toBe(431)
    const text = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.end('\x00\x01garbage\r\n\r\n'))
      socket.on('data', (bytes) => resolve(bytes.toString()))
    })
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('starting and stopping', () => {
  it('says that an address is taken, and can be started once it is free', async () => {
    const other = createPlainServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const server = createHttpServer({ address: { host: '127.0.0.1', port }, routes: [], log: silentLogger })
    await expect(server.start()).rejects.toMatchObject({
      code: 'LISTEN',
      message: expect.stringContaining(`HTTP: 127.0.0.1:${port} is taken; stop what listens there`),
    })
    await new Promise((resolve) => other.close(resolve))
    await server.start()
    open.push(server)
    expect(server.address()).toEqual({ host: '127.0.0.1', port })
  })

  it('says that an address is not ours', async () => {
    const server = createHttpServer({
      address: { host: '192.0.2.1', port: 0 },
      routes: [],
      log: silentLogger,
    })
    await expect(server.start()).rejects.toMatchObject({
      message: expect.stringContaining('192.0.2.1 is not an address of this machine'),
    })
  })

  it('serves every address for "*"', async () => {
    const server = createHttpServer({
      address: { host: '*', port: 0 },
      routes: healthRoutes(createStore([])),
      log: silentLogger,
    })
    await server.start()
    open.push(server)
    expect(await get(server.address()!.port, '/health')).toMatchObject({ status: 200, body: 'ok\n' })
  })

  it('stops though a connection is idle or hangs, and though it never started', async () => {
    const hanging: Route = { path: '/hang', handle: () => new Promise(() => {}) }
    const server = createHttpServer({
      address: { host: '127.0.0.1', port: 0 },
      routes: [hanging],
      log: silentLogger,
    })
    await server.start()
    const { port } = server.address()!
    const reply = get(port, '/hang').catch((error: Error) => error)
    const idle = connect(port, '127.0.0.1')
    await new Promise((resolve) => idle.once('connect', resolve))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const started = performance.now()
    await server.stop()
    expect(performance.now() - started).toBeLessThan(1000)
    expect(await reply).toBeInstanceOf(Error)
    await createHttpServer({ address: { host: '127.0.0.1', port: 0 }, routes: [], log: silentLogger }).stop()
  })
})

describe('/health and /ready', () => {
  it('is ready once every engine was read', async () => {
    const store = createStore(['one', 'two'])
    const port = await serve(healthRoutes(store))
    expect(await get(port, '/health')).toMatchObject({ status: 200, body: 'ok\n' })
    store.update('one', { networks: new Map(), containers: new Map() })
    const before = await get(port, '/ready')
    expect([before.status, JSON.parse(before.body)]).toEqual([503, { ready: false, waiting: ['two'] }])
    store.update('two', { networks: new Map(), containers: new Map() })
    const after = await get(port, '/ready')
    expect([after.status, JSON.parse(after.body)]).toEqual([200, { ready: true, waiting: [] }])
  })
})

describe('/api', () => {
  const routes = apiRoutes(inspector, ['Build-Host'])
  const last = () => asked.at(-1)

  it.each<[string, AskerRef]>([
    ['', { kind: 'host' }],
    ['?as=host', { kind: 'host' }],
    ['?as=192.0.2.7', { kind: 'address', address: '192.0.2.7' }],
    ['?as=2001:DB8:0::1', { kind: 'address', address: '2001:db8::1' }],
    ['?as=web-1', { kind: 'container', name: 'web-1' }],
  ])('takes loopback at its word (%s)', async (query, as) => {
    expect(await get(await serve(routes), `/api/names${query}`)).toMatchObject({ status: 200 })
    expect(last()).toEqual({ as })
  })

  it('gives callers from elsewhere their own scope, whatever they say', async () => {
    const port = await serve(routes, '::ffff:192.0.2.99')
    for (const path of ['/api/names', '/api/names?as=host', '/api/query?name=web&as=web-1']) {
      expect((await get(port, path)).status).toBe(200)
      expect(last()?.as).toEqual({ kind: 'address', address: '192.0.2.99' })
    }
    expect((await get(await serve(routes, '::ffff:127.0.0.1'), '/api/names?as=host')).status).toBe(200)
    expect(last()?.as).toEqual({ kind: 'host' })
  })

  it('passes questions on', async () => {
    const port = await serve(routes)
    const { status, body } = await get(port, '/api/query?name=web.front&type=aaaa')
    expect([status, JSON.parse(body)]).toMatchObject([200, { name: 'web.front', type: 'AAAA' }])
    await get(port, '/api/query?name=web')
    expect(last()).toMatchObject({ type: 'A', as: { kind: 'host' } })
  })

  it.each([
    ['/api/query', 400],
    ['/api/query?name=', 400],
    [`/api/query?name=${'a'.repeat(2000)}`, 400],
    ['/api/query?name=a&type=A;B', 400],
    ['/api/query?nam=a', 400],
    ['/api/names?as=%00', 400],
    ['/api/names?as=../x', 400],
    ['/api/names?as=ghost', 404],
  ])('%s is %i', async (path, status) => {
    const reply = await get(await serve(routes), path)
    expect(reply.status).toBe(status)
    expect(JSON.parse(reply.body)).toMatchObject({ status, problem: expect.any(String) })
  })

  it.each([
    ['localhost', 200],
    ['LOCALHOST:9153', 200],
    ['127.0.0.1:9153', 200],
    ['[::1]:9153', 200],
    ['192.0.2.1', 200],
    ['build-host:9153', 200],
    ['evil.example', 403],
    ['evil.example:9153', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example', 403],
    ['localhost.', 403],
    ['[evil]', 403],
  ])('Host: %s is %i', async (host, status) => {
    const reply = await get(await serve(routes), '/api/names', { headers: { host } })
    expect(reply.status).toBe(status)
  })

  it('is not for scripts of other sites', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' }
    expect((await get(await serve(routes), '/api/names', { headers })).status).toBe(403)
  })

  it('leaves metrics and health alone: scrapers come by any name', async () => {
    const port = await serve(healthRoutes(createStore([])))
    expect((await get(port, '/health', { headers: { host: 'berth.monitoring' } })).status).toBe(200)
  })
})
