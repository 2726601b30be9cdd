// Writes log lines without ever blocking: at once if the output takes them, else buffered within bounds, else dropped and
// counted. A full pipe, a stopped terminal or a slow disk must not keep questions waiting.
import { fstatSync, write } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { isatty, WriteStream } from 'node:tty'
import { Counter } from './metrics.ts'

/** Writes bytes. Calls `done` once they are written or lost, maybe before it returns. Never throws, never blocks. */
export type Sink = (bytes: Buffer, done: (error?: Error | null) => void) => void

export interface Output {
  /** It is a terminal. */
  readonly isTTY: boolean
  /** `isUrgent`: a warning or an error, which may use a reserve when other lines are dropped. */
  write(line: string, isUrgent: boolean): void
  /** Resolves once everything is written or lost, after `ms` at the latest. */
  flush(ms: number): Promise<void>
  /** Lines lost; `why`: full, failed. */
  readonly lost: Counter
  /** Called once lines can be written again, with how many were lost meanwhile. */
  onLost: (lines: number) => void
}

/** Bytes that may be buffered, and the reserve for warnings and errors. */
const mostBytes = 1024 * 1024
const reserve = 256 * 1024
/** Bytes per write: what a pipe takes as a whole even if others write to it (PIPE_BUF). */
const chunkSize = 4096

interface Chunk {
  bytes: Buffer
  length: number
  lines: number
}

export function createOutput(sink: Sink, isTTY = false): Output {
  const lost = new Counter(
    'berth_log_lost_lines_total',
    'Log lines that could not be written, by cause.',
    'why',
  )
  for (const why of ['full', 'failed'] as const) lost.add(0, why)
  const chunks: Chunk[] = []
  /** The write in progress. */
  let leaving: { readonly lines: number } | undefined
  /** Bytes buffered or being written. */
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

/** As in Node, which does not document it. */
type Terminal = WriteStream & { readonly _handle: { setBlocking(is: boolean): void } }

/** A stream that buffers for its reader: a pipe, a socket, a terminal. */
export function streamSink(stream: Writable): Sink {
  // Node's writes to a terminal block; a stopped one (Ctrl-S) would stop everything.
  if (stream instanceof WriteStream) (stream as Terminal)._handle.setBlocking(false)
  // A closed pipe is no reason to stop; each write reports it, too.
  stream.on('error', () => {})
  return (bytes, done) => {
    let isGone = false
    stream.write(bytes, (error) => {
      if (!isGone) done(error)
    })
    // What the system took at once is written, though the callback comes later.
    if (stream.writableLength > 0 || stream.errored !== null) return
    isGone = true
    done()
  }
}

/** A file: written by a thread, since a disk may be slow. */
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

/** `fd`: the descriptor to write to. Default: 1, standard output. */
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
