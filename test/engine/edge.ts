// The edge of a newer engine's API before an older engine: its range of versions, its refusals in its words, and without
// what Docker 29 (API 1.52) dropped. What only a proxy does that takes no versions is here as well.
import { rmSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { isAtLeast } from '../../src/docker/api/versions.ts'

export interface EdgeOptions {
  /** The range of API versions. */
  readonly min: string
  readonly max: string
  /** Paths without a version are refused, but for those by which one is agreed on. */
  readonly strict?: boolean
  /** Paths with a version are answered so, as from a proxy that does not know them. */
  readonly plainOnly?: { readonly status: number; readonly body: string }
  /** Fields of answers' headers that do not come through. */
  readonly without?: readonly string[]
  /** Calls, as "version" or "info", that are never answered. */
  readonly mute?: readonly string[]
}

export interface Edge {
  /** Its socket. */
  readonly path: string
  /** What was asked for, as in "/v1.52/networks", in order; without parameters. */
  readonly asked: string[]
  /** As another engine from now on; open connections are cut. */
  become(options: EdgeOptions): void
  close(): void
}

/** What is left of a container's NetworkSettings. */
const kept = ['SandboxID', 'SandboxKey', 'Ports', 'Networks']
const agreeing = ['/_ping', '/version']

export async function startEdge(engine: string, first: EdgeOptions): Promise<Edge> {
  const path = `${engine}.${Math.random().toString(36).slice(2, 8)}.edge`
  const asked: string[] = []
  const agent = new http.Agent({ keepAlive: false })
  const own = await apiOf(engine)
  let options = first

  const server = http.createServer((request, response) => {
    const { min, max, strict, plainOnly, mute = [] } = options
    const [, version, rest = ''] = /^(?:\/v(\d+\.\d+))?(\/.*)$/.exec(request.url!)!
    const [bare = ''] = rest.split('?')
    asked.push(request.url!.split('?')[0]!)
    const refuse = (message: string, status = 400) => send(response, status, JSON.stringify({ message }))
    if (mute.includes(bare.slice(1))) return
    if (version !== undefined && plainOnly !== undefined) {
      return send(response, plainOnly.status, plainOnly.body)
    }
    if (version === undefined && strict && !agreeing.includes(bare)) {
      return refuse('unversioned API routes are not supported')
    }
    const wanted = version ?? max
    if (!isAtLeast(wanted, min)) {
      return refuse(
        `client version ${wanted} is too old. Minimum supported API version is ${min}, please upgrade your client to a newer version`,
      )
    }
    if (!isAtLeast(max, wanted)) {
      return refuse(`client version ${wanted} is too new. Maximum supported API version is ${max}`)
    }
    const to = isAtLeast(own, wanted) ? wanted : own
    pass(request, response, `/v${to}${rest}`, bare, isAtLeast(wanted, '1.52'))
  })

  function send(response: ServerResponse, status: number, body: string) {
    response.writeHead(status, headersOf({ 'content-length': `${Buffer.byteLength(body)}` }))
    response.end(body)
  }

  function headersOf(told: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
    const { max, without = [] } = options
    const headers: http.OutgoingHttpHeaders = {
      ...told,
      ...{ 'api-version': max, server: 'Docker/29.0.0 (linux)' },
    }
    delete headers.connection
    for (const name of without) delete headers[name]
    return headers
  }

  function pass(
    request: IncomingMessage,
    response: ServerResponse,
    to: string,
    bare: string,
    isNew: boolean,
  ) {
    const { method, headers } = request
    const asking = http.request({ socketPath: engine, path: to, method, headers, agent }, (reply) => {
      const { statusCode = 502, headers } = reply
      if (options.without?.includes('date')) response.sendDate = false
      if (bare === '/events' && isNew && statusCode === 200) {
        response.writeHead(200, headersOf({ 'content-type': 'application/jsonl', date: headers.date }))
        response.flushHeaders()
        return passLines(reply, response)
      }
      const isChanged = statusCode === 200 && (isNew || bare === '/version')
      if (!isChanged || !/json/.test(headers['content-type'] ?? '')) {
        response.writeHead(statusCode, headersOf(headers))
        response.flushHeaders()
        return void reply.pipe(response)
      }
      let body = ''
      reply.setEncoding('utf8').on('data', (part: string) => {
        body += part
      })
      reply.on('end', () => {
        const { 'content-length': _, 'transfer-encoding': __, ...rest } = headers
        response.writeHead(200, headersOf(rest))
        response.end(JSON.stringify(changed(bare, JSON.parse(body), options)))
      })
    })
    asking.on('error', () => response.destroy())
    response.on('close', () => asking.destroy())
    request.pipe(asking)
  }

  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    path,
    asked,
    become(next) {
      options = next
      server.closeAllConnections()
    },
    close() {
      server.close()
      server.closeAllConnections()
      agent.destroy()
      rmSync(path, { force: true })
    },
  }
}

/** Events as text: their times are longer than a number here. */
function passLines(from: IncomingMessage, to: ServerResponse) {
  let rest = ''
  from.setEncoding('utf8').on('data', (part: string) => {
    const lines = (rest + part).split('\n')
    rest = lines.pop()!
    for (const line of lines) to.write(`${withoutLegacy(line)}\n`)
  })
  from.on('end', () => to.end())
  from.on('error', () => to.destroy())
}

/** An event as it is since API 1.52. */
export function withoutLegacy(line: string): string {
  return line.replace(/^\{(?:"(?:status|id|from)":"(?:[^"\\]|\\.)*",)+/, '{')
}

type Fields = Record<string, unknown>

/** An answer as it is since API 1.52. */
export function changed(
  path: string,
  told: unknown,
  { min, max }: Pick<EdgeOptions, 'min' | 'max'>,
): unknown {
  if (path === '/version') {
    return { ...(told as Fields), Version: '29.0.0', ApiVersion: max, MinAPIVersion: min }
  }
  if (path === '/containers/json') {
    return (told as Fields[]).map((row) => ({ ...row, Health: { Status: 'none', FailingStreak: 0 } }))
  }
  if (/^\/containers\/[^/]+\/json$/.test(path)) {
    const { NetworkSettings = {}, ...rest } = told as { NetworkSettings?: Fields }
    const left = Object.entries(NetworkSettings).filter(([name]) => kept.includes(name))
    return { ...rest, NetworkSettings: Object.fromEntries(left) }
  }
  if (/^\/networks\/[^/]+$/.test(path)) {
    const { IPAM } = told as { IPAM?: { Config?: { Subnet: string }[] | null } }
    const subnets = (IPAM?.Config ?? []).map(({ Subnet }) => [
      Subnet,
      { IPsInUse: 3, DynamicIPsAvailable: 253 },
    ])
    return { ...(told as Fields), Status: { IPAM: { Subnets: Object.fromEntries(subnets) } } }
  }
  if (/^\/images\/[^/]+\/json$/.test(path)) {
    const { Config = {}, ...rest } = told as { Config?: Fields }
    return { ...withoutEmpty(rest), Config: withoutEmpty(Config) }
  }
  return told
}

function withoutEmpty(fields: Fields): Fields {
  const isEmpty = (value: unknown) =>
    value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)))
}

/** The highest version that the engine itself speaks. */
function apiOf(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = http.get({ socketPath, path: '/_ping', agent: false }, (reply) => {
      reply.resume().on('end', () => resolve(`${reply.headers['api-version']}`))
    })
    asking.on('error', reject)
  })
}
