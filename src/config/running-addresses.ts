// Where a running berth is found, by its configuration: for whoever asks it, which is often no more than a health check.
// What that does without is not even loaded: zod never, YAML where nothing is written in it.
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

/** Where a berth's socket usually is; who asks tries it where the configuration says nothing else. */
export const usualSocket = '/run/berth/api.sock'

export interface Addresses extends Pick<Config, 'http' | 'listen'> {
  /** Absolute paths, of the API's socket and of the file with its token. */
  readonly socket?: string
  readonly token?: string
  /** Neither socket nor `http` are written anywhere: it is where it usually is. */
  readonly isUsual?: true
}

/** Bytes of a file that may be without anything written in it. */
const mostEmpty = 64 * 1024

const settings = ['http', 'listen', 'api.socket', 'api.token']

/** Only the addresses where a running berth is found; nothing else in the configuration has to be right. */
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

/** Where questions are answered. */
export async function loadListen(sources: Sources): Promise<readonly HostPort[]> {
  return plainListen(sources) ?? (await loadAddresses(sources)).listen
}

/** As `loadAddresses` tells it, where that takes no YAML; undefined: it does, or something is wrong. */
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
