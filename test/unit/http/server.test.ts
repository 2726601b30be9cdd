// The HTTP listener and its routes, asked over real connections on loopback.
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, createServer as createPlainServer } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { apiRoutes } from '../../../src/http/api.ts'
import type { AskerRef, Inspector } from '../../../src/http/api-types.ts'
import { healthRoutes } from '../../../src/http/health.ts'
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
      { problem: 'there is nothing here; the paths are /a, /broken', status: 404 },
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

/** Raw bytes in; what comes back until the server closes, or is done with it. */
function send(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => socket.end(text))
    socket.on('data', (bytes) => {
      got += bytes.toString()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(got))
  })
}

describe('hostile callers', () => {
  const routes: Route[] = [{ path: '/a', handle: () => ({ status: 200, type: 'text/plain', body: 'ok' }) }]
  const replies = (text: string) => text.match(/^HTTP\/1\.1 \d+/gm) ?? []

  const hidden = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n'
  it.each([
    [
      'both lengths',
      `POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${hidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    ],
    [
      'two lengths',
      `POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    ],
    ['a length of a read', `GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`],
    ['an unknown encoding', `POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n${hidden}`],
    [
      'a space before the colon',
      `GET /a HTTP/1.1\r\nHost: x\r\nContent-Length : ${hidden.length}\r\n\r\n${hidden}`,
    ],
    [
      'a chunk in a read',
      `GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    ],
  ])('hide no second request behind %s', async (_, text) => {
    expect(replies(await send(await serve(routes), text))).toHaveLength(1)
  })

  it('do not hold a connection with a request that never ends', async () => {
    const port = await serve(routes)
    const reply = new Promise<string>((resolve) => {
      let got = ''
      const slow = connect(port, '127.0.0.1', () => slow.write('GET /a HTTP/1.1\r\nHost: x\r\nX: '))
      const drip = setInterval(() => slow.write('y'), 500)
      slow.on('data', (bytes) => {
        got += bytes.toString()
      })
      slow.on('error', () => {})
      slow.on('close', () => {
        clearInterval(drip)
        resolve(got)
      })
    })
    expect(await reply).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('get no more than some connections from one address, and again when those are closed', async () => {
    const port = await serve(routes)
    const sockets = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'))
    const refused = new Set<unknown>()
    for (const socket of sockets) {
      socket.on('error', () => {})
      socket.on('close', () => refused.add(socket))
      socket.resume()
    }
    await vi.waitFor(() => expect(refused.size).toBe(100 - 64), 20_000)
    for (const socket of sockets) socket.destroy()
    await vi.waitFor(async () => expect((await get(port, '/a')).status).toBe(200), 20_000)
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
    let arrive = () => {}
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const hanging: Route = {
      path: '/hang',
      handle() {
        arrive()
        return new Promise(() => {})
      },
    }
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
    await arrived
    // By itself neither would ever end.
    await server.stop()
    expect(await reply).toBeInstanceOf(Error)
    await createHttpServer({ address: { host: '127.0.0.1', port: 0 }, routes: [], log: silentLogger }).stop()
  })
})

describe('/health and /ready', () => {
  it('is ready once every engine was read', async () => {
    const store = createStore(['one', 'two'])
    const port = await serve(healthRoutes(store))
    expect(await get(port, '/health')).toMatchObject({ status: 200, body: 'ok\n' })
    store.apply({ kind: 'update', engine: 'one', networks: [], containers: [] })
    const before = await get(port, '/ready')
    expect([before.status, JSON.parse(before.body)]).toEqual([503, { ready: false, waiting: ['two'] }])
    store.apply({ kind: 'update', engine: 'two', networks: [], containers: [] })
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

  it.each([
    ['cross-site', 403],
    ['same-site', 403],
    ['same-origin', 200],
    ['none', 200],
  ])('is not for scripts of other sites (%s)', async (site, status) => {
    const headers = { 'sec-fetch-site': site }
    expect((await get(await serve(routes), '/api/names', { headers })).status).toBe(status)
  })

  it.each(['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'])(
    'refuses what a proxy passes on (%s): it would be answered as this host',
    async (header) => {
      const headers = { [header]: '192.0.2.99' }
      expect((await get(await serve(routes), '/api/names', { headers })).status).toBe(403)
    },
  )

  it('has nothing that can be written', async () => {
    const port = await serve(routes)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
      for (const path of ['/api/names', '/api/query?name=a']) {
        expect((await get(port, path, { method })).status).toBe(405)
      }
    }
  })

  it.each([
    ['no Host', 'GET /api/names HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['no Host in HTTP/1.0', 'GET /api/names HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 403 /],
    [
      'another host in the request line',
      'GET http://evil.example/api/names HTTP/1.1\r\nHost: localhost\r\n\r\n',
      /^HTTP\/1\.1 404 /,
    ],
    [
      'a second Host',
      'GET /api/names HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n',
      /^HTTP\/1\.1 40[03] /,
    ],
  ])('is not reached with %s', async (_, text, status) => {
    asked.length = 0
    expect(await send(await serve(routes), text)).toMatch(status)
    expect(asked).toEqual([])
  })

  it('leaves metrics and health alone: scrapers come by any name', async () => {
    const port = await serve(healthRoutes(createStore([])))
    expect((await get(port, '/health', { headers: { host: 'berth.monitoring' } })).status).toBe(200)
  })
})
