// What is kept of a message holds no more memory than it says.
import { deserialize, serialize } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { withOwnBytes } from '../../../src/workers/messages.ts'

const message = () => ({
  kind: 'start',
  secret: new Uint8Array([1, 2, 3]),
  list: [{ bytes: new Uint8Array(4) }, { bytes: Buffer.from('abc') }],
  map: new Map<string, unknown>([
    ['a', { bytes: new Uint8Array([7]) }],
    ['b', new Uint8Array([8])],
  ]),
  set: new Set(['x']),
  nothing: undefined,
  none: null,
  text: 'text',
})

function* arraysIn(value: unknown): Generator<Uint8Array> {
  if (value instanceof Uint8Array) yield value
  else if (value instanceof Map) for (const each of value.values()) yield* arraysIn(each)
  else if (typeof value === 'object' && value !== null)
    for (const each of Object.values(value)) yield* arraysIn(each)
}

describe('bytes of a message', () => {
  it('are the same, in memory of their own', () => {
    const came = deserialize(serialize(message()))
    const arrays = () => [...arraysIn(came)]
    expect(arrays()).toHaveLength(5)
    expect(arrays().some(({ buffer, byteLength }) => buffer.byteLength > byteLength)).toBe(true)
    expect(withOwnBytes(came)).toEqual(message())
    expect(arrays()).toHaveLength(5)
    for (const { buffer, byteLength } of arrays()) expect(buffer.byteLength).toBe(byteLength)
  })

  it('may be all there is', () => {
    const buffer = Buffer.from('abcdef').subarray(2, 4)
    expect(withOwnBytes(buffer)).toEqual(Buffer.from('cd'))
    expect(withOwnBytes(7)).toBe(7)
  })
})
