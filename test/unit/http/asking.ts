// Routes served for a test, and requests to them, over TCP and over sockets.
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import type { AskerRef, Inspector } from '../../../src/http/api-types.ts'
import { createHttpServer, type HttpServer, type Place, type Route } from '../../../src/http/server.ts'
import { silentLogger } from '../../../src/lib/log.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export function createServer(
  routes: readonly Route[],
  address: Place = { host: '127.0.0.1', port: 0 },
  remote?: string,
): HttpServer {
  return createHttpServer({
    ...{ address, routes, log: silentLogger },
    ...(remote === undefined ? {} : { remoteOf: () => remote }),
  })
}

/** By port or by a socket's path. */
export function get(
  to: number | string,
  path: string,
  headers: Readonly<Record<string, string | string[]>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const place = typeof to === 'number' ? { host: '127.0.0.1', port: to } : { socketPath: to }
    const outgoing = request({ ...place, path, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        body += part
      })
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** The status of what is sent as it is. */
export function sendRaw(port: number, text: string): Promise<number> {
  return new Promise((resolve) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => socket.end(text))
    socket.on('data', (bytes) => {
      got += bytes.toString()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(got)?.[1] ?? 0)))
  })
}

/** Says as whom it was asked. */
export function recordingInspector(): Inspector & { readonly asked: AskerRef[] } {
  const asked: AskerRef[] = []
  return {
    asked,
    names(as) {
      asked.push(as)
      return { as: as.kind, rule: 'because', view: 'host', networks: [], forwards: true, names: [] }
    },
    async query(name, type, as) {
      asked.push(as)
      return { name, type, as: as.kind, rcode: 'NOERROR', source: 'local', rule: 'because', answers: [] }
    },
  }
}
