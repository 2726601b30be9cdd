// A synthetic Docker engine: an HTTP server on a unix socket that speaks the API as far as berth asks it, for sizes and
// rates that no real engine reaches on a test machine. In this process: `startSyntheticEngine({ size: { networks: 50,
// containers: 1000 } })`; as a process of its own, so that its CPU is not berth's: `startEngineProcess` in child.ts.
// By hand: `npx tsx test/tools/synthetic/process.ts --networks=50 --containers=1000 --rate=1`
import { mkdtempSync, rmSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { eventFilters } from '../../../src/docker/api/event-stream.ts'
import { createEstate, type Estate, type Event } from './estate.ts'
import type { Size } from './plan.ts'
import * as shapes from './shapes.ts'

export interface SyntheticEngine {
  readonly url: string
  readonly estate: Estate
  /** The estate's start, with the time it takes: until then the container's inspect blocks. */
  start(id: string): void
  /** Events so far that berth's filters let through. */
  events(): number
  /** Answers so far, by what was asked for. */
  readonly answered: ReadonlyMap<string, number>
  close(): void
}

export interface SyntheticOptions {
  readonly size: Size
  /** Before each answer, ms. */
  readonly latency?: number
  /** From a container's `network connect` to its `start`, ms. */
  readonly startTakes?: number
}

/** What the engine remembers, of all kinds. */
const ring = 256
/** Rows of a list between two pauses, so that events and inspects go on. */
const rowsAtOnce = 100
const isFollowed = readFilters(JSON.stringify(eventFilters))

export async function startSyntheticEngine({
  size,
  latency = 0,
  startTakes = 0,
}: SyntheticOptions): Promise<SyntheticEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-synthetic-'))
  const path = join(folder, 'docker.sock')
  const now = () => performance.timeOrigin + performance.now()
  const estate = createEstate(size, now)
  const past: Event[] = []
  const subscribers = new Map<ServerResponse, (event: Event) => boolean>()
  const blocked = new Map<string, (() => void)[]>()
  const timers = new Set<NodeJS.Timeout>()
  const answered = new Map<string, number>()
  const networks = new Map(estate.networks.map((network) => [network.id, network]))
  let events = 0

  estate.onEvent((event) => {
    past.push(event)
    if (past.length > ring) past.shift()
    if (isFollowed(event)) events++
    let line: string | undefined
    for (const [response, accepts] of subscribers) {
      if (!accepts(event)) continue
      line ??= shapes.eventLine(event)
      response.write(line)
    }
  })

  function later(ms: number, run: () => void) {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, ms)
    timers.add(timer)
  }

  function finishStart(id: string) {
    estate.finishStart(id)
    for (const answer of blocked.get(id) ?? []) answer()
    blocked.delete(id)
  }

  function answer(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url!, 'http://engine')
    const [, kind = '', id = '', what] = url.pathname.replace(/^\/v[\d.]+/, '').split('/')
    const asked = id === '' || id === 'json' ? kind : `${kind}/ID`
    answered.set(asked, (answered.get(asked) ?? 0) + 1)
    if (kind === '_ping') return send(response, 'OK', 'text/plain')
    if (kind === 'version') return sendJson(response, shapes.version)
    if (kind === 'info') return sendJson(response, { SystemTime: new Date(now()).toISOString() })
    if (kind === 'events') return sendEvents(url.searchParams, response)
    if (kind === 'networks' && id === '') return sendRows(response, networks.values(), shapes.networkRow)
    if (kind === 'networks') {
      const network = networks.get(id)
      if (network === undefined) return sendMissing(response, `network ${id} not found`)
      return sendJson(response, shapes.inspectedNetwork(network, estate.membersOf(id)))
    }
    if (kind === 'containers' && id === 'json') {
      const [...all] = estate.containers.values()
      return sendRows(response, all, (container) => shapes.row(container, now()))
    }
    if (kind === 'containers' && what === 'json') {
      const container = estate.containers.get(id)
      if (container === undefined) return sendMissing(response, `No such container: ${id}`)
      const told = () => sendJson(response, shapes.inspected(container))
      if (container.state !== 'starting') return told()
      blocked.set(id, [...(blocked.get(id) ?? []), told])
      return
    }
    if (kind === 'images' && what === 'json') return sendJson(response, shapes.inspectedImage(id))
    sendMissing(response, 'page not found')
  }

  function sendEvents(asked: URLSearchParams, response: ServerResponse) {
    response.setHeader('content-type', 'application/json')
    response.flushHeaders()
    const accepts = readFilters(asked.get('filters'))
    const since = nanoseconds(asked.get('since'))
    const until = nanoseconds(asked.get('until'))
    for (const event of past) {
      const isAsked = since !== undefined && event.time >= since && event.time <= (until ?? event.time)
      if (isAsked && accepts(event)) response.write(shapes.eventLine(event))
    }
    // Asked for the past alone, as berth does; a real engine would go on to that time.
    if (until !== undefined) return response.end()
    subscribers.set(response, accepts)
    response.on('close', () => subscribers.delete(response))
  }

  const server = http.createServer((request, response) => {
    if (latency === 0) answer(request, response)
    else later(latency, () => answer(request, response))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))

  return {
    url: `unix://${path}`,
    estate,
    start(id) {
      estate.beginStart(id)
      if (startTakes === 0) finishStart(id)
      else later(startTakes, () => finishStart(id))
    },
    events: () => events,
    answered,
    close() {
      for (const timer of timers) clearTimeout(timer)
      server.close()
      server.closeAllConnections()
      rmSync(dirname(path), { recursive: true, force: true })
    },
  }
}

