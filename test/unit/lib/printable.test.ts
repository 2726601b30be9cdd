// Text from elsewhere, made harmless for a terminal.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lines, printable, printableLines } from '../../../src/lib/printable.ts'
import { allHostile, hostileTexts, isPrintable } from '../hostile-text.ts'

describe('a value', () => {
  it.each(hostileTexts)('holds no %s as it is', (_, text) => {
    const told = printable(`<${text}>`)
    expect(isPrintable(told)).toBe(true)
    expect(told).not.toContain('\n')
    expect(told).toMatch(/^<.*\\.*>$/)
  })

  it('says what was there', () => {
    expect(printable('\u001b[0m\r\n\t\u009b\u202e\ud800\u{e0041}')).toBe(
      '\\u001b[0m\\r\\n\\t\\u009b\\u202e\\ud800\\udb40\\udc41',
    )
  })

  it.each(['web-1', 'a b', 'ünïcödé 漢字 😀', 'web.test → 192.0.2.1', 'x\\010y', ''])('%j stays', (text) => {
    expect(printable(text)).toBe(text)
    expect(printableLines(text)).toBe(text)
  })
})

describe('lines', () => {
  it('keep their own newlines, and none of a value', () => {
    expect(lines`a ${'b\nc'} ${1}\nd\n`).toBe('a b\\nc 1\nd\n')
    expect(printableLines('a\u001b\nb\rc\n')).toBe('a\\u001b\nb\\rc\n')
  })

  it('of JSON stay the same JSON', () => {
    const value = { [allHostile]: [allHostile, { deep: allHostile }] }
    for (const text of [JSON.stringify(value), JSON.stringify(value, undefined, 2)]) {
      expect(isPrintable(printableLines(text))).toBe(true)
      expect(JSON.parse(printableLines(text))).toEqual(value)
    }
  })

  it('are printable whatever comes', () => {
    const anything = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(anything, (text) => isPrintable(printableLines(text)) && isPrintable(printable(text))),
    )
    fc.assert(fc.property(anything, (text) => JSON.parse(printableLines(JSON.stringify(text))) === text))
  })
})
