// One build beside another: what is asked for, whether the builds can run, how sure a ratio is, and the verdict.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { readCheckout } from '../../tools/bench/against/checkout.ts'
import { estimate, fewest, rankFor, wanted } from '../../tools/bench/against/interval.ts'
import { asksForBuild, parseAgainst, rowKinds } from '../../tools/bench/against/options.ts'
import { orderIn, type Point, type Side } from '../../tools/bench/against/pairs.ts'
import {
  type AgainstReport,
  againstJson,
  hasPassed,
  judgeRows,
  writeAgainst,
} from '../../tools/bench/against/report.ts'
import { makeFolder } from '../../tools/bench/folder.ts'
import { type Figures, nothing } from '../../tools/bench/measure.ts'
import { seededRandom } from '../../tools/servers/random.ts'

const folders: string[] = []
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-against-'))
  folders.push(folder)
  return folder
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

describe('the interval of paired ratios', () => {
  // Critical values of the signed-rank statistic, two-sided 5 %, as tables have them: the rank is one above.
  it.each([
    [6, 0],
    [7, 2],
    [8, 3],
    [9, 5],
    [10, 8],
    [12, 13],
    [15, 25],
    [20, 52],
  ])('of %i pairs begins above the critical value %i', (pairs, critical) => {
    expect(rankFor(pairs, 0.95).rank).toBe(critical + 1)
  })

  it('holds as surely as counting all signs says', () => {
    // 2^7 ways of signs; a sum of ranks of 0, 1 or 2 comes in 3 of them, and so from the other end.
    expect(rankFor(7, 0.95).confidence).toBe(1 - 6 / 128)
    expect(rankFor(6, 0.95).confidence).toBe(1 - 2 / 64)
    expect(rankFor(7, 0.99)).toEqual({ rank: 1, confidence: 1 - 2 / 128 })
  })

  it('is from the third smallest to the third largest mean of two, of seven', () => {
    // Logarithms 0, 1, 2, 3, 4, 5, 6: means of two are 0, 0.5, 1, 1, …, 5, 5, 5.5, 6.
    const { median, low, high } = estimate([5, 0, 3, 6, 1, 4, 2].map(Math.exp))
    expect(Math.log(median)).toBeCloseTo(3, 12)
    expect([Math.log(low), Math.log(high)].map((end) => end.toFixed(9))).toEqual([
      '1.000000000',
      '5.000000000',
    ])
  })

  it('is all there is where pairs are too few, and says how little that is', () => {
    const two = estimate([0.9, 1.1])
    expect([two.median, two.low, two.high].map((each) => each.toFixed(9))).toEqual([
      ...['1.000000000', '0.900000000', '1.100000000'],
    ])
    expect(two.confidence).toBe(0.5)
    expect(estimate([2]).confidence).toBe(0)
    expect(estimate([1, 1, 1, 1, 1]).confidence).toBeLessThan(wanted)
    expect(estimate(Array(fewest).fill(1)).confidence).toBeGreaterThanOrEqual(wanted)
    expect(estimate([])).toEqual({ median: Number.NaN, low: Number.NaN, high: Number.NaN, confidence: 0 })
  })

  it('is that of the inverse when this and that change places, and grows with the limit it is held to', () => {
    const ratio = fc.double({ min: 0.1, max: 10, noNaN: true })
    fc.assert(
      fc.property(fc.array(ratio, { minLength: 1, maxLength: 25 }), (ratios) => {
        const [there, back] = [estimate(ratios), estimate(ratios.map((each) => 1 / each))]
        expect(back.low * there.high).toBeCloseTo(1, 9)
        expect(there.low).toBeLessThanOrEqual(there.high)
        expect(there.low).toBeGreaterThanOrEqual(Math.min(...ratios) * (1 - 1e-12))
        expect(estimate(ratios, 0.5).low).toBeGreaterThanOrEqual(there.low)
      }),
    )
  })

  it('misses the true ratio as seldom as it says, where some pairs are disturbed far more than others', () => {
    const random = seededRandom(3)
    const runs = 4000
    const noise = () => Math.exp((random() < 0.2 ? 0.5 : 0.02) * random())
    const misses = Array.from({ length: runs }, () => {
      const { low, high } = estimate(Array.from({ length: 7 }, () => (1.02 * noise()) / noise()))
      return low > 1.02 || high < 1.02
    }).filter(Boolean).length
    // 6 of 128 are expected: 187.5 of the runs, with a standard deviation of 13.4.
    expect(misses).toBeGreaterThan(130)
    expect(misses).toBeLessThan(245)
  })
})

