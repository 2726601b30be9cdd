// Which version of Docker's API berth requests, and how a refusal reads. An engine answers as it did when that version was
// its newest, so later changes do not reach berth.
import type { IncomingHttpHeaders } from 'node:http'
import type { EngineAddress } from '../../config/types.ts'
import { BerthError } from '../../lib/errors.ts'
import { httpStatus, isApiError } from './errors.ts'

/** The highest that berth was tested with: test/engine/edge.ts, and answers recorded of engines and of their changelog. */
export const highestApi = '1.52'
/** Docker 20.10's. Below it nothing was tried. */
export const oldestApi = '1.41'

export interface EngineVersion {
  /** The engine's own, as "28.5.2". */
  readonly version?: string
  /** Asks for that, where the headers have not told it. */
  readonly askVersion?: () => Promise<string | undefined>
  readonly product?: 'Docker' | 'Podman'
  /** The highest that the engine speaks. */
  readonly apiVersion: string
  /** The engine's clock, ms since 1970, cut to seconds. */
  readonly second?: number
}

/** What the answer to a ping tells beside its body; undefined where it does not tell the API's version. */
export function versionFromHeaders(headers: IncomingHttpHeaders): EngineVersion | undefined {
  const apiVersion = headers['api-version']
  if (!isApiVersion(apiVersion)) return undefined
  const [, name, version] = /^(Docker|Libpod)\/([\w.+~-]{1,64})(?: |$)/.exec(`${headers.server}`) ?? []
  const second = Date.parse(`${headers.date}`)
  return {
    apiVersion,
    ...(version === undefined ? {} : { version, product: name === 'Libpod' ? 'Podman' : 'Docker' }),
    ...(Number.isNaN(second) ? {} : { second }),
  }
}

/** "1.45"; not "1.45.0", nor what an engine may write into paths and logs otherwise. */
export function isApiVersion(text: unknown): text is string {
  return typeof text === 'string' && /^\d{1,3}\.\d{1,3}$/.test(text)
}

/** False where there is none. */
export function isAtLeast(api: string | undefined, least: string): boolean {
  if (!isApiVersion(api)) return false
  const [major = 0, minor = 0] = api.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number)
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
}

/** What paths begin with, for an engine that speaks up to `api`. */
export function pathPrefix(api: string): string {
  return `/v${isAtLeast(api, highestApi) ? highestApi : api}`
}

export interface VersionedPaths {
  /** From now on paths begin with the version for an engine that speaks up to `api`. */
  useVersion(api: string): void
  /**
   * Calls `ask` with the path; where the version before it is refused, and the path alone is not, with that, and so from
   * then on. `doing` tells the kinds of calls apart: each is tried both ways once. `mayBeGone`: the API's own 404 is an
   * answer.
   */
  request<T>(path: string, doing: string, ask: (path: string) => Promise<T>, mayBeGone?: boolean): Promise<T>
}

/** Request Timeout and Too Many Requests say nothing of what was asked for. */
const forNow: readonly number[] = [408, 429]

/** `refused` is given the first versioned path that something refuses which takes the plain one. */
export function createVersionedPaths(
  address: EngineAddress,
  refused: (path: string) => void,
): VersionedPaths {
  let prefix = ''
  const tried = new Set<string>()
  return {
    useVersion(api) {
      prefix = pathPrefix(api)
    },
    async request(path, doing, ask, mayBeGone = false) {
      const versioned = prefix + path
      try {
        return await ask(versioned)
      } catch (error) {
        const least = minimumIn(error)
        if (least !== undefined && !isAtLeast(highestApi, least)) throw tooNew(address, least)
        const status = httpStatus(error) ?? 0
        const isGone = mayBeGone && status === 404 && isApiError(error)
        const isRefused = status >= 400 && status < 500 && !isGone && !forNow.includes(status)
        if (versioned === path || tried.has(doing) || !isRefused) throw error
        const told = await ask(path).catch(() => {
          tried.add(doing)
          throw error
        })
        if (prefix !== '') refused(versioned.replace(/\?.*/s, ''))
        prefix = ''
        return told
      }
    },
  }
}

/** The engine's lowest, where it says that the version asked for is too old. */
function minimumIn(error: unknown): string | undefined {
  if (httpStatus(error) !== 400 || !isApiError(error)) return undefined
  return /minimum supported API version is (\d{1,3}\.\d{1,3})\b/i.exec(error.json.message)?.[1]
}

function tooNew(address: EngineAddress, least: string): BerthError {
  return new BerthError(
    'ENGINE',
    `the engine at ${address.text} speaks Docker's API from ${least} on, and this berth up to ${highestApi}: update berth`,
  )
}
