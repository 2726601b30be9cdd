// docs/acceptance.md is true: all sixty cases are in it, and every test it names is there.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const rows = read('docs/acceptance.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
const cases = rows.filter((cells) => /^\d/.test(cells[0]!))
const named = rows.flatMap((cells) =>
  cells.flatMap((cell) =>
    cell.split('<br>').flatMap((part) => {
      const [, file, test] = /^(test\/\S+\.test\.ts): (.+)$/.exec(part) ?? []
      return file === undefined ? [] : [[file, test!] as const]
    }),
  ),
)

it('has each of the sixty cases once', () => {
  const numbers = cases.flatMap(([numbers]) =>
    numbers!.split(', ').flatMap((range) => {
      const [from, to = from] = range.split('–').map(Number)
      return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i)
    }),
  )
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
})

it('says of each where it is asserted, or why not', () => {
  expect(cases.filter(([, , where, why]) => !where && !why)).toEqual([])
  expect(named.length).toBeGreaterThan(50)
})

it.each(named)('%s has the test: %s', (file, test) => {
  // As the title of a test, not only in a comment.
  const source = read(file).replace(/\\'/g, "'")
  expect(source.includes(`'${test}'`) || source.includes(`"${test}"`)).toBe(true)
})
