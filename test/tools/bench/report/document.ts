// Pure: the parts of docs/bench.md that are written by a run, between marks.

/** Puts `content` between `<!-- NAME -->` and `<!-- /NAME -->`. Throws where the marks are missing. */
export function replacePart(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [start, end] = [text.indexOf(open), text.indexOf(close)]
  if (start < 0 || end < start) throw new Error(`there is no ${open} … ${close} to write between`)
  return `${text.slice(0, start + open.length)}\n\n${content}\n\n${text.slice(end)}`
}
