// One engine's API through dockerode: what berth asks, with deadlines, and errors a person can act on.
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { addAbortSignal, type Readable } from 'node:stream'
import Docker from 'dockerode'
import type { EngineAddress, EngineConfig } from '../config/types.ts'
import type { Clock } from '../lib/clock.ts'
import { createGetter } from './get.ts'
import type { ImageRef } from './grants.ts'
import { eventFilters } from './hints.ts'
import type { ImageReply } from './images.ts'
import { describeProblem, httpStatus, noAnswer, notDocker } from './problem.ts'
import type { RawContainer, RawContainerRow, RawImage, RawNetwork } from './raw.ts'
import { readRows } from './rows.ts'
import { type EngineEvent, parseEvent } from './stream.ts'

/** Every call rejects with a BerthError ENGINE, and within 10 s unless it says otherwise. */
export interface EngineClient {
  version(): Promise<{ version: string; apiVersion: string }>
  /** The engine's clock, ms since 1970; undefined where a socket proxy refuses /info. */
  systemTime(): Promise<number | undefined>
  ping(timeoutMs: number): Promise<void>
  listNetworks(): Promise<RawNetwork[]>
  /** undefined: there is none of this id. */
  inspectNetwork(id: string): Promise<RawNetwork | undefined>
  /** Stopped ones too. */
  listContainers(): Promise<RawContainerRow[]>
  /** undefined: there is none of this id. Blocks while the container is being started. */
  inspectContainer(id: string): Promise<RawContainer | undefined>
  imageLabels(image: ImageRef): Promise<ImageReply>
  /** Resolves once the engine has begun to answer; the stream is silent for as long as nothing happens. */
  events(options: { sinceSeconds: number; signal: AbortSignal }): Promise<Readable>
  /** What the engine remembers of this time, of all kinds, oldest first. `from` and `to` are its own clock, ms. */
  pastEvents(from: number, to: number): Promise<EngineEvent[]>
  /** Closes idle connections; calls under way are cut. */
  close(): void
}

/** What is used of dockerode; its types know neither the agent nor abortSignal on most calls. */
interface Api {
  version(options: Cancel): Promise<unknown>
  info(options: Cancel): Promise<unknown>
  listNetworks(options: Cancel): Promise<unknown>
  /** dockerode's own listContainers gives the list as a whole. */
  readonly modem: { dial(asked: object, done: (error: unknown, stream: Readable) => void): void }
  getEvents(options: Cancel & { since: number; filters: object }): Promise<unknown>
}

interface Cancel {
  abortSignal: AbortSignal
}

const callDeadline = 10_000
const headerDeadline = 5_000

