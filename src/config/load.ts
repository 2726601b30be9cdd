// Reads the configuration: defaults, then the file, the environment and flags over them; tells every problem at once.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BerthError, systemCode } from '../lib/errors.ts'
import { readTextSync } from '../lib/files.ts'
import { lines, printable } from '../lib/printable.ts'
import { readApi } from './api.ts'
import { type ConfigDocument, type Path, type Problem, readDocument } from './document.ts'
import { baseDirectory, dockerEnvironment, type ParseEngineAddress, readEngines } from './engines.ts'
import { isMap } from './fields.ts'
import { fileVariable, type Override, readEnvironment, readFlags } from './overrides.ts'
import { listSettings, schema, sectionKeys, type Written } from './schema.ts'
import { suggestion } from './similar.ts'
import type { Config } from './types.ts'
import { yamlLimits } from './yaml.ts'

/** Problems that are told of one reading; what is wrong in one way mostly is so in all its lines. */
const mostProblems = 100
/** Characters of one: what is written may be of any length. */
const longestProblem = 500
/** Bytes of a certificate or a key: chains of many certificates have less. */
const mostPem = 1024 * 1024

export interface ConfigSources {
  /** The file's path; unset: BERTH_CONFIG of the environment, else no file. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Key path → text: {"scope.gateway": "host"}. */
  readonly flags: Readonly<Record<string, string>>
  /** It is read again: a pipe that told it once has no more to say, and would be waited for. */
  readonly isAgain?: boolean
  readonly parseEngineAddress: ParseEngineAddress
}

/** The configuration, or a BerthError that lists every problem, one a line. */
export function loadConfig(sources: ConfigSources): Config {
  const { env, parseEngineAddress } = sources
  const { written, file, problems, where } = readSources(sources)
  const fromDocker = written?.docker.engines === undefined
  const { engines, problems: engineProblems } = readEngines(
    written?.docker.engines ?? [dockerEnvironment(env)],
    fromDocker ? '.' : baseDirectory(file),
    {
      readFile: (path) => readFile(path, mostPem, sources.isAgain),
      parseEngineAddress,
      problem: (message, index, key) =>
        fromDocker
          ? { source: 'environment DOCKER_HOST', path: ['docker', 'engines'], message }
          : where(message, ['docker', 'engines', index, ...(key === undefined ? [] : [key])]),
    },
  )
  const reading = {
    directory: baseDirectory(file),
    groups: () => readFileSync('/etc/group', 'utf8'),
    problem: (message: string, path: Path) => where(message, path),
  }
  const { api, problems: apiProblems } = readApi(written?.api ?? noApi, reading)
  if (api.socket !== undefined && engines.some((engine) => isAt(engine, api.socket))) {
    apiProblems.push(where('is the Docker engine’s own socket; choose another path', ['api', 'socket']))
  }
  // Where the rest was not understood, an engine of DOCKER_HOST is nobody's question.
  const all = written === undefined ? problems : [...problems, ...engineProblems, ...apiProblems]
  if (written === undefined || all.length > 0) throw new BerthError('CONFIG', formatProblems(all))
  return { ...written, file, docker: { ...written.docker, engines }, api }
}

const noApi: Written['api'] = { socket: undefined, group: '', token: undefined, hosts: [] }

function isAt({ address }: Config['docker']['engines'][number], path: string | undefined): boolean {
  return address.kind === 'unix' && resolve(address.path) === path
}

export interface Addresses extends Pick<Config, 'http' | 'listen'> {
  /** Absolute paths, of the API's socket and of the file with its token. */
  readonly socket?: string
  readonly token?: string
  /** Neither socket nor `http` are written anywhere: it is where it usually is. */
  readonly isUsual?: true
}

/** Only the addresses where a running berth is found; nothing else in the configuration has to be right. */
export function loadAddresses(sources: Omit<ConfigSources, 'parseEngineAddress'>): Addresses {
  const wanted = ['http', 'listen', 'api.socket', 'api.token']
  const { written, file, problems, has } = readSources(sources, wanted)
  if (written === undefined) throw new BerthError('CONFIG', formatProblems(problems))
  const { http, listen } = written
  const { socket, token } = written.api
  const directory = baseDirectory(file)
  return {
    ...{ http, listen },
    ...(socket === undefined ? {} : { socket: resolve(directory, socket) }),
    ...(token === undefined ? {} : { token: resolve(directory, token) }),
    ...(has('http') || has('api.socket') ? {} : { isUsual: true }),
  }
}

/** The error for a setting that only its use shows to be wrong, told as the others are: with file, line and key. */
export function settingError(
  sources: Omit<ConfigSources, 'parseEngineAddress'>,
  path: Path,
  message: string,
): BerthError {
  return new BerthError('CONFIG', formatProblems([readSources(sources).where(message, path)]))
}

interface Reading {
  /** undefined: there are problems. */
  readonly written: Written | undefined
  readonly file: string | undefined
  readonly problems: readonly Problem[]
  readonly where: (message: string, path: Path, part?: 'key' | 'value') => Problem
  /** Whether a setting is written, in the file or over it. */
  readonly has: (setting: string) => boolean
}

