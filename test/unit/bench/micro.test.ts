// Two runs of the small benchmarks side by side.
import { expect, it } from 'vitest'
import { compareTimes, showTime } from '../../tools/bench/micro/compare.ts'

const times = (p50: number) => ({ p50, p99: p50 * 2 })

it('tells what has become slower first, and what is only in one of the runs', () => {
  const before = { gate: times(10), scope: times(2000), gone: times(5) }
  const after = { gate: times(9), scope: times(3000), fresh: times(4e6) }
  const lines = compareTimes(before, after).split('\n')
  expect(lines.map((line) => line.replace(/\s+/g, ' '))).toEqual([
    'gone 5.0 ns → – gone',
    'fresh – → 4.00 ms new',
    'scope 2.00 µs → 3.00 µs × 1.50',
    'gate 10.0 ns → 9.0 ns × 0.90',
  ])
  expect(new Set(lines.map((line) => line.indexOf('→'))).size).toBe(1)
})

it.each([
  [0.25, '0.3 ns'],
  [999, '999.0 ns'],
  [1000, '1.00 µs'],
  [1_500_000, '1.50 ms'],
  [undefined, '–'],
])('shows %s ns as %s', (ns, text) => {
  expect(showTime(ns)).toBe(text)
})
