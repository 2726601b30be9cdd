// Tables in docs/ that name tests: their cells, and every "FILE: TITLE" in them.
import { readFileSync } from 'node:fs'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

export interface Table {
  /** Cells by row, heads and rules included. */
  readonly rows: readonly (readonly string[])[]
  /** Tests that cells name, several in one cell parted by <br>. */
  readonly named: readonly (readonly [file: string, test: string])[]
}

export function readTable(path: string): Table {
  const rows = read(path)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  const named = rows.flatMap((cells) =>
    cells.flatMap((cell) =>
      cell.split('<br>').flatMap((part) => {
        const [, file, test] = /^(test\/\S+\.test\.ts): (.+)$/.exec(part) ?? []
        return file === undefined ? [] : [[file, test!] as const]
      }),
    ),
  )
  return { rows, named }
}

/** Whether the file has a test of this title: a quoted one, not only a comment. */
export function hasTest(file: string, title: string): boolean {
  const source = read(file).replace(/\\'/g, "'")
  return source.includes(`'${title}'`) || source.includes(`"${title}"`)
}
