// The HTTP server at the address, or the socket, that the configuration names. DNS does not wait for it: an address that is taken is
// said, and tried again; until then whoever was served at the former address is served there.
import { isDeepStrictEqual } from 'node:util'
import type { HostPort } from '../config/types.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import { createHttpServer, type HttpServer, type Place, type Route } from './server.ts'

export interface MovingServer {
  /** Serves here from now on, and nowhere else; undefined: nowhere. Resolves after the first try. Never rejects. */
  serveAt(place: Place | undefined): Promise<void>
  /** The address where it is served now, with the port the system chose where 0 was asked for; none of a socket. */
  address(): HostPort | undefined
  stop(): Promise<void>
}

export interface MovingOptions {
  readonly routes: readonly Route[]
  /** What log lines call it: "metrics and API" where it is left out. */
  readonly what?: string
  readonly clock: Clock
  readonly log: Logger
}

/** Between tries at an address that is taken, ms. */
const retryEvery = 5000

export function createMovingServer(options: MovingOptions): MovingServer {
  const { routes, what = 'metrics and API', clock, log } = options
  /** What serves, and where that was asked for. */
  let serving: { readonly at: Place; readonly server: HttpServer } | undefined
  let wanted: Place | undefined
  /** Ends the tries at an address that is not wanted any more. */
  let trying = new AbortController()
  let isStopped = false

  async function leave(): Promise<void> {
    const former = serving
    serving = undefined
    await former?.server.stop()
  }

  /** Why it failed; undefined where it did not, or is not wanted any more. */
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
      if (!signal.aborted) log.info({}, `${what} are there now`)
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
      // Back to where it still is.
      if (isDeepStrictEqual(place, serving?.at)) return
      const why = await attempt(place, signal)
      if (why === undefined) return
      const still = serving && show(serving.at)
      log.error(
        { why, ...(still === undefined ? {} : { still }) },
        still === undefined
          ? `${what} are not there yet, will try again`
          : `${what} can not move yet, will try again`,
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

/** One port for "*" and for an address of its own, one name for a socket: the former has to go first. */
function collide(one: Place, other: Place): boolean {
  if ('path' in one) return 'path' in other && one.path === other.path
  return 'port' in other && one.port === other.port
}

function show(place: Place): string {
  return 'path' in place ? place.path : `${place.host} port ${place.port}`
}
