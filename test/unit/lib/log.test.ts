// Log lines, for machines and for a terminal: what they say of text from elsewhere.
import { describe, expect, it } from 'vitest'
import { createLogger, humanLine } from '../../../src/lib/log.ts'
import { allHostile, hostileTexts, isPrintable } from '../hostile-text.ts'

function record(isTTY: boolean) {
  const written: string[] = []
  const log = createLogger({
    level: 'info',
    destination: { isTTY, write: (line) => written.push(line) },
  })
  return { log, written }
}

describe('on a terminal', () => {
  it('a line is in words', () => {
    const { log, written } = record(true)
    log.warn({ why: 'it is gone', list: [1] }, 'an engine')
    expect(written.join('')).toMatch(/^\d\d:\d\d:\d\d warn {2}an engine {2}why=it is gone {2}list=\[1\]\n$/)
  })

  it.each(hostileTexts)('a value with %s is shown, not obeyed, and makes no line', (_, text) => {
    const { log, written } = record(true)
    log.error({ why: text, nested: { [text]: [text] }, [text]: 1 }, `failed: ${text}`)
    expect(written).toHaveLength(1)
    expect(written[0]!.trimEnd().split('\n')).toHaveLength(1)
    expect(isPrintable(written[0]!)).toBe(true)
  })

  it('paragraphs and stacks go below, and start no line at its beginning', () => {
    const { log, written } = record(true)
    log.info({ text: '  listening  \u001b127.0.0.1\n  try        dig' }, 'ready')
    expect(written[0]).toMatch(/ ready\n {2}listening {2}\\u001b127\.0\.0\.1\n {2}try {8}dig\n$/)
    const stack = `Error: ${allHostile}\n12:00:00 info  all is well\n    at run`
    log.error({ stack }, 'uncaught exception')
    const [head, ...below] = written[1]!.trimEnd().split('\n')
    expect(head).toMatch(/ error uncaught exception$/)
    expect(below.length).toBeGreaterThan(2)
    expect(below.filter((line) => !line.startsWith('    '))).toEqual([])
    expect(isPrintable(written[1]!)).toBe(true)
  })

  it('what is no record of ours is printable all the same', () => {
    expect(humanLine('\u001b[2J{"a"\n')).toBe('\\u001b[2J{"a"\n')
  })
})

describe('for machines', () => {
  it('a line is one line of printable JSON, and says the same', () => {
    const { log, written } = record(false)
    log.error({ why: allHostile, nested: { [allHostile]: 1 } }, allHostile)
    expect(written).toHaveLength(1)
    expect(written[0]!.split('\n')).toHaveLength(2)
    expect(isPrintable(written[0]!)).toBe(true)
    expect(JSON.parse(written[0]!)).toMatchObject({
      why: allHostile,
      nested: { [allHostile]: 1 },
      msg: allHostile,
    })
  })
})
