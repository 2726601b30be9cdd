// Asking a running berth over HTTP: where it is, the request, and what to say when nobody answers.
import { request } from 'node:http'
import { loadAddresses } from '../config/load.ts'
import type { HostPort } from '../config/types.ts'
import { formatHostPort, parseHostPort } from '../config/values.ts'
import type { Problem } from '../http/inspector.ts'
import { BerthError, systemCode } from '../lib/errors.ts'
import { lines } from '../lib/printable.ts'
import { exit, type Io } from './io.ts'

/** How long an answer may take, ms: forwarding has a deadline of its own, and there may be a queue. */
const patience = 10_000

export interface Whereabouts {
  /** --http or --server, as written. */
  readonly address?: string | undefined
  /** --config */
  readonly config?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The HTTP address of the running berth: the flag, else what it was configured with. */
export function httpAddress({ address, config, env }: Whereabouts): HostPort {
  if (address !== undefined) return here(readAddress('--http', address, 9153))
  const { http } = loadAddresses({ file: config, env, flags: {} })
  if (http === undefined) {
    throw new BerthError(
      'CONFIG',
      'the configuration has "http: off"; use --http ADDRESS, or --wire to ask over DNS',
    )
  }
  return here(http)
}

/** The DNS address of the running berth. */
export function dnsAddress({ address, config, env }: Whereabouts): HostPort {
  if (address !== undefined) return here(readAddress('--server', address, 53))
  return here(loadAddresses({ file: config, env, flags: {} }).listen[0]!)
}

function readAddress(option: string, text: string, port: number): HostPort {
  const parsed = parseHostPort(text, { port, star: true })
  if ('problem' in parsed) throw new BerthError('CONFIG', lines`${option}: ${parsed.problem}`)
  return parsed.value
}

/** Where every local address is listened on, loopback is the one to ask. */
function here({ host, port }: HostPort): HostPort {
  if (host === '::') return { host: '::1', port }
  return { host: host === '*' || host === '0.0.0.0' ? '127.0.0.1' : host, port }
}

/** The reply of GET `path`, or the problem the server told. Throws a BerthError (HTTP) where none can be had. */
export async function ask<T extends object>(
  server: HostPort,
  path: string,
  parameters: Readonly<Record<string, string | undefined>>,
): Promise<T | Problem> {
  const where = formatHostPort(server.host, server.port)
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
  let answer: { status: number; text: string }
  try {
    answer = await get(server, `${path}?${query}`)
  } catch (error) {
    throw new BerthError('HTTP', unreachable(where, error), error)
  }
  const { status, text } = answer
  try {
    const reply: unknown = JSON.parse(text)
    if (typeof reply === 'object' && reply !== null) {
      if (status === 200) return reply as T
      if ('problem' in reply) return reply as Problem
    }
  } catch {
    // Told below: what answers there does not speak our JSON.
  }
  throw new BerthError('HTTP', `what answers at ${where} is not berth (HTTP ${status}); use --http ADDRESS`)
}

/** Not fetch: that refuses some ports ("bad port") and knows no IPv6 zones. */
function get({ host, port }: HostPort, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    // The zone is the socket's business, not the header's.
    const headers = { host: formatHostPort(host.replace(/%.*$/, ''), port), accept: 'application/json' }
    const signal = AbortSignal.timeout(patience)
    const outgoing = request({ host, port, path, headers, signal, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

function unreachable(where: string, error: unknown): string {
  if ((error as Error).name === 'AbortError') return `berth at ${where} did not answer within ${patience} ms`
  const advice = systemCode(error) === 'ECONNREFUSED' ? 'is it running? ' : ''
  return `berth can't be reached at ${where}; ${advice}--http ADDRESS or --config FILE says where it is`
}

/** Tells a problem of the server's; the exit code for it. */
export function tell(io: Io, { problem, status }: Problem): number {
  io.stderr(lines`${problem}\n`)
  return status === 400 ? exit.usage : exit.failed
}

export function isProblem(reply: object): reply is Problem {
  return 'problem' in reply && 'status' in reply
}
