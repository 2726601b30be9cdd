// How the forwarding table tells times.
import { expect, it } from 'vitest'
import type { Timed } from '../../tools/bench/forward/asker.ts'
import { added, failures, milliseconds, spread, tabulate } from '../../tools/bench/forward/table.ts'

const times = (...list: number[]): Timed[] => list.map((ms) => ({ ms, rcode: 'NOERROR' }))
const upTo = (count: number) => times(...Array.from({ length: count }, (_, n) => n + 1))

it.each([
  [0.123, '0.12 ms'],
  [12.3, '12 ms'],
  [1800, '1.8 s'],
])('%s ms is %s', (ms, text) => {
  expect(milliseconds(ms)).toBe(text)
})

it('a spread is median and 99th percentile, whatever the order; of few, the longest', () => {
  expect(spread([...upTo(200)].reverse())).toBe('101 ms / 199 ms')
  expect(spread(times(20, 10, 30))).toBe('20 ms / 30 ms')
})

it('what is added may be less than nothing', () => {
  expect(added(times(3), times(1))).toBe('+2.00 ms / +2.00 ms')
  expect(added(times(1), times(3))).toBe('−2.00 ms / −2.00 ms')
})

it('failures are told where there are any', () => {
  expect(failures(times(1, 2))).toBe('')
  expect(failures([...times(1), { ms: 1, rcode: 'SERVFAIL' }])).toBe(', 1 of 2 SERVFAIL')
})

it('rows follow the head', () => {
  expect(tabulate(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | --- |\n| 1 | 2 |')
})