export function createEngineClient(config: EngineConfig, clock: Clock): EngineClient {
  const { address } = config
  const agent = createAgent(address, 12)
  const streamAgent = createAgent(address, Number.POSITIVE_INFINITY)
  const api = connect(address, { agent, timeout: callDeadline })
  // `timeout` would cut a quiet stream; connectionTimeout ends with the headers.
  const live = connect(address, { agent: streamAgent, connectionTimeout: headerDeadline })
  // An inspect of a container blocks while that starts, one of a network while the engine waits for its disk: as many as
  // are ever asked for at once (eight, two, eight for members, two of images). Pings never stand in line behind those.
  const inspects = createGetter({ address, clock, most: 20 })
  const pings = createGetter({ address, clock, most: 2 })
  const underway = new Set<AbortController>()
  let closed = false

  /** docker-modem never settles when a connection ends within a body, so every call has its own deadline. */
  async function call<T>(
    doing: string,
    ms: number,
    run: (signal: AbortSignal) => Promise<unknown>,
    outer?: AbortSignal,
  ): Promise<T> {
    const ending = new AbortController()
    const cut = () => ending.abort()
    let timer: ReturnType<Clock['setTimeout']> | undefined
    const ended = new Promise<never>((_, reject) => {
      ending.signal.addEventListener('abort', () => reject(new Error('cancelled')), { once: true })
      timer = clock.setTimeout(() => {
        reject(noAnswer(address, doing, ms))
        cut()
      }, ms)
    })
    ended.catch(() => undefined)
    underway.add(ending)
    outer?.addEventListener('abort', cut, { once: true })
    if (closed || outer?.aborted) cut()
    try {
      return (await Promise.race([ended, run(ending.signal)])) as T
    } catch (error) {
      throw describeProblem(error, address, doing)
    } finally {
      clock.clearTimeout(timer)
      underway.delete(ending)
      outer?.removeEventListener('abort', cut)
    }
  }

  async function inspect<T>(what: string, path: string): Promise<T | undefined> {
    const doing = `inspect ${what}`
    try {
      return (await inspects.object(path, doing, callDeadline)) as T
    } catch (error) {
      if (httpStatus(error) === 404 && isApiError(error)) return undefined
      throw describeProblem(error, address, doing)
    }
  }

  return {
    async version() {
      const told = await call<unknown>('tell its version', headerDeadline, (abortSignal) =>
        api.version({ abortSignal }),
      )
      const { Version, ApiVersion } = fieldsOf(told)
      if (typeof ApiVersion !== 'string') throw notDocker(address, 'its /version tells no ApiVersion')
      return { version: String(Version ?? 'unknown'), apiVersion: ApiVersion }
    },

    async systemTime() {
      const told = await call<unknown>('tell its clock', callDeadline, (abortSignal) =>
        api.info({ abortSignal }).catch((error: unknown) => {
          const status = httpStatus(error)
          if (status !== undefined && status < 500) return {}
          throw error
        }),
      )
      const time = Date.parse(String(fieldsOf(told).SystemTime))
      return Number.isNaN(time) ? undefined : time
    },

    async ping(timeoutMs) {
      const doing = 'answer a ping'
      try {
        await pings.text('/_ping', doing, timeoutMs)
      } catch (error) {
        // A proxy that does not let pings through is there all the same.
        const status = httpStatus(error)
        if (status === undefined || status >= 500) throw describeProblem(error, address, doing)
      }
    },

    async listNetworks() {
      const rows = await call<unknown>('list its networks', callDeadline, (abortSignal) =>
        api.listNetworks({ abortSignal }),
      )
      return listOf<RawNetwork>(address, rows)
    },

    inspectNetwork: (id) => inspect('a network', `/networks/${encodeURIComponent(id)}`),

    listContainers: () =>
      call<RawContainerRow[]>('list its containers', callDeadline, async (abortSignal) => {
        const rows: unknown[] = []
        const stream = addAbortSignal(abortSignal, await streamContainers(api, abortSignal))
        await readRows(stream, (row) => rows.push(row)).catch((error) => {
          throw error instanceof SyntaxError ? noList(address) : error
        })
        return listOf(address, rows)
      }),

    inspectContainer: (id) => inspect('a container', `/containers/${encodeURIComponent(id)}/json`),

    async imageLabels({ id, platform }) {
      const query = platform === undefined ? '' : `?platform=${encodeURIComponent(platform)}`
      const doing = 'inspect an image'
      try {
        const { Config } = (await inspects.object(
          `/images/${id}/json${query}`,
          doing,
          callDeadline,
        )) as RawImage
        // Whoever answers without a configuration has not said that the image has no labels.
        return Config === undefined || Config === null ? 'gone' : (Config.Labels ?? {})
      } catch (error) {
        const status = httpStatus(error)
        if (status === 404 && isApiError(error)) return 'gone'
        if (status !== undefined && status < 500) return 'refused'
        throw describeProblem(error, address, doing)
      }
    },

    async events({ sinceSeconds, signal }) {
      const ending = new AbortController()
      const cut = () => ending.abort()
      signal.addEventListener('abort', cut, { once: true })
      underway.add(ending)
      const forget = () => {
        signal.removeEventListener('abort', cut)
        underway.delete(ending)
      }
      try {
        const stream = await call<Readable>(
          'stream its events',
          headerDeadline,
          (late) => {
            late.addEventListener('abort', cut, { once: true })
            const query = { since: sinceSeconds, filters: eventFilters, abortSignal: ending.signal }
            return live.getEvents(query)
          },
          signal,
        )
        stream.once('close', forget)
        return stream
      } catch (error) {
        forget()
        throw error
      }
    },

    async pastEvents(from, to) {
      const doing = 'tell its past events'
      const path = `/events?since=${unixTime(from)}&until=${unixTime(to)}`
      try {
        const told = await pings.text(path, doing, callDeadline)
        return told.split('\n').flatMap((line) => parseEvent(line) ?? [])
      } catch (error) {
        throw describeProblem(error, address, doing)
      }
    },

    close() {
      closed = true
      for (const ending of underway) ending.abort()
      inspects.close()
      pings.close()
      agent.destroy()
      streamAgent.destroy()
    },
  }
}

