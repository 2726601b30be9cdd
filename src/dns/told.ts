// Names as an engine gives them → the canonical names that clients ask for. Docker accepts any text as an alias, and its
// resolver compares two texts: the alias, and what its DNS library makes of a question.
import { domainToASCII } from 'node:url'
import { canonicalName, encodeName, isPlain, lowerCase, nameText, splitName } from './name.ts'

/** The canonical names that clients ask for. */
export interface Keys {
  /** With Docker's own resolver; undefined: it never matches there. */
  readonly literal: string | undefined
  /** With berth, in addition: in UTF-8, and in IDNA's form. */
  readonly ours: readonly string[]
}

const none: readonly string[] = []

/** Control characters, and the replacement character for invalid bytes. The backslash is handled separately. */
const odd = /[\\\p{Cc}\p{Cs}\ufffd]/u

export function keysOf(told: string): Keys {
  if (isPlain(told)) return { literal: told, ours: none }
  const literal = literalName(told)
  if (literal !== undefined) return { literal, ours: none }
  // Docker takes a backslash, or a dot at the end, literally.
  if (odd.test(told) || told.endsWith('.')) return { literal, ours: none }
  // The case of non-ASCII letters in questions is not folded: both the given form and the usual one count.
  const texts = [
    ...new Set([canonicalName(told), canonicalName(told.toLowerCase()), internationalName(told)]),
  ]
  return { literal, ours: texts.filter((name) => name !== undefined && name !== '') as string[] }
}

/** All of them, Docker's first. */
export function keysIn(told: string): readonly string[] {
  const { literal, ours } = keysOf(told)
  return literal === undefined ? ours : [literal]
}

/** The canonical name that Docker's resolver matches with this text; undefined: no question matches. */
export function literalName(told: string): string | undefined {
  if (isPlain(told)) return told
  // Docker compares in Go's lower case, which maps two non-ASCII letters to ASCII: the Kelvin sign and the dotted I.
  const folded = told.replaceAll('\u212a', 'k').replaceAll('\u0130', 'i')
  const wire = encodeName(folded)
  if (wire === undefined || wire.length === 1) return undefined
  if (textInDocker(wire) !== folded.replace(/[A-Z]/g, (letter) => letter.toLowerCase())) return undefined
  return nameText(wire, 0, wire.length - 1)
}

/**
 * The key of a network's name. A name that no question can end in gets a key with a space, which no canonical name has, so
 * that it never equals another's.
 */
export function networkKey(told: string): string {
  return keysIn(told).at(-1) ?? ` ${told.toLowerCase()}`
}

/** The canonical names X of the wildcard "*.X"; none: it is not a wildcard. */
export function wildcardsIn(told: string): readonly string[] {
  if (!told.startsWith('*.')) return none
  return keysIn(told.slice(2)).filter((name) => !name.includes('*'))
}

/** Why no question can ask for a name; undefined: one can. */
export function whyUnaskable(told: string): string | undefined {
  if (isPlain(told) || keysIn(told).length > 0) return undefined
  const labels = told.split('.')
  if (labels.includes('')) return 'it has a dot too many'
  if (told.includes('\\')) return 'it has a backslash'
  if (odd.test(told)) return 'it has a character that is no text'
  if (labels.some((label) => Buffer.byteLength(label) > 63)) return 'a label of it is longer than 63 bytes'
  return 'it is longer than 253 bytes'
}

/** Characters that Docker's DNS library (miekg/dns) escapes with a backslash. */
const special: readonly number[] = [...Buffer.from('. \'@;()"\\')]

/** A wire name as that library writes it, in lower case, without the root's dot. */
function textInDocker(wire: Buffer): string {
  let text = ''
  for (let at = 0; wire[at] !== 0; at += 1 + wire[at]!) {
    if (at > 0) text += '.'
    for (const each of wire.subarray(at + 1, at + 1 + wire[at]!)) {
      const byte = lowerCase(each)
      if (special.includes(byte)) text += `\\${String.fromCharCode(byte)}`
      else if (byte < 0x20 || byte > 0x7e) text += `\\${String(byte).padStart(3, '0')}`
      else text += String.fromCharCode(byte)
    }
  }
  return text
}

/** A non-ASCII name as programs ask for it ("xn--…", RFC 5890). undefined if IDNA changes or rejects a label. */
export function internationalName(told: string): string | undefined {
  const labels = splitName(told).map((label) => {
    if (isAscii(label)) return label
    // The added label keeps the parser from reading ASCII parts as a URL, or numbers as an IPv4 address.
    if (/[!-,./:-@[-^`{-~]/.test(label)) return undefined
    return /^(xn--[a-z0-9_-]+)\.x$/.exec(domainToASCII(`${label}.x`))?.[1]
  })
  if (isAscii(told) || labels.includes(undefined)) return undefined
  return canonicalName(labels.join('.'))
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII
const isAscii = (text: string) => /^[\u0000-\u007f]*$/.test(text)

/** One or more non-ASCII bytes as canonical names write them. */
const notASCII = /(?:\\(?:1(?:2[89]|[3-9]\d)|2\d\d))+/g

/** IDNA's form of a canonical name that holds UTF-8; undefined: it holds none. */
export function asciiOf(name: string): string | undefined {
  if (!name.includes('\\')) return undefined
  const text = name.replace(notASCII, (bytes) => {
    return Buffer.from(bytes.slice(1).split('\\').map(Number)).toString()
  })
  return text === name || text.includes('\ufffd') ? undefined : internationalName(text.toLowerCase())
}
