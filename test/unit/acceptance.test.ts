// docs/acceptance.md is true: all sixty cases are in it, and every test it names is there.
import { expect, it } from 'vitest'
import { hasTest, readTable } from './table.ts'

const { rows, named } = readTable('docs/acceptance.md')
const cases = rows.filter((cells) => /^\d/.test(cells[0]!))

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
  expect(hasTest(file, test)).toBe(true)
})
