// GETs, past dockerode and Node's HTTP client: there are thousands of inspects, and what those make for each takes
// several times as long as what it is for.
import { isIP } from 'node:net'
import { type Dispatcher, Pool } from 'undici'
import type { EngineAddress } from '../config/types.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { noAnswer, notDocker } from './problem.ts'

export interface Getter {
  /**
   * The body at `path`, whole within `ms`; `doing` says what for, as in "inspect a network". Rejects as docker-modem does,
   * with `statusCode` and `json`, where the status is another than 200, with a BerthError ENGINE where nothing comes in time.
   */
  text(path: string, doing: string, ms: number): Promise<string>
  /** The JSON object at `path`; a BerthError ENGINE where it is none. */
  object(path: string, doing: string, ms: number): Promise<object>
  /** What is under way rejects. */
  close(): void
}

export interface GetterOptions {
  readonly address: EngineAddress
  readonly clock: Clock
  /** Connections; who comes when all are busy waits for the first that is free. */
  readonly most: number
}

/** Before the first probe of a connection over TCP that is silent, ms. */
const silence = 30_000

export function createGetter({ address, clock, most }: GetterOptions): Getter {
  const pool = createPool(address, most)
  const get = (path: string, doing: string, ms: number) =>
    new Promise<string>((resolve, reject) => {
      const reply = new Reply(resolve, reject)
      reply.timer = clock.setTimeout(() => reply.giveUp(noAnswer(address, doing, ms)), ms)
      reply.onEnd = () => clock.clearTimeout(reply.timer)
      pool.dispatch({ path, method: 'GET', headersTimeout: 0, bodyTimeout: 0 }, reply)
    })

  return {
    text: get,
    async object(path, doing, ms) {
      const object = parse(await get(path, doing, ms))
      if (object === undefined) throw notDocker(address, 'an inspect is not what it says it is')
      return object
    },
    close: () => void pool.destroy(cancelled()),
  }
}

/** One answer on its way. undici's own time-outs go by a clock that ticks once a second, so there is one of ours. */
class Reply implements Dispatcher.DispatchHandler {
  timer: Timer | undefined
  onEnd = () => {}
  private readonly resolve: (text: string) => void
  private readonly reject: (error: unknown) => void
  private readonly chunks: Buffer[] = []
  private status = 0
  private controller: Dispatcher.DispatchController | undefined
  private gaveUp: Error | undefined

  constructor(resolve: (text: string) => void, reject: (error: unknown) => void) {
    this.resolve = resolve
    this.reject = reject
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    if (this.gaveUp !== undefined) controller.abort(this.gaveUp)
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.status = status
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.chunks.push(chunk)
  }

  onResponseEnd(): void {
    this.onEnd()
    const { chunks, status } = this
    const text = chunks.length === 1 ? `${chunks[0]}` : `${Buffer.concat(chunks)}`
    if (status === 200) this.resolve(text)
    else this.reject(Object.assign(new Error(text), { statusCode: status, json: parse(text) ?? text }))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.onEnd()
    this.reject(asKnown(error))
  }

  /** Also while it stands in line, where undici has no controller for it yet. */
  giveUp(error: Error): void {
    this.gaveUp = error
    this.reject(error)
    this.controller?.abort(error)
  }
}

function createPool(address: EngineAddress, connections: number): Pool {
  const options = { connections, pipelining: 1 }
  if (address.kind === 'unix') return new Pool('http://localhost', { ...options, socketPath: address.path })
  const { host, port, tls } = address
  const origin = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`
  // An address is no name to ask for (RFC 6066, 3).
  const named = tls === undefined || isIP(host) !== 0 ? {} : { servername: host }
  const connect = { ...tls, ...named, keepAlive: true, keepAliveInitialDelay: silence, timeout: 0 }
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
])

/** undefined where it is no object. */
function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