function readSources(
  { file = '', env, flags, isAgain }: Omit<ConfigSources, 'parseEngineAddress'>,
  only?: readonly string[],
): Reading {
  const path = file || env[fileVariable] || undefined
  const text = path === undefined ? '' : readFile(path, yamlLimits.bytes, isAgain)
  const document = path === undefined ? undefined : readDocument(text, path)
  const settings = listSettings().filter((setting) => only?.includes(setting) ?? true)
  const fromEnv = readEnvironment(env, settings)
  const fromFlags = readFlags(flags, settings)
  const overrides = [...fromEnv.overrides, ...fromFlags.overrides]
  const problems = [...(document?.problems ?? [])]
  if (only === undefined) problems.push(...fromEnv.problems, ...fromFlags.problems)

  const tree = withoutEmpty(document?.tree ?? {})
  if (only !== undefined) keepOnly(tree, only)
  for (const { setting, value } of overrides) put(tree, setting, value)

  const where = (message: string, path: Path, part: 'key' | 'value' = 'value'): Problem => {
    const source = sourceOf(path, part, overrides, document)
    return { source, path, message }
  }
  const has = (setting: string) => {
    const [section, key] = setting.split('.') as [string, string?]
    const value = tree[section]
    return key === undefined ? value !== undefined : isMap(value) && value[key] !== undefined
  }
  // A file that is not YAML has no keys to judge.
  if (document !== undefined && document.problems.length > 0)
    return { written: undefined, file: path, problems, where, has }
  const parsed = schema.safeParse(tree)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      // To tell where each of very many stands takes long.
      if (problems.length > mostProblems) break
      const at = issue.path.map((key) => (typeof key === 'symbol' ? key.toString() : key))
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys.slice(0, mostProblems + 1))
          problems.push(where(unknownKey(key, at), [...at, key], 'key'))
      } else if (issue.code === 'invalid_type') {
        problems.push(where('must be a map of keys with values', at))
      } else
        problems.push(where(issue.message, at, issue.message.startsWith('unknown key') ? 'key' : 'value'))
    }
  }
  return { written: problems.length === 0 ? parsed.data : undefined, file: path, problems, where, has }
}

function unknownKey(key: string, section: Path): string {
  const name = section.join('.')
  const siblings = section.length === 0 ? Object.keys(schema.shape) : (sectionKeys(name) ?? [])
  const elsewhere = listSettings().find((setting) => setting.endsWith(`.${key}`))
  if (elsewhere !== undefined) return `unknown key; did you mean "${elsewhere}"?`
  return `unknown key${suggestion(key, siblings, `; known here: ${siblings.join(', ')}`)}`
}

/** The tree without keys that were left empty: they mean the default. What users name themselves stays. */
function withoutEmpty(tree: Record<string, unknown>): Record<string, unknown> {
  const filled = Object.entries(tree).flatMap(([key, value]): [string, unknown][] => {
    if (value === null) return []
    const isSection = sectionKeys(key) !== undefined && typeof value === 'object' && !Array.isArray(value)
    return [[key, isSection ? withoutEmpty(value as Record<string, unknown>) : value]]
  })
  return Object.fromEntries(filled)
}

/** What `settings` name, and of their sections what they name there. */
function keepOnly(tree: Record<string, unknown>, settings: readonly string[]): void {
  for (const [key, value] of Object.entries(tree)) {
    if (settings.includes(key)) continue
    const inner = settings.filter((setting) => setting.startsWith(`${key}.`))
    if (inner.length === 0) delete tree[key]
    else if (isMap(value)) {
      const kept = Object.entries(value).filter(([name]) => settings.includes(`${key}.${name}`))
      tree[key] = Object.fromEntries(kept)
    }
  }
}

function put(tree: Record<string, unknown>, setting: string, value: unknown): void {
  const [section, key] = setting.split('.') as [string, string?]
  if (key === undefined) tree[section] = value
  else {
    const inner = tree[section]
    tree[section] = { ...(typeof inner === 'object' ? inner : {}), [key]: value }
  }
}

function sourceOf(
  path: Path,
  part: 'key' | 'value',
  overrides: readonly Override[],
  document: ConfigDocument | undefined,
): string {
  const matches = ({ setting }: Override) => setting.split('.').every((key, i) => path[i] === key)
  return overrides.findLast(matches)?.source ?? document?.locate(path, part) ?? 'configuration'
}

/** One a line, in the file's order. */
function formatProblems(problems: readonly Problem[]): string {
  const lines = problems
    .slice(0, mostProblems)
    .toSorted((a, b) => a.source.localeCompare(b.source, 'en', { numeric: true }))
    .map(formatProblem)
  if (problems.length > mostProblems) lines.push('there are more problems; these are the first')
  return lines.join('\n')
}

/** "berth.yml:3:7: scope.gateway: what is wrong; what to do instead" */
function formatProblem({ source, path, message }: Problem): string {
  const keys = path.map((key, i) => {
    if (typeof key === 'number') return `[${key}]`
    return /^[\w-]+$/.test(key) ? `${i === 0 ? '' : '.'}${shortened(key)}` : `["${shortened(key)}"]`
  })
  // Values are quoted in it: none of them makes a line of its own.
  return printable([source, ...(keys.length === 0 ? [] : [keys.join('')]), shortened(message)].join(': '))
}

function shortened(text: string): string {
  if (text.length <= longestProblem) return text
  return `${text.slice(0, longestProblem / 2)} … ${text.slice(-longestProblem / 2)}`
}

function readFile(path: string, most: number, isRegular?: boolean): string {
  try {
    return readTextSync(path, most, isRegular)
  } catch (error) {
    throw new BerthError('CONFIG', lines`${path}: ${reason(systemCode(error), error)}`)
  }
}

function reason(code: string | undefined, error: unknown): string {
  if (code === 'ENOENT') return "can't be read: there is no such file"
  if (code === 'EACCES') return "can't be read: permission denied"
  if (code === 'EISDIR') return "can't be read: it is a directory, name the file in it"
  return `can't be read: ${(error as Error).message}`
}
