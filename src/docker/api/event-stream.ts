// The event stream: bytes → lines → events. It never pauses: an engine drops events for a slow reader.
import type { Readable } from 'node:stream'
import { isId, isObject, isText, textMap } from './fields.ts'
import { fields, parseJson, parsePartially } from './partial-json.ts'

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

/**
 * The events that berth subscribes to. The engine matches each entry as a prefix, which takes in health_status, whose value
 * is part of the action ("health_status: healthy"). Not exec_*: each health probe makes three of them. Podman removes a
 * container by "remove", Docker by "destroy".
 */
export const eventFilters = {
  type: ['container', 'network'],
  event: [
    ...['create', 'start', 'die', 'destroy', 'rename', 'health_status', 'pause', 'unpause'],
    ...['connect', 'disconnect', 'update', 'remove', 'prune'],
  ],
}

/** Whether the filters let an event through, as the engine reads them. */
export function isFollowed({ type, action }: EngineEvent): boolean {
  return eventFilters.type.includes(type) && eventFilters.event.some((start) => action.startsWith(start))
}

export interface LineSplitter {
  push(chunk: Buffer): void
  /** What is left once the stream has ended. */
  end(): void
}

/** Few events come near. Of a line that is longer, as all the labels of a container make it, only the ends are kept. */
export const maxLine = 64 * 1024
/** Who and what stands at the beginning, when at the end. */
const keptHead = 8 * 1024
const keptTail = 512

/** Calls `line` for each line that is not empty, `overlong` with both ends of each that is above `max` bytes. */
export function createLineSplitter(
  line: (text: string) => void,
  overlong: (head: string, tail: string) => void,
  max = maxLine,
): LineSplitter {
  /** The line that has begun: all of it, or once it is too long its head. */
  let parts: Buffer[] = []
  let length = 0
  let tail: Buffer = Buffer.alloc(0)

  function add(part: Buffer) {
    length += part.length
    if (length <= max) {
      // What comes byte by byte is not kept byte by byte.
      if (parts.length >= 64) parts = [Buffer.concat(parts)]
      parts.push(part)
      return
    }
    if (length - part.length <= max) {
      const all = Buffer.concat([...parts, part])
      parts = [Buffer.from(all.subarray(0, keptHead))]
      tail = Buffer.from(all.subarray(-keptTail))
    } else {
      const kept = part.length >= keptTail ? part : Buffer.concat([tail, part])
      tail = Buffer.from(kept.subarray(-keptTail))
    }
  }

  function finish() {
    if (length > max) overlong(`${parts[0]}`, `${tail}`)
    else if (length > 0) {
      const text = parts.length === 1 ? `${parts[0]}` : `${Buffer.concat(parts)}`
      if (text.trim() !== '') line(text)
    }
    parts = []
    length = 0
    tail = Buffer.alloc(0)
  }

  return {
    push(chunk) {
      let start = 0
      for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
        if (end > start) add(chunk.subarray(start, end))
        finish()
        start = end + 1
      }
      if (start < chunk.length) add(chunk.subarray(start))
    },
    end: finish,
  }
}

/**
 * One line as an event; undefined where it is none. Reads Type, Action and Actor only: status, id and from
 * are gone since API 1.52. A leading RS (application/json-seq, RFC 7464) is allowed.
 */
export function parseEvent(line: string): EngineEvent | undefined {
  const record = parseJson(line.charCodeAt(0) === 0x1e ? line.slice(1) : line)
  return isObject(record) ? eventFrom(record, timeOf(line, record.time)) : undefined
}

/** Both ends of an overlong line as an event without attributes: an inspect tells those. */
export function parseTruncatedEvent(head: string, tail: string): EngineEvent | undefined {
  const record = parsePartially(head.charCodeAt(0) === 0x1e ? head.slice(1) : head, eventParts)?.value
  const seconds = /"time":\s*(\d{1,12})\b/.exec(tail)?.[1]
  const time = timeOf(tail, seconds === undefined ? undefined : Number(seconds))
  return record === undefined ? undefined : eventFrom(record as Record<string, unknown>, time)
}

const eventParts = fields({ Type: 'whole', Action: 'whole', Actor: fields({ ID: 'whole' }) })
/** An exec's action holds its whole command; nothing of it is read. */
const longestAction = 256

function eventFrom(record: Readonly<Record<string, unknown>>, time: number): EngineEvent | undefined {
  const { Type, Action, Actor } = record
  const { ID, Attributes } = isObject(Actor) ? Actor : {}
  if (!isText(Type) || typeof Action !== 'string' || !isText(ID)) return undefined
  if (eventFilters.type.includes(Type) && !isId(ID)) return undefined
  return {
    type: Type,
    action: Action.length <= longestAction ? Action : [...Action.slice(0, longestAction)].join(''),
    id: ID,
    attributes: textMap(Attributes, 'Attributes', ignore) ?? {},
    time,
  }
}

const ignore = () => {}

/** timeNano is above 2^53, so it is taken from the text. A label can't look like it: its value is quoted. */
function timeOf(line: string, seconds: unknown): number {
  const nanos = /"timeNano":\s*(\d{10,25})/.exec(line)?.[1]
  if (nanos !== undefined) return Number(nanos.slice(0, -6)) + Number(nanos.slice(-6)) / 1e6
  return typeof seconds === 'number' && Number.isFinite(seconds * 1000) ? seconds * 1000 : 0
}

export interface EventListener {
  event(event: EngineEvent): void
  /** A line that is no event: skipped. */
  unreadable(): void
  /** Once, when nothing more will come; with the error where there was one. */
  closed(error: Error | undefined): void
}

/** Gives `tell` each line's event, undefined for one that is none. */
export function createEventParser(tell: (event: EngineEvent | undefined) => void): LineSplitter {
  return createLineSplitter(
    (text) => tell(parseEvent(text)),
    (head, tail) => tell(parseTruncatedEvent(head, tail)),
  )
}

/** Reads `stream` to its end. Its one terminal signal is `closed`. */
export function readEvents(stream: Readable, reader: EventListener): void {
  const splitter = createEventParser((event) => {
    if (event === undefined) reader.unreadable()
    else reader.event(event)
  })
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
