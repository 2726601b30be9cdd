// HTTP GETs over undici's dispatcher, past Node's client and dockerode: an inspect costs 21 µs of CPU here and 68 µs there,
// and a list is thousands of them. Follows no redirect, and reads nothing without a limit.
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import buildConnector from 'undici/lib/core/connect.js'
import Pool from 'undici/lib/dispatcher/pool.js'
import type { EngineAddress } from '../../config/types.ts'
import type { Clock, Timer } from '../../lib/clock.ts'
import { createBytes } from './bytes.ts'
import { notDockerError, timeoutError, tooLargeError } from './errors.ts'
import { parseJson } from './partial-json.ts'

export interface HttpClient {
  /**
   * The body at `path`, whole within `ms`; `doing` says what for, as in "inspect a network". Rejects as docker-modem does,
   * with `statusCode` and `json`, where the status is another than 200, with a BerthError ENGINE where nothing comes in
   * time, or more than `most` bytes.
   */
  text(path: string, doing: string, ms: number, most?: number): Promise<string>
  /** What `parse` makes of the body; a BerthError ENGINE where that is no object. */
  object(path: string, doing: string, ms: number, most?: number, parse?: Parse): Promise<object>
  /** The header fields of the answer, whose body is read to its end and dropped. */
  headers(path: string, doing: string, ms: number): Promise<IncomingHttpHeaders>
  /** Gives `take` the body as it comes; what that throws ends it. */
  chunks(path: string, doing: string, ms: number, take: (chunk: Buffer) => void, most?: number): Promise<void>
  /**
   * The body as a stream, once its headers are there, within `ms`; aborted, it ends. Where `isWhole`, something of it
   * must come within each `ms`, and all within `mostWaits` of them. Who does not read it holds it back.
   */
  stream(path: string, doing: string, ms: number, options?: StreamOptions): Promise<Readable>
  /** What is under way rejects. */
  close(): void
}

export interface StreamOptions {
  readonly isWhole?: boolean
  readonly signal?: AbortSignal
}

/** undefined: the text is no JSON. */
export type Parse = (text: string) => unknown

export interface HttpClientOptions {
  readonly address: EngineAddress
  readonly clock: Clock
  /** Connections; who comes when all are busy waits for the first that is free. */
  readonly most: number
}

/** Bytes of a body; what an engine tells of one thing is far below. */
const longestBody = 1024 * 1024
/** Of what says that something is wrong. */
const longestRefusal = 64 * 1024
/** Characters; to read more than this waits for a turn of the event loop that nobody else of them has. */
const longRead = 256 * 1024
/** A list of thousands of containers with a megabyte of labels each takes its time. */
const mostWaits = 6
/** Before the first probe of a connection over TCP that is silent, ms. */
const silence = 30_000

export function createHttpClient({ address, clock, most }: HttpClientOptions): HttpClient {
  /** What TLS had to say of a connection's end: undici says no more than that it has ended. */
  let alert: Error | undefined
  const pool = createPool(address, most, (error) => {
    alert = error
  })
  const asTold = (error: unknown) => {
    if (alert === undefined || (error as NodeJS.ErrnoException).code !== 'ECONNRESET') return error
    const told = alert
    alert = undefined
    return told
  }
  let lastRead: Promise<unknown> = Promise.resolve()

  const read = (path: string, doing: string, ms: number, how: Pick<Waiting, 'take' | 'most' | 'start'>) =>
    new Promise<void>((resolve, reject) => {
      const tooLong = () => tooLargeError(address, doing, how.most)
      const reply = new Reply({ resolve, reject: (error) => reject(asTold(error)), ...how, tooLong })
      reply.timer = clock.setTimeout(() => reply.giveUp(timeoutError(address, doing, ms)), ms)
      reply.onEnd = () => clock.clearTimeout(reply.timer)
      pool.dispatch({ path, method: 'GET', headersTimeout: 0, bodyTimeout: 0 }, reply)
    })

  const chunks: HttpClient['chunks'] = (path, doing, ms, take, most = longestBody) =>
    read(path, doing, ms, { take, most })

  const stream: HttpClient['stream'] = (path, doing, ms, { isWhole = false, signal } = {}) =>
    new Promise<Readable>((resolve, reject) => {
      const body = new Readable({
        read: () => reply.resume(),
        destroy: (error, done) => reply.drop(error, done),
      })
      const start = () => {
        if (!isWhole) clock.clearTimeout(reply.timer)
        resolve(body)
      }
      const fail = (error: unknown) => {
        body.on('error', () => {}).destroy(error as Error)
        reject(asTold(error))
      }
      const reply = new Reply({
        ...{ start, reject: fail, most: Number.POSITIVE_INFINITY, tooLong: cancelled },
        take: (chunk) => body.push(chunk) || reply.pause(),
        resolve: () => void body.push(null),
      })
      const cut = () => reply.giveUp(cancelled())
      let waits = 0
      const wait = () => {
        reply.timer = clock.setTimeout(() => {
          if (++waits < mostWaits && isWhole && reply.hasGrown()) wait()
          else reply.giveUp(timeoutError(address, doing, ms * waits))
        }, ms)
      }
      wait()
      reply.onEnd = () => {
        clock.clearTimeout(reply.timer)
        signal?.removeEventListener('abort', cut)
      }
      signal?.addEventListener('abort', cut, { once: true })
      if (signal?.aborted) cut()
      else pool.dispatch({ path, method: 'GET', headersTimeout: 0, bodyTimeout: 0 }, reply)
    })

  const text: HttpClient['text'] = async (path, doing, ms, most) => {
    const bytes = createBytes()
    await chunks(path, doing, ms, bytes.add, most)
    return bytes.text()
  }

  return {
    chunks,
    text,
    stream,
    async headers(path, doing, ms) {
      let told: IncomingHttpHeaders = {}
      const start = (headers: IncomingHttpHeaders) => {
        told = headers
      }
      await read(path, doing, ms, { take() {}, most: longestBody, start })
      return told
    },
    async object(path, doing, ms, most, parse = parseJson) {
      const body = await text(path, doing, ms, most)
      if (body.length > longRead) {
        lastRead = lastRead.then(() => turn())
        await lastRead
      }
      const object = parse(body)
      if (typeof object === 'object' && object !== null) return object
      throw notDockerError(address, 'an inspect is malformed')
    },
    close: () => void pool.destroy(cancelled()),
  }
}

