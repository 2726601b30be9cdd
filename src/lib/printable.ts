// Escapes text from elsewhere (labels, names, upstreams, engines) for terminals. Pure.

/**
 * What a terminal does not show as a character of its own: C0, DEL and C1 controls, which move the cursor, colour and
 * answer; what reorders or hides text (bidirectional controls, zero-width and other ignorable characters, tags); line
 * and paragraph separators; lone surrogates, private use and what Unicode has not assigned.
 */
const hidden = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
const plain = /^[ -~\n]*$/
const hiddenButNewlines = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** For a value within a line: it can neither start a line nor change how the terminal shows the rest. */
export function printable(text: string): string {
  return text.replace(hidden, spell)
}

/** As `printable`, but keeps newlines. JSON stays equal JSON: only strings can hold such characters. */
export function printableLines(text: string): string {
  return plain.test(text) ? text : text.replace(hiddenButNewlines, spell)
}

/** A template whose values are `printable` and whose own newlines stay. */
export function lines(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return parts.map((part, i) => part + (i < values.length ? printable(String(values[i])) : '')).join('')
}

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** As a JSON escape, so that it is right within JSON and in plain text. */
function spell(character: string): string {
  return short[character] ?? [...units(character)].join('')
}

function* units(character: string): Generator<string> {
  for (let i = 0; i < character.length; i++) {
    yield `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`
  }
}
