// Building blocks of the schema: zod types for one kind of value each.
import * as z from 'zod'
import { type Parsed, parseSize } from './text-values.ts'
import {
  domainKey,
  type Issues,
  readChoice,
  readEntries,
  readFlag,
  readText,
  readTextList,
  refuse,
} from './yaml-values.ts'

/** A section or list after reading: read-only. */
export type Fixed<T> = T extends readonly (infer Item)[]
  ? readonly Item[]
  : T extends object
    ? { readonly [Key in keyof T]: Fixed<T[Key]> }
    : T

/** A value with its own parser, which gets what YAML gave and reports its problems. */
export function field<T>(parse: (value: unknown, issues: Issues) => T) {
  return z.unknown().transform((value, context) => parse(value, context as unknown as Issues))
}

/** A text with a grammar; `example` is shown if the value is not text. */
export function text<T>(parse: (text: string) => Parsed<T>, example: string) {
  return field((value, issues) => readText(value, issues, parse, example))
}

/** A list of texts; a single text is split at commas, as lists are written in environment variables and flags. */
export function textList<T>(parse: (text: string) => Parsed<T>, example: string) {
  return field((value, issues) => readTextList(value, issues, parse, example))
}

/** One of a few words. */
export function choice<const Word extends string>(...words: Word[]) {
  return field((value, issues): Word => readChoice(value, issues, words))
}

export const flag = field((value, issues): boolean => readFlag(value, issues))

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

/** A map with keys of the user's choosing; `read` gets each entry, and may return several values. */
export function entries<T>(
  example: string,
  read: (key: string, value: unknown, issues: Issues) => T | readonly T[] | undefined,
  keyOf = domainKey,
) {
  return field((value, issues) => readEntries(value, issues, example, read, keyOf))
}
