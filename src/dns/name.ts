// Domain names on the wire and as text. Text is lower case, without the trailing dot, and escaped as RFC 4343, 2.1
// does it: a dot or backslash inside a label is "\." or "\\", bytes outside printable ASCII are "\DDD"; so two
// different names never share one text. The root is "".

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
 * Reads the one question behind the header (RFC 1035, 4.1.2). undefined where it is cut short, has a label
 * over 63 bytes, a name over 255, or a compression pointer (there is nothing before it to point at).
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

/** Canonical text of the labels from `start` to `end`, all there. */
export function nameText(bytes: Buffer, start: number, end: number): string {
  if (start === end) return ''
  // Text at once, where no character needs an escape: label by label, each character would make a text of its own.
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

/** ASCII letters alone (RFC 4343); a label's length is below them. */
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

/** Offset just after the name at `offset`; pointers are not followed. undefined where it is cut short. */
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
 * Presentation text, escapes and all, to wire bytes with the root's zero byte. undefined where a label is empty
 * or over 63 bytes, or the name over 255. Case is kept.
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

/** The names that a canonical one lies below, the closest first; not the root. */
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

/** Whether `name` ends in `zone` and has more labels; both canonical. Of the root, as of no name, it says no. */
export function isBelow(name: string, zone: string): boolean {
  const dot = name.length - zone.length - 1
  return dot > 0 && name.charCodeAt(dot) === 0x2e && name.endsWith(zone) && !isEscaped(name, dot)
}

/**
 * Text as people and Docker write names ("Web", "db.front.") to canonical text; undefined where it can't be a
 * DNS name. Non-ASCII letters become their UTF-8 bytes, as a stub resolver would send them.
 */
export function canonicalName(text: string): string | undefined {
  if (isPlain(text)) return text
  const wire = encodeName(text)
  if (wire === undefined) return undefined
  return nameText(wire, 0, wire.length - 1)
}

/** Whether the name is canonical as it is, as most are; some that are canonical are not plain. */
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
