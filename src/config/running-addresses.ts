// Where a running berth listens, by its configuration: for the commands that query it. Health checks run this often, so zod
// is never loaded, and YAML only if something is written in it.
import { resolve } from 'node:path'
import { BerthError } from '../lib/errors.ts'
import { readTextSync } from '../lib/files.ts'
import type { Path } from './document.ts'
import {
  readHttp,
  readListen,
  readPath,
  socketExample,
  tokenExample,
  usualHttp,
  usualListen,
} from './settings.ts'
import type { Sources } from './sources.ts'
import type { Config, HostPort } from './types.ts'
import { fileVariable, isInBrackets, variableNames } from './variables.ts'
import { type Issues, isMap } from './yaml-values.ts'

/** The default path of the API's socket, tried if the configuration names neither socket nor address. */
export const usualSocket = '/run/berth/api.sock'

export interface Addresses extends Pick<Config, 'http' | 'listen'> {
  /** Absolute paths of the API's socket and of the file with its token. */
  readonly socket?: string
  readonly token?: string
  /** Neither `api.socket` nor `http` is set: try the default socket. */
  readonly isUsual?: true
}

/** Bytes of a file that is searched for anything but comments. */
const mostEmpty = 64 * 1024

const settings = ['http', 'listen', 'api.socket', 'api.token']

/** Only the addresses; the rest of the configuration need not be valid. */
export async function loadAddresses(sources: Sources): Promise<Addresses> {
  const { baseDirectory, readTree } = await import('./sources.ts')
  const { formatProblems, notMap } = await import('./problems.ts')
  const { tree, file, problems, isYaml, where, has } = readTree(sources, {
    ...{ settings, isPart: true },
    isSection: (key) => key === 'api',
  })
  const issuesAt = (path: Path): Issues => ({
    addIssue: ({ message, path: more = [] }) =>
      void problems.push(where(message, [...path, ...(more as (string | number)[])])),
  })
  const api = tree.api ?? {}
  if (isYaml && !isMap(api)) problems.push(where(notMap, ['api']))
  if (problems.length > 0 || !isMap(api)) throw new BerthError('CONFIG', formatProblems(problems))
  const listen = readListen(tree.listen ?? usualListen, issuesAt(['listen']))
  const socket = readPath(api.socket ?? 'off', issuesAt(['api', 'socket']), socketExample)
  const token = readPath(api.token ?? 'off', issuesAt(['api', 'token']), tokenExample)
  const http = readHttp(tree.http ?? usualHttp, issuesAt(['http']))
  if (problems.length > 0) throw new BerthError('CONFIG', formatProblems(problems))
  const directory = baseDirectory(file)
  return {
    ...{ http, listen },
    ...(socket === undefined ? {} : { socket: resolve(directory, socket) }),
    ...(token === undefined ? {} : { token: resolve(directory, token) }),
    ...(has('http') || has('api.socket') ? {} : { isUsual: true }),
  }
}

/** Where berth answers DNS. */
export async function loadListen(sources: Sources): Promise<readonly HostPort[]> {
  return plainListen(sources) ?? (await loadAddresses(sources)).listen
}

/** As `loadAddresses` gives it, without YAML; undefined: that needs YAML, or something is wrong. */
function plainListen({ file, env, flags }: Sources): readonly HostPort[] | undefined {
  if (Object.keys(flags).length > 0) return undefined
  const written = env[variableNames('listen')[0]!]?.trim() ?? ''
  if (isInBrackets(written)) return undefined
  const path = file || env[fileVariable]
  if (written === '' && path && !isEmpty(path)) return undefined
  let isRight = true
  const issues: Issues = {
    addIssue() {
      isRight = false
    },
  }
  const listen = readListen(written === '' ? usualListen : written, issues)
  return isRight ? listen : undefined
}

/** Whether a file has nothing but comments. */
function isEmpty(path: string): boolean {
  try {
    return /^(?: *(?:#.*)?\n)*$/.test(`${readTextSync(path, mostEmpty, true)}\n`)
  } catch {
    return false
  }
}
