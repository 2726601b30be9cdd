// GET of one object, past docker-modem: there are thousands of inspects, and what that does around each (it writes its
// options out for a log, follows an abort signal twice, has a timer) takes longer than the request itself.
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { EngineAddress } from '../config/types.ts'
import { notDocker } from './problem.ts'

/**
 * The JSON at `path`. Rejects as docker-modem does: with `statusCode` and `json` where the status is another than 200,
 * and when `signal` aborts.
 */
export type Get = (path: string, signal: AbortSignal) => Promise<unknown>

export function createGet(address: EngineAddress, agent: Agent): Get {
  const tls = address.kind === 'tcp' ? address.tls : undefined
  const request = tls === undefined ? httpRequest : httpsRequest
  const where =
    address.kind === 'unix'
      ? { socketPath: address.path }
      : { host: address.host, port: address.port, ...tls }

  return (path, signal) =>
    new Promise((resolve, reject) => {
      const asked = request({ ...where, agent, path }, (response) => {
        read(response)
          .then((text) => resolve(told(address, response, text)), reject)
          .catch(reject)
      })
      asked.on('error', reject)
      signal.addEventListener('abort', () => asked.destroy(), { once: true })
      asked.end()
    })
}

function read(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('end', () => resolve(chunks.length === 1 ? `${chunks[0]}` : `${Buffer.concat(chunks)}`))
    response.on('error', reject)
  })
}

function told(address: EngineAddress, { statusCode }: IncomingMessage, text: string): unknown {
  const json = parse(text)
  if (statusCode !== 200) throw Object.assign(new Error(text), { statusCode, json: json ?? text })
  if (json === undefined) throw notDocker(address, 'an inspect is not what it says it is')
  return json
}

/** undefined where it is no object. */
function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
