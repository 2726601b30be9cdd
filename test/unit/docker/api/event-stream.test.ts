// Bytes → lines → events.
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import {
  createLineSplitter,
  type EngineEvent,
  parseEvent,
  readEvents,
} from '../../../../src/docker/api/event-stream.ts'
import { recorded } from '../recorded.ts'

function split(chunks: readonly Buffer[], max?: number) {
  const lines: string[] = []
  let overlong = 0
  const splitter = createLineSplitter(
    (line) => lines.push(line),
    () => overlong++,
    max,
  )
  for (const chunk of chunks) splitter.push(chunk)
  splitter.end()
  return { lines, overlong }
}

describe('lines', () => {
  const text = '{"a":"Zürich 🐳"}\n{"b":2}\r\n\n{"c":3}'

  it('come whole wherever the bytes were cut', () => {
    const bytes = Buffer.from(text)
    for (let i = 0; i <= bytes.length; i++) {
      const { lines } = split([bytes.subarray(0, i), bytes.subarray(i)])
      expect(lines.map((line) => JSON.parse(line))).toEqual([{ a: 'Zürich 🐳' }, { b: 2 }, { c: 3 }])
    }
    expect(split([...bytes].map((byte) => Buffer.from([byte]))).lines).toHaveLength(3)
  })

  it.each([
    ['in one chunk', [`x\n${'y'.repeat(11)}\nz\n`]],
    ['in several', ['x\n', 'y'.repeat(8), 'y'.repeat(8), 'y'.repeat(8), 'y\nz\n']],
    ['at the end', ['x\nz\n', 'y'.repeat(30)]],
  ])('that are too long are skipped and counted once: %s', (_, chunks) => {
    expect(
      split(
        chunks.map((chunk) => Buffer.from(chunk)),
        10,
      ),
    ).toEqual({ lines: ['x', 'z'], overlong: 1 })
  })

  it('of exactly the longest length pass', () => {
    expect(split([Buffer.from(`${'y'.repeat(10)}\n`)], 10)).toEqual({ lines: ['y'.repeat(10)], overlong: 0 })
  })
})

describe('events', () => {
  const actor = { ID: 'c1', Attributes: { name: 'web' } }

  it.each(recorded)('of engine $engine are all read', ({ events }) => {
    for (const line of events) {
      const { Type, Action, Actor } = JSON.parse(line)
      const event = parseEvent(line)!
      expect(event).toMatchObject({ type: Type, action: Action, id: Actor.ID, attributes: Actor.Attributes })
      expect(Math.floor(event.time / 1000)).toBe(JSON.parse(line).time)
    }
  })

  it('need none of the fields that are gone since API 1.52', () => {
    const line = JSON.stringify({
      Type: 'container',
      Action: 'start',
      Actor: actor,
      scope: 'local',
      time: 12,
    })
    expect(parseEvent(line)).toEqual({
      type: 'container',
      action: 'start',
      id: 'c1',
      attributes: { name: 'web' },
      time: 12000,
    })
  })

  it('may come as json-seq', () => {
    expect(parseEvent(`\u001e${JSON.stringify({ Type: 'a', Action: 'b', Actor: actor })}`)?.id).toBe('c1')
  })

  it('keep their time to the microsecond, though nanoseconds are above 2^53', () => {
    const line =
      '{"Type":"a","Action":"b","Actor":{"ID":"c"},"time":1795479965,"timeNano":1795479965110357135}'
    expect(parseEvent(line)!.time).toBeCloseTo(1795479965110.357, 3)
  })

  it('do not take their time from a label', () => {
    const Attributes = { timeNano: '1', x: '"timeNano":1111111111111111111' }
    const record = { Type: 'a', Action: 'b', Actor: { ID: 'c', Attributes }, time: 7 }
    expect(parseEvent(JSON.stringify(record))!.time).toBe(7000)
  })

  it.each([
    '',
    '{',
    'null',
    '7',
    '[]',
    '{}',
    '{"Type":"a","Action":"b"}',
    '{"Type":1,"Action":"b","Actor":{"ID":"c"}}',
  ])('are not made of %s', (line) => {
    expect(parseEvent(line)).toBeUndefined()
  })
})

describe('a stream', () => {
  async function read(write: (stream: PassThrough) => void) {
    const stream = new PassThrough()
    const events: EngineEvent[] = []
    let unreadable = 0
    const closed = new Promise<Error | undefined>((resolve) =>
      readEvents(stream, {
        event: (event) => events.push(event),
        unreadable: () => unreadable++,
        closed: resolve,
      }),
    )
    write(stream)
    return { error: await closed, actions: events.map(({ action }) => action), unreadable }
  }
  const line = (Action: string) => `${JSON.stringify({ Type: 'container', Action, Actor: { ID: 'c' } })}\n`

  it('skips what is no event and reads on', async () => {
    const { actions, unreadable, error } = await read((stream) =>
      stream.end(`${line('start')}<html>\n${line('die')}`),
    )
    expect({ actions, unreadable, error }).toEqual({
      actions: ['start', 'die'],
      unreadable: 1,
      error: undefined,
    })
  })

  it('closes once, with the error that broke it', async () => {
    const broken = new Error('aborted')
    const { error } = await read((stream) => stream.destroy(broken))
    expect(error).toBe(broken)
  })

  it('that is over before it is read closes', async () => {
    const stream = new PassThrough()
    stream.destroy()
    await expect(
      new Promise((resolve) => readEvents(stream, { event() {}, unreadable() {}, closed: resolve })),
    ).resolves.toBeUndefined()
  })
})
