// The HTTP listener: a few fixed paths, GET and HEAD (DELETE for one), small limits, errors as JSON.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { formatHostPort } from '../config/text-values.ts'
import type { HostPort } from '../config/types.ts'
import { BerthError, explain, systemCode } from '../lib/errors.ts'
import { canonicalAddress } from '../lib/ip.ts'
import type { Logger } from '../lib/log.ts'
import { printableLines } from '../lib/printable.ts'
import { listenAt, type SocketPlace } from './socket.ts'

/** Where it is served: an address, or a unix socket. */
export type Place = HostPort | SocketPlace

export type Method = 'GET' | 'HEAD' | 'DELETE'

export interface Request {
  readonly method?: Method
  readonly parameters: URLSearchParams
  /** It came by our unix socket, not over TCP: its users have the host's view. */
  readonly viaSocket?: boolean
  /** The caller's canonical address (lib/ip); 127.0.0.1 for callers by the unix socket. */
  readonly remote: string
  readonly headers: IncomingMessage['headers']
}

export interface Reply {
  readonly status: number
  /** The content type. */
  readonly type: string
  readonly body: string
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface Route {
  readonly path: string
  /** Default: GET and HEAD. */
  readonly methods?: readonly Method[]
  handle(request: Request): Reply | Promise<Reply>
}

export interface HttpOptions {
  readonly address: Place
  readonly routes: readonly Route[]
  readonly log: Logger
  /** The caller's address. Default: the socket's; tests give another. */
  readonly remoteOf?: (request: IncomingMessage) => string | undefined
}

export interface HttpServer {
  /** Rejects with a BerthError (LISTEN) if it cannot listen; may then be called again. */
  start(): Promise<void>
  /** Resolves once all connections are closed; requests in progress get a short time. */
  stop(): Promise<void>
  /** The bound address, with the port that the system chose for 0; undefined for a unix socket. */
  address(): HostPort | undefined
}

/** Connections in total and per address, so that one caller leaves room for the scraper. */
const mostConnections = 256
const mostOfOne = 64
/** An idle connection is closed after this, ms, and so is one whose reply is not read. */
const idleTimeout = 30_000
/** How long requests in progress may take once the server stops, ms. */
const drain = 300

export function createHttpServer(options: HttpOptions): HttpServer {
  const { address, routes, log } = options
  const viaSocket = 'path' in address
  const { remoteOf = ({ socket }) => (viaSocket ? '127.0.0.1' : socket.remoteAddress) } = options
  const table = new Map(routes.map((route) => [route.path, route]))
  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: 5000,
      requestTimeout: 10_000,
      keepAliveTimeout: 5000,
      connectionsCheckingInterval: 2000,
    },
    (request, response) => {
      // Unused paths cost nothing and replies are a few kilobytes, so any caller may ask.
      answer(request, table, viaSocket, remoteOf)
        .catch((error: unknown) => {
          log.error({ path: request.url?.split('?')[0], error: explain(error) }, 'HTTP request failed')
          return problem(500, 'berth failed to answer this; its log says why')
        })
        .then((reply) => send(request, response, reply))
    },
  )
  server.maxConnections = mostConnections
  // No limit: Node would silently drop the excess, and with it a header by which a proxy reveals itself.
  server.maxHeadersCount = 0
  server.timeout = idleTimeout
  const open = new Map<string, number>()
  server.on('connection', (socket) => {
    const caller = socket.remoteAddress ?? ''
    const count = (open.get(caller) ?? 0) + 1
    open.set(caller, count)
    socket.once('close', () => {
      const left = open.get(caller)! - 1
      if (left > 0) open.set(caller, left)
      else open.delete(caller)
    })
    if (count > mostOfOne) socket.destroy()
  })

  /** Removes the unix socket's name. */
  let leave = () => {}

  async function start() {
    if ('path' in address) leave = await listenAt(server, address)
    else await startAt(address)
    server.on('error', (error) => log.error({ error: explain(error) }, 'HTTP listener failed'))
  }

  async function startAt(address: HostPort) {
    const any = address.host === '*'
    try {
      await listen(any ? '::' : address.host, address.port)
    } catch (error) {
      const noIPv6 = any && ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(systemCode(error) ?? '')
      if (!noIPv6) throw failure(address, error)
      await listen('0.0.0.0', address.port).catch((second: unknown) => {
        throw failure(address, second)
      })
    }
  }

  async function listen(host: string, port: number): Promise<void> {
    server.listen({ host, port })
    await once(server, 'listening')
  }

  return {
    start,
    stop: () =>
      new Promise((resolve) => {
        leave()
        const timer = setTimeout(() => server.closeAllConnections(), drain)
        server.close(() => {
          clearTimeout(timer)
          resolve()
        })
        server.closeIdleConnections()
      }),
    address() {
      const bound = server.address() as AddressInfo | string | null
      return bound === null || typeof bound === 'string'
        ? undefined
        : { host: bound.address, port: bound.port }
    },
  }
}

/** JSON with unprintable characters escaped, since people read it in terminals. */
export function json(status: number, value: unknown): Reply {
  const body = `${printableLines(JSON.stringify(value))}\n`
  return { status, type: 'application/json; charset=utf-8', body }
}

export function problem(status: number, sentence: string): Reply {
  return json(status, { problem: sentence, status })
}

const readOnly: readonly Method[] = ['GET', 'HEAD']

const onlyOnce = ['host', 'authorization', 'origin'] as const

async function answer(
  request: IncomingMessage,
  routes: ReadonlyMap<string, Route>,
  viaSocket: boolean,
  remoteOf: (request: IncomingMessage) => string | undefined,
): Promise<Reply> {
  const [path = '', query = ''] = splitOnce(request.url ?? '', '?')
  const route = routes.get(path)
  if (route === undefined) {
    return problem(404, `there is nothing here; the paths are ${[...routes.keys()].join(', ')}`)
  }
  const { methods = readOnly } = route
  const method = methods.find((each) => each === request.method)
  if (method === undefined) {
    const list = `${methods.slice(0, -1).join(', ')} and ${methods.at(-1)}`
    return { ...problem(405, `only ${list} are served`), headers: { allow: methods.join(', ') } }
  }
  // Which of two counts is undefined (RFC 9112, 3.2).
  const twice = onlyOnce.find((name) => (request.headersDistinct[name]?.length ?? 0) > 1)
  if (twice !== undefined) return problem(400, `there are several ${twice} headers`)
  const remote = canonicalAddress(remoteOf(request) ?? '')
  if (remote === undefined) return problem(400, 'the caller has disconnected')
  const parameters = new URLSearchParams(query)
  return route.handle({ method, parameters, viaSocket, remote, headers: request.headers })
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const { status, type, body, headers } = reply
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    // Other sites' pages may not embed it as a script, an image or a frame.
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    ...headers,
    // An unread body would be taken for the next request.
    ...(hasBody(request) ? { connection: 'close' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function failure({ host, port }: HostPort, error: unknown): BerthError {
  const where = formatHostPort(host, port)
  const advice: Record<string, string> = {
    EADDRINUSE: `HTTP: ${where} is taken; stop what listens there (another berth?), or set "http" to another address`,
    EADDRNOTAVAIL: `HTTP: ${host} is not an address of this machine; set "http" to one that is, or to "*:${port}"`,
    EACCES: `HTTP: port ${port} may only be had with more rights; set "http" to a port from 1024 up`,
  }
  return new BerthError('LISTEN', advice[systemCode(error) ?? ''] ?? `HTTP: can't listen on ${where}`, error)
}