describe('options', () => {
  it('have defaults', () => {
    const { rows, ...rest } = parseAgainst(['--against', '../old'])
    expect(rest).toEqual({ against: '../old', pairs: 7, limit: 1.03, seconds: 3, out: 'bench-out' })
    expect(rows.map(({ name }) => name)).toEqual(['local', 'local-steady', 'cached', 'misses', 'tcp'])
  })

  it('choose rows in any order', () => {
    const { rows, pairs, limit } = parseAgainst(
      '--against=x --rows tcp-steady,local --pairs 2 --limit 1.1'.split(' '),
    )
    expect(rows.map(({ name }) => name)).toEqual(['local', 'tcp-steady'])
    expect([pairs, limit]).toEqual([2, 1.1])
  })

  it('are those of this part of the benchmark where they name another build', () => {
    expect([['--against', 'x'], ['--against=x'], ['peers'], ['--only', 'a']].map(asksForBuild)).toEqual([
      ...[true, true, false, false],
    ])
  })

  it.each([
    [['--against', ''], /--against: the folder of another checkout/],
    [['--against', 'x', '--rows', 'local,udp'], /--rows udp: rows are local, local-steady, mix/],
    [['--against', 'x', '--pairs', '1'], /--pairs 1: a number from 2 to 99/],
    [['--against', 'x', '--pairs', '7.5'], /--pairs 7.5: a whole number/],
    [['--against', 'x', '--limit', 'three'], /--limit three: a number/],
    [['--against', 'x', '--servers', 'unbound'], /--servers/],
    [['curve', '--against', 'x'], /curve/],
  ])('%j is refused', (argv, why) => {
    expect(() => parseAgainst(argv)).toThrow(why)
  })
})

describe('a checkout', () => {
  const fill = (folder: string, packages: readonly string[] = ['koffi', 'yaml']) => {
    const about = { name: 'berth', version: '0.1.0', dependencies: { yaml: '1' } }
    const text = JSON.stringify({ ...about, optionalDependencies: { koffi: '1' } })
    writeFileSync(join(folder, 'package.json'), text)
    for (const name of packages) mkdirSync(join(folder, 'node_modules', name), { recursive: true })
    for (const name of ['dist', 'src/net']) mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, 'src/net/udp.ts'), '')
    writeFileSync(join(folder, 'dist/main.js'), '')
    utimesSync(join(folder, 'src/net/udp.ts'), 1000, 1000)
    utimesSync(join(folder, 'dist/main.js'), 2000, 2000)
    return folder
  }

  it('that is built can be run, and has a state', () => {
    const folder = fill(newFolder())
    expect(readCheckout(folder)).toEqual({
      ...{ folder, program: join(folder, 'dist/main.js'), state: '0.1.0', isStale: false },
    })
  })

  it('whose sources have changed since is stale', () => {
    const folder = fill(newFolder())
    utimesSync(join(folder, 'src/net/udp.ts'), 3000, 3000)
    expect(readCheckout(folder).isStale).toBe(true)
  })

  it('that lacks something says what, and what to run there', () => {
    expect(() => readCheckout(fill(newFolder(), ['yaml']))).toThrow(
      /has no node_modules\/koffi: run `npm ci --ignore-scripts && npm run build` there$/,
    )
    const unbuilt = fill(newFolder())
    rmSync(join(unbuilt, 'dist'), { recursive: true })
    expect(() => readCheckout(unbuilt)).toThrow(`${unbuilt} has no dist/main.js: run \`npm run build\` there`)
    expect(() => readCheckout(newFolder())).toThrow(/is no checkout of berth/)
    expect(() => readCheckout(join(newFolder(), 'nowhere'))).toThrow(/is no checkout of berth/)
  })
})

const figures = (cpu: number, more: Partial<Figures> = {}): Figures => ({
  ...{ ...nothing, cpu, rate: 1000, busy: 0.5, median: 100, p99: 200, sent: 1000, checked: 10 },
  ...more,
})
const row = rowKinds[0]!
const pairOf = (pair: number, ours: Figures, theirs: Figures): Point[] => [
  { row: row.name, pair, side: 'this', figures: ours },
  { row: row.name, pair, side: 'that', figures: theirs },
]
/** Pairs whose other build costs 10 µs. */
const pairsOf = (...costs: readonly number[]) =>
  costs.flatMap((cpu, pair) => pairOf(pair, figures(cpu), figures(10)))
const judge = (points: readonly Point[], limit = 1.03) => judgeRows(points, { rows: [row], limit })[0]!

