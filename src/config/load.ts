// Loads the configuration: defaults, file, environment, flags, each over the one before; reports all problems at once.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BerthError } from '../lib/errors.ts'
import { suggestion } from '../lib/suggest.ts'
import { readApi } from './api-section.ts'
import type { Path } from './document.ts'
import { type ParseEngineAddress, readEngines, usersEngine } from './engine-settings.ts'
import { formatProblems, mostProblems, notMap, readFile } from './problems.ts'
import { listSettings, schema, sectionKeys, type Written } from './schema.ts'
import { baseDirectory, readTree, type Sources, type SourceTree } from './sources.ts'
import type { Config } from './types.ts'

/** Bytes of a certificate or key; long certificate chains have less. */
const mostPem = 1024 * 1024

export interface ConfigSources extends Sources {
  readonly parseEngineAddress: ParseEngineAddress
}

/** The configuration; throws a BerthError that lists every problem, one per line. */
export function loadConfig(sources: ConfigSources): Config {
  const { env, parseEngineAddress } = sources
  const { written, file, problems, where } = readSources(sources)
  const named = written?.docker.engines
  // If the rest is invalid, an engine found elsewhere is not worth a problem.
  const users = written === undefined || named !== undefined ? undefined : usersEngine(env)
  const { engines, problems: engineProblems } = readEngines(
    named ?? (users !== undefined && 'written' in users ? [users.written] : []),
    users === undefined ? baseDirectory(file) : '.',
    {
      readFile: (path) => readFile(path, mostPem, sources.isAgain),
      parseEngineAddress,
      problem: (message, index, key) =>
        users === undefined
          ? where(message, ['docker', 'engines', index, ...(key === undefined ? [] : [key])])
          : { source: users.source, path: ['docker', 'engines'], message },
    },
  )
  if (users !== undefined && 'message' in users) engineProblems.push(users)
  const reading = {
    directory: baseDirectory(file),
    groups: () => readFileSync('/etc/group', 'utf8'),
    problem: (message: string, path: Path) => where(message, path),
  }
  const { api, problems: apiProblems } = readApi(written?.api ?? noApi, reading)
  if (api.socket !== undefined && engines.some((engine) => isAt(engine, api.socket))) {
    apiProblems.push(where('is the Docker engine’s own socket; choose another path', ['api', 'socket']))
  }
  const all = written === undefined ? problems : [...problems, ...engineProblems, ...apiProblems]
  if (written === undefined || all.length > 0) throw new BerthError('CONFIG', formatProblems(all))
  const found = users !== undefined && 'found' in users ? users.found : undefined
  return { ...written, file, docker: { ...written.docker, engines, found }, api }
}

const noApi: Written['api'] = { socket: undefined, group: '', token: undefined, hosts: [] }

function isAt({ address }: Config['docker']['engines'][number], path: string | undefined): boolean {
  return address.kind === 'unix' && resolve(address.path) === path
}

/** The error for a setting that proves wrong only in use, with file, line and key as for the others. */
export function settingError(sources: Sources, path: Path, message: string): BerthError {
  return new BerthError('CONFIG', formatProblems([readSources(sources).where(message, path)]))
}

interface Reading extends Pick<SourceTree, 'file' | 'problems' | 'where'> {
  /** undefined: there are problems. */
  readonly written: Written | undefined
}

function readSources(sources: Sources): Reading {
  const { tree, file, problems, isYaml, where } = readTree(sources, {
    ...{ settings: listSettings(), isPart: false },
    isSection: (key) => sectionKeys(key) !== undefined,
  })
  if (!isYaml) return { written: undefined, file, problems, where }
  const parsed = schema.safeParse(tree)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      // Locating very many of them takes long.
      if (problems.length > mostProblems) break
      const at = issue.path.map((key) => (typeof key === 'symbol' ? key.toString() : key))
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys.slice(0, mostProblems + 1))
          problems.push(where(unknownKey(key, at), [...at, key], 'key'))
      } else if (issue.code === 'invalid_type') problems.push(where(notMap, at))
      else problems.push(where(issue.message, at, issue.message.startsWith('unknown key') ? 'key' : 'value'))
    }
  }
  return { written: problems.length === 0 ? parsed.data : undefined, file, problems, where }
}

function unknownKey(key: string, section: Path): string {
  const name = section.join('.')
  const siblings = section.length === 0 ? Object.keys(schema.shape) : (sectionKeys(name) ?? [])
  const elsewhere = listSettings().find((setting) => setting.endsWith(`.${key}`))
  if (elsewhere !== undefined) return `unknown key; did you mean "${elsewhere}"?`
  return `unknown key${suggestion(key, siblings, `; known here: ${siblings.join(', ')}`)}`
}
