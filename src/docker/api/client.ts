// One engine's API: the calls that berth makes, with deadlines, size limits, and errors that say what to do.
import type { Readable } from 'node:stream'
import type { EngineConfig } from '../../config/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { httpStatus, isApiError, isGone, isRequestRefused, notDockerError, toEngineError } from './errors.ts'
import { createEventParser, type EngineEvent, eventFilters } from './event-stream.ts'
import { isId, isObject, type ReportInvalid, text } from './fields.ts'
import { createHttpClient } from './http-client.ts'
import { createLibpodClient, isMismatch } from './libpod.ts'
import { createLists, notAList } from './lists.ts'
import { parseJson } from './partial-json.ts'
import type { ApiContainer, ApiContainerRow, ApiInfo, ApiNetwork, ImageRef, ImageReply } from './types.ts'
import { isOfPlatform, readContainer, readImageLabels, readInfo, readNetwork } from './validate.ts'
import { createVersionedPaths, type EngineVersion, isApiVersion, versionFromHeaders } from './versions.ts'
import { parseContainer, parseImage, parseNetwork } from './wanted-json.ts'

/** Every call rejects with a BerthError ENGINE, and within 10 s of silence. */
export interface EngineClient {
  /** By the headers of a ping, else by /version. To be asked first: paths carry an API version from then on. */
  version(): Promise<EngineVersion>
  /** undefined where a socket proxy refuses /info. */
  info(): Promise<EngineInfo | undefined>
  ping(timeoutMs: number): Promise<void>
  listNetworks(): Promise<ApiNetwork[]>
  /** undefined: there is none of this id. */
  inspectNetwork(id: string): Promise<ApiNetwork | undefined>
  /** Stopped ones too. */
  listContainers(): Promise<ApiContainerRow[]>
  /**
   * undefined: there is none of this id. Blocks while the container is being started. A row: all that Podman still tells
   * of a container whose networks it has at odds.
   */
  inspectContainer(id: string): Promise<ApiContainer | ApiContainerRow | undefined>
  imageLabels(image: ImageRef): Promise<ImageReply>
  /** Resolves once the engine has begun to answer; the stream is silent for as long as nothing happens. */
  events(options: { sinceSeconds: number; signal: AbortSignal }): Promise<Readable>
  /** What the engine remembers of this time, of all kinds, oldest first. `from` and `to` are its own clock, ms. */
  pastEvents(from: number, to: number): Promise<EngineEvent[]>
  /** Closes idle connections; calls under way are cut. */
  close(): void
}

export interface EngineInfo {
  /** The engine's clock, ms since 1970; undefined: not told. */
  readonly systemTime: number | undefined
  readonly host: ApiInfo
}

/** Of what an engine told: `shape`, not of the type that it must be; `size`, longer than anything that it may be. */
export type ReportMalformed = (kind: 'shape' | 'size', what: string) => void

const callDeadline = 10_000
const headerDeadline = 5_000
/** Bytes. A container's own with megabytes of labels; a network's with tens of thousands of members. */
const longestContainer = 8 * 1024 * 1024
const longestImage = 8 * 1024 * 1024
const longestNetwork = 16 * 1024 * 1024
/** Past events are read line by line: nothing holds them whole. */
const longestHistory = 128 * 1024 * 1024
/** Events; an engine remembers 256. */
const mostPast = 10_000

