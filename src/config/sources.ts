// The configuration as written, before validation: the file's tree with environment and flags over it, and where each value
// comes from. Without zod.
import { dirname } from 'node:path'
import { type Path, type Problem, readDocument } from './document.ts'
import { type Override, readEnvironment, readFlags } from './overrides.ts'
import { readFile } from './problems.ts'
import { bothNames, moveRenamed } from './renamed.ts'
import { fileVariable } from './variables.ts'
import { yamlLimits } from './yaml.ts'
import { isMap } from './yaml-values.ts'

/** Where a configuration's relative paths start. */
export function baseDirectory(file: string | undefined): string {
  return file === undefined ? '.' : dirname(file)
}

export interface Sources {
  /** The file's path; unset: BERTH_CONFIG of the environment, else no file. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Key path → text: {"scope.gateway": "host"}. */
  readonly flags: Readonly<Record<string, string>>
  /** A reload: a pipe would have nothing more to give, and block. */
  readonly isAgain?: boolean
}

export interface SourceOptions {
  /** The key paths that may be written. */
  readonly settings: readonly string[]
  readonly isSection: (key: string) => boolean
  /** Only `settings` are wanted, whatever else is written. */
  readonly isPart: boolean
}

export interface SourceTree {
  readonly tree: Record<string, unknown>
  readonly file: string | undefined
  readonly problems: Problem[]
  /** false: the file is not YAML, so its keys are unknown. */
  readonly isYaml: boolean
  readonly where: (message: string, path: Path, part?: 'key' | 'value') => Problem
  /** Whether a setting is written, in the file or as an override. */
  readonly has: (setting: string) => boolean
}

export function readTree(sources: Sources, { settings, isSection, isPart }: SourceOptions): SourceTree {
  const { env, flags, isAgain } = sources
  const path = sources.file || env[fileVariable] || undefined
  const text = path === undefined ? '' : readFile(path, yamlLimits.bytes, isAgain)
  const document = path === undefined ? undefined : readDocument(text, path)
  const fromEnv = readEnvironment(env, settings)
  const fromFlags = readFlags(flags, settings)
  const overrides = [...fromEnv.overrides, ...fromFlags.overrides]
  const problems = [...(document?.problems ?? [])]
  if (!isPart) problems.push(...fromEnv.problems, ...fromFlags.problems)

  const tree = withoutEmpty(document?.tree ?? {}, isSection)
  if (isPart) keepOnly(tree, settings)
  const moved = moveRenamed(tree, (old, now) => {
    const path = old.split('.')
    problems.push({ source: document!.locate(path, 'key'), path, message: bothNames(old, now) })
  })
  for (const { setting, value } of overrides) put(tree, setting, value)
  return {
    ...{ tree, problems, file: path, isYaml: (document?.problems.length ?? 0) === 0 },
    where(message, path, part = 'value') {
      const override = overrideAt(path, overrides)
      if (override !== undefined) return { source: override.source, path, message }
      const written = moved.get(path.slice(0, 2).join('.'))?.split('.') ?? path
      return { source: document?.locate(written, part) ?? 'configuration', path: written, message }
    },
    has(setting) {
      const [section, key] = setting.split('.') as [string, string?]
      const value = tree[section]
      return key === undefined ? value !== undefined : isMap(value) && value[key] !== undefined
    },
  }
}

/** The tree without empty keys, which mean the default. Keys of the user's choosing stay. */
function withoutEmpty(
  tree: Record<string, unknown>,
  isSection: (key: string) => boolean,
): Record<string, unknown> {
  const filled = Object.entries(tree).flatMap(([key, value]): [string, unknown][] => {
    if (value === null) return []
    return [[key, isSection(key) && isMap(value) ? withoutEmpty(value, isSection) : value]]
  })
  return Object.fromEntries(filled)
}

/** Drops everything that `settings` does not name. */
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

function overrideAt(path: Path, overrides: readonly Override[]): Override | undefined {
  return overrides.findLast(({ setting }) => setting.split('.').every((key, i) => path[i] === key))
}
