// Whom /api and /metrics are for: by which names they may be asked, and what pages of other sites and proxies get.
import { afterEach, describe, expect, it } from 'vitest'
import { type Access, apiRoutes } from '../../../src/http/api.ts'
import { createExposition, metricsRoute } from '../../../src/http/exposition.ts'
import { createGuard, readHost } from '../../../src/http/guard.ts'
import { healthRoutes } from '../../../src/http/health.ts'
import type { HttpServer } from '../../../src/http/server.ts'
import { createStore } from '../../../src/registry/store.ts'
import { createServer, get, recordingInspector, sendRaw } from './asking.ts'

const open: HttpServer[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

const inspector = recordingInspector()
let hosts: readonly string[] = []
const access: Access = { hosts: () => hosts, tokenDigest: () => undefined, hasHostView: () => false }
const routes = [
  metricsRoute(
    createExposition([], { process: false }),
    createGuard(access.hosts, ['Build-Host']).refuseMetrics,
  ),
  ...healthRoutes(createStore([])),
  ...apiRoutes(inspector, ['Build-Host'], access),
]

async function serve(): Promise<number> {
  const server = createServer(routes)
  await server.start()
  open.push(server)
  return server.address()!.port
}

const api = '/api/names'
const metrics = '/metrics'

describe('the Host header', () => {
  it.each([
    // name, /api, /metrics
    ['localhost', 200, 200],
    ['LocalHost:9153', 200, 200],
    ['localhost:', 200, 200],
    ['127.0.0.1:9153', 200, 200],
    ['192.0.2.1', 200, 200],
    ['[::1]:9153', 200, 200],
    ['[::ffff:192.0.2.1]', 200, 200],
    ['[fe80::1%eth0]:9153', 200, 200],
    ['[fe80::1%25eth0]', 200, 200],
    ['BUILD-host:9153', 200, 200],
    ['berth.example:9153', 200, 200],
    ['Berth.Example', 200, 200],
    ['berth:9153', 403, 200],
    ['berth-example-berth-1:9153', 403, 200],
    ['a_b', 403, 200],
    ['evil.example', 403, 403],
    ['evil.example:9153', 403, 403],
    ['berth.example.evil.example', 403, 403],
    ['x.berth.example', 403, 403],
    ['127.0.0.1.evil.example', 403, 403],
    ['localhost.evil.example', 403, 403],
    ['localhost.', 403, 403],
    ['berth.', 403, 403],
    ['berth.example.', 403, 403],
    ['evil.example.', 403, 403],
    ['.', 403, 403],
    ['.localhost', 403, 403],
    ['127.0.0.1, localhost', 403, 403],
    ['localhost evil.example', 403, 403],
    ['localhost:80:90', 403, 403],
    ['localhost:9153x', 403, 403],
    ['localhost:1234567', 403, 403],
    ['user@localhost', 403, 403],
    ['localhost/x', 403, 403],
    ['localhost#', 403, 403],
    ['[evil]', 403, 403],
    ['[::1', 403, 403],
    ['::1', 403, 403],
    ['[::1]x', 403, 403],
    ['[127.0.0.1]', 403, 403],
    ['[::1%eth0 x]', 403, 403],
    ['0127.0.0.1', 403, 403],
    [' ', 403, 403],
  ])('%j: /api is %i, /metrics is %i', async (host, apiStatus, metricsStatus) => {
    hosts = ['berth.example']
    const port = await serve()
    expect((await get(port, api, { host })).status).toBe(apiStatus)
    expect((await get(port, metrics, { host })).status).toBe(metricsStatus)
    for (const path of ['/health', '/ready']) expect((await get(port, path, { host })).status).toBe(200)
  })

  it('may be what api.hosts names, as that is now', async () => {
    const port = await serve()
    const status = async (path: string) => (await get(port, path, { host: 'berth.example' })).status
    hosts = []
    expect([await status(api), await status(metrics)]).toEqual([403, 403])
    hosts = ['berth.example']
    expect([await status(api), await status(metrics)]).toEqual([200, 200])
  })

  it('that is wrong is told, with what to do', async () => {
    const { body } = await get(await serve(), metrics, { host: `${'evil.'.repeat(100)}example` })
    expect(JSON.parse(body).problem).toMatch(
      /^the Host header says "evil\..{0,90}…"; ask by IP address.*api\.hosts$/,
    )
  })

  it.each([
    ['none', 'GET PATH HTTP/1.1\r\n\r\n', 400],
    ['none in HTTP/1.0', 'GET PATH HTTP/1.0\r\n\r\n', 403],
    ['an empty one', 'GET PATH HTTP/1.1\r\nHost:\r\n\r\n', 403],
    ['two, the good one first', 'GET PATH HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n', 400],
    ['two, the good one last', 'GET PATH HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n', 400],
    ['two of the same', 'GET PATH HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n', 400],
    ['two in HTTP/1.0', 'GET PATH HTTP/1.0\r\nHost: localhost\r\nHost: evil.example\r\n\r\n', 400],
    ['another in the target', 'GET http://evil.examplePATH HTTP/1.1\r\nHost: localhost\r\n\r\n', 404],
    ['ours in the target', 'GET http://localhostPATH HTTP/1.1\r\nHost: evil.example\r\n\r\n', 404],
    ['one in the path', 'GET //localhostPATH HTTP/1.1\r\nHost: evil.example\r\n\r\n', 404],
    ['a folded one', 'GET PATH HTTP/1.1\r\nHost: localhost\r\n .evil.example\r\n\r\n', 400],
  ])('%s: nothing is told', async (_, text, status) => {
    const port = await serve()
    inspector.asked.length = 0
    for (const path of [api, metrics]) expect(await sendRaw(port, text.replace('PATH', path))).toBe(status)
    expect(inspector.asked).toEqual([])
  })

  it('names an address, a name, or nothing', () => {
    expect(readHost('[FE80::1%25Eth0]:1')).toEqual({ kind: 'address' })
    expect(readHost('A.B:1')).toEqual({ kind: 'name', name: 'a.b' })
    expect(readHost(undefined)).toBeUndefined()
  })
})

describe('a page of another site', () => {
  it.each<[what: string, headers: Record<string, string>, apiStatus: number, metricsStatus: number]>([
    ['cross-site', { 'sec-fetch-site': 'cross-site' }, 403, 403],
    ['another port of this host', { 'sec-fetch-site': 'same-site' }, 403, 403],
    ['a word of the future', { 'sec-fetch-site': 'near-by' }, 403, 403],
    ['of two words', { 'sec-fetch-site': 'none, cross-site' }, 403, 403],
    ['typed by the user', { 'sec-fetch-site': 'none' }, 200, 200],
    ['ours', { 'sec-fetch-site': 'same-origin' }, 200, 200],
    ['a foreign origin', { origin: 'http://evil.example' }, 403, 403],
    [
      'a foreign origin that says it is ours',
      { origin: 'http://evil.example', 'sec-fetch-site': 'same-origin' },
      403,
      403,
    ],
    ['no origin to tell', { origin: 'null' }, 403, 403],
    ['an empty origin', { origin: '' }, 403, 403],
    ['another port', { origin: 'http://localhost:8080' }, 403, 403],
    ['another scheme', { origin: 'https://localhost:9153' }, 403, 403],
    ['an extension', { origin: 'chrome-extension://abc' }, 403, 403],
    ['our origin', { origin: 'http://localhost:9153' }, 200, 200],
    ['a foreign referer', { referer: 'http://evil.example/page' }, 403, 200],
    ['our referer', { referer: 'http://localhost:9153/api/names' }, 200, 200],
    [
      'a link from another page',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      403,
      200,
    ],
    [
      'a frame in another page',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
      403,
      403,
    ],
  ])('%s %j: /api is %i, /metrics is %i', async (_, headers, apiStatus, metricsStatus) => {
    const port = await serve()
    inspector.asked.length = 0
    const more = { host: 'localhost:9153', ...headers }
    for (const path of [api, '/api/query?name=x'])
      expect((await get(port, path, more)).status).toBe(apiStatus)
    expect((await get(port, metrics, more)).status).toBe(metricsStatus)
    expect(inspector.asked).toHaveLength(apiStatus === 200 ? 2 : 0)
  })

  it('gets nothing that it could show, run or read', async () => {
    const port = await serve()
    for (const path of [api, metrics, '/health', '/ready', '/nothing']) {
      const { headers } = await get(port, path)
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cache-control': 'no-store',
        'content-type': expect.stringMatching(/^(text\/plain|application\/json)\b/),
      })
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })
})

