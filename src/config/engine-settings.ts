// Which engines to follow: the configured ones, or the one the docker command would use. Reads their PEM files.
import { join, resolve } from 'node:path'
import { BerthError, explain } from '../lib/errors.ts'
import {
  type CurrentContext,
  contextVariable,
  currentContext,
  defaultSocket,
  type Environment,
  readContext,
} from './docker-contexts.ts'
import type { Problem } from './document.ts'
import type { WrittenEngine } from './settings.ts'

/** An engine's API: a unix socket, or TCP, with TLS if `tls` is set. */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | {
      readonly kind: 'tcp'
      readonly host: string
      readonly port: number
      readonly text: string
      readonly tls: EngineTls | undefined
    }

/** PEM texts, as Node's TLS takes them. */
export interface EngineTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** false: its certificate is not verified, as a Docker context may ask. Default: true. */
  readonly rejectUnauthorized?: boolean
}

export interface EngineConfig {
  /** Its name in logs and metrics. */
  readonly name: string
  readonly address: EngineAddress
  /** Whether it runs on this machine, if configured; else local-engines.ts decides. */
  readonly local?: boolean
  /** Whether this machine has routes to a remote engine's bridge networks. Default: none. */
  readonly reach?: 'none' | 'routed'
}

/** How the engine was found if docker.engines names none. */
export interface FoundEngine {
  readonly by: 'DOCKER_HOST' | 'context' | 'place'
  /** For people, beside the engine's address: "found by context colima of /home/me/.docker/config.json". */
  readonly text: string
  /** A sentence that `serve` logs and `check` prints. */
  readonly warning?: string
  /** No engine answers at any of the usual places. */
  readonly isMissing?: boolean
}

export type ParseEngineAddress = (text: string, tls?: EngineTls) => EngineAddress

export interface EngineReading {
  /** A file's text; throws a BerthError that says which and why. */
  readFile(path: string): string
  parseEngineAddress: ParseEngineAddress
  /** Locates a problem with an engine, or with one of its keys. */
  problem(message: string, index: number, key?: string): Problem
}

const pemKeys = ['ca', 'cert', 'key'] as const

/** `directory` is where relative file names start. */
export function readEngines(
  written: readonly WrittenEngine[],
  directory: string,
  { readFile, parseEngineAddress, problem }: EngineReading,
): { engines: EngineConfig[]; problems: Problem[] } {
  const engines: EngineConfig[] = []
  const problems: Problem[] = []
  const names = new Set<string>()
  for (const [i, engine] of written.entries()) {
    const tls: { ca?: string; cert?: string; key?: string } = {}
    for (const key of pemKeys) {
      const path = engine[key]
      if (path === undefined) continue
      try {
        tls[key] = readFile(resolve(directory, path))
      } catch (error) {
        problems.push(problem(explain(error), i, key))
      }
    }
    const name = engine.name ?? engine.url.replace(/^[a-z]+:\/\//i, '')
    if (names.has(name)) problems.push(problem(`engine "${name}" is listed twice; give each its own name`, i))
    names.add(name)
    try {
      const { local, reach, isUnverified = false } = engine
      const withTls = isUnverified || pemKeys.some((key) => engine[key] !== undefined)
      const unverified = isUnverified ? { rejectUnauthorized: false } : {}
      engines.push({
        ...{ name, address: parseEngineAddress(engine.url, withTls ? { ...tls, ...unverified } : undefined) },
        ...(local === undefined ? {} : { local }),
        ...(reach === undefined ? {} : { reach }),
      })
    } catch (error) {
      if (!(error instanceof BerthError)) throw error
      problems.push(problem(explain(error), i))
    }
  }
  return { engines, problems }
}

/** The engine if docker.engines names none. `source`: where it was named, for error messages. */
export interface UsersEngine {
  readonly written: WrittenEngine
  readonly found: FoundEngine
  readonly source: string
}

/**
 * As the docker command finds it: DOCKER_HOST, else the current context; without either, the first of the usual places,
 * which stands for all of them until docker/sync/usual-sockets.ts has tried them.
 */
export function usersEngine(env: Environment): UsersEngine | Problem {
  const { current, warning } = currentContext(env)
  if (env.DOCKER_HOST) {
    const over = current === undefined ? '' : `, which goes before ${describe(current)}`
    const found = { by: 'DOCKER_HOST', text: `found by DOCKER_HOST${over}` } as const
    return { written: hostEngine(env.DOCKER_HOST, env), found, source: 'environment DOCKER_HOST' }
  }
  if (current === undefined) {
    const found = {
      by: 'place',
      text: 'a usual place',
      ...(warning === undefined ? {} : { warning }),
    } as const
    return { written: { name: undefined, url: defaultSocket }, found, source: 'docker.engines' }
  }
  const source = current.chosenBy === contextVariable ? `environment ${contextVariable}` : current.chosenBy
  try {
    const written = readContext(current, env)
    const unverified = `${describe(current)} says SkipTLSVerify: anyone on the network path to ${written.url} can impersonate that engine; add its CA to the context`
    const found: FoundEngine = {
      ...{ by: 'context', text: `found by ${describe(current)}` },
      ...(written.isUnverified ? { warning: unverified } : {}),
    }
    return { written, found, source }
  } catch (error) {
    if (!(error instanceof BerthError)) throw error
    return { source, path: ['docker', 'engines'], message: explain(error) }
  }
}

function describe({ name, chosenBy }: CurrentContext): string {
  return `context ${name} of ${chosenBy}`
}

/** Of Docker's own variables: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH. */
function hostEngine(url: string, env: Environment): WrittenEngine {
  // Docker takes any non-empty text for yes, "0" included; so is a path to certificates.
  const secure = !/^(\/|(unix|ssh|npipe|fd):)/.test(url) && (env.DOCKER_TLS_VERIFY || env.DOCKER_CERT_PATH)
  if (!secure) return { name: undefined, url }
  const directory = env.DOCKER_CERT_PATH || join(env.HOME ?? '/', '.docker')
  const path = (file: string) => join(directory, file)
  return { name: undefined, url, ca: path('ca.pem'), cert: path('cert.pem'), key: path('key.pem') }
}
