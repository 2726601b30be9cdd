// When containers were started: as engines write it, and in what order where their clock is set back.
import { expect, it } from 'vitest'
import {
  createStartOrder,
  parseStartTime,
  restarted,
  type StartTime,
  startTimeOf,
} from '../../../../src/docker/model/start-order.ts'

const second = 1_780_000_000_000_000_000n

it.each([
  // Docker leaves out zeros at the end; Podman writes the zone of its machine.
  ['2026-05-28T20:26:40.440573507Z', second + 440_573_507n],
  ['2026-05-28T20:26:40.44Z', second + 440_000_000n],
  ['2026-05-28T20:26:40Z', second],
  ['2026-05-28T22:26:40.000000001+02:00', second + 1n],
  ['2026-05-28T20:26:40.4405735079Z', second + 440_573_507n],
])('%s is %s ns since 1970', (text, wanted) => {
  expect(parseStartTime(text)).toBe(wanted)
})

it.each([
  undefined,
  '',
  '0001-01-01T00:00:00Z',
  '1970-01-01T00:00:00Z',
  'yesterday',
  '2026-13-28T20:26:40Z',
  '1780000000',
])('%s is no start', (text) => {
  expect(parseStartTime(text)).toBeUndefined()
})

/** Starts of containers by name, as they come to be told; in the order that is made of them. */
function orderOf(...told: [name: string, at: bigint | 'later' | undefined][]): string[] {
  const starts = createStartOrder()
  const now = new Map<string, StartTime>()
  for (const [name, at] of told) {
    now.set(name, starts.follow(at === 'later' ? restarted : startTimeOf(at), now.get(name)))
  }
  return [...now].sort(([, a], [, b]) => (a.order! < b.order! ? -1 : 1)).map(([name]) => name)
}

it('they are in the order of their times, whichever is told first', () => {
  expect(orderOf(['host', 10n], ['lodger', 20n])).toEqual(['host', 'lodger'])
  expect(orderOf(['lodger', 20n], ['host', 10n])).toEqual(['host', 'lodger'])
  expect(orderOf(['host', 10n], ['lodger', 20n], ['lodger', 40n], ['host', 30n])).toEqual(['host', 'lodger'])
})

it('a start after the clock was set back is later than all before', () => {
  expect(orderOf(['host', 1000n], ['lodger', 1010n], ['host', 500n])).toEqual(['lodger', 'host'])
  expect(orderOf(['host', 1000n], ['lodger', 1010n], ['host', 500n], ['lodger', 501n])).toEqual([
    'host',
    'lodger',
  ])
  expect(orderOf(['host', 1000n], ['lodger', 1010n], ['lodger', 500n])).toEqual(['host', 'lodger'])
  expect(orderOf(['a', 1000n], ['b', 1010n], ['a', 500n], ['b', 100n])).toEqual(['a', 'b'])
})

/** Started at `at` by the engine's clock, and read at `now` by it; seconds. */
function readAt(...told: [name: string, at: number, now: number][]) {
  const starts = createStartOrder()
  const orders = new Map<string, StartTime>()
  for (const [name, at, now] of told) {
    const start = startTimeOf(BigInt(at) * 1_000_000_000n)
    orders.set(name, starts.follow(start, orders.get(name), now * 1000))
  }
  return (a: string, b: string) => {
    const [first, second] = [orders.get(a)!.order, orders.get(b)!.order]
    return first === undefined || second === undefined ? 'nobody knows' : first < second
  }
}

it('who is new after the clock was set back was started after all that are known', () => {
  const isBefore = readAt(['host', 10_000, 10_001], ['lodger', 6_500, 6_501], ['next', 6_600, 6_601])
  expect([isBefore('host', 'lodger'), isBefore('lodger', 'next')]).toEqual([true, true])
  const again = readAt(['host', 10_000, 10_001], ['lodger', 6_500, 6_501], ['host', 6_600, 6_601])
  expect(again('lodger', 'host')).toBe(true)
  const forth = readAt(['host', 10_000, 10_001], ['lodger', 6_500, 6_501], ['host', 10_200, 10_201])
  expect(forth('lodger', 'host')).toBe(true)
})

it('of a start that is yet to come by the engine’s clock nobody knows when it was', () => {
  const told = [['host', 10_000, 9_000] as const, ['lodger', 6_500, 9_000] as const]
  for (const each of [told, [...told].reverse()]) {
    expect(readAt(...each.map((one) => [...one] as [string, number, number]))('lodger', 'host')).toBe(
      'nobody knows',
    )
  }
  const again = readAt(['host', 10_000, 9_000], ['lodger', 6_500, 9_000], ['host', 9_100, 9_101])
  expect(again('lodger', 'host')).toBe(true)
  // Clocks that are read at two places are never quite the same.
  expect(readAt(['host', 9_001, 9_000], ['lodger', 8_000, 9_000])('lodger', 'host')).toBe(true)
})

it('what is not told any more, or told again, leaves a start where it is', () => {
  expect(orderOf(['host', 10n], ['lodger', 20n], ['host', undefined])).toEqual(['host', 'lodger'])
  expect(orderOf(['host', 1000n], ['host', 500n], ['lodger', 600n], ['host', 500n])).toEqual([
    'host',
    'lodger',
  ])
})

it('a start whose time is not told yet is later than all, until it is', () => {
  expect(orderOf(['host', 10n], ['lodger', 20n], ['host', 'later'])).toEqual(['lodger', 'host'])
  expect(orderOf(['host', 10n], ['lodger', 20n], ['host', 'later'], ['host', 10n])).toEqual([
    'host',
    'lodger',
  ])
  expect(orderOf(['host', 10n], ['lodger', 20n], ['host', 'later'], ['host', 15n])).toEqual([
    'host',
    'lodger',
  ])
  expect(orderOf(['host', 10n], ['lodger', 20n], ['host', 'later'], ['host', 30n])).toEqual([
    'lodger',
    'host',
  ])
  expect(orderOf(['host', 10n], ['lodger', 20n], ['host', 'later'], ['host', 30n], ['lodger', 31n])).toEqual([
    'host',
    'lodger',
  ])
  expect(orderOf(['host', 1000n], ['lodger', 1010n], ['host', 'later'], ['host', 500n])).toEqual([
    'lodger',
    'host',
  ])
})
