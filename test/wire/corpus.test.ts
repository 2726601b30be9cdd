// The corpus of malformed packets: what becomes of each is what its entry says.
import { describe, expect, it } from 'vitest'
import { type Entry, readCorpus } from './corpus.ts'
import * as parts from './parts.ts'
import { run } from './run.ts'

const entries = readCorpus()

describe.each(['questions', 'replies', 'streams'] as const)('malformed %s', (side) => {
  const own = entries.filter((entry) => entry.side === side)
  it.each(own.map((entry) => [entry.name, entry] as const))('%s', async (_name, entry) => {
    expect(await run(parts, entry)).toBe(entry.expect)
  })
})

it('a stream comes to the same byte by byte', async () => {
  const streams = entries.filter(({ side, bytes }) => side === 'streams' && bytes.length < 200)
  for (const entry of streams) {
    const everyByte = Array.from({ length: entry.bytes.length }, (_, at) => at)
    expect([entry.name, await run(parts, entry, everyByte)]).toEqual([entry.name, entry.expect])
  }
})

/** What two packets have in common that differ in ID, letters and repetitions alone. */
function shapeOf({ bytes, by, guard, expect: outcome }: Entry): string {
  const id = 'id'.slice(0, bytes.length)
  const letters = id + bytes.subarray(2).toString('latin1').replace(/[a-z]/gi, 'x')
  return [guard, outcome, by, letters.replace(/(.)\1+/gs, '$1+').replace(/(..)\1+/gs, '$1+')].join(' ')
}

describe('the corpus', () => {
  it('is large enough, of both sides', () => {
    const count = (side: string) => entries.filter((entry) => entry.side === side).length
    expect(entries.length).toBeGreaterThanOrEqual(170)
    expect(count('questions')).toBeGreaterThan(100)
    expect(count('replies')).toBeGreaterThan(50)
  })

  it('has each name once, and each idea', () => {
    const twice = (key: (entry: Entry) => string) => {
      const keys = entries.map(key)
      return entries.filter((entry, i) => keys.indexOf(key(entry)) !== i).map(({ name }) => name)
    }
    expect(twice(({ name }) => name)).toEqual([])
    expect(twice(({ why }) => why)).toEqual([])
    expect(twice(shapeOf)).toEqual([])
  })

  it('gives an RFC’s section, a CVE, an advisory or a peer’s case for each', () => {
    const known =
      /RFC \d{3,4}(?:, \d|;|$)|CVE-\d{4}-\d+|CERT VU#\d+|dnsproxy [a-z0-9_]{6,}|miekg\/dns acceptfunc|dns-packet 5\.6\.1|dnsmasq --|(?:moby|libnetwork)#\d+/
    expect(
      entries.filter(({ source }) => !known.test(source)).map(({ name, source }) => [name, source]),
    ).toEqual([])
  })
})
