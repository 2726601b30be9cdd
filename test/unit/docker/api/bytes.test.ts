// Bytes that come one by one take little more room than those that come at once.
import { describe, expect, it } from 'vitest'
import { createBytes } from '../../../../src/docker/api/bytes.ts'
import { createListParser } from '../../../../src/docker/api/list-stream.ts'

const million = 1024 * 1024

/** How much the heap has grown once `each` was given so many bytes, each a Buffer of its own. Those take 100 bytes and more. */
function heapAfter(bytes: number, each: (byte: Buffer) => void): number {
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < bytes; i++) each(Buffer.from('x'))
  return process.memoryUsage().heapUsed - before
}

describe('bytes one by one', () => {
  it('are kept together', () => {
    const bytes = createBytes()
    expect(heapAfter(4 * million, bytes.add)).toBeLessThan(150 * million)
    expect(bytes.text()).toBe('x'.repeat(4 * million))
  })

  it('make a row of a list that is kept together', () => {
    const rows: unknown[] = []
    const reader = createListParser((row) => rows.push(row))
    reader.push(Buffer.from('["'))
    expect(heapAfter(4 * million, reader.push)).toBeLessThan(150 * million)
    reader.push(Buffer.from('"]'))
    expect(rows).toEqual(['x'.repeat(4 * million)])
  })
})

it('pieces of any length come out as they came in, also after a clear', () => {
  const bytes = createBytes()
  for (const lengths of [[], [0], [1], [5000], [1, 5000, 1, 1], [5000, 1, 4096, 4095, 2, 0, 9000, 3]]) {
    const pieces = lengths.map((length, i) => Buffer.alloc(length, String(i)))
    for (const piece of pieces) bytes.add(piece)
    expect(bytes.text()).toBe(`${Buffer.concat(pieces)}`)
    bytes.clear()
  }
})
