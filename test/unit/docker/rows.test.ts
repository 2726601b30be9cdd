// A list read row by row: what JSON.parse would have read of the whole, however its bytes are cut.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRowReader, readRows } from '../../../src/docker/rows.ts'

function read(chunks: readonly Buffer[]) {
  const rows: unknown[] = []
  const reader = createRowReader((row) => rows.push(row))
  for (const chunk of chunks) reader.push(chunk)
  return { rows, isWhole: reader.isWhole() }
}

function cut(text: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = sizes[i % sizes.length]!
    chunks.push(text.subarray(at, at + size))
    at += size
  }
  return chunks
}

/** With what a splitter stumbles over in keys and values: quotes, backslashes, braces. */
const text = fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', 'a', 'é', '😀', '\n') })
const row = fc.dictionary(text, fc.oneof(text, fc.dictionary(text, text), fc.array(text), fc.constant(null)))

describe('a list', () => {
  it('is read as JSON.parse reads it, wherever it is cut', () =>
    fc.assert(
      fc.property(
        fc.array(row),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        fc.constantFrom(undefined, 2),
        (rows, sizes, indent) => {
          const bytes = Buffer.from(`${JSON.stringify(rows, undefined, indent)}\n`)
          // Through JSON once, for a key __proto__ is no key in JavaScript.
          const told = JSON.parse(bytes.toString())
          expect(read(cut(bytes, sizes))).toEqual({ rows: told, isWhole: true })
        },
      ),
    ))

  it('is not whole before its end', () =>
    fc.assert(
      fc.property(fc.array(row), fc.nat(), (rows, length) => {
        const bytes = Buffer.from(JSON.stringify(rows))
        expect(read([bytes.subarray(0, length % bytes.length)]).isWhole).toBe(false)
      }),
    ))

  it.each(['{"message":"no"}', 'null', '"[]"', '<html>', '[1]', '[]{}', '[[{}]]', '[{"a":}]'])(
    '%s is none',
    (bytes) => {
      expect(() => read([Buffer.from(bytes)])).toThrow(SyntaxError)
    },
  )

  it('has no row without end', () => {
    const endless = function* () {
      yield Buffer.from('[{"a":"')
      for (let i = 0; i < 40; i++) yield Buffer.alloc(1 << 20, 'a')
    }
    expect(() => read([...endless()])).toThrow('a row without end')
  })

  it('lets others have their turn between chunks', async () => {
    let turns = 0
    let isOver = false
    const other = () => {
      turns++
      if (!isOver) setImmediate(other)
    }
    setImmediate(other)
    const chunks = async function* () {
      yield* cut(Buffer.from(JSON.stringify(Array(50).fill({ a: 1 }))), [8])
    }
    const rows: unknown[] = []
    await readRows(chunks(), (row) => rows.push(row))
    isOver = true
    expect(rows).toHaveLength(50)
    expect(turns).toBeGreaterThan(40)
    await expect(readRows(cutShort(), () => {})).rejects.toThrow('cut short')
  })
})

async function* cutShort() {
  yield Buffer.from('[{"a":1},')
}
