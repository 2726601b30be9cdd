// A list read row by row: what JSON.parse would have read of the whole, however its bytes are cut.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createListParser, readList } from '../../../../src/docker/api/list-stream.ts'

function read(chunks: readonly Buffer[]) {
  const rows: unknown[] = []
  const reader = createListParser((row) => rows.push(row))
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

  it.each(['{"message":"no"}', 'null', '"[]"', '<html>', '[]{}', '[{"a":}]', '[1}', '[tru]', '[{]}'])(
    '%s is none',
    (bytes) => {
      expect(() => read([Buffer.from(bytes)])).toThrow(SyntaxError)
    },
  )

  it.each(['[1]', '[[{}]]', '[null,"a,]",-2.5e3 ,{}, true]', '[ "\\\\" ,{"]":"\\"}"}]'])(
    '%s has rows that are no objects, and is read as JSON.parse reads it, wherever it is cut',
    (text) => {
      const bytes = Buffer.from(text)
      for (let at = 0; at <= bytes.length; at++) {
        const told = read([bytes.subarray(0, at), bytes.subarray(at)])
        expect(told).toEqual({ rows: JSON.parse(text), isWhole: true })
      }
      expect(read(cut(bytes, [1])).rows).toEqual(JSON.parse(text))
    },
  )

  it('leaves out a row that is too long, holds nothing of it, and reads the others', () => {
    const long = '\\"]},{'.repeat(100)
    const text = JSON.stringify([{ a: 1 }, { a: long }, { a: 2 }, long, [long], { a: 3 }])
    for (const size of [1, 7, 64, 10_000]) {
      const rows: unknown[] = []
      let tooLong = 0
      const reader = createListParser((row) => rows.push(row), { longest: 64, tooLong: () => tooLong++ })
      for (const chunk of cut(Buffer.from(text), [size])) reader.push(chunk)
      expect({ rows, tooLong, isWhole: reader.isWhole() }).toEqual({
        ...{ rows: [{ a: 1 }, { a: 2 }, { a: 3 }], tooLong: 3, isWhole: true },
      })
    }
  })

  it('has no more rows than an engine may have', () => {
    const reader = createListParser(() => {}, { most: 3 })
    expect(() => reader.push(Buffer.from('[{},{},{},{}]'))).toThrow(SyntaxError)
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
    await readList(chunks(), (row) => rows.push(row))
    isOver = true
    expect(rows).toHaveLength(50)
    expect(turns).toBeGreaterThan(40)
    await expect(readList(cutShort(), () => {})).rejects.toThrow('cut short')
  })
})

async function* cutShort() {
  yield Buffer.from('[{"a":1},')
}
