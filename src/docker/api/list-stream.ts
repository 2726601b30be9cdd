// Parses a long list row by row as it arrives: 10,000 containers are 15 MB, which would block questions for 100 ms.
import { setImmediate as turn } from 'node:timers/promises'
import { createBytes } from './bytes.ts'
import { parseJson } from './partial-json.ts'

export interface ListParser {
  /** Throws a SyntaxError where this is no list, or one of more rows than an engine may have. */
  push(chunk: Buffer): void
  /** Whether the list has come to its end. */
  isWhole(): boolean
}

export interface ListParserOptions {
  /** Of a row's text makes its value; undefined: it is none, and so is the list. Default: what JSON says. */
  readonly parse?: (text: string) => unknown
  /** A row that is too long is not read. */
  readonly tooLong?: () => void
  readonly longest?: number
  readonly most?: number
}

const byte = {
  ...{ quote: 0x22, backslash: 0x5c, comma: 0x2c },
  ...{ open: 0x7b, close: 0x7d, begin: 0x5b, end: 0x5d },
}
/** With a thousand labels a row would still be far below. */
export const longestRow = 8 * 1024 * 1024
/** No engine comes near. */
export const mostRows = 100_000

/** Calls `row` with each value of a JSON list, wherever its text is cut into chunks. */
export function createListParser(row: (value: unknown) => void, options: ListParserOptions = {}): ListParser {
  const { parse = parseJson, tooLong = () => row(undefined), longest = longestRow, most = mostRows } = options
  let state: 'before' | 'between' | 'after' = 'before'
  /** The start of a row whose end has not come. */
  const bytes = createBytes()
  let length = 0
  let rows = 0
  let depth = 0
  let isInRow = false
  let isInString = false
  /** A chunk has ended behind a backslash that escapes what comes. */
  let isEscaped = false

  /** Where the string that goes on at `from` ends, behind its quote; -1: not in this chunk. */
  function endOfString(text: Buffer, from: number): number {
    let at = from
    if (isEscaped) at++
    isEscaped = false
    for (;;) {
      const quote = text.indexOf(byte.quote, at)
      const end = quote < 0 ? text.length : quote
      let escapes = 0
      while (end - escapes > at && text[end - escapes - 1] === byte.backslash) escapes++
      if (quote < 0) {
        isEscaped = escapes % 2 === 1
        return -1
      }
      if (escapes % 2 === 0) return quote + 1
      at = quote + 1
    }
  }

  function keep(part: Buffer): void {
    length += part.length
    if (length > longest) bytes.clear()
    else bytes.add(part)
  }

  function finish(part: Buffer): void {
    if (++rows > most) throw new SyntaxError(`a list of more than ${most} rows`)
    keep(part)
    const text = length > longest ? undefined : bytes.text()
    bytes.clear()
    length = 0
    isInRow = false
    if (text === undefined) {
      tooLong()
      return
    }
    const value = parse(text)
    if (value === undefined) throw new SyntaxError('a row that is no JSON')
    row(value)
  }

  /** Whether a row begins with this byte. */
  function beginsRow(value: number): boolean {
    if (value === 0x20 || (value >= 0x09 && value <= 0x0d)) return false
    if (state === 'before' && value === byte.begin) state = 'between'
    else if (state === 'between' && value === byte.end) state = 'after'
    else if (state !== 'between') throw new SyntaxError('not a list')
    else return value !== byte.comma
    return false
  }

  /** A number or a word has no end of its own. */
  const endsWord = (value: number) => value === byte.comma || value === byte.end || value <= 0x20

  return {
    push(text) {
      let start = 0
      for (let at = 0; at < text.length; ) {
        if (isInString) {
          at = endOfString(text, at)
          if (at < 0) break
          isInString = false
          if (depth === 0) finish(text.subarray(start, at))
          continue
        }
        const value = text[at]!
        if (isInRow && depth === 0 && endsWord(value)) finish(text.subarray(start, at))
        if (!isInRow) {
          at++
          if (!beginsRow(value)) continue
          isInRow = true
          start = at - 1
        } else at++
        if (value === byte.quote) isInString = true
        else if (value === byte.open || value === byte.begin) depth++
        else if (value === byte.close || value === byte.end) {
          if (--depth === 0) finish(text.subarray(start, at))
          else if (depth < 0) throw new SyntaxError('not a list')
        }
      }
      if (isInRow) keep(text.subarray(start))
    },
    isWhole: () => state === 'after',
  }
}

/** Reads a whole list, with a turn of the event loop after each chunk. Rejects with a SyntaxError where it is none or cut short. */
export async function readList(
  chunks: AsyncIterable<Buffer>,
  row: (value: unknown) => void,
  options?: ListParserOptions,
): Promise<void> {
  const reader = createListParser(row, options)
  for await (const chunk of chunks) {
    reader.push(chunk)
    await turn()
  }
  if (!reader.isWhole()) throw new SyntaxError('a list that is cut short')
}
