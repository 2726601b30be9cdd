// What `npm run latency` calls late.
import { expect, it } from 'vitest'
import { figuresOf, findLate } from '../../tools/soak/bounds.ts'

it('tells the middle one, the 99th percentile and the longest', () => {
  const times = Array.from({ length: 200 }, (_, i) => 200 - i)
  expect(figuresOf(times)).toEqual({ count: 200, median: 101, high: 199, most: 200 })
  expect(figuresOf([7])).toEqual({ count: 1, median: 7, high: 7, most: 7 })
})

it.each([
  ['in time', { start: [3, 1000], 'alias of a stopped container': [99, 100, 1000] }, []],
  ['one that is late', { start: [3, 1000.5] }, ['start took 1000.5 ms; 1000 are the most']],
  [
    'a middle one that is late',
    { 'alias of a stopped container': [99, 101, 102] },
    ['alias of a stopped container took 101.0 ms in the middle; 100 are the most'],
  ],
  ['what is not judged', { nothing: [1] }, ['nothing has no bound']],
  ['what was not measured', { stop: [] }, ['stop was not measured']],
] as const)('%s', (_what, times, late) => expect(findLate(times)).toEqual(late))
