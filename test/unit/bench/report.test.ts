// What the benchmark writes: tables, the chart, the profile, and its place in docs/bench.md.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type Point, steepness } from '../../tools/bench/curve.ts'
import { type CpuProfile, selfTimes } from '../../tools/bench/profile/cpuprofile.ts'
import { profileTables, purposeOf } from '../../tools/bench/profile/groups.ts'
import { bySources } from '../../tools/bench/profile/sources.ts'
import { drawChart } from '../../tools/bench/report/chart.ts'
import { replacePart } from '../../tools/bench/report/document.ts'
import type { Summary } from '../../tools/bench/report/summary.ts'
import { curveTable, peerTables, percent, targetTable } from '../../tools/bench/report/tables.ts'
import { judge } from '../../tools/bench/report/targets.ts'
import { type Contender, titlesOf } from '../../tools/bench/servers/contender.ts'

const summary = (server: string, cpu: number, more: Partial<Summary> = {}): Summary => ({
  ...{ workload: 'a', server, mode: 'full', cpu, rate: 98_765.4, busy: 0.96, median: 900, p99: 4194 },
  ...{ lost: 0, memory: 12 << 20, checked: 100, ratio: cpu / 5, rounds: [cpu], ...more },
})
const point = (along: Point['along'], server: string, names: number, networks: number, cpu: number) =>
  ({ ...{ along, server, names, networks, cpu }, rate: 100_000, memory: 1 << 20 }) as Point

const contender = (name: string, title = name): Contender => ({
  ...{ name, title: () => title },
  start: () => Promise.reject(new Error('it is not there to be started')),
})
const titles = titlesOf([
  ...[contender('C floor'), contender('berth'), contender('Docker', 'Docker 28.5.2')],
  ...[contender('unbound', 'unbound 1.26.2'), contender('older unbound', 'unbound 1.17.1')],
])

describe('tables', () => {
  it('have saturation before the steady rate, and servers in the order of their workload', () => {
    const steady = { mode: 'steady' } as const
    const rows = [
      ...[summary('berth', 5, steady), summary('berth', 5)],
      summary('C floor', 4, { lost: 0.0004 }),
    ]
    const lines = peerTables(rows, titles).split('\n')
    expect(lines[0]).toBe('### local A')
    expect(lines.slice(4)).toEqual([
      '| C floor | saturation | 4.00 | 0.80 | 98,765 | 96 % | 900 | 4,194 | 0.040 % | 12 |',
      '| berth | saturation | 5.00 | 1.00 | 98,765 | 96 % | 900 | 4,194 | 0 | 12 |',
      '| berth | 20,000/s | 5.00 | 1.00 | 98,765 | 96 % | 900 | 4,194 | 0 | 12 |',
    ])
  })

  it('have no figures in a void row, but why', () => {
    const text = peerTables([summary('berth', 5, { fault: 'x A: NOERROR []' })], titles)
    expect(text).toContain('| berth | saturation | VOID |  |  |  |  |  |  | x A: NOERROR [] |')
    expect(text).not.toContain('5.00')
  })

  it("name versions of one server apart, today's first", () => {
    const text = peerTables([summary('older unbound', 7), summary('unbound', 6)], titles)
    expect(text.match(/^\| \w+ 1[\d.]+ /gm)).toEqual(['| unbound 1.26.2 ', '| unbound 1.17.1 '])
  })

  it('of targets and of the curve', () => {
    const verdict = {
      ...{ what: 'CPU', server: 'unbound' },
      mode: 'full',
      most: 1.3,
      limit: 1.6,
      outOfReach: undefined,
      measured: 1.25,
      verdict: 'ok',
    } as const
    expect(targetTable([verdict], titles)).toContain(
      '| CPU: unbound 1.26.2 | saturation | ≤ 1.3 | ≤ 1.6 | 1.25 | ok |',
    )
    expect(curveTable([point('names', 'berth', 100_000, 50, 6)], titles)).toContain(
      '| berth | 100,000 | 50 | 6.00 |',
    )
    expect([0, 0.01, 0.5].map(percent)).toEqual(['0.0 %', '1 %', '50 %'])
  })
})

describe('a target', () => {
  const of = (rows: readonly Summary[], server: string) =>
    judge(rows).find((each) => each.server === server && each.mode === 'full')!

  it('is what it is where the floor is below', () => {
    const rows = [summary('C floor', 4), summary('berth', 5), summary('aardvark-dns', 11)]
    expect(of(rows, 'aardvark-dns')).toMatchObject({ most: 0.5, outOfReach: undefined, verdict: 'ok' })
    expect(of(rows, 'C floor')).toMatchObject({
      most: 1.3,
      outOfReach: undefined,
      measured: 1.25,
      verdict: 'ok',
    })
  })

  it('that even the floor is above is as near to the floor as the first one', () => {
    const rows = (cpu: number) => [summary('C floor', 6), summary('berth', cpu), summary('aardvark-dns', 10)]
    const { most, outOfReach, verdict } = of(rows(7.7), 'aardvark-dns')
    expect([most, outOfReach, verdict]).toEqual([expect.closeTo(0.78), { floor: 0.6, wanted: 0.5 }, 'ok'])
    expect(of(rows(7.9), 'aardvark-dns').verdict).toBe('missed')
    expect(targetTable([of(rows(7.7), 'aardvark-dns')], { 'aardvark-dns': 'aardvark-dns 1.17.1' })).toContain(
      '| CPU, local A: aardvark-dns 1.17.1 | saturation | ≤ 0.78 (0.5: the floor is 0.60) |  | 0.77 | ok |',
    )
  })

  it('is its own where no floor was measured, or the figure is another', () => {
    const rows = [summary('berth', 7), summary('aardvark-dns', 10), summary('unbound', 7)]
    expect(of(rows, 'aardvark-dns')).toMatchObject({ most: 0.5, verdict: 'missed' })
    const steady = { mode: 'steady', p99: 9000 } as const
    const late = [
      summary('C floor', 6, steady),
      summary('berth', 6, { ...steady, p99: 500 }),
      summary('unbound', 6, { ...steady, p99: 400 }),
    ]
    expect(judge(late).find(({ what }) => what.startsWith('99th'))).toMatchObject({
      most: 1.5,
      verdict: 'ok',
    })
  })

  it('is not judged where one of the two is void', () => {
    const rows = [summary('C floor', 6), summary('berth', 7, { fault: 'wrong' }), summary('aardvark-dns', 10)]
    expect(of(rows, 'aardvark-dns')).toMatchObject({ measured: undefined, verdict: 'not measured' })
  })
})

