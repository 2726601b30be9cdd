// A long list, read row by row as it comes: of 10,000 containers it has 15 MB, and to read that at one go would keep every
// question waiting for 100 ms and more.

import { setImmediate as turn } from 'node:timers/promises'

export interface RowReader {
  /** Throws a SyntaxError where this is no list of objects, or one of them is too large to be a row. */
  push(chunk: Buffer): void
  /** Whether the list has come to its end. */
  isWhole(): boolean
}

const byte = { quote: 0x22, backslash: 0x5c, open: 0x7b, close: 0x7d, begin: 0x5b, end: 0x5d, comma: 0x2c }
/** With a thousand labels a row would still be far below. */
const maxRow = 16 * 1024 * 1024

/** Calls `row` with each object of a JSON list, wherever its text is cut into chunks. */
export function createRowReader(row: (value: unknown) => void): RowReader {
  let state: 'before' | 'between' | 'after' = 'before'
  /** The start of a row whose end has not come. */
  let rest: Buffer = Buffer.alloc(0)
  let depth = 0
  let isInString = false

  /** Where the string that goes on at `from` ends, behind its quote; -1: not in this chunk. */
  function endOfString(text: Buffer, from: number): number {
    for (let at = from; ; ) {
      const quote = text.indexOf(byte.quote, at)
      if (quote < 0) return -1
      let escapes = 0
      // Those before `from` count as well: a chunk may end within an escape.
      while (text[quote - escapes - 1] === byte.backslash) escapes++
      if (escapes % 2 === 0) return quote + 1
      at = quote + 1
    }
  }

  function readBetween(value: number): void {
    if (value === 0x20 || (value >= 0x09 && value <= 0x0d)) return
    if (state === 'before' && value === byte.begin) state = 'between'
    else if (state === 'between' && value === byte.end) state = 'after'
    else if (state !== 'between' || value !== byte.comma) throw new SyntaxError('not a list of objects')
  }

  return {
    push(chunk) {
      const text = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      if (text.length > maxRow + chunk.length) throw new SyntaxError('a row without end')
      let start = 0
      let at = rest.length
      while (at < text.length) {
        if (isInString) {
          const end = endOfString(text, at)
          if (end < 0) break
          at = end
          isInString = false
          continue
        }
        const value = text[at++]!
        if (value === byte.quote && depth > 0) isInString = true
        else if (value === byte.open && state === 'between') {
          if (depth++ === 0) start = at - 1
        } else if (value === byte.close && depth > 0) {
          if (--depth === 0) row(JSON.parse(text.toString('utf8', start, at)))
        } else if (depth === 0) readBetween(value)
      }
      rest = depth > 0 ? text.subarray(start) : Buffer.alloc(0)
    },
    isWhole: () => state === 'after',
  }
}

/** Reads a whole list, with a turn of the event loop after each chunk. Rejects with a SyntaxError where it is none or cut short. */
export async function readRows(chunks: AsyncIterable<Buffer>, row: (value: unknown) => void): Promise<void> {
  const reader = createRowReader(row)
  for await (const chunk of chunks) {
    reader.push(chunk)
    await turn()
  }
  if (!reader.isWhole()) throw new SyntaxError('a list that is cut short')
}
