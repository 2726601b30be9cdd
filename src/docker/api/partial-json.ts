// Extracts the wanted fields of a long JSON text without parsing the rest: a container may have megabytes of labels, and
// JSON.parse makes an object for each "[" of a hostile "[[[[", at a microsecond apiece.

/**
 * Of an object: which members are wanted, and what of each. `whole`: the value as it is. `surely`: the same, however many
 * others there are.
 */
export type Wanted = 'whole' | 'surely' | ((key: string) => Wanted | undefined)

export const fields =
  (parts: Readonly<Record<string, Wanted>>): Wanted =>
  (key) =>
    Object.hasOwn(parts, key) ? parts[key] : undefined

export const each =
  (part: Wanted): Wanted =>
  () =>
    part

/** Shorter texts are parsed as they are: whatever is in them costs little. */
export const longText = 16 * 1024
/** Of one object; the rest is left out. */
const mostMembers = 20_000
/** Characters of one value, and its depth; what is above is left out. */
const mostValue = 1024 * 1024
const mostDepth = 16
/** As it stands in the text, where a character may be six (\u003c): none of 256 characters (grants.ts) is longer. */
const longestKey = 2048

/** `isWhole`: the text has come to the object's end. undefined where it is no object. */
export function parsePartially(text: string, part: Wanted): { value: object; isWhole: boolean } | undefined {
  const at = pastSpace(text, 0)
  if (text[at] !== '{' || typeof part === 'string') return undefined
  const { value, end } = readObject(text, at, part)
  return { value, isWhole: end >= 0 }
}

/** `end` is behind the object; -1: the text ends before, or is none. */
function readObject(text: string, start: number, part: Exclude<Wanted, string>) {
  const kept: [string, unknown][] = []
  const done = (end: number) => ({ value: Object.fromEntries(kept), end })
  for (let at = start + 1; ; ) {
    at = pastSpace(text, at)
    const next = text[at]
    if (next === '}') return done(at + 1)
    if (next === ',') {
      at++
      continue
    }
    const keyEnd = next === '"' ? pastString(text, at) : -1
    if (keyEnd < 0) return done(-1)
    const colon = pastSpace(text, keyEnd)
    if (text[colon] !== ':') return done(-1)
    const valueAt = pastSpace(text, colon + 1)
    const key = keyOf(text, at, keyEnd)
    const told = key === undefined ? undefined : part(key)
    const wanted = kept.length < mostMembers || told === 'surely' ? told : undefined
    if (typeof wanted === 'function' && text[valueAt] === '{') {
      const inner = readObject(text, valueAt, wanted)
      kept.push([key!, inner.value])
      if (inner.end < 0) return done(-1)
      at = inner.end
      continue
    }
    const { end, depth } = pastValue(text, valueAt)
    if (end < 0) return done(-1)
    if (typeof wanted === 'string' && end - valueAt <= mostValue && depth <= mostDepth) {
      const value = parseJson(text.slice(valueAt, end))
      if (value !== undefined) kept.push([key!, value])
    }
    at = end
  }
}

function keyOf(text: string, start: number, end: number): string | undefined {
  if (end - start > longestKey) return undefined
  const key = text.slice(start + 1, end - 1)
  if (!key.includes('\\')) return key
  const parsed = parseJson(text.slice(start, end))
  return typeof parsed === 'string' ? parsed : undefined
}

/** undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function pastSpace(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code === 0x20 || (code >= 0x09 && code <= 0x0d); ) {
    code = text.charCodeAt(++at)
  }
  return at
}

function pastString(text: string, from: number): number {
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return -1
    let escapes = 0
    while (text.charCodeAt(quote - escapes - 1) === 0x5c) escapes++
    if (escapes % 2 === 0) return quote + 1
    at = quote + 1
  }
}

/** Behind the value; a number or a word ends where something else begins, so at the text's end it may be cut. */
function pastValue(text: string, from: number): { end: number; depth: number } {
  let depth = 0
  let deepest = 0
  for (let at = from; at < text.length; ) {
    const code = text.charCodeAt(at)
    if (code === 0x22) {
      at = pastString(text, at)
      if (at < 0 || depth === 0) return { end: at, depth: deepest }
      continue
    }
    if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (code === 0x7d || code === 0x5d) {
      // It closes what is around a number or a word, or this.
      if (depth === 0) return { end: at === from ? -1 : at, depth: deepest }
      if (--depth === 0) return { end: at + 1, depth: deepest }
    } else if (depth === 0 && (code === 0x2c || code <= 0x20)) return { end: at, depth: deepest }
    at++
  }
  return { end: -1, depth: deepest }
}
