// What `npm run scale` writes of what it has measured.
import { describe, expect, it } from 'vitest'
import type { Row } from '../../tools/bench/scale/measure.ts'
import { coreDnsMegabytes, intoDocs, perThousand, tabulate } from '../../tools/bench/scale/report.ts'

const latency = { answered: 9, lost: 1, wrong: 0, examples: [], median: 0.15, p99: 2, longest: 1500 }

function row(containers: number, heap: number): Row {
  return {
    ...{ networks: containers / 10, containers, names: containers * 10, readyAfter: 1234 },
    memory: { atStart: 2 * heap, idle: 2 * heap, heap, peak: 3 * heap },
    event: { count: 200, active: 0.7, cpu: 0.8, longest: 12 },
    quiet: latency,
    busy: {
      ...latency,
      ...{
        wrong: 2,
        told: 1000.4,
        taken: 999,
        lagMedian: 5,
        lagP99: 20,
        active: 0.456,
        cpu: 0.6,
        reconnects: 0,
      },
    },
    after: { asked: 5000, wrong: 0, examples: [], right: 90 },
  }
}

const mib = 2 ** 20

describe('the table', () => {
  const lines = tabulate([row(1000, 30 * mib), row(11_000, 90 * mib)]).split('\n')
  const find = (label: string) => lines.find((line) => line.startsWith(`| ${label}`))

  it('has a column for each size, and every row as many cells', () => {
    expect(lines[0]).toBe('| containers | 1,000 | 11,000 |')
    const cells = lines.filter((line) => line.startsWith('|')).map((line) => line.split('|').length)
    expect(new Set(cells)).toEqual(new Set([5]))
  })

  it('adds up what was lost and wrong, with events and without', () => {
    expect(find('answers lost, wrong')).toBe('| answers lost, wrong | 2, 2 | 2, 2 |')
  })

  it('tells memory by its growth', () => {
    expect(lines.at(-1)).toMatch('6.0 MiB of live heap, 12.0 MiB of process memory when idle')
    expect(perThousand([row(1000, 30), row(11_000, 90)], ({ memory }) => memory.heap)).toBe(6)
  })

  it('compares it with CoreDNS’s formula, a service for two containers', () => {
    expect(coreDnsMegabytes(10_000)).toBe(69)
  })
})

describe('the docs', () => {
  const page = 'before\n<!-- npm run scale: begin -->\nold\n<!-- npm run scale: end -->\nafter\n'

  it('get the table between the markers, however often', () => {
    const once = intoDocs(page, 'new')
    expect(once).toBe(page.replace('old', '\nnew\n'))
    expect(intoDocs(once, 'new')).toBe(once)
  })

  it('must have them', () => {
    expect(() => intoDocs('nothing', 'new')).toThrow('markers')
  })
})