describe('a row', () => {
  it('falls short where all of its interval is above the limit', () => {
    const judged = judge(pairsOf(10.6, 10.5, 10.7, 10.9, 10.5, 10.6, 10.8))
    expect(judged).toMatchObject({ verdict: 'falls short', cpu: { this: 10.6, that: 10 }, voids: [] })
    expect(judged.ratio.median).toBeCloseTo(1.06, 9)
    expect(judge(pairsOf(10.6, 10.5, 10.7, 10.9, 10.5, 10.6, 10.8), 1.06).verdict).toBe('ok')
  })

  it('does not where its median alone is', () => {
    const judged = judge(pairsOf(10.6, 9.9, 10.1, 10.9, 10.5, 10.6, 10.8))
    expect(judged.ratio.median).toBeGreaterThan(1.03)
    expect(judged.verdict).toBe('ok')
  })

  it('compares within pairs, whatever the machine does from one to the next', () => {
    const costs = [10, 20, 15, 40, 12, 11, 30]
    const judged = judge(costs.flatMap((cpu, pair) => pairOf(pair, figures(cpu * 1.1), figures(cpu))))
    expect([judged.ratio.low, judged.ratio.high].map((each) => each.toFixed(9))).toEqual([
      ...['1.100000000', '1.100000000'],
    ])
    expect(judged.verdict).toBe('falls short')
  })

  it('of fewer pairs than it takes is not judged', () => {
    const judged = judge(pairsOf(20, 20, 20, 20, 20))
    expect(judged.verdict).toBe('too few pairs')
    expect([hasPassed([judged], { pairs: 5 }), hasPassed([judged], { pairs: 7 })]).toEqual([true, false])
  })

  it('leaves out a pair with a void point, and tells of it', () => {
    const wrong = pairOf(7, figures(99), figures(10, { fault: 'x A: NXDOMAIN' }))
    const silent = pairOf(8, figures(Number.NaN), figures(10))
    const judged = judge([...pairsOf(10, 10, 10, 10, 10, 10, 10), ...wrong, ...silent])
    expect(judged.ratios).toEqual([1, 1, 1, 1, 1, 1, 1, undefined, undefined])
    expect(judged.voids).toEqual([
      { pair: 7, side: 'that', why: 'x A: NXDOMAIN' },
      { pair: 8, side: 'this', why: 'no answers, or no CPU that was counted' },
    ])
    expect(judged).toMatchObject({ verdict: 'ok', ratio: { median: 1 } })
  })

  it('that nothing is known of has not passed', () => {
    const broken = judge(pairOf(0, { ...nothing, fault: 'no berth' }, figures(10)))
    expect(broken.verdict).toBe('not measured')
    expect(hasPassed([broken], { pairs: 2 })).toBe(false)
    expect(hasPassed([judge(pairsOf(10, 10, 10, 10, 10, 10, 10))], { pairs: 7 })).toBe(true)
  })
})

it('builds change places from pair to pair', () => {
  expect([0, 1, 2].map((pair) => orderIn(pair)[0])).toEqual(['this', 'that', 'this'])
})

describe('the report', () => {
  const build = (side: Side, isStale = false) => ({
    ...{ folder: `/src/${side}`, program: '', state: '0.1.0, abc', isStale },
  })
  const reportOf = (points: readonly Point[], pairs: number): AgainstReport => {
    const options = { ...parseAgainst(['--against', 'x', '--rows', row.name]), pairs }
    const machine = {
      processors: 2,
      model: 'm',
      memoryGiB: 1,
      kernel: '6',
      node: '20',
      versions: {},
      load: 0,
    }
    const builds = { this: build('this'), that: build('that', true) }
    return { machine, builds, options, points, rows: judgeRows(points, options) }
  }

  it('has a line for each row, and what is void below', () => {
    const points = pairsOf(10.6, 10.5, 10.7, 10.9, 10.5, 10.6, 10.8)
    const lines = writeAgainst(reportOf(points, 7)).split('\n')
    expect(lines).toContain(
      '| local A, saturation | 10.60 | 10.00 | 1.060 | 1.050 to 1.080 | 95.3 % | 7 | 0 | falls short |',
    )
    expect(lines).toContain('this: /src/this (0.1.0, abc)')
    expect(lines).toContain(
      '/src/that: dist is older than src. Run `npm run build` there if that is not meant.',
    )
    expect(lines.join()).not.toContain('VOID')
  })

  it('has no figure that is none', () => {
    const points = pairOf(0, figures(10, { fault: 'wrong', lost: 10 }), figures(10))
    const text = writeAgainst(reportOf(points, 2))
    expect(text).toContain('| – | 10.00 | – | – | 0.0 % | 0 of 1, 1 VOID | 1 % / 0.0 % | not measured |')
    expect(text).toContain('VOID: local A, saturation, pair 1, this: wrong')
    expect(text).toContain('takes 6 pairs')
    expect(text).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('as JSON has every measurement', () => {
    const read = JSON.parse(againstJson(reportOf(pairsOf(10.123456, 10), 2))) as AgainstReport
    expect(read.points.map(({ figures }) => figures.cpu)).toEqual([10.12, 10, 10, 10])
    expect(read.rows[0]!.ratios).toEqual([1.012, 1])
  })
})

it('a folder to write into is made with those above it, or refused before anything is measured', () => {
  const folder = join(newFolder(), 'a', 'b')
  makeFolder('out', folder)
  makeFolder('out', folder)
  writeFileSync(join(folder, 'file'), '')
  expect(() => makeFolder('out', join(folder, 'file'))).toThrow(/^--out .*file: EEXIST/)
})