function streamContainers({ modem }: Api, abortSignal: AbortSignal): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const asked = {
      ...{ path: '/containers/json?', method: 'GET', options: { all: true }, isStream: true, abortSignal },
      statusCodes: { 200: true, 400: 'bad parameter', 500: 'server error' },
    }
    modem.dial(asked, (error, stream) => (error ? reject(error) : resolve(stream)))
  })
}

/** Seconds with nine digits behind the point, as `since` and `until` want them. */
function unixTime(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return `${seconds}.${String(Math.floor((ms - seconds * 1000) * 1e6)).padStart(9, '0')}`
}

/** TCP keep-alive probes find a peer that is gone without a word; a unix socket ignores them. */
function createAgent(address: EngineAddress, maxSockets: number): HttpAgent {
  const options = { keepAlive: true, keepAliveMsecs: 30_000, maxSockets, maxFreeSockets: 8 }
  const isTls = address.kind === 'tcp' && address.tls !== undefined
  const agent = isTls ? new HttpsAgent(options) : new HttpAgent(options)
  // docker-modem writes its options out at each call for a log line that nobody sees: of an agent that would be every
  // socket and every call under way, 10 ms of it.
  return Object.assign(agent, { [Symbol.for('nodejs.util.inspect.custom')]: () => 'Agent' })
}

function connect(address: EngineAddress, options: object): Api {
  const docker = hidingDockerHost(() => {
    if (address.kind === 'unix') return new Docker({ ...options, socketPath: address.path, protocol: 'http' })
    const { host, port, tls } = address
    const protocol = tls === undefined ? 'http' : 'https'
    // docker-modem parses the host as a URL, so that a bare "fe80::1" would be of scheme "fe80:".
    const url = `${protocol}://${host.includes(':') ? `[${host}]` : host}`
    return new Docker({ ...options, host: url, port, protocol, ...tls })
  })
  return docker as unknown as Api
}

/**
 * docker-modem reads DOCKER_HOST and its kin when it is made, and there DOCKER_HOST wins over a socketPath and
 * an unreadable DOCKER_CERT_PATH throws. Without DOCKER_HOST it looks at none of them.
 */
function hidingDockerHost<T>(make: () => T): T {
  const hidden = process.env.DOCKER_HOST
  delete process.env.DOCKER_HOST
  try {
    return make()
  } finally {
    if (hidden !== undefined) process.env.DOCKER_HOST = hidden
  }
}

/** docker-modem gives a Buffer where the body was no JSON. */
function fieldsOf(told: unknown): Record<string, unknown> {
  return typeof told === 'object' && told !== null && !Buffer.isBuffer(told)
    ? (told as Record<string, unknown>)
    : {}
}

/** A proxy's or another server's 404 page is no proof that a container is gone. */
function isApiError(error: unknown): boolean {
  return typeof fieldsOf((error as { json?: unknown }).json).message === 'string'
}

const noList = (address: EngineAddress) => notDocker(address, 'a list is not what it says it is')

function listOf<T extends { Id: string }>(address: EngineAddress, rows: unknown): T[] {
  if (!Array.isArray(rows)) throw noList(address)
  return rows.filter((row): row is T => typeof row?.Id === 'string')
}
