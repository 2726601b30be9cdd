// Text that a terminal would obey, hide or reorder, or that makes a line of its own.

/** Each of them alone; ESC sequences are the best known. */
export const hostileTexts: readonly (readonly [what: string, text: string])[] = [
  ['an escape sequence', '\u001b[2J\u001b]0;title\u0007'],
  ['a bell and a backspace', '\u0007\b'],
  ['a carriage return', '\rweb. 0 A 192.0.2.66'],
  ['a newline', '\nweb. 0 A 192.0.2.66'],
  ['a vertical tab and a form feed', '\v\f'],
  ['a tab', '\t'],
  ['NUL and DEL', '\u0000\u007f'],
  ['C1: CSI, OSC, next line', '\u009b31m\u009d0;x\u009c\u0085'],
  ['bidirectional overrides', '\u202egnp.exe\u202c\u202a\u202b\u202d'],
  ['bidirectional isolates', '\u2066\u2067\u2068\u2069'],
  ['bidirectional marks', '\u200e\u200f\u061c'],
  ['zero width', 'a\u200bb\u200cc\u200dd\u2060e\ufefff'],
  ['soft hyphen, filler, variation', '\u00ad\u034f\u115f\u3164\ufe0f'],
  ['line and paragraph separators', '\u2028\u2029'],
  ['lone surrogates', '\ud800x\udfff'],
  ['tags', '\u{e0001}\u{e0041}\u{e007f}'],
  ['interlinear annotation', '\ufff9a\ufffab\ufffb'],
]

export const allHostile = hostileTexts.map(([, text]) => text).join('')

/** What may be printed: characters that show as themselves, spaces, and newlines of our own. */
export function isPrintable(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0)!
    const isControl = (code < 0x20 && code !== 0x0a) || (code >= 0x7f && code <= 0x9f)
    const isSurrogate = code >= 0xd800 && code <= 0xdfff
    if (isControl || isSurrogate || invisible.some(([from, to]) => code >= from && code <= to)) return false
  }
  return true
}

const invisible: readonly (readonly [number, number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe0fff],
]
