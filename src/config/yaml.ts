// Parses YAML within bounds: size, depth and number of tokens are checked before anything is built, since a text that is
// deep enough would overflow the parser's stack and end the process. Pure.
import { Composer, CST, type Document, isScalar, Lexer, LineCounter, type Node, Parser, visit } from 'yaml'

/** Enough for a hundred thousand hosts. */
export const yamlLimits = {
  bytes: 8 * 1024 * 1024,
  /** Maps and lists within each other, in braces, brackets or by indentation. */
  depth: 32,
  /** Tokens. */
  pieces: 1_500_000,
  /** Bytes of one key or value. */
  scalar: 64 * 1024,
  /** References (`*NAME`). */
  aliases: 100,
}

/** Errors reported for one text. */
const mostErrors = 100

export interface YamlError {
  readonly offset: number
  readonly message: string
}

export interface ParsedYaml {
  /** Set if there are no errors. */
  readonly value: unknown
  readonly document: Document | undefined
  readonly errors: readonly YamlError[]
  /** Out of bounds, as opposed to invalid YAML. */
  readonly isRefused: boolean
  readonly lines: LineCounter
}

export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter()
  const refuse = ({ offset, message }: YamlError): ParsedYaml => ({
    ...{ value: undefined, document: undefined, errors: [{ offset, message }], isRefused: true, lines },
  })
  const length = Buffer.byteLength(text)
  if (length > yamlLimits.bytes) {
    lines.addNewLine(0)
    return refuse({ offset: 0, message: `has ${length} bytes; at most ${yamlLimits.bytes} are allowed` })
  }
  const tokens = readTokens(text, lines)
  if (!Array.isArray(tokens)) return refuse(tokens as YamlError)
  // Its own check for duplicate keys compares each with each.
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false })
  const [document, second] = composer.compose(tokens, true, text.length) as Iterable<Document.Parsed>
  const errors = document!.errors.slice(0, mostErrors).map((error) => ({
    offset: error.pos[0],
    message: sentence(error.code, error.message),
  }))
  if (second !== undefined) {
    const message = 'a second document starts here; a configuration is a single document, remove the "---"'
    errors.push({ offset: second.range[0], message })
  }
  if (errors.length === 0) errors.push(...repeatedKeys(document!))
  let value: unknown
  try {
    if (errors.length === 0) value = document!.toJS()
  } catch (error) {
    // References that expand without bound end here.
    return refuse({ offset: 0, message: `is not YAML: ${(error as Error).message}` })
  }
  return { value, document, errors, isRefused: false, lines }
}

/** The text's token tree, or why it is refused. */
function readTokens(text: string, lines: LineCounter): CST.Token[] | YamlError {
  const parser = new Parser(lines.addNewLine)
  const tokens: CST.Token[] = []
  let pieces = 0
  let aliases = 0
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser
    if (++pieces > yamlLimits.pieces) {
      return { offset, message: `has more than ${yamlLimits.pieces} tokens; make it shorter` }
    }
    if (lexeme.length > yamlLimits.scalar && lexeme[0] !== '#') {
      const message = `a value of ${lexeme.length} characters stands here; at most ${yamlLimits.scalar} are allowed`
      return { offset, message }
    }
    if (CST.tokenType(lexeme) === 'alias' && ++aliases > yamlLimits.aliases) {
      return { offset, message: `more than ${yamlLimits.aliases} references (*NAME); write the values out` }
    }
    for (const token of parser.next(lexeme)) tokens.push(token)
    // The stack has the document, and what is open in it.
    if (parser.stack.length > yamlLimits.depth + 1) {
      const message = `more than ${yamlLimits.depth} levels of lists and maps; a configuration is flat`
      return { offset, message }
    }
  }
  for (const token of parser.end()) tokens.push(token)
  return tokens
}

function sentence(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'a tab indents this line; YAML wants spaces'
  return `is not YAML: ${message}`
}

function repeatedKeys(document: Document): YamlError[] {
  const errors: YamlError[] = []
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key
        if (seen.has(name)) {
          errors.push({
            offset: (key as Node).range?.[0] ?? 0,
            message: 'this key appears twice; remove one',
          })
          if (errors.length === mostErrors) return visit.BREAK
        }
        seen.add(name)
      }
      return undefined
    },
  })
  return errors
}
