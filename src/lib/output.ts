// Lines to standard output, or to whatever else it is: written at once where that takes them, kept within bounds where it
// does not, and else dropped and counted. Nobody waits: a pipe that nobody reads, a terminal that was stopped and a disk
// that is slow are no reason to answer no questions.
import { fstatSync, write } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { isatty, WriteStream } from 'node:tty'
import { Counter } from './counters.ts'

/** Where bytes go. Calls `done` once they are gone, or lost; maybe before it returns. Never throws, never blocks. */
export type Sink = (bytes: Buffer, done: (error?: Error | null) => void) => void

export interface Output {
  /** A person reads it, as it comes. */
  readonly isTTY: boolean
  /** `isUrgent`: a warning or an error, for which there is room where others are dropped. */
  write(line: string, isUrgent: boolean): void
  /** What is kept has left, or could not; after `ms` at the latest. */
  flush(ms: number): Promise<void>
  /** Lines that nobody will read; `why`: full, failed. */
  readonly lost: Counter<'why'>
  /** Called once lines can be written again, with how many were lost meanwhile. */
  onLost: (lines: number) => void
}

/** Bytes that may wait, and more that warnings and errors may take. */
const mostBytes = 1024 * 1024
const reserve = 256 * 1024
/** Bytes that are written at once: as many as a pipe takes whole, whoever else writes to it (PIPE_BUF). */
const chunkSize = 4096

interface Chunk {
  bytes: Buffer
  length: number
  lines: number
}

export function createOutput(sink: Sink, isTTY = false): Output {
  const lost = new Counter('why')
  for (const why of ['full', 'failed'] as const) lost.add(0, why)
  const chunks: Chunk[] = []
  /** What was written and is not gone yet. */
  let leaving: { readonly lines: number } | undefined
  /** Bytes that wait or are leaving. */
  let held = 0
  let lostNow = 0
  const idle: (() => void)[] = []

  function lose(lines: number, why: 'full' | 'failed'): void {
    lost.add(lines, why)
    lostNow += lines
  }

  function keep(line: string, length: number): void {
    let chunk = chunks.at(-1)
    if (chunk === undefined || chunk.bytes.length - chunk.length < length) {
      chunk = { bytes: Buffer.allocUnsafeSlow(Math.max(chunkSize, length)), length: 0, lines: 0 }
      chunks.push(chunk)
    }
    chunk.length += chunk.bytes.write(line, chunk.length)
    chunk.lines++
  }

  function send(bytes: Buffer, lines: number): void {
    const mine = { lines }
    leaving = mine
    sink(bytes, (error) => {
      if (leaving !== mine) return
      leaving = undefined
      held -= bytes.length
      if (error) lose(lines, 'failed')
      next(error === undefined || error === null)
    })
  }

  function next(isWell: boolean): void {
    const chunk = chunks.shift()
    if (chunk !== undefined) {
      send(chunk.bytes.subarray(0, chunk.length), chunk.lines)
      return
    }
    for (const resolve of idle.splice(0)) resolve()
    if (!isWell || lostNow === 0) return
    const lines = lostNow
    lostNow = 0
    output.onLost(lines)
  }

  const output: Output = {
    ...{ isTTY, lost },
    onLost: () => {},
    write(line, isUrgent) {
      const length = Buffer.byteLength(line)
      if (held + length > mostBytes + (isUrgent ? reserve : 0)) {
        lose(1, 'full')
        return
      }
      held += length
      if (leaving === undefined) send(Buffer.from(line), 1)
      else keep(line, length)
    },
    async flush(ms) {
      if (leaving === undefined) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        idle.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
  }
  return output
}

/** As Node has it; it tells nobody. */
type Terminal = WriteStream & { readonly _handle: { setBlocking(is: boolean): void } }

/** A stream that waits for whoever reads by itself: a pipe, a socket, a terminal. */
export function streamSink(stream: Writable): Sink {
  // Node makes writes to a terminal block; one that was stopped (Ctrl-S) would stop everything.
  if (stream instanceof WriteStream) (stream as Terminal)._handle.setBlocking(false)
  // A log that nobody reads any more (a closed pipe) is no reason to stop; each write tells of it as well.
  stream.on('error', () => {})
  return (bytes, done) => {
    let isGone = false
    stream.write(bytes, (error) => {
      if (!isGone) done(error)
    })
    // What the system took at once is gone, though that is told later.
    if (stream.writableLength > 0 || stream.errored !== null) return
    isGone = true
    done()
  }
}

/** A file: written by a thread, for a disk may take its time. */
export function fileSink(fd: number): Sink {
  return (bytes, done) => {
    const writeFrom = (offset: number): void =>
      write(fd, bytes, offset, bytes.length - offset, null, (error, written) => {
        if (error || offset + written >= bytes.length) done(error)
        else writeFrom(offset + written)
      })
    writeFrom(0)
  }
}

/** `fd`: where lines go; 1, where nothing else is said, is whatever the process was started with. */
export function standardOutput(fd = 1): Output {
  if (isFile(fd)) return createOutput(fileSink(fd))
  return createOutput(streamSink(streamOf(fd)), isatty(fd))
}

function streamOf(fd: number): Writable {
  if (fd === 1) return process.stdout
  return isatty(fd) ? new WriteStream(fd) : new Socket({ fd, readable: false, writable: true })
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false
  }
}
