// Which engines to follow: the configured ones, or the one the Docker CLI would talk to; their PEM files are read here.
import { join, resolve } from 'node:path'
import { BerthError, explain } from '../lib/errors.ts'
import type { Problem } from './document.ts'
import type { WrittenEngine } from './readers.ts'
import type { EngineAddress, EngineConfig } from './types.ts'

export type ParseEngineAddress = (
  text: string,
  tls?: { ca?: string; cert?: string; key?: string },
) => EngineAddress

export interface EngineReading {
  /** A file's text; throws a BerthError that says which and why. */
  readFile(path: string): string
  parseEngineAddress: ParseEngineAddress
  /** Where a problem of the setting's item and key is told to be. */
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
    if (names.has(name)) problems.push(problem(`engine "${name}" is there twice; names tell them apart`, i))
    names.add(name)
    try {
      const withTls = pemKeys.some((key) => engine[key] !== undefined)
      const { local, reach } = engine
      engines.push({
        ...{ name, address: parseEngineAddress(engine.url, withTls ? tls : undefined) },
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

/** The engine of Docker's own variables: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH. */
export function dockerEnvironment(env: Readonly<Record<string, string | undefined>>): WrittenEngine {
  const url = env.DOCKER_HOST || 'unix:///var/run/docker.sock'
  // Docker takes any text but an empty one for yes, "0" included; a path to certificates alone is meant as well.
  const secure = !/^(\/|(unix|ssh|npipe|fd):)/.test(url) && (env.DOCKER_TLS_VERIFY || env.DOCKER_CERT_PATH)
  if (!secure) return { name: undefined, url }
  const directory = env.DOCKER_CERT_PATH || join(env.HOME ?? '/', '.docker')
  const path = (file: string) => join(directory, file)
  return { name: undefined, url, ca: path('ca.pem'), cert: path('cert.pem'), key: path('key.pem') }
}