/** `plain` is told, once, that versioned paths are refused and plain ones are not. */
export function createEngineClient(
  config: EngineConfig,
  clock: Clock,
  strange: ReportMalformed = () => {},
  plain: (refused: string) => void = () => {},
): EngineClient {
  const { address } = config
  const paths = createVersionedPaths(address, plain)
  // An inspect of a container blocks while that starts, one of a network while the engine waits for its disk: as many as
  // are ever asked for at once (eight, two, eight for members, two of images). Pings never stand in line behind those.
  const inspects = createHttpClient({ address, clock, most: 20 })
  const pings = createHttpClient({ address, clock, most: 2 })
  // The networks' list stands in line behind neither the engine's clock nor its version; nor do Podman's own lists behind
  // that.
  const calls = createHttpClient({ address, clock, most: 5 })
  const streams = createHttpClient({ address, clock, most: 2 })
  let isPodman = false
  const wrongIn =
    (what: string): ReportInvalid =>
    (field) =>
      strange('shape', `${what}: ${field}`)

  /** `request`, whose errors say what berth was doing. */
  async function attempt<T>(doing: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request()
    } catch (error) {
      throw toEngineError(error instanceof SyntaxError ? notAList(address) : error, address, doing)
    }
  }

  /** `through`: what else is tried, or done with it. */
  async function inspect<T, U = T>(
    what: string,
    id: string,
    path: string,
    most: number,
    parse: (text: string) => unknown,
    read: (told: unknown, wrong: ReportInvalid) => T | undefined,
    through: (told: () => Promise<T>) => Promise<T | U | undefined> = (told) => told(),
  ): Promise<T | U | undefined> {
    const doing = `inspect ${what}`
    if (!isId(id)) return undefined
    try {
      return await through(async () => {
        const get = (path: string) => inspects.object(path, doing, callDeadline, most, parse)
        const raw = read(await paths.request(path, doing, get, true), wrongIn(doing))
        if (raw === undefined) throw notDockerError(address, 'an inspect is malformed')
        return raw
      })
    } catch (error) {
      if (isApiError(error) && (httpStatus(error) === 404 || isGone(error))) return undefined
      throw toEngineError(error, address, doing)
    }
  }

  const lists = createLists({
    ...{ address, calls, streams, paths, reportInvalid: wrongIn },
    tooLong: (doing) => strange('size', `${doing}: a row`),
  })
  const podman = createLibpodClient({
    ...{ clock, list: lists.list, wrongIn },
    object: (path, doing) => inspects.object(path, doing, callDeadline, longestContainer),
  })

  async function readVersion(): Promise<EngineVersion> {
    const doing = 'report its version'
    const told = fieldsOf(parseJson(await calls.text('/version', doing, headerDeadline)))
    const wrong = wrongIn(doing)
    const apiVersion = text(told.ApiVersion, 'ApiVersion', wrong)
    if (!isApiVersion(apiVersion)) throw notDockerError(address, 'its /version has no ApiVersion')
    isPodman = JSON.stringify(told.Components ?? null).includes('"Podman Engine"')
    const version = text(told.Version, 'Version', wrong)
    return { apiVersion, version: version ?? 'unknown', ...(isPodman ? { product: 'Podman' } : {}) }
  }

  return {
    async version() {
      const doing = 'report its version'
      return attempt(doing, async () => {
        const headers = await calls.headers('/_ping', doing, headerDeadline).catch((error) => {
          const status = httpStatus(error)
          if (status === undefined || status >= 500) throw error
          return {}
        })
        const told = versionFromHeaders(headers) ?? (await readVersion())
        isPodman = told.product === 'Podman'
        paths.useVersion(told.apiVersion)
        if (told.version !== undefined) return told
        return { ...told, askVersion: async () => (await readVersion()).version }
      })
    },

    async info() {
      const doing = 'report its clock'
      try {
        const told = fieldsOf(
          parseJson(await paths.request('/info', doing, (path) => calls.text(path, doing, callDeadline))),
        )
        const wrong = wrongIn(doing)
        const time = Date.parse(text(told.SystemTime, 'SystemTime', wrong) ?? '')
        return {
          systemTime: Number.isNaN(time) ? undefined : time,
          host: readInfo(told, wrong),
        }
      } catch (error) {
        const status = httpStatus(error)
        if (status !== undefined && status < 500) return undefined
        throw toEngineError(error, address, doing)
      }
    },

    async ping(timeoutMs) {
      const doing = 'answer a ping'
      try {
        await pings.text('/_ping', doing, timeoutMs)
      } catch (error) {
        // A proxy that does not let pings through is there all the same.
        const status = httpStatus(error)
        if (status === undefined || status >= 500) throw toEngineError(error, address, doing)
      }
    },

    listNetworks: () =>
      attempt('list its networks', () =>
        isPodman ? podman.withFallback(lists.networks, podman.listNetworks) : lists.networks(),
      ),

    inspectNetwork(id) {
      const path = `/networks/${id}`
      return inspect('a network', id, path, longestNetwork, parseNetwork, readNetwork, (told) =>
        isPodman ? podman.withFallback(told, () => podman.inspectNetwork(id)) : told(),
      )
    },

    listContainers: () =>
      attempt('list its containers', () =>
        isPodman ? podman.withFallback(lists.containers, podman.listContainers) : lists.containers(),
      ),

    inspectContainer(id) {
      const path = `/containers/${id}/json`
      return inspect(
        'a container',
        id,
        path,
        longestContainer,
        parseContainer,
        readContainer,
        async (told) => {
          if (!isPodman) return told()
          try {
            const raw = await told()
            const PodName = await podman.podName(raw)
            return PodName === undefined ? raw : { ...raw, PodName }
          } catch (error) {
            if (!isMismatch(error)) throw error
            return podman.containerRow(id, lists.networks)
          }
        },
      )
    },

    async imageLabels({ id, platform }) {
      const query = platform === undefined ? '' : `?platform=${encoded(platform)}`
      const doing = 'inspect an image'
      try {
        const path = `/images/${id}/json${query}`
        const get = (path: string) => inspects.object(path, doing, callDeadline, longestImage, parseImage)
        const told = await paths.request(path, doing, get, true)
        const wrong = wrongIn(doing)
        // Engines before API 1.49 know no `platform` and tell of another of the image's.
        if (platform !== undefined && !isOfPlatform(told, platform, wrong)) return 'gone'
        return readImageLabels(told, wrong) ?? 'gone'
      } catch (error) {
        const status = httpStatus(error)
        if (status !== undefined && status < 500) return isRequestRefused(error, status) ? 'gone' : 'refused'
        throw toEngineError(error, address, doing)
      }
    },

    events({ sinceSeconds, signal }) {
      const doing = 'stream its events'
      const filters = encodeURIComponent(JSON.stringify(eventFilters))
      const path = `/events?since=${sinceSeconds}&filters=${filters}`
      return attempt(doing, () =>
        paths.request(path, doing, (path) => streams.stream(path, doing, headerDeadline, { signal })),
      )
    },

    pastEvents(from, to) {
      const doing = 'list its past events'
      // Podman waits for more unless told not to. Asked for a time that is over, it may omit some or all: reading its log file
      // ends at that time. So it is asked for a time that is still to come.
      const until = isPodman ? to + callDeadline : to
      const path = `/events?since=${unixTime(from)}&until=${unixTime(until)}${isPodman ? '&stream=false' : ''}`
      return attempt(doing, async () => {
        const events: EngineEvent[] = []
        const lines = createEventParser((event) => {
          const isPast = !isPodman || (event?.time ?? 0) <= to
          if (event !== undefined && isPast && events.length < mostPast) events.push(event)
        })
        await paths.request(path, doing, (path) =>
          pings.chunks(path, doing, callDeadline, lines.push, longestHistory),
        )
        lines.end()
        return events
      })
    },

    close() {
      for (const getter of [inspects, pings, calls, streams]) getter.close()
    },
  }
}

/** Seconds with nine digits behind the point, as `since` and `until` want them. */
function unixTime(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return `${seconds}.${String(Math.floor((ms - seconds * 1000) * 1e6)).padStart(9, '0')}`
}

function fieldsOf(told: unknown): Record<string, unknown> {
  return isObject(told) ? told : {}
}

/** An image's maker writes its platform: not even a quote of it goes out as it is. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)
}