describe('what a proxy passes on', () => {
  it.each([
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Port',
    'X-Forwarded-Server',
    'X-Original-Forwarded-For',
    'Via',
    'X-Real-IP',
    'X-Client-IP',
    'Client-IP',
    'X-Cluster-Client-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
    'Fastly-Client-IP',
    'X-Envoy-External-Address',
    'CDN-Loop',
    'X_Forwarded_For',
    'X-Forward-For',
    'X-HTTP-Forwarded-For',
    'X-Vercel-Forwarded-For',
    'X-BlueCoat-Via',
    'X-ClientIP',
    'X-Sucuri-ClientIP',
    'X-Azure-SocketIP',
    'Fly-Client-IP',
    'WL-Proxy-Client-IP',
    'Proxy-Client-IP',
    'DO-Connecting-IP',
    'CF-Connecting-IPv6',
    'CF-Ray',
    'X-Appengine-User-IP',
    'X-ProxyUser-IP',
    'X-Source-IP',
    'X-Remote-Addr',
    'Remote_Addr',
    'X-Original-URI',
    'X-Original-Host',
    'X-Rewrite-URL',
    'X-ARR-Log-ID',
    'X-Varnish',
    'X-Nginx-Proxy',
    'X-Proxy-ID',
    'Proxy-Connection',
    'X-Envoy-Expected-Rq-Timeout-Ms',
    'X-Amzn-Trace-Id',
  ])('with %s gets no names, and metrics', async (header) => {
    const port = await serve()
    const headers = { [header]: '192.0.2.99' }
    expect((await get(port, api, headers)).status).toBe(403)
    expect((await get(port, metrics, headers)).status).toBe(200)
  })

  it.each([
    'Accept-Language',
    'User-Agent',
    'X-Request-ID',
    'X-Viable',
    'Straightforward',
    'Priority',
    'DNT',
  ])('is not %s', async (header) => {
    expect((await get(await serve(), api, { [header]: 'x' })).status).toBe(200)
  })

  it.each([63, 64, 65, 500, 2000])('is seen behind %i other headers', async (count) => {
    const port = await serve()
    const others = 'a:\r\n'.repeat(count)
    inspector.asked.length = 0
    const text = `GET ${api} HTTP/1.1\r\nHost: localhost\r\n${others}X-Forwarded-For: 192.0.2.99\r\n\r\n`
    expect([403, 431]).toContain(await sendRaw(port, text))
    expect(inspector.asked).toEqual([])
  })
})
