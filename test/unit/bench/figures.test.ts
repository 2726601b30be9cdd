// What the benchmark reads: dnsperf's sum, latencies, samples, /proc; and what it makes of several rounds.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDnsperf } from '../../tools/bench/client/dnsperf.ts'
import { parseLatencies, quantile } from '../../tools/bench/client/latencies.ts'
import { readSamples } from '../../tools/bench/client/samples.ts'
import type { Figures } from '../../tools/bench/measure.ts'
import { isChosen, parseOptions } from '../../tools/bench/options.ts'
import type { Row } from '../../tools/bench/peers.ts'
import { cpuOf, endedChildren, memoryOf, peakMemory, runTime } from '../../tools/bench/proc.ts'
import { median, summarize } from '../../tools/bench/report/summary.ts'
import { judge } from '../../tools/bench/report/targets.ts'

const output = `Statistics:

  Queries sent:         251793
  Queries completed:    251792 (100.00%)
  Queries lost:         1 (0.00%)

  Response codes:       NOERROR 251792 (100.00%)
  Run time (s):         2.004160
  Queries per second:   125634.805240
`

describe('dnsperf', () => {
  it('tells what was sent, answered and lost', () => {
    const told = { sent: 251_793, completed: 251_792, lost: 1, seconds: 2.00416 }
    expect(parseDnsperf(output)).toEqual(told)
  })

  it('that failed is quoted', () => {
    expect(() => parseDnsperf('Error: no such file')).toThrow(/"Queries sent":\nError: no such file/)
  })
})

describe('latencies', () => {
  it('have quantiles, µs', () => {
    const latencies = parseLatencies('1000 98\n2000 1\n900000 1\n')
    expect([0.5, 0.99, 1].map((share) => quantile(latencies, share))).toEqual([1, 2, 900])
    expect(quantile([], 0.5)).toBeNaN()
  })

  it('of which as many as the share says took no longer', () => {
    const some = fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1 })
    fc.assert(
      fc.property(some, fc.constantFrom(0.1, 0.5, 0.99), (times, share) => {
        const sorted = times.sort((a, b) => a - b)
        const found = quantile(
          sorted.map((ns) => [ns, 1]),
          share,
        )
        expect(found).toBe(sorted[Math.ceil(share * sorted.length) - 1]! / 1000)
      }),
    )
  })
})

it('samples are the askers and messages that were written, whole ones', () => {
  const bytes = Buffer.from('0007000301020300000001aa00010005ff', 'hex')
  expect(readSamples(bytes.subarray(0, 12))).toEqual([
    { asker: 7, message: Buffer.from('010203', 'hex') },
    { asker: 0, message: Buffer.from('aa', 'hex') },
  ])
})

describe('/proc', () => {
  it('tells run time, ended children and peak memory', () => {
    expect(runTime('1634793000 99 12\n')).toBe(1_634_793)
    const before = 'S 1 1 1 0 -1 4194560 99 0 0 0 50 60'
    expect(endedChildren(`42 (a (b) c) ${before} 7 3 20 0`)).toBe(100_000)
    expect(peakMemory('Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t 1 kB\n')).toBe(2 << 20)
  })

  it('of this process grows with what it does; of none it is nothing', () => {
    const before = cpuOf(process.pid)
    // A clock that stands still would keep it here for as long as a test may take.
    let after = before
    while (after <= before + 1000) after = cpuOf(process.pid)
    expect(after).toBeGreaterThan(before + 1000)
    expect(memoryOf(process.pid)).toBeGreaterThan(1 << 20)
    expect([cpuOf(2 ** 30), memoryOf(2 ** 30)]).toEqual([0, 0])
  })
})

const figures = (cpu: number, more: Partial<Figures> = {}): Figures => ({
  ...{ cpu, rate: 1000, busy: 0.5, median: 100, p99: 200, sent: 1000, lost: 1, memory: cpu, checked: 10 },
  ...more,
})
const row = (server: string, ...rounds: Figures[]): Row => ({
  ...{ workload: 'a', server, mode: 'full', rounds },
})

describe('rounds', () => {
  it('become medians, the most memory, all losses, and a ratio to berth', () => {
    const [unbound] = summarize([
      row('unbound', figures(9), figures(30), figures(10)),
      row('berth', figures(5)),
    ])
    expect(unbound).toMatchObject({ cpu: 10, memory: 30, lost: 0.001, checked: 30, ratio: 2 })
    expect([median([1, 3]), median([3, 1, 2])]).toEqual([2, 2])
  })

  it('with one wrong answer are void, and nothing is compared with them', () => {
    const rows = summarize([
      row('berth', figures(5, { fault: 'wrong' }), figures(5)),
      row('C floor', figures(5)),
    ])
    expect(rows[0]).toMatchObject({ fault: 'wrong', ratio: undefined })
    expect(rows[1]!.ratio).toBeUndefined()
    expect(judge(rows).every(({ verdict }) => verdict === 'not measured')).toBe(true)
  })

  it.each([
    [6.5, 'ok'],
    [6.6, 'missed'],
    [8.1, 'over the limit'],
  ])('%s µs beside a floor of 5 is %s', (cpu, verdict) => {
    const rows = summarize([row('berth', figures(cpu)), row('C floor', figures(5))])
    expect(judge(rows)[0]).toMatchObject({ most: 1.3, limit: 1.6, mode: 'full', verdict })
  })

  it('are judged beside the newest version of a server, and by no other where that is void', () => {
    const judged = (...rounds: Figures[]) => {
      const rows = [row('unbound', ...rounds), row('older unbound', figures(20)), row('berth', figures(5))]
      return judge(summarize(rows)).find(({ server, mode }) => server === 'unbound' && mode === 'full')
    }
    expect(judged(figures(10))).toMatchObject({ measured: 0.5, verdict: 'ok' })
    expect(judged(figures(10, { fault: 'wrong' }))).toMatchObject({ verdict: 'not measured' })
  })
})

describe('options', () => {
  it('have defaults', () => {
    const all = { part: 'all', rounds: 3, seconds: 2, only: ['a', 'b', 'c', 'd', 'e'], servers: [] }
    expect(parseOptions([])).toEqual(all)
  })

  it('choose workloads and servers by their start', () => {
    const options = parseOptions(['peers', '--only', 'd,a', '--servers', 'berth,c', '--rounds', '1'])
    expect(options).toMatchObject({ part: 'peers', only: ['a', 'd'], rounds: 1 })
    const names = ['berth, plain dgram', 'C floor', 'unbound']
    expect(names.map((name) => isChosen(options, name))).toEqual([true, true, false])
  })

  it.each([
    [['--only', 'a,x'], /--only x: workloads are a, b, c, d, e/],
    [['--rounds', 'many'], /--rounds many: a number from 1 to 20/],
    [['all', 'of', 'it'], /all of it: one of all, peers, curve, profile/],
    [['--round', '2'], /--round/],
  ])('%j is refused', (argv, why) => {
    expect(() => parseOptions(argv)).toThrow(why)
  })
})