interface Waiting {
  /** It is what was asked for, and its body follows. */
  start?(headers: IncomingHttpHeaders): void
  resolve(): void
  reject(error: unknown): void
  take(chunk: Buffer): unknown
  readonly most: number
  tooLong(): Error
}

/** One answer on its way. undici's own time-outs go by a clock that ticks once a second, so there is one of ours. */
class Reply implements Dispatcher.DispatchHandler {
  timer: Timer | undefined
  onEnd = () => {}
  private readonly waiting: Waiting
  /** What says that something is wrong. */
  private readonly refusal = createBytes()
  private length = 0
  private lengthBefore = 0
  private status = 0
  private controller: Dispatcher.DispatchController | undefined
  private gaveUp: Error | undefined

  constructor(waiting: Waiting) {
    this.waiting = waiting
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    if (this.gaveUp !== undefined) controller.abort(this.gaveUp)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.status = status
    if (status === 200) this.waiting.start?.(headers)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.gaveUp !== undefined) return
    this.length += chunk.length
    if (this.status !== 200) {
      this.refusal.add(chunk)
      if (this.length > longestRefusal) this.refuse()
    } else if (this.length > this.waiting.most) this.giveUp(this.waiting.tooLong())
    else this.take(chunk)
  }

  onResponseEnd(): void {
    this.onEnd()
    if (this.status === 200) this.waiting.resolve()
    else this.refuse()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.onEnd()
    this.waiting.reject(asKnown(error))
  }

  /** Also while it stands in line, where undici has no controller for it yet. */
  giveUp(error: Error): void {
    this.onEnd()
    this.gaveUp = error
    this.waiting.reject(error)
    this.controller?.abort(error)
  }

  /** Whether something has come since this was asked last. */
  hasGrown(): boolean {
    const grown = this.length > this.lengthBefore
    this.lengthBefore = this.length
    return grown
  }

  pause(): void {
    this.controller?.pause()
  }

  resume(): void {
    if (this.controller?.paused) this.controller.resume()
  }

  /** Nobody wants the rest. */
  drop(error: Error | null, done: (error?: Error | null) => void): void {
    this.onEnd()
    if (this.gaveUp === undefined) {
      this.gaveUp = error ?? cancelled()
      this.controller?.abort(this.gaveUp)
    }
    done(error)
  }

  private take(chunk: Buffer): void {
    try {
      this.waiting.take(chunk)
    } catch (error) {
      this.giveUp(error as Error)
    }
  }

  private refuse(): void {
    const text = this.refusal.text().slice(0, longestRefusal)
    const error = Object.assign(new Error(text), { statusCode: this.status, json: parseJson(text) ?? text })
    if (this.length > longestRefusal) this.giveUp(error)
    else this.waiting.reject(error)
  }
}

function createPool(
  address: EngineAddress,
  connections: number,
  alerted: (error: Error) => void,
): Dispatcher {
  const options = { connections, pipelining: 1 }
  if (address.kind === 'unix') return new Pool('http://localhost', { ...options, socketPath: address.path })
  const { host, port, tls } = address
  const origin = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`
  // An address is no name to ask for (RFC 6066, 3).
  const named = tls === undefined || isIP(host) !== 0 ? {} : { servername: host }
  const dial = buildConnector({
    ...{ ...tls, ...named, keepAlive: true, keepAliveInitialDelay: silence, timeout: 0 },
  })
  const connect: typeof dial = (to, done) =>
    dial(to, (...result) => {
      result[1]?.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code?.startsWith('ERR_SSL_')) alerted(error)
      })
      done(...result)
    })
  return new Pool(origin, { ...options, connect })
}

const cancelled = () => new Error('cancelled')

/** undici has names of its own for what happens to a connection, and for what comes on it. */
function asKnown(error: Error): Error {
  const code = codes.get((error as NodeJS.ErrnoException).code ?? error.name)
  return code === undefined ? error : Object.assign(new Error(error.message), { code })
}

const codes: ReadonlyMap<string, string> = new Map([
  ['UND_ERR_SOCKET', 'ECONNRESET'],
  ['HTTPParserError', 'HPE_INVALID'],
  ['UND_ERR_HEADERS_OVERFLOW', 'HPE_HEADER_OVERFLOW'],
])
