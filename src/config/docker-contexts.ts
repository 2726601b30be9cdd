// The user's Docker contexts, read as the docker command does: which one is current, and which engine it names.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { BerthError, explain } from '../lib/errors.ts'
import { lines } from '../lib/printable.ts'
import { readIfThere } from './problems.ts'
import type { WrittenEngine } from './settings.ts'
import { isMap } from './yaml-values.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface CurrentContext {
  readonly name: string
  /** What selects it: DOCKER_CONTEXT, or the path of config.json. */
  readonly chosenBy: string
}

export const contextVariable = 'DOCKER_CONTEXT'
export const defaultSocket = 'unix:///var/run/docker.sock'
/** The docker command's built-in context: it has no files and means the default socket. */
const defaultContext = 'default'
/** Bytes of config.json and of a context's meta.json; real ones have a few hundred. */
const mostJson = 1024 * 1024

/** $DOCKER_CONFIG, else ~/.docker; undefined without a home directory. */
function configDirectory(env: Environment): string | undefined {
  return env.DOCKER_CONFIG || (env.HOME ? join(env.HOME, '.docker') : undefined)
}

/** What DOCKER_CONTEXT or config.json names, if anything. `warning`: config.json cannot be read; docker ignores that, too. */
export function currentContext(env: Environment): { current?: CurrentContext; warning?: string } {
  const named = env[contextVariable]
  if (named) return { current: { name: named, chosenBy: contextVariable } }
  const directory = configDirectory(env)
  if (directory === undefined) return {}
  const file = join(directory, 'config.json')
  try {
    const read = readJson(file)
    if (read === undefined) return {}
    const name = isMap(read) ? (read.currentContext ?? '') : undefined
    if (typeof name !== 'string') throw new BerthError('CONFIG', lines`${file}: currentContext is not text`)
    return name === '' ? {} : { current: { name, chosenBy: file } }
  } catch (error) {
    return { warning: `Docker contexts ignored: ${explain(error)}` }
  }
}

/** The engine of that context. Throws a BerthError CONFIG that names the file. */
export function readContext({ name }: CurrentContext, env: Environment): WrittenEngine {
  if (name === defaultContext) return { name: undefined, url: defaultSocket }
  const directory = configDirectory(env)
  if (directory === undefined) {
    throw new BerthError('CONFIG', lines`context "${name}" cannot be found: set HOME or DOCKER_CONFIG`)
  }
  const id = createHash('sha256').update(name).digest('hex')
  const file = join(directory, 'contexts', 'meta', id, 'meta.json')
  const read = readJson(file)
  if (read === undefined) {
    throw new BerthError(
      'CONFIG',
      lines`there is no context "${name}" in ${directory}; "docker context ls" lists the existing ones`,
    )
  }
  const endpoints = isMap(read) ? read.Endpoints : undefined
  const endpoint = isMap(endpoints) ? endpoints.docker : undefined
  const { Host: host = '', SkipTLSVerify: skips = false } = isMap(endpoint) ? endpoint : {}
  if (!isMap(endpoint) || typeof host !== 'string' || typeof skips !== 'boolean') {
    throw new BerthError(
      'CONFIG',
      lines`${file}: context "${name}" names no Docker engine; make it anew with "docker context create"`,
    )
  }
  const url = host || defaultSocket
  // A unix socket has no certificate to verify.
  if (/^(\/|unix:)/i.test(url)) return { name: undefined, url }
  const tls = tlsFiles(join(directory, 'contexts', 'tls', id, 'docker'))
  return { name: undefined, url, ...tls, ...(skips ? { isUnverified: true } : {}) }
}

/** The files that exist, or cannot be read, which is reported on use. A certificate needs its key. */
function tlsFiles(directory: string): Pick<WrittenEngine, 'ca' | 'cert' | 'key'> {
  const files: { ca?: string; cert?: string; key?: string } = {}
  for (const key of ['ca', 'cert', 'key'] as const) {
    const path = join(directory, `${key}.pem`)
    try {
      if (readIfThere(path, mostJson) !== undefined) files[key] = path
    } catch {
      files[key] = path
    }
  }
  const { cert: _, ...withoutCert } = files
  return files.key === undefined ? withoutCert : files
}

/** undefined: no such file. */
function readJson(file: string): unknown {
  const text = readIfThere(file, mostJson)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new BerthError('CONFIG', lines`${file}: is not JSON; "docker context use NAME" rewrites it`)
  }
}
