// docs/security.md is true: each promise is there once, with tests that hold it and are there; and people find it.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hasTest, readTable } from './table.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const { rows, named } = readTable('docs/security.md')
const headOf = (first: string) => rows.findIndex(([cell]) => cell === first)
const promises = rows.slice(headOf('promise') + 1, headOf('who'))
const trusted = rows.slice(headOf('who') + 1)

describe('promises', () => {
  it('are there once each, and say how far they go', () => {
    const names = promises.map(([name]) => name)
    expect(names.length).toBeGreaterThanOrEqual(11)
    expect(new Set(names).size).toBe(names.length)
    expect(promises.filter((cells) => cells.length !== 3 || cells.some((cell) => cell === ''))).toEqual([])
  })

  it('name tests and nothing else: a cell that is no "FILE: TITLE" would be believed unread', () => {
    const parts = promises.flatMap(([, , where]) => where!.split('<br>'))
    expect(parts).toHaveLength(named.length)
    expect(new Set(parts).size).toBe(parts.length)
  })

  it.each(named)('%s has the test: %s', (file, test) => {
    expect(hasTest(file, test)).toBe(true)
  })
})

it('everybody is there once, with what they may do', () => {
  expect(new Set(trusted.map(([who]) => who)).size).toBe(trusted.length)
  expect(trusted.length).toBeGreaterThanOrEqual(12)
  expect(trusted.filter(([, may]) => !may)).toEqual([])
})

it.each(['docs/security.md', 'SECURITY.md'])('%s leads to places that are there', (path) => {
  const links = [...read(path).matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)]
  expect(links.length).toBeGreaterThan(3)
  for (const [link, target, heading] of links) {
    const to = target === '' ? new URL(path, root) : new URL(target!, new URL(path, root))
    expect(existsSync(to), link).toBe(true)
    if (heading === undefined) continue
    const headings = [...readFileSync(to, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text]) => anchorOf(text!))
    expect(headings, link).toContain(heading)
  }
})

it('the README leads to both', () => {
  expect(read('README.md')).toContain('(docs/security.md)')
  expect(read('README.md')).toContain('(SECURITY.md)')
})

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replace(/\s/g, '-')
