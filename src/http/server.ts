// The HTTP listener: GET and HEAD on a few fixed paths, small limits, errors as JSON.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HostPort } from '../config/types.ts'
import { formatHostPort } from '../config/values.ts'
import { BerthError, explain, systemCode } from '../lib/errors.ts'
import { canonicalAddress } from '../lib/ip.ts'
import type { Logger } from '../lib/log.ts'
import { printableLines } from '../lib/printable.ts'

export interface Request {
  readonly parameters: URLSearchParams
  /** The caller's address, canonical (lib/ip). */
  readonly remote: string
  readonly headers: IncomingMessage['headers']
}

export interface Reply {
  readonly status: number
  /** The content type. */
  readonly type: string
  readonly body: string
}

export interface Route {
  readonly path: string
  handle(request: Request): Reply | Promise<Reply>
}

export interface HttpOptions {
  readonly address: HostPort
  readonly routes: readonly Route[]
  readonly log: Logger
  /** The caller's address; tests put their own here. */
  readonly remoteOf?: (request: IncomingMessage) => string | undefined
}

export interface HttpServer {
  /** Rejects with a BerthError (LISTEN) where the address can't be had; may then be called again. */
  start(): Promise<void>
  /** Resolves once all connections are gone; what is under way gets a short while. */
  stop(): Promise<void>
  /** The address bound, with the port the system chose where 0 was asked for. */
  address(): HostPort | undefined
}

/** Connections in all, and from one address: a caller that opens many leaves room for the scraper. */
const mostConnections = 256
const mostOfOne = 64
/** A connection on which nothing moves is closed, ms: a reply nobody reads is not kept. */
const patience = 30_000
/** Milliseconds that requests under way have when the server stops. */
const drain = 300

export function createHttpServer(options: HttpOptions): HttpServer {
  const { address, routes, log, remoteOf = ({ socket }) => socket.remoteAddress } = options
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
      // A path nobody asks for costs nothing; the rest is a few kilobytes: nobody has to be trusted for that.
      answer(request, table, remoteOf)
        .catch((error: unknown) => {
          log.error({ path: request.url?.split('?')[0], error: explain(error) }, 'HTTP request failed')
          return problem(500, 'berth failed to answer this; its log says why')
        })
        .then((reply) => send(request, response, reply))
    },
  )
  server.maxConnections = mostConnections
  server.maxHeadersCount = 64
  server.timeout = patience
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

  async function start() {
    const any = address.host === '*'
    try {
      await listen(any ? '::' : address.host)
    } catch (error) {
      const noIPv6 = any && ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(systemCode(error) ?? '')
      if (!noIPv6) throw failure(address, error)
      await listen('0.0.0.0').catch((second: unknown) => {
        throw failure(address, second)
      })
    }
    server.on('error', (error) => log.error({ error: explain(error) }, 'HTTP listener failed'))
  }

  function listen(host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        server.off('error', settle).off('listening', settle)
        if (error === undefined) resolve()
        else reject(error)
      }
      server.on('error', settle).on('listening', settle)
      server.listen({ host, port: address.port })
    })
  }

  return {
    start,
    stop: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), drain)
        server.close(() => {
          clearTimeout(timer)
          resolve()
        })
        server.closeIdleConnections()
      }),
    address() {
      const bound = server.address() as AddressInfo | null
      return bound === null ? undefined : { host: bound.address, port: bound.port }
    },
  }
}

/** Printable JSON: people read it in a terminal, too. */
export function json(status: number, value: unknown): Reply {
  const body = `${printableLines(JSON.stringify(value))}\n`
  return { status, type: 'application/json; charset=utf-8', body }
}

export function problem(status: number, sentence: string): Reply {
  return json(status, { problem: sentence, status })
}

async function answer(
  request: IncomingMessage,
  routes: ReadonlyMap<string, Route>,
  remoteOf: (request: IncomingMessage) => string | undefined,
): Promise<Reply> {
  const [path = '', query = ''] = splitOnce(request.url ?? '', '?')
  const route = routes.get(path)
  if (route === undefined) {
    return problem(404, `there is nothing here; there are ${[...routes.keys()].join(', ')}`)
  }
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return problem(405, 'only GET and HEAD are served')
  const remote = canonicalAddress(remoteOf(request) ?? '')
  if (remote === undefined) return problem(400, 'the caller is gone')
  return route.handle({ parameters: new URLSearchParams(query), remote, headers: request.headers })
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Reply): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    // A body nobody reads would be taken for the next request.
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
