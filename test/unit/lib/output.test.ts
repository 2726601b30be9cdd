// The log where it is not read: what is kept, what is dropped and counted, and what is told of it.
import { mkdtempSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WriteStream } from 'node:tty'
import { describe, expect, it } from 'vitest'
import { logTo } from '../../../src/lib/log.ts'
import { createOutput, fileSink, type Sink, streamSink } from '../../../src/lib/output.ts'

/** Takes what it is given once it is told to. */
function slow() {
  const taken: string[] = []
  let pending: { text: string; done: (error?: Error) => void } | undefined
  const sink: Sink = (bytes, done) => {
    expect(pending).toBeUndefined()
    pending = { text: bytes.toString(), done }
  }
  const output = createOutput(sink)
  const take = (error?: Error) => {
    const { text, done } = pending!
    pending = undefined
    if (error === undefined) taken.push(text)
    done(error)
  }
  return {
    ...{ output, taken, take },
    takeAll() {
      while (pending !== undefined) take()
    },
    lost: (why: 'full' | 'failed') => output.lost.cell(why).value,
  }
}

const line = (length: number) => `${'x'.repeat(length - 1)}\n`

describe('lines', () => {
  it('are written at once while they are taken', () => {
    const written: string[] = []
    const output = createOutput((bytes, done) => {
      written.push(bytes.toString())
      done()
    })
    output.write('a\n', false)
    expect(written).toEqual(['a\n'])
    output.write('b\n', true)
    expect(written).toEqual(['a\n', 'b\n'])
  })

  it('wait in order while they are not, and leave together', () => {
    const { output, taken, take } = slow()
    for (const text of ['a\n', 'b\n', 'ü\n']) output.write(text, false)
    take()
    output.write('c\n', false)
    take()
    take()
    expect(taken).toEqual(['a\n', 'b\nü\n', 'c\n'])
  })

  it('are kept up to a megabyte, and counted from then on', () => {
    const { output, taken, takeAll, lost } = slow()
    for (let i = 0; i < 100_000; i++) output.write(line(1024), false)
    expect(lost('full')).toBe(100_000 - 1024)
    takeAll()
    expect(taken.join('').length).toBe(1024 * 1024)
    expect(Math.max(...taken.map(({ length }) => length))).toBeLessThanOrEqual(4096)
    output.write('a\n', false)
    takeAll()
    expect(taken.at(-1)).toBe('a\n')
  })

  it('have room for warnings and errors where there is none for others', () => {
    const { output, taken, takeAll } = slow()
    for (let i = 0; i < 2000; i++) output.write(line(1024), false)
    for (let i = 0; i < 2000; i++) output.write(`${'!'.repeat(1023)}\n`, true)
    takeAll()
    expect(taken.join('').match(/^!/gm)).toHaveLength(256)
  })

  it('of any length are not kept', () => {
    const { output, lost, taken, takeAll } = slow()
    output.write(line(5 << 20), true)
    output.write(line(900_000), false)
    takeAll()
    expect(lost('full')).toBe(1)
    expect(taken).toEqual([line(900_000)])
  })

  it('that fail are counted, and later ones tried', () => {
    const { output, take, taken, lost } = slow()
    output.write('a\n', false)
    output.write('b\n', false)
    output.write('c\n', false)
    take(new Error('EPIPE'))
    expect(lost('failed')).toBe(1)
    take()
    expect(taken).toEqual(['b\nc\n'])
  })
})

describe('a log', () => {
  it('says how many lines were lost, once it is read again, and once', () => {
    const { output, taken, take, takeAll } = slow()
    const log = logTo(output, { level: 'info' })
    for (let i = 0; i < 20_000; i++) log.info({ name: 'www.example' }, 'question')
    log.error({ why: 'x' }, 'bad')
    take()
    expect(taken.join('')).not.toContain('lost')
    takeAll()
    log.info({}, 'later')
    takeAll()
    const lines = taken
      .join('')
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as Record<string, unknown>)
    const told = lines.filter(({ msg }) => String(msg).includes('lost'))
    const questions = lines.filter(({ msg }) => msg === 'question').length
    expect(questions).toBeGreaterThan(5000)
    expect(told).toMatchObject([{ level: 'warn', lines: 20_000 - questions }])
    expect(lines.filter(({ msg }) => msg === 'bad')).toHaveLength(1)
    expect(lines.at(-1)).toMatchObject({ msg: 'later' })
  })
})

describe('the end', () => {
  it('waits for what is on its way, but not for ever', async () => {
    const { output, takeAll, taken } = slow()
    await output.flush(10_000)
    output.write('a\n', false)
    output.write('b\n', false)
    const flushed = output.flush(10_000)
    takeAll()
    await flushed
    expect(taken).toEqual(['a\n', 'b\n'])
    output.write('c\n', false)
    await output.flush(1)
  })
})

describe('where lines go', () => {
  it('a file has them whole, in order', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'berth-output-')), 'log')
    const output = createOutput(fileSink(openSync(path, 'a')))
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`)
    for (const each of lines) output.write(each, false)
    await output.flush(10_000)
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''))
  })

  it('a disk that is full is counted, and nothing else comes of it', async () => {
    const output = createOutput(fileSink(openSync('/dev/full', 'a')))
    output.write('a\n', false)
    await output.flush(10_000)
    expect(output.lost.cell('failed').value).toBe(1)
  })

  it('a terminal is not waited for', () => {
    const asked: boolean[] = []
    const terminal = Object.create(WriteStream.prototype, {
      _handle: { value: { setBlocking: (is: boolean) => asked.push(is) } },
      on: { value: () => {} },
    })
    streamSink(terminal)
    expect(asked).toEqual([false])
  })
})
