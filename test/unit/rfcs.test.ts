// docs/rfcs.md is true: each RFC is there once, with the tests that assert it or the reason it is not met.
import { expect, it } from 'vitest'
import { hasTest, readTable } from './table.ts'

const { rows, named } = readTable('docs/rfcs.md')
const rfcs = rows.filter((cells) => /^\d/.test(cells[0]!))

it('has each RFC once, in order', () => {
  const numbers = rfcs.flatMap(([numbers]) => numbers!.split(', ').map(Number))
  expect(new Set(numbers).size).toBe(numbers.length)
  const first = rfcs.map(([numbers]) => Number(numbers!.split(',')[0]))
  expect(first).toEqual(first.toSorted((a, b) => a - b))
  expect(numbers.length).toBeGreaterThanOrEqual(47)
})

it('says of each what is asked, and where that is asserted or why not', () => {
  expect(rfcs.filter(([, what, where, why]) => !what || (!where && !why))).toEqual([])
  // A cell that is no "FILE: TITLE" would be believed unread.
  const parts = rfcs.flatMap(([, , where]) => (where === '' ? [] : where!.split('<br>')))
  expect(parts).toHaveLength(named.length)
})

it.each(named)('%s has the test: %s', (file, test) => {
  expect(hasTest(file, test)).toBe(true)
})
