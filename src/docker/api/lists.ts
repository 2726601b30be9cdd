// Docker's lists, read row by row: a row that cannot be read is left out, and nothing holds a list whole.
import type { EngineAddress } from '../../config/types.ts'
import { notDockerError } from './errors.ts'
import type { ReportInvalid } from './fields.ts'
import type { HttpClient, Parse } from './http-client.ts'
import { createListParser, type ListParserOptions, readList } from './list-stream.ts'
import type { ApiContainerRow } from './types.ts'
import { readContainerRow, readNetwork } from './validate.ts'
import type { VersionedPaths } from './versions.ts'
import { parseContainer, parseNetwork } from './wanted-json.ts'

/** ms */
const deadline = 10_000
/** Bytes */
const longestList = 128 * 1024 * 1024

export interface ListsOptions {
  readonly address: EngineAddress
  readonly calls: Pick<HttpClient, 'chunks'>
  readonly streams: Pick<HttpClient, 'stream'>
  readonly paths: VersionedPaths
  reportInvalid(doing: string): ReportInvalid
  /** A row of the list was longer than any may be. */
  tooLong(doing: string): void
}

export function createLists({ address, calls, streams, paths, reportInvalid, tooLong }: ListsOptions) {
  /** Rejects a list in which no row can be read. */
  function rowsOf<T>(
    what: string,
    parse: Parse,
    read: (told: unknown, wrong: ReportInvalid) => T | undefined,
  ) {
    const rows: T[] = []
    let seen = 0
    const wrong = reportInvalid(what)
    const options: ListParserOptions = { parse, tooLong: () => tooLong(what) }
    const take = (told: unknown) => {
      seen++
      const row = read(told, wrong)
      if (row !== undefined) rows.push(row)
    }
    const all = () => {
      if (rows.length === 0 && seen > 0) throw notAList(address)
      return rows
    }
    return { take, options, all }
  }

  async function list<T>(
    doing: string,
    path: string,
    parse: Parse,
    read: (told: unknown, wrong: ReportInvalid) => T | undefined,
  ): Promise<T[]> {
    const { take, options, all } = rowsOf(doing, parse, read)
    const reader = createListParser(take, options)
    await calls.chunks(path, doing, deadline, reader.push, longestList)
    if (!reader.isWhole()) throw notAList(address)
    return all()
  }

  const networks = () => {
    const doing = 'list its networks'
    return paths.request('/networks', doing, (path) => list(doing, path, parseNetwork, readNetwork))
  }

  async function containers(signal?: AbortSignal): Promise<ApiContainerRow[]> {
    const doing = 'list its containers'
    const { take, options, all } = rowsOf(doing, parseContainer, readContainerRow)
    const body = await paths.request('/containers/json?all=true', doing, (path) =>
      streams.stream(path, doing, deadline, {
        isWhole: true,
        ...(signal === undefined ? {} : { signal }),
      }),
    )
    await readList(body, take, options)
    return all()
  }

  return { list, networks, containers }
}

export const notAList = (address: EngineAddress) => notDockerError(address, 'a list is malformed')
