// Queries a running berth over HTTP: finds it, sends the request, and explains failures.
import { statSync } from 'node:fs'
import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { readToken } from '../config/api-token.ts'
import { loadAddresses, usualSocket } from '../config/running-addresses.ts'
import { formatHostPort } from '../config/text-values.ts'
import type { HostPort } from '../config/types.ts'
import type { Problem } from '../http/api-types.ts'
import type { Method } from '../http/server.ts'
import { BerthError, systemCode } from '../lib/errors.ts'
import { addressesIn, isLoopback } from '../lib/interfaces.ts'
import { canonicalAddress } from '../lib/ip.ts'
import { lines } from '../lib/printable.ts'
import { exit, type Io } from './io.ts'
import { connectable, readAddress, type Whereabouts } from './which-server.ts'

/** How long a reply may take, ms: forwarding has its own deadline, and requests may queue. */
const patience = 10_000
/** MiB of a reply; tens of thousands of containers need far less. */
const longestReply = 64

interface HttpWhereabouts extends Whereabouts {
  /** The default socket path; tests use another. */
  readonly usual?: string
}

/** Where berth may answer over HTTP. */
export interface Server {
  /** The path of its socket, tried first. */
  readonly socket?: string
  readonly http?: HostPort
  /** The file with the token that it may require over TCP. */
  readonly token?: string
}

/** Where the running berth serves HTTP: by flag, else by configuration, else at the default. */
export async function httpServer({
  address,
  config,
  env,
  usual = usualSocket,
}: HttpWhereabouts): Promise<Server> {
  const path = address === undefined ? undefined : socketPath(address)
  if (path !== undefined) return { socket: path }
  if (address !== undefined) {
    return { http: connectable(readAddress('--http', address, 9153)), ...(await tokenOf({ config, env })) }
  }
  const { http, socket, token, isUsual } = await loadAddresses({ file: config, env, flags: {} })
  if (http === undefined && socket === undefined) {
    throw new BerthError(
      'CONFIG',
      'the configuration has "http: off"; use --http ADDRESS, or --wire to ask over DNS',
    )
  }
  const found = socket ?? (isUsual && isSocket(usual) ? usual : undefined)
  return {
    ...(found === undefined ? {} : { socket: found }),
    ...(http === undefined ? {} : { http: connectable(http) }),
    ...(token === undefined ? {} : { token }),
  }
}

/** With --http, the configuration need not be readable. */
async function tokenOf({ config, env }: Whereabouts): Promise<Pick<Server, 'token'>> {
  try {
    const { token } = await loadAddresses({ file: config, env, flags: {} })
    return token === undefined ? {} : { token }
  } catch (error) {
    if (error instanceof BerthError) return {}
    throw error
  }
}

/** "unix:///PATH" or "/PATH". */
function socketPath(address: string): string | undefined {
  return /^(?:unix:\/\/)?(\/.*)$/s.exec(address)?.[1]
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket()
  } catch {
    return false
  }
}

/** The reply to `path`, or the server's problem. Throws a BerthError (HTTP) if there is no reply. */
export async function ask<T extends object>(
  server: Server,
  path: string,
  parameters: Readonly<Record<string, string | undefined>>,
  method: Method = 'GET',
): Promise<T | Problem> {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
  const { where, status, text, hint } = await reach(server, method, `${path}?${query}`)
  try {
    const reply: unknown = JSON.parse(text)
    if (typeof reply === 'object' && reply !== null) {
      if (status === 200) return reply as T
      if ('problem' in reply) {
        const answer = reply as Problem
        return status === 401 && hint !== undefined
          ? { ...answer, problem: `${answer.problem}; ${hint}` }
          : answer
      }
    }
  } catch {
    // Not our JSON: reported below.
  }
  throw new BerthError('HTTP', `the server at ${where} is not berth (HTTP ${status}); use --http ADDRESS`)
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** Over the socket if it can be used, else over TCP. `hint`: why a fallback may have been refused. */
async function reach(
  { socket, http, token }: Server,
  method: Method,
  path: string,
): Promise<Answer & { where: string; hint: string | undefined }> {
  let missed: string | undefined
  if (socket !== undefined) {
    try {
      const answer = await send({ socketPath: socket }, method, path, { host: 'localhost' })
      return { ...answer, where: socket, hint: undefined }
    } catch (error) {
      missed = unreachable(socket, error)
      const isThere = !['ENOENT', 'ECONNREFUSED', 'EACCES', 'EPERM', 'ENOTSOCK'].includes(
        systemCode(error) ?? '',
      )
      if (http === undefined || isThere) throw new BerthError('HTTP', missed, error)
    }
  }
  const { host, port } = http!
  const where = formatHostPort(host, port)
  const read = token === undefined || !isHere(host) ? undefined : readToken(token)
  const unread = read !== undefined && 'problem' in read ? `${token}: ${read.problem}` : undefined
  // An IPv6 zone belongs to the socket, not in the header.
  const headers: Record<string, string> = { host: formatHostPort(host.replace(/%.*$/, ''), port) }
  if (read !== undefined && 'text' in read) headers.authorization = `Bearer ${read.text}`
  try {
    const hint = [missed, unread].filter((why) => why !== undefined).join('; ') || undefined
    return { ...(await send({ host, port }, method, path, headers)), where, hint }
  } catch (error) {
    throw new BerthError('HTTP', [missed, unreachable(where, error)].filter(Boolean).join('; '), error)
  }
}

/** A token is sent to this machine only: on a network, it could be read on the way. */
export function isHere(host: string): boolean {
  const address = canonicalAddress(host)
  if (address === undefined) return false
  if (isLoopback(address)) return true
  return addressesIn(networkInterfaces()).has(address)
}

/** Not fetch: it refuses some ports ("bad port"), and supports neither IPv6 zones nor unix sockets. */
function send(
  to: { socketPath: string } | HostPort,
  method: Method,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patience)
    const options = {
      ...{ ...to, method, path, signal, agent: false },
      headers: { ...headers, accept: 'application/json' },
    }
    const outgoing = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length <= longestReply * 1024 * 1024) return
        response.destroy(new BerthError('HTTP', `its reply is longer than ${longestReply} MiB`))
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

function unreachable(where: string, error: unknown): string {
  const code = systemCode(error)
  if (error instanceof BerthError) return `the server at ${where} is not berth: ${error.message}`
  if ((error as Error).name === 'AbortError') return `berth at ${where} did not answer within ${patience} ms`
  if (code === 'EACCES' || code === 'EPERM') {
    return `permission denied on ${where}; join its group (api.group), or run as root`
  }
  const advice = code === 'ECONNREFUSED' ? 'is it running? ' : ''
  return `cannot reach berth at ${where}; ${advice}use --http ADDRESS or --config FILE to say where it listens`
}

/** Prints a problem the server reported; gives the exit code. */
export function tell(io: Io, { problem, status }: Problem): number {
  io.stderr(lines`${problem}\n`)
  return status === 400 ? exit.usage : exit.failed
}

export function isProblem(reply: object): reply is Problem {
  return 'problem' in reply && 'status' in reply
}
