// Reads single YAML values: text, lists, choices, flags and maps; problems are sentences a person can act on. Without zod,
// so that commands that query a running berth need not load it.
import { similar } from '../lib/suggest.ts'
import type { Parsed } from './text-values.ts'

/** Stands in for a refused value; never used, since there is a problem. */
const nothing = Object.freeze({}) as never

/** Where problems are reported; a zod transform's context has this shape. */
export interface Issues {
  addIssue(issue: { code: 'custom'; message: string; path?: PropertyKey[] }): void
}

export function refuse(issues: Issues, message: string, ...path: PropertyKey[]): never {
  issues.addIssue({ code: 'custom', message, path })
  return nothing
}

export function readText<T>(
  value: unknown,
  issues: Issues,
  parse: (text: string) => Parsed<T>,
  example: string,
  ...path: PropertyKey[]
): T {
  if (typeof value !== 'string') {
    return refuse(issues, `must be text, not ${kindOf(value)}; for example ${example}`, ...path)
  }
  const parsed = parse(value)
  return 'problem' in parsed ? refuse(issues, parsed.problem, ...path) : parsed.value
}

export function readTextList<T>(
  value: unknown,
  issues: Issues,
  parse: (text: string) => Parsed<T>,
  example: string,
  ...path: PropertyKey[]
): T[] {
  const items = asList(value)
  if (items === undefined) {
    return refuse(issues, `must be a list, not ${kindOf(value)}; for example [${example}]`, ...path)
  }
  const alone = typeof value === 'string' && items.length === 1
  return items.map((item, i) => readText(item, issues, parse, example, ...path, ...(alone ? [] : [i])))
}

/** A list of limited length: values repeated by reference (`*NAME`) cost as much as if written out. */
export function readShortList<T>(
  value: unknown,
  issues: Issues,
  parse: (text: string) => Parsed<T>,
  example: string,
  { most, of }: { readonly most: number; readonly of: string },
  ...path: PropertyKey[]
): T[] {
  const length = asList(value)?.length ?? 0
  if (length > most) return refuse(issues, `has ${length} ${of}; at most ${most} are allowed`, ...path)
  return readTextList(value, issues, parse, example, ...path)
}

/** A list as it is, or a text split at commas; undefined for anything else. */
export function asList(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (typeof value !== 'string') return undefined
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

export function readChoice<Word extends string>(
  value: unknown,
  issues: Issues,
  words: readonly Word[],
  ...path: PropertyKey[]
): Word {
  if (words.includes(value as Word)) return value as Word
  const meant = typeof value === 'string' ? similar(value, words) : undefined
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`
  const shown = typeof value === 'string' ? `"${value}"` : kindOf(value)
  return refuse(issues, `${shown} is not one of ${words.join(', ')}${hint}`, ...path)
}

export function readFlag(value: unknown, issues: Issues, ...path: PropertyKey[]): boolean {
  if (typeof value === 'boolean') return value
  if (value === 'true') return true
  if (value === 'false') return false
  return refuse(issues, 'must be true or false', ...path)
}

/** Equal for two keys that are the same domain. */
export const domainKey = (key: string): string => key.toLowerCase().replace(/\.$/, '')

export function readEntries<T>(
  value: unknown,
  issues: Issues,
  example: string,
  read: (key: string, value: unknown, issues: Issues) => T | readonly T[] | undefined,
  keyOf = domainKey,
): T[] {
  if (!isMap(value)) return refuse(issues, `must be a map, not ${kindOf(value)}; for example ${example}`)
  const seen = new Map<string, string>()
  return Object.entries(value).flatMap(([key, item]) => {
    const name = keyOf(key)
    const earlier = seen.get(name)
    if (earlier !== undefined) refuse(issues, `is the same name as "${earlier}"; write it once`, key)
    seen.set(name, key)
    return read(key, item, issues) ?? []
  })
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'string') return 'text'
  return `${typeof value} ${value}`
}
