// Building blocks of the schema: zod types for one kind of value each, with sentences a person can act on.
import { z } from 'zod'
import { similar } from './similar.ts'
import { type Parsed, parseSize } from './values.ts'

/** What a zod transform is handed for telling problems. */
export interface Issues {
  addIssue(issue: { code: 'custom'; message: string; path?: PropertyKey[] }): void
}

export function refuse(issues: Issues, message: string, ...path: PropertyKey[]): typeof z.NEVER {
  issues.addIssue({ code: 'custom', message, path })
  return z.NEVER
}

/** A value of our own parsing; `parse` gets what YAML gave and tells its problems itself. */
export function field<T>(parse: (value: unknown, issues: Issues) => T) {
  return z.unknown().transform((value, context) => parse(value, context as unknown as Issues))
}

/** A text with a grammar; `example` is for those who wrote something that is no text. */
export function text<T>(parse: (text: string) => Parsed<T>, example: string) {
  return field((value, issues) => readText(value, issues, parse, example))
}

export function readText<T>(
  value: unknown,
  issues: Issues,
  parse: (text: string) => Parsed<T>,
  example: string,
  ...path: PropertyKey[]
): T {
  if (typeof value !== 'string') {
    return refuse(issues, `must be a text, not ${kindOf(value)}; write for example ${example}`, ...path)
  }
  const parsed = parse(value)
  return 'problem' in parsed ? refuse(issues, parsed.problem, ...path) : parsed.value
}

/** A list of texts; one text alone is split at commas, as environment variables and flags write lists. */
export function textList<T>(parse: (text: string) => Parsed<T>, example: string) {
  return field((value, issues) => readTextList(value, issues, parse, example))
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
    return refuse(issues, `must be a list, not ${kindOf(value)}; write for example [${example}]`, ...path)
  }
  const alone = typeof value === 'string' && items.length === 1
  return items.map((item, i) => readText(item, issues, parse, example, ...path, ...(alone ? [] : [i])))
}

/** Such a list of so many at most: what is repeated by reference (`*NAME`) costs as if it were written out. */
export function readShortList<T>(
  value: unknown,
  issues: Issues,
  parse: (text: string) => Parsed<T>,
  example: string,
  { most, of }: { readonly most: number; readonly of: string },
  ...path: PropertyKey[]
): T[] {
  const length = asList(value)?.length ?? 0
  if (length > most) return refuse(issues, `has ${length} ${of}; ${most} are the most`, ...path)
  return readTextList(value, issues, parse, example, ...path)
}

/** A list as it is, a text split at commas; undefined for anything else. */
export function asList(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (typeof value !== 'string') return undefined
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** One of a few words. */
export function choice<const Word extends string>(...words: Word[]) {
  return field((value, issues): Word => readChoice(value, issues, words))
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

export const flag = field((value, issues): boolean => {
  if (typeof value === 'boolean') return value
  if (value === 'true') return true
  if (value === 'false') return false
  return refuse(issues, 'must be true or false')
})

/** A whole number; digits in a text count, since environment variables are texts. */
export function wholeNumber(least: number, most: number, unit: string) {
  return field((value, issues): number => {
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
    if (Number.isInteger(number) && (number as number) >= least && (number as number) <= most) {
      return number as number
    }
    return refuse(issues, `must be a whole number of ${unit} from ${least} to ${most}`)
  })
}

/** A size in bytes, within `least` and `most` (written the same way: "16MiB"); a number alone is bytes. */
export function size(least: string, most: string, example: string) {
  return field((value, issues) => {
    const written = typeof value === 'number' ? String(value) : value
    return readText(written, issues, (text) => parseSize(text, least, most), example)
  })
}

/** A map with keys of the user's choosing; `read` gets each entry, and may make several of it. */
export function entries<T>(
  example: string,
  read: (key: string, value: unknown, issues: Issues) => T | readonly T[] | undefined,
  keyOf = domainKey,
) {
  return field((value, issues) => readEntries(value, issues, example, read, keyOf))
}

/** By which two keys are the same domain. */
const domainKey = (key: string) => key.toLowerCase().replace(/\.$/, '')

export function readEntries<T>(
  value: unknown,
  issues: Issues,
  example: string,
  read: (key: string, value: unknown, issues: Issues) => T | readonly T[] | undefined,
  keyOf = domainKey,
): T[] {
  if (!isMap(value))
    return refuse(issues, `must be a map, not ${kindOf(value)}; write for example ${example}`)
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
  if (typeof value === 'string') return 'a text'
  return `${typeof value} ${value}`
}