it('a curve is as steep as its dearest point is above its cheapest, whatever the order', () => {
  const points = [point('names', 'berth', 10, 1, 6), point('names', 'berth', 100, 10, 4)]
  expect(steepness([...points, point('networks', 'berth', 10, 1, 60)], 'names', 'berth')).toBe(1.5)
  expect(steepness(points, 'names', 'unbound')).toBeNaN()
  const broken = { ...point('names', 'berth', 1000, 50, Number.NaN), fault: 'wrong' }
  expect(steepness([...points, broken], 'names', 'berth')).toBe(1.5)
})

describe('the chart', () => {
  const rows = [
    summary('berth', 5),
    summary('Docker', 500),
    summary('unbound', 6, { fault: 'wrong', cpu: Number.NaN }),
  ]
  const points = [point('names', 'berth', 10, 1, 6), point('names', 'berth', 100, 10, 4)]
  const svg = drawChart(rows, points, titles)
  const broken = { ...point('names', 'unbound', 10, 1, Number.NaN), fault: 'wrong' }

  it('has every bar with its figure, cut where it is far longer than others', () => {
    expect(svg).toContain('>5.0<')
    expect(svg).toContain('>500.0<')
    expect(svg).toContain('>Docker 28.5.2<')
    const widths = [...svg.matchAll(/<rect x="158" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    )
    expect(widths).toEqual([92.5, 370])
  })

  it('says where a row is void', () => {
    expect(svg).toMatch(/y="115.5"[^>]*>void</)
  })

  it('has no figure that is none', () => {
    const all = [svg, drawChart([], [broken], titles), drawChart(rows.slice(2), [], titles)].join()
    expect(all).not.toMatch(/NaN|undefined|Infinity/)
  })
})

describe('a profile', () => {
  const frame = (id: number, functionName: string, url: string) => ({
    ...{ id, callFrame: { functionName, url } },
  })
  const profile: CpuProfile = {
    startTime: 1000,
    nodes: [
      frame(1, '(idle)', ''),
      frame(2, 'send', 'file:///x/dist/net/linux/libc.js'),
      frame(3, 'mystery', ''),
    ],
    samples: [2, 2, 1, 3, 2],
    timeDeltas: [100, 100, 100, 100, 1000],
  }

  it('is cut to a span of time', () => {
    const times = selfTimes(profile, 1150, 1450)
    expect(times.map(({ name, time }) => [name, time])).toEqual([
      ['send', 100],
      ['(idle)', 100],
      ['mystery', 100],
    ])
  })

  it('of the build is told by the files it was put together from', () => {
    const file = fileURLToPath(new URL('../../../dist/serve.js', import.meta.url))
    const [line, text] = [...readFileSync(file, 'utf8').split('\n').entries()].find(([, each]) =>
      each.includes('async function createServing('),
    ) ?? [0, '']
    const at = { lineNumber: line, columnNumber: text.indexOf('createServing') }
    const frames = [{ id: 1, callFrame: { functionName: 'createServing', url: `file://${file}`, ...at } }]
    const { nodes } = bySources({ ...profile, nodes: frames })
    expect(nodes[0]!.callFrame.url).toBe('file:///dist/serving.js')
  })

  it('is told by purpose, without idle time, in µs of an answer', () => {
    const text = profileTables(selfTimes(profile, 0, 5000), 13)
    expect(text).toContain('| kernel: sendmmsg, up to the askers’ sockets | 12.00 | 92.3 % |')
    expect(text).toContain('| the rest | 1.00 | 7.7 % |')
    expect(text).toContain('| `net/linux/libc.js send` | 12.00 |')
    expect(text).not.toContain('idle')
  })

  it.each([
    ['findContainers', 'scope/scope.js', 'who asks: scope'],
    ['count', 'fast/fast-metrics.js', 'counters'],
    ['find', 'fast/fast-answers.js', 'finding the answer'],
    ['admit', 'net/limits/limits.js', 'limits'],
    ['drain', 'net/linux/batched-listener.js', 'batches: taking in, handing on'],
  ])('%s of %s is %s', (name, file, purpose) => {
    expect(purposeOf({ name, url: `file:///x/dist/${file}`, time: 1 })).toBe(purpose)
  })
})

describe('docs/bench.md', () => {
  it('is written between marks, again and again', () => {
    const text = 'a\n<!-- x -->\nold\n<!-- /x -->\nb'
    const once = replacePart(text, 'x', 'new')
    expect(once).toBe('a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb')
    expect(replacePart(once, 'x', 'new')).toBe(once)
    expect(() => replacePart(text, 'y', '')).toThrow(/no <!-- y -->/)
  })

  it('has the marks', () => {
    const text = readFileSync(new URL('../../../docs/bench.md', import.meta.url), 'utf8')
    for (const name of ['measured', 'profile']) expect(replacePart(text, name, 'x')).toContain('x')
  })
})
