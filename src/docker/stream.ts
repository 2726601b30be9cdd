// The event stream: bytes → lines → events. It never pauses: a slow reader makes the engine drop events.
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** What an event says, as far as it is a hint: which object, what happened, when. */
export interface EngineEvent {
  /** "container", "network" … */
  readonly type: string
  /** "start", "health_status: healthy" … */
  readonly action: string
  readonly id: string
  /** Labels are mixed in, so only keys Docker itself sets may be trusted. */
  readonly attributes: Readonly<Record<string, string>>
  /** The engine's clock, milliseconds since 1970 with fraction; 0 where it was not told. */
  readonly time: number
}

export interface LineSplitter {
  push(chunk: Buffer): void
  /** What is left once the stream has ended. */
  end(): void
}

/** No event comes near; a line this long is not one, and must not fill the memory. */
export const maxLine = 1024 * 1024

/** Calls `line` for each line that is not empty, `overlong` once for each that is above `max` characters. */
export function createLineSplitter(
  line: (text: string) => void,
  overlong: () => void,
  max = maxLine,
): LineSplitter {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let skipping = false

  function take(text: string) {
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      finish(text.slice(start, end))
      start = end + 1
    }
    if (skipping) return
    rest += text.slice(start)
    if (rest.length > max) skip()
  }

  function finish(tail: string) {
    const whole = rest + tail
    rest = ''
    if (skipping) skipping = false
    else if (whole.length > max) overlong()
    else if (whole.trim() !== '') line(whole)
  }

  function skip() {
    rest = ''
    skipping = true
    overlong()
  }

  return {
    push: (chunk) => take(decoder.write(chunk)),
    end() {
      take(decoder.end())
      finish('')
    },
  }
}

/**
 * One line as an event; undefined where it is none. Reads Type, Action and Actor only: status, id and from
 * are gone since API 1.52. A leading RS (application/json-seq, RFC 7464) is allowed.
 */
export function parseEvent(line: string): EngineEvent | undefined {
  let record: unknown
  try {
    record = JSON.parse(line.charCodeAt(0) === 0x1e ? line.slice(1) : line)
  } catch {
    return undefined
  }
  if (typeof record !== 'object' || record === null) return undefined
  const { Type, Action, Actor, time } = record as Record<string, unknown>
  const { ID, Attributes } = (Actor ?? {}) as Record<string, unknown>
  if (typeof Type !== 'string' || typeof Action !== 'string' || typeof ID !== 'string') return undefined
  return {
    type: Type,
    action: Action,
    id: ID,
    attributes: (typeof Attributes === 'object' && Attributes !== null ? Attributes : {}) as Record<
      string,
      string
    >,
    time: timeOf(line, time),
  }
}

/** timeNano is above 2^53, so it is taken from the text. A label can't look like it: its value is quoted. */
function timeOf(line: string, seconds: unknown): number {
  const nanos = /"timeNano":\s*(\d{10,})/.exec(line)?.[1]
  if (nanos !== undefined) return Number(nanos.slice(0, -6)) + Number(nanos.slice(-6)) / 1e6
  return typeof seconds === 'number' ? seconds * 1000 : 0
}

export interface EventReader {
  event(event: EngineEvent): void
  /** A line that is no event: skipped. */
  unreadable(): void
  /** Once, when nothing more will come; with the error where there was one. */
  closed(error: Error | undefined): void
}

/** Reads `stream` to its end. Its one terminal signal is `closed`. */
export function readEvents(stream: Readable, reader: EventReader): void {
  const splitter = createLineSplitter((text) => {
    const event = parseEvent(text)
    if (event === undefined) reader.unreadable()
    else reader.event(event)
  }, reader.unreadable)
  let failure: Error | undefined
  let done = false
  const close = () => {
    if (done) return
    done = true
    splitter.end()
    reader.closed(failure)
  }
  stream.on('data', (chunk: Buffer) => splitter.push(chunk))
  stream.on('error', (error) => {
    failure = error
  })
  stream.on('end', close)
  stream.on('close', close)
  if (stream.destroyed) close()
}
