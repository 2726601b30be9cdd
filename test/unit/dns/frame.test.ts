// Messages behind their lengths, however the stream is cut.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frame, readFrames } from '../../../src/dns/frame.ts'

const messages = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(300, 7), Buffer.from('x')]
const stream = frame(...messages)

describe('frames', () => {
  it('are the same messages wherever the stream is cut in two', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const reader = readFrames()
      const read = [...reader.push(stream.subarray(0, cut)), ...reader.push(stream.subarray(cut))]
      expect(read, String(cut)).toEqual(messages)
      expect(reader.pending()).toBe(0)
    }
  })

  it('come byte by byte', () => {
    const reader = readFrames()
    expect([...stream].flatMap((byte) => reader.push(Buffer.of(byte)))).toEqual(messages)
  })

  it('come in any pieces', () => {
    const drawn = fc.tuple(
      fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1 }),
    )
    fc.assert(
      fc.property(drawn, ([bodies, sizes]) => {
        const sent = bodies.map((body) => Buffer.from(body))
        const whole = frame(...sent)
        const reader = readFrames()
        const read: Buffer[] = []
        for (let at = 0, i = 0; at < whole.length; i++) {
          const size = Math.max(1, sizes[i % sizes.length]!)
          read.push(...reader.push(whole.subarray(at, at + size)))
          at += size
        }
        expect(read).toEqual(sent)
      }),
    )
  })

  it('that are not whole are held, and counted', () => {
    const reader = readFrames()
    expect(reader.push(Buffer.of(0))).toEqual([])
    expect(reader.pending()).toBe(1)
    expect(reader.push(Buffer.of(3, 1, 2))).toEqual([])
    expect(reader.pending()).toBe(4)
    expect(reader.push(Buffer.of(3, 0))).toEqual([Buffer.of(1, 2, 3)])
    expect(reader.pending()).toBe(1)
  })

  it('may have 65535 bytes', () => {
    const large = Buffer.alloc(65535, 1)
    expect(readFrames().push(frame(large))).toEqual([large])
  })
})
