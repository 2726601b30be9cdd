// Packets as text, so that a reader sees what is wrong with them.
//
//   1234 0100          hex
//   [www.example.com]  a name as it is on the wire, [] the root
//   "abc"              a label or character-string: its length, then its bytes
//   'abc'              bytes
//   <…>                a message on a stream: its length in two bytes, then its bytes
//   3*c00c 3*(c0 0c)   the same, three times
//   ; …                a comment, to the end of the line

const token =
  /\s+|;[^\n]*|(?<times>\d+)\*|(?<open>[(<])|(?<close>[)>])|\[(?<name>[^\]]*)\]|"(?<label>[^"]*)"|'(?<text>[^']*)'|(?<hex>(?:[0-9a-f]{2})+)/y

/** Throws a SyntaxError where the text can't be read. */
export function parseBytes(text: string): Buffer {
  const stack: { parts: Buffer[]; times: number; open: string }[] = [{ parts: [], times: 1, open: '' }]
  let times = 1
  const put = (bytes: Buffer) => {
    stack.at(-1)!.parts.push(times === 1 ? bytes : Buffer.concat(Array(times).fill(bytes)))
    times = 1
  }
  token.lastIndex = 0
  while (token.lastIndex < text.length) {
    const at = token.lastIndex
    const found = token.exec(text)
    if (found === null) throw new SyntaxError(`not bytes: ${text.slice(at, at + 30)}`)
    const { times: count, open, close, name, label, text: raw, hex } = found.groups!
    if (count !== undefined) times = Number(count)
    else if (open !== undefined) {
      stack.push({ parts: [], times, open })
      times = 1
    } else if (close !== undefined) {
      const group = stack.pop()!
      if (stack.length === 0 || (group.open === '(') !== (close === ')'))
        throw new SyntaxError(`a ${close} too many`)
      times = group.times
      const bytes = Buffer.concat(group.parts)
      put(
        group.open === '('
          ? bytes
          : Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]),
      )
    } else if (name !== undefined) {
      put(Buffer.concat([...name.split('.').filter(Boolean).map(labelOf), Buffer.of(0)]))
    } else if (label !== undefined) put(labelOf(label))
    else if (raw !== undefined) put(Buffer.from(raw, 'latin1'))
    else if (hex !== undefined) put(Buffer.from(hex, 'hex'))
  }
  if (stack.length > 1) throw new SyntaxError(`a ${stack.at(-1)!.open} is not closed`)
  return Buffer.concat(stack[0]!.parts)
}

function labelOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}
