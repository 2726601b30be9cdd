// Domain names on the wire and as text. Text is lower case, without the trailing dot, and escaped as RFC 4343, 2.1
// says: a dot or backslash inside a label is "\." or "\\", bytes outside printable ASCII are "\DDD". So no two
// names share a text. The root is "".

const maxNameBytes = 255
const maxLabelBytes = 63

export interface Question {
  /** Canonical text. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** Offset of the first byte after the question. */
  readonly end: number
}

/**
 * Reads the one question after the header (RFC 1035, 4.1.2). undefined if it is cut short, or has a label over 63 bytes,
 * a name over 255, or a compression pointer (there is nothing before it to point at).
 */
export function readQuestion(message: Buffer): Question | undefined {
  let offset = 12
  for (;;) {
    const length = message[offset]
    if (length === undefined || length > maxLabelBytes) return undefined
    if (length === 0) break
    offset += 1 + length
    if (offset - 12 >= maxNameBytes) return undefined
  }
  const end = offset + 5
  if (end > message.length) return undefined
  const name = nameText(message, 12, offset)
  return { name, type: message.readUInt16BE(offset + 1), class: message.readUInt16BE(offset + 3), end }
}

/** Canonical text of the labels from `start` to `end`, which are complete. */
export function nameText(bytes: Buffer, start: number, end: number): string {
  if (start === end) return ''
  // In one piece if no character needs an escape: character by character would allocate a string for each.
  const text = Buffer.allocUnsafe(end - start - 1)
  let dot = start + 1 + bytes[start]!
  for (let at = start + 1; at < end; at++) {
    let byte = lowerCase(bytes[at]!)
    if (at === dot) {
      dot += 1 + byte
      byte = 0x2e
    } else if (byte <= 0x20 || byte >= 0x7f || byte === 0x2e || byte === 0x5c) {
      return escapedText(bytes, start, end)
    }
    text[at - start - 1] = byte
  }
  return text.toString('latin1')
}

function escapedText(bytes: Buffer, start: number, end: number): string {
  const labels: string[] = []
  for (let at = start; at < end; at += 1 + bytes[at]!) {
    labels.push(labelText(bytes, at + 1, at + 1 + bytes[at]!))
  }
  return labels.join('.')
}

/** Lowers ASCII letters only (RFC 4343). Label lengths are below them and stay. */
export function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}

/** A label's bytes as canonical text: ASCII letters lower-cased (RFC 4343: ASCII only), the rest escaped. */
function labelText(bytes: Buffer, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) {
    const byte = lowerCase(bytes[i]!)
    if (byte === 0x2e || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`
    else if (byte > 0x20 && byte < 0x7f) text += String.fromCharCode(byte)
    else text += `\\${String(byte).padStart(3, '0')}`
  }
  return text
}

/**
 * Canonical text of the name at `offset`, pointers followed. undefined if it is cut short, too long, or has a pointer that
 * does not lead backward (RFC 1035, 4.1.4).
 */
export function readName(message: Buffer, offset: number): string | undefined {
  const parts: Buffer[] = []
  let bytes = 1
  let limit = offset
  for (let at = offset; ; ) {
    const size = message[at]
    if (size === undefined) return undefined
    if (size === 0) break
    if (size >= 0xc0) {
      if (at + 2 > message.length) return undefined
      at = message.readUInt16BE(at) & 0x3fff
      if (at >= limit) return undefined
      limit = at
      continue
    }
    const next = at + 1 + size
    bytes += 1 + size
    if (size > maxLabelBytes || next > message.length || bytes > maxNameBytes) return undefined
    parts.push(message.subarray(at, next))
    at = next
  }
  return nameText(Buffer.concat(parts), 0, bytes - 1)
}

/** Offset just after the name at `offset`; pointers are not followed. undefined if it is cut short. */
export function skipName(message: Buffer, offset: number): number | undefined {
  for (;;) {
    const length = message[offset]
    if (length === undefined) return undefined
    if (length === 0) return offset + 1
    if ((length & 0xc0) === 0xc0) return offset + 2 <= message.length ? offset + 2 : undefined
    if (length > maxLabelBytes) return undefined
    offset += 1 + length
  }
}

/**
 * Presentation text, with its escapes, to wire bytes with the root's zero byte. undefined if a label is empty or over
 * 63 bytes, or the name over 255. Keeps the case.
 */
export function encodeName(text: string): Buffer | undefined {
  const bare = text.endsWith('.') && !isEscaped(text, text.length - 1) ? text.slice(0, -1) : text
  if (bare === '') return Buffer.of(0)
  const bytes: number[] = []
  for (const label of splitName(bare)) {
    const raw = unescapeLabel(label)
    if (raw === undefined || raw.length === 0 || raw.length > maxLabelBytes) return undefined
    bytes.push(raw.length, ...raw)
  }
  bytes.push(0)
  return bytes.length <= maxNameBytes ? Buffer.from(bytes) : undefined
}

/** The labels of a canonical text, left to right, still escaped. The root has none. */
export function splitName(name: string): string[] {
  if (name === '') return []
  if (!name.includes('\\')) return name.split('.')
  const labels: string[] = []
  let start = 0
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    if (isEscaped(name, dot)) continue
    labels.push(name.slice(start, dot))
    start = dot + 1
  }
  labels.push(name.slice(start))
  return labels
}

/** The ancestors of a canonical name, the closest first, without the root. */
export function* namesAbove(name: string): Generator<string> {
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    if (!isEscaped(name, dot)) yield name.slice(dot + 1)
  }
}

/** Whether a canonical name has one label; the root has none. */
export function isSingleLabel(name: string): boolean {
  if (name === '') return false
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    if (!isEscaped(name, dot)) return false
  }
  return true
}

/** Whether the character at `index` is escaped: an odd number of backslashes stands before it. */
function isEscaped(text: string, index: number): boolean {
  let escaped = false
  while (text[--index] === '\\') escaped = !escaped
  return escaped
}

/** Whether `name` is `zone` or below it; both canonical. */
export function isWithin(name: string, zone: string): boolean {
  return zone === '' || name === zone || isBelow(name, zone)
}

/** Whether `name` is below `zone`, and not `zone` itself; both canonical. False if `zone` is the root. */
export function isBelow(name: string, zone: string): boolean {
  const dot = name.length - zone.length - 1
  return dot > 0 && name.charCodeAt(dot) === 0x2e && name.endsWith(zone) && !isEscaped(name, dot)
}

/**
 * Text as people and Docker write names ("Web", "db.front.") to canonical text; undefined if it cannot be a
 * DNS name. Non-ASCII letters become their UTF-8 bytes, as a stub resolver would send them.
 */
export function canonicalName(text: string): string | undefined {
  if (isPlain(text)) return text
  const wire = encodeName(text)
  if (wire === undefined) return undefined
  return nameText(wire, 0, wire.length - 1)
}

/** Whether the name is obviously canonical, as most are. False for some that are. */
export function isPlain(text: string): boolean {
  return text.length <= maxNameBytes - 2 && plainName.test(text)
}

const plainName = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/

function unescapeLabel(label: string): number[] | undefined {
  if (!label.includes('\\')) return [...Buffer.from(label, 'utf8')]
  const bytes: number[] = []
  for (const [, decimal, escaped, plain] of label.matchAll(/\\(\d{3})|\\(.)|([^\\]+)/gsu)) {
    if (decimal !== undefined) {
      if (Number(decimal) > 255) return undefined
      bytes.push(Number(decimal))
    } else bytes.push(...Buffer.from(escaped ?? plain ?? '', 'utf8'))
  }
  return bytes
}