function send(response: ServerResponse, body: string, type: string, status = 200) {
  response.writeHead(status, {
    ...{ 'content-type': type, 'api-version': shapes.version.ApiVersion },
    server: `Docker/${shapes.version.Version} (linux)`,
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

function sendJson(response: ServerResponse, told: unknown) {
  send(response, `${JSON.stringify(told)}\n`, 'application/json')
}

function sendMissing(response: ServerResponse, message: string) {
  send(response, `${JSON.stringify({ message })}\n`, 'application/json', 404)
}

/** A row is told as it is when its turn comes, as from an engine that locks one container after the other. */
function sendRows<T>(response: ServerResponse, items: Iterable<T>, shape: (item: T) => unknown) {
  const rest = [...items]
  response.writeHead(200, { 'content-type': 'application/json' })
  let at = 0
  const some = () => {
    const end = Math.min(rest.length, at + rowsAtOnce)
    const rows: string[] = []
    for (; at < end; at++) rows.push(JSON.stringify(shape(rest[at]!)))
    const isFirst = end <= rowsAtOnce
    response.write(`${isFirst ? '[' : ','}${rows.join(',')}`)
    if (at >= rest.length || response.destroyed) response.end(']\n')
    else setImmediate(some)
  }
  some()
}

/** `{"type":["container"],"event":["create","health_status"]}`, or an object of objects; actions match by their start. */
export function readFilters(text: string | null): (event: Pick<Event, 'type' | 'action'>) => boolean {
  const filters = JSON.parse(text ?? '{}') as Record<string, readonly string[] | Record<string, boolean>>
  const list = (key: string) => {
    const told = filters[key]
    return told === undefined || Array.isArray(told) ? (told as string[] | undefined) : Object.keys(told)
  }
  const [types, actions] = [list('type'), list('event')]
  return ({ type, action }) =>
    (types?.includes(type) ?? true) && (actions?.some((start) => action.startsWith(start)) ?? true)
}

/** "1795479965" or "1795479965.110357135", seconds since 1970. */
export function nanoseconds(text: string | null): bigint | undefined {
  if (text === null || text === '') return undefined
  const [seconds = '0', fraction = ''] = text.split('.')
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))
}
