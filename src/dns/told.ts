// Names as an engine tells them → the canonical names they are asked for by. Docker takes any text for an alias, and its
// resolver compares texts: that of the alias, and that which its DNS library makes of a question.
import { domainToASCII } from 'node:url'
import { canonicalName, encodeName, isPlain, lowerCase, nameText, splitName } from './name.ts'

/** What a told name is asked for by; canonical. */
export interface Keys {
  /** By Docker's own resolver, if it can be asked for there at all. */
  readonly literal: string | undefined
  /** By berth besides: as UTF-8, and as IDNA has it. */
  readonly ours: readonly string[]
}

const none: readonly string[] = []

/** Besides the backslash: control characters, and what stands for bytes that are no text. */
const odd = /[\\\p{Cc}\p{Cs}\ufffd]/u

export function keysOf(told: string): Keys {
  if (isPlain(told)) return { literal: told, ours: none }
  const literal = literalName(told)
  if (literal !== undefined) return { literal, ours: none }
  // What a backslash or a dot at the end stands for is Docker's to say, and it says: for themselves.
  if (odd.test(told) || told.endsWith('.')) return { literal, ours: none }
  // Of letters that are not ASCII no question's case is folded: as it is written, and as most write it.
  const texts = [
    ...new Set([canonicalName(told), canonicalName(told.toLowerCase()), internationalName(told)]),
  ]
  return { literal, ours: texts.filter((name) => name !== undefined && name !== '') as string[] }
}

/** All of them: Docker's first. */
export function keysIn(told: string): readonly string[] {
  const { literal, ours } = keysOf(told)
  return literal === undefined ? ours : [literal]
}

/** The canonical name that Docker's resolver takes for this text; undefined: no question reads so there. */
export function literalName(told: string): string | undefined {
  if (isPlain(told)) return told
  // Go's lower case, which Docker compares in, has two letters of others among ours: the Kelvin sign, the dotted I.
  const folded = told.replaceAll('\u212a', 'k').replaceAll('\u0130', 'i')
  const wire = encodeName(folded)
  if (wire === undefined || wire.length === 1) return undefined
  if (textInDocker(wire) !== folded.replace(/[A-Z]/g, (letter) => letter.toLowerCase())) return undefined
  return nameText(wire, 0, wire.length - 1)
}

/**
 * What a network's name is found by. One that no question ends in keeps a text of its own, so that it is not another's: a
 * canonical name has no space.
 */
export function networkKey(told: string): string {
  return keysIn(told).at(-1) ?? ` ${told.toLowerCase()}`
}

/** The part of "*.foo.lan" below which it stands for everything; canonical. undefined: it is no wildcard. */
export function wildcardsIn(told: string): readonly string[] {
  if (!told.startsWith('*.')) return none
  return keysIn(told.slice(2)).filter((name) => !name.includes('*'))
}

/** Why nobody can ask for a name; undefined: it can be asked for. */
export function whyUnaskable(told: string): string | undefined {
  if (isPlain(told) || keysIn(told).length > 0) return undefined
  const labels = told.split('.')
  if (labels.includes('')) return 'it has a dot too many'
  if (told.includes('\\')) return 'it has a backslash'
  if (odd.test(told)) return 'it has a character that is no text'
  if (labels.some((label) => Buffer.byteLength(label) > 63)) return 'a label of it is longer than 63 bytes'
  return 'it is longer than 253 bytes'
}

/** Characters before which Docker's library puts a backslash (miekg/dns). */
const special: readonly number[] = [...Buffer.from('. \'@;()"\\')]

/** A wire name as that library makes text of it, in lower case, without the root's dot. */
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

/** A name that is not ASCII as programs ask for it ("xn--…", RFC 5890). A label that IDNA makes another's of is none. */
export function internationalName(told: string): string | undefined {
  const labels = splitName(told).map((label) => {
    if (isAscii(label)) return label
    // What is ASCII in it must not be read as a URL is, nor numbers as an IPv4 address: so there is a label behind it.
    if (/[!-,./:-@[-^`{-~]/.test(label)) return undefined
    return /^(xn--[a-z0-9_-]+)\.x$/.exec(domainToASCII(`${label}.x`))?.[1]
  })
  if (isAscii(told) || labels.includes(undefined)) return undefined
  return canonicalName(labels.join('.'))
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII
const isAscii = (text: string) => /^[\u0000-\u007f]*$/.test(text)

/** Bytes that are not ASCII, one or more, as canonical names write them. */
const notASCII = /(?:\\(?:1(?:2[89]|[3-9]\d)|2\d\d))+/g

/** A canonical name that was asked for as UTF-8, as IDNA has it; undefined: it was not. */
export function asciiOf(name: string): string | undefined {
  if (!name.includes('\\')) return undefined
  const text = name.replace(notASCII, (bytes) => {
    return Buffer.from(bytes.slice(1).split('\\').map(Number)).toString()
  })
  return text === name || text.includes('\ufffd') ? undefined : internationalName(text.toLowerCase())
}
