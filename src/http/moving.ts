// The HTTP server at the address that the configuration names. DNS does not wait for it: an address that is taken is
// said, and tried again; until then whoever was served at the former address is served there.
import { isDeepStrictEqual } from 'node:util'
import type { HostPort } from '../config/types.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import { createHttpServer, type HttpServer, type Route } from './server.ts'

export interface MovingServer {
  /** Serves here from now on, and nowhere else; undefined: nowhere. Resolves after the first try. Never rejects. */
  serveAt(address: HostPort | undefined): Promise<void>
  /** Where it is served now, with the port the system chose where 0 was asked for. */
  address(): HostPort | undefined
  stop(): Promise<void>
}

export interface MovingOptions {
  readonly routes: readonly Route[]
  readonly clock: Clock
  readonly log: Logger
}

/** Between tries at an address that is taken, ms. */
const retryEvery = 5000

export function createMovingServer({ routes, clock, log }: MovingOptions): MovingServer {
  /** What serves, and where that was asked for. */
  let serving: { readonly at: HostPort; readonly server: HttpServer } | undefined
  let wanted: HostPort | undefined
  /** Ends the tries at an address that is not wanted any more. */
  let trying = new AbortController()
  let isStopped = false

  async function leave(): Promise<void> {
    const former = serving
    serving = undefined
    await former?.server.stop()
  }

  /** Why it failed; undefined where it did not, or is not wanted any more. */
  async function attempt(at: HostPort, signal: AbortSignal): Promise<string | undefined> {
    // One port for "*" and for an address of its own: the former has to go first.
    if (serving?.at.port === at.port) await leave()
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

  async function tryOn(at: HostPort, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(clock, retryEvery, signal)
      if (signal.aborted || (await attempt(at, signal)) !== undefined) continue
      if (!signal.aborted) log.info({}, 'metrics and API are there now')
      return
    }
  }

  return {
    async serveAt(address) {
      if (isStopped || isDeepStrictEqual(address, wanted)) return
      wanted = address
      trying.abort()
      trying = new AbortController()
      const { signal } = trying
      if (address === undefined) return leave()
      // Back to where it still is.
      if (isDeepStrictEqual(address, serving?.at)) return
      const why = await attempt(address, signal)
      if (why === undefined) return
      const still = serving && `${serving.at.host} port ${serving.at.port}`
      log.error(
        { why, ...(still === undefined ? {} : { still }) },
        still === undefined
          ? 'no metrics and no API yet, will try again'
          : 'metrics and API can not move yet, will try again',
      )
      void tryOn(address, signal)
    },
    address: () => serving?.server.address(),
    async stop() {
      isStopped = true
      trying.abort()
      await leave()
    },
  }
}
