// The user's Docker context, read as the docker command reads it: which one is current, and which engine it names.
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
  /** Where it is chosen: DOCKER_CONTEXT, or the path of config.json. */
  readonly chosenBy: string
}

export const contextVariable = 'DOCKER_CONTEXT'
export const defaultSocket = 'unix:///var/run/docker.sock'
/** The docker command's own context, which has no files: its default socket. */
const defaultContext = 'default'
/** Bytes of config.json and of a context's meta.json; those of people are a few hundred. */
const mostJson = 1024 * 1024

/** $DOCKER_CONFIG, else ~/.docker; undefined where there is no home. */
function configDirectory(env: Environment): string | undefined {
  return env.DOCKER_CONFIG || (env.HOME ? join(env.HOME, '.docker') : undefined)
}

/**
 * What DOCKER_CONTEXT or config.json names; undefined: nothing does. `warning`: config.json can't be read. As the docker
 * command does, we go on without it.
 */
export function currentContext(env: Environment): { current?: CurrentContext; warning?: string } {
  const named = env[contextVariable]
  if (named) return { current: { name: named, chosenBy: contextVariable } }
  const directory = configDirectory(env)
  if (directory === undefined) return {}
  const file = join(directory, 'config.json')
  try {
    const told = readJson(file)
    if (told === undefined) return {}
    const name = isMap(told) ? (told.currentContext ?? '') : undefined
    if (typeof name !== 'string') throw new BerthError('CONFIG', lines`${file}: currentContext is not text`)
    return name === '' ? {} : { current: { name, chosenBy: file } }
  } catch (error) {
    return { warning: `Docker contexts ignored: ${explain(error)}` }
  }
}

/** The engine of that context. Throws a BerthError CONFIG that says which file is wrong, and what to do. */
export function readContext({ name }: CurrentContext, env: Environment): WrittenEngine {
  if (name === defaultContext) return { name: undefined, url: defaultSocket }
  const directory = configDirectory(env)
  if (directory === undefined) {
    throw new BerthError('CONFIG', lines`context "${name}" cannot be found: set HOME or DOCKER_CONFIG`)
  }
  const id = createHash('sha256').update(name).digest('hex')
  const file = join(directory, 'contexts', 'meta', id, 'meta.json')
  const told = readJson(file)
  if (told === undefined) {
    throw new BerthError(
      'CONFIG',
      lines`there is no context "${name}" in ${directory}; "docker context ls" lists the existing ones`,
    )
  }
  const endpoints = isMap(told) ? told.Endpoints : undefined
  const endpoint = isMap(endpoints) ? endpoints.docker : undefined
  const { Host: host = '', SkipTLSVerify: skips = false } = isMap(endpoint) ? endpoint : {}
  if (!isMap(endpoint) || typeof host !== 'string' || typeof skips !== 'boolean') {
    throw new BerthError(
      'CONFIG',
      lines`${file}: context "${name}" names no Docker engine; make it anew with "docker context create"`,
    )
  }
  const url = host || defaultSocket
  // On a unix socket there is nobody to prove anything to.
  if (/^(\/|unix:)/i.test(url)) return { name: undefined, url }
  const tls = tlsFiles(join(directory, 'contexts', 'tls', id, 'docker'))
  return { name: undefined, url, ...tls, ...(skips ? { isUnverified: true } : {}) }
}

/** Those that are there, or that cannot be read: who reads them then says why. A certificate counts with its key alone. */
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

/** undefined: there is no such file. */
function readJson(file: string): unknown {
  const text = readIfThere(file, mostJson)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new BerthError('CONFIG', lines`${file}: is not JSON; "docker context use NAME" rewrites it`)
  }
}
