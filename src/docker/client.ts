// One engine's API: what berth asks, with deadlines and limits, and errors a person can act on.
import { addAbortSignal, type Readable } from 'node:stream'
import type { EngineAddress, EngineConfig } from '../config/types.ts'
import type { Clock } from '../lib/clock.ts'
import { createGetter } from './get.ts'
import { eventFilters } from './hints.ts'
import { connect, createAgent, streamContainers } from './modem.ts'
import { describeProblem, httpStatus, noAnswer, notDocker } from './problem.ts'
import type { RawContainer, RawContainerRow, RawNetwork } from './raw.ts'
import { createRowReader, type RowOptions, readRows } from './rows.ts'
import {
  isId,
  isObject,
  parseContainer,
  parseNetwork,
  readContainer,
  readContainerRow,
  readNetwork,
  text,
  type Wrong,
} from './shapes.ts'
import { parseJson } from './skim.ts'
import { type EngineEvent, readLines } from './stream.ts'

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
  /** Resolves once the engine has begun to answer; the stream is silent for as long as nothing happens. */
  events(options: { sinceSeconds: number; signal: AbortSignal }): Promise<Readable>
  /** What the engine remembers of this time, of all kinds, oldest first. `from` and `to` are its own clock, ms. */
  pastEvents(from: number, to: number): Promise<EngineEvent[]>
  /** Closes idle connections; calls under way are cut. */
  close(): void
}

/** Of what an engine told: `shape`, not of the type that it must be; `size`, longer than anything that it may be. */
export type Strange = (kind: 'shape' | 'size', what: string) => void

const callDeadline = 10_000
const headerDeadline = 5_000
/** Bytes. A container's own with megabytes of labels; a network's with tens of thousands of members. */
const longestContainer = 8 * 1024 * 1024
const longestNetwork = 16 * 1024 * 1024
/** The networks' list is read row by row, past events line by line: nothing holds them whole. */
const longestList = 128 * 1024 * 1024
/** Events; an engine remembers 256. */
const mostPast = 10_000

export function createEngineClient(
  config: EngineConfig,
  clock: Clock,
  strange: Strange = () => {},
): EngineClient {
  const { address } = config
  const agent = createAgent(address, 2)
  const streamAgent = createAgent(address, Number.POSITIVE_INFINITY)
  const api = connect(address, { agent, timeout: callDeadline })
  // `timeout` would cut a quiet stream; connectionTimeout ends with the headers.
  const live = connect(address, { agent: streamAgent, connectionTimeout: headerDeadline })
  // An inspect of a container blocks while that starts, one of a network while the engine waits for its disk: as many as
  // are ever asked for at once (eight, two, and eight for members). Pings never stand in line behind those.
  const inspects = createGetter({ address, clock, most: 18 })
  const pings = createGetter({ address, clock, most: 2 })
  const calls = createGetter({ address, clock, most: 2 })
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

  const wrongIn =
    (what: string): Wrong =>
    (field) =>
      strange('shape', `${what}: ${field}`)

  async function inspect<T>(
    what: string,
    id: string,
    path: string,
    most: number,
    parse: (text: string) => unknown,
    read: (told: unknown, wrong: Wrong) => T | undefined,
  ): Promise<T | undefined> {
    const doing = `inspect ${what}`
    if (!isId(id)) return undefined
    try {
      const raw = read(await inspects.object(path, doing, callDeadline, most, parse), wrongIn(doing))
      if (raw === undefined) throw notDocker(address, 'an inspect is not what it says it is')
      return raw
    } catch (error) {
      if (httpStatus(error) === 404 && isApiError(error)) return undefined
      throw describeProblem(error, address, doing)
    }
  }

  /** Rows that can't be read are left out, unless none can. */
  function rowsOf<T>(
    what: string,
    parse: RowOptions['parse'],
    read: (told: unknown, wrong: Wrong) => T | undefined,
  ) {
    const rows: T[] = []
    let seen = 0
    const wrong = wrongIn(what)
    const options: RowOptions = {
      ...(parse === undefined ? {} : { parse }),
      tooLong() {
        seen++
        strange('size', `${what}: a row`)
      },
    }
    const take = (told: unknown) => {
      seen++
      const row = read(told, wrong)
      if (row !== undefined) rows.push(row)
    }
    const all = () => {
      if (rows.length === 0 && seen > 0) throw noList(address)
      return rows
    }
    return { take, options, all }
  }

  return {
    async version() {
      const doing = 'tell its version'
      try {
        const told = fieldsOf(parseJson(await calls.text('/version', doing, headerDeadline)))
        const wrong = wrongIn(doing)
        const apiVersion = text(told.ApiVersion, 'ApiVersion', wrong)
        if (apiVersion === undefined) throw notDocker(address, 'its /version tells no ApiVersion')
        return { version: text(told.Version, 'Version', wrong) ?? 'unknown', apiVersion }
      } catch (error) {
        throw describeProblem(error, address, doing)
      }
    },

    async systemTime() {
      const doing = 'tell its clock'
      try {
        const told = fieldsOf(parseJson(await calls.text('/info', doing, callDeadline)))
        const time = Date.parse(text(told.SystemTime, 'SystemTime', wrongIn(doing)) ?? '')
        return Number.isNaN(time) ? undefined : time
      } catch (error) {
        const status = httpStatus(error)
        if (status !== undefined && status < 500) return undefined
        throw describeProblem(error, address, doing)
      }
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
      const doing = 'list its networks'
      try {
        const { take, options, all } = rowsOf(doing, undefined, readNetwork)
        const reader = createRowReader(take, options)
        await calls.chunks('/networks', doing, callDeadline, reader.push, longestList)
        if (!reader.isWhole()) throw noList(address)
        return all()
      } catch (error) {
        throw describeProblem(error instanceof SyntaxError ? noList(address) : error, address, doing)
      }
    },

    inspectNetwork: (id) =>
      inspect('a network', id, `/networks/${id}`, longestNetwork, parseNetwork, readNetwork),

    listContainers: () => {
      const doing = 'list its containers'
      return call<RawContainerRow[]>(doing, callDeadline, async (abortSignal) => {
        const { take, options, all } = rowsOf(doing, parseContainer, readContainerRow)
        const stream = addAbortSignal(abortSignal, await streamContainers(api, abortSignal))
        await readRows(stream, take, options).catch((error) => {
          throw error instanceof SyntaxError ? noList(address) : error
        })
        return all()
      })
    },

    inspectContainer: (id) =>
      inspect('a container', id, `/containers/${id}/json`, longestContainer, parseContainer, readContainer),

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
        const events: EngineEvent[] = []
        const lines = readLines((event) => {
          if (event !== undefined && events.length < mostPast) events.push(event)
        })
        await pings.chunks(path, doing, callDeadline, lines.push, longestList)
        lines.end()
        return events
      } catch (error) {
        throw describeProblem(error, address, doing)
      }
    },

    close() {
      closed = true
      for (const ending of underway) ending.abort()
      inspects.close()
      pings.close()
      calls.close()
      agent.destroy()
      streamAgent.destroy()
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

/** A proxy's or another server's 404 page is no proof that a container is gone. */
function isApiError(error: unknown): boolean {
  return typeof fieldsOf((error as { json?: unknown }).json).message === 'string'
}

const noList = (address: EngineAddress) => notDocker(address, 'a list is not what it says it is')
