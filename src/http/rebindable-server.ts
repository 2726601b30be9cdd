// The HTTP server at the configured address or socket, which may change. DNS does not wait for it: an address in use is
// logged and retried, and until it is free the former address is still served.
import { isDeepStrictEqual } from 'node:util'
import type { HostPort } from '../config/types.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import { createHttpServer, type HttpServer, type Place, type Route } from './server.ts'

export interface RebindableServer {
  /** Moves the server here; undefined: stops it. Resolves after the first attempt. Never rejects. */
  serveAt(place: Place | undefined): Promise<void>
  /** The address in use, with the port that the system chose for 0; undefined for a socket. */
  address(): HostPort | undefined
  stop(): Promise<void>
}

export interface RebindableServerOptions {
  readonly routes: readonly Route[]
  /** Its name in the log. Default: "metrics and API". */
  readonly what?: string
  readonly clock: Clock
  readonly log: Logger
}

/** Between attempts at an address in use, ms. */
const retryEvery = 5000

export function createRebindableServer(options: RebindableServerOptions): RebindableServer {
  const { routes, what = 'metrics and API', clock, log } = options
  /** The server, and the place that was asked for. */
  let serving: { readonly at: Place; readonly server: HttpServer } | undefined
  let wanted: Place | undefined
  /** Ends the attempts at the former address. */
  let trying = new AbortController()
  let isStopped = false

  async function leave(): Promise<void> {
    const former = serving
    serving = undefined
    await former?.server.stop()
  }

  /** Resolves to why it failed; undefined: it did not, or is no longer wanted. */
  async function attempt(at: Place, signal: AbortSignal): Promise<string | undefined> {
    if (serving !== undefined && collide(serving.at, at)) await leave()
    const server = createHttpServer({ address: at, routes, log })
    try {
      await server.start()
    } catch (error) {
      return explain(error)
    }
    if (signal.aborted) {
      await server.stop()
      return undefined
    }
    const former = serving
    serving = { at, server }
    await former?.server.stop()
    return undefined
  }

  async function tryOn(at: Place, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(clock, retryEvery, signal)
      if (signal.aborted || (await attempt(at, signal)) !== undefined) continue
      if (!signal.aborted) log.info({}, `${what} are now served`)
      return
    }
  }

  return {
    async serveAt(place) {
      if (isStopped || isDeepStrictEqual(place, wanted)) return
      wanted = place
      trying.abort()
      trying = new AbortController()
      const { signal } = trying
      if (place === undefined) return leave()
      // The former server still runs there.
      if (isDeepStrictEqual(place, serving?.at)) return
      const why = await attempt(place, signal)
      if (why === undefined) return
      const still = serving && show(serving.at)
      log.error(
        { why, ...(still === undefined ? {} : { still }) },
        still === undefined
          ? `${what} cannot be served yet, will retry`
          : `${what} cannot move yet, will retry`,
      )
      void tryOn(place, signal)
    },
    address: () => serving?.server.address(),
    async stop() {
      isStopped = true
      trying.abort()
      await leave()
    },
  }
}

/** Whether the former server must be closed first: the same port, or the same socket. */
function collide(one: Place, other: Place): boolean {
  if ('path' in one) return 'path' in other && one.path === other.path
  return 'port' in other && one.port === other.port
}

function show(place: Place): string {
  return 'path' in place ? place.path : `${place.host} port ${place.port}`
}
