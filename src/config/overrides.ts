// Settings from the environment (BERTH_SCOPE_GATEWAY) and from flags (--scope.gateway), by key path. Pure.

import { suggestion } from '../lib/suggest.ts'
import type { Problem } from './document.ts'
import { bothNames, newSetting, oldSettings } from './renamed.ts'
import { fileVariable, isInBrackets, variableNames } from './variables.ts'
import { parseYaml } from './yaml.ts'

export interface Override {
  /** "environment BERTH_TTL", "flag --ttl". */
  readonly source: string
  /** "scope.gateway" */
  readonly setting: string
  /** As it was written: the same, or an old name. */
  readonly name: string
  readonly value: unknown
}

export interface Overrides {
  readonly overrides: readonly Override[]
  readonly problems: readonly Problem[]
}

export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly string[],
): Overrides {
  const known = new Map<string, string>()
  for (const setting of [...settings, ...oldSettings]) {
    for (const name of variableNames(setting)) known.set(name, setting)
  }
  const overrides: Override[] = []
  const problems: Problem[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('BERTH_') || name === fileVariable) continue
    // Compose files write NAME: ${VALUE:-}; an empty variable counts as unset.
    if (text === undefined || text.trim() === '') continue
    const setting = known.get(name)
    const source = `environment ${name}`
    if (setting !== undefined) put(setting, source, text, overrides, problems)
    else {
      const hint = suggestion(name, known.keys(), '; unset it, or see "berth check --help"')
      problems.push({ source, path: [], message: `no setting has this name${hint}` })
    }
  }
  return { overrides, problems }
}

export function readFlags(flags: Readonly<Record<string, string>>, settings: readonly string[]): Overrides {
  const plain = (name: string) => name.toLowerCase().replace(/[-_]/g, '')
  const known = new Map([...settings, ...oldSettings].map((setting) => [plain(setting), setting]))
  const overrides: Override[] = []
  const problems: Problem[] = []
  for (const [name, text] of Object.entries(flags)) {
    const setting = known.get(plain(name))
    const source = `flag --${name}`
    if (setting !== undefined) put(setting, source, text, overrides, problems)
    else problems.push({ source, path: [], message: `no setting has this name${suggestion(name, settings)}` })
  }
  return { overrides, problems }
}

/** `setting` may be an old name. Lists and maps may be YAML in brackets; everything else stays text, which the schema reads. */
function put(
  setting: string,
  source: string,
  text: string,
  overrides: Override[],
  problems: Problem[],
): void {
  const written = text.trim()
  const now = newSetting(setting)
  const other = overrides.find((each) => each.setting === now && each.name !== setting)
  if (other !== undefined) {
    const old = now === setting ? other : { source, name: setting }
    problems.push({ source: old.source, path: old.name.split('.'), message: bothNames(old.name, now) })
  }
  if (!isInBrackets(written)) {
    overrides.push({ source, setting: now, name: setting, value: written })
    return
  }
  const { value, errors, isRefused } = parseYaml(written)
  const path = setting.split('.')
  if (isRefused) problems.push(...errors.map(({ message }) => ({ source, path, message })))
  // Invalid YAML stays text, for which the schema has a better message.
  else overrides.push({ source, setting: now, name: setting, value: errors.length === 0 ? value : written })
}
