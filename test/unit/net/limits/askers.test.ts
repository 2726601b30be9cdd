// Who counts as one asker, and that the number of addresses costs no memory.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSubnet, subnetContains } from '../../../../src/lib/ip.ts'
import { Recent } from '../../../../src/lib/recent.ts'
import { createAskers } from '../../../../src/net/limits/askers.ts'

const docker = parseSubnet('2001:db8:d0c::/64')!
const create = (capacity = 100) =>
  createAskers({ capacity: () => capacity, isOnNetwork: (bytes) => subnetContains(docker, bytes) })

describe('an asker', () => {
  it.each([
    ['the same IPv4 address', '192.0.2.1', '192.0.2.1', true],
    ['another IPv4 address', '192.0.2.1', '192.0.2.2', false],
    ['addresses of one /64', '2001:db8::1', '2001:db8::ffff:1', true],
    ['addresses of two /64', '2001:db8::1', '2001:db8:0:1::1', false],
    ['containers on one network', '2001:db8:d0c::2', '2001:db8:d0c::3', false],
    ['neighbours on a link', 'fe80::1%eth0', 'fe80::2%eth0', false],
    ['an address on two links', 'fe80::1%eth0', 'fe80::1%eth1', false],
  ])('%s', (_what, a, b, same) => {
    const askers = create()
    expect(askers.of(a) === askers.of(b)).toBe(same)
    expect(askers.of(a)).toBe(askers.of(a))
  })

  it.each([
    ['192.0.2.1', '192.0.2.200', true],
    ['192.0.2.1', '192.0.3.1', false],
    ['2001:db8:0:aa00::1', '2001:db8:0:aaff::1', true],
    ['2001:db8:0:aa00::1', '2001:db8:0:ab00::1', false],
    ['2001:db8:d0c::2', '2001:db8:d0c::3', true],
  ])('%s and %s: the same prefix is %s', (a, b, same) => {
    const askers = create()
    expect(askers.of(a).rate.prefix === askers.of(b).rate.prefix).toBe(same)
  })

  it('is not forgotten while it holds something, however many others come', () => {
    const askers = create(50)
    const busy = askers.of('192.0.2.1')
    busy.inFlight = 1
    const idle = askers.of('192.0.2.2')
    for (let i = 0; i < 10_000; i++) askers.of(`10.0.${i >> 8}.${i & 255}`)
    expect(askers.of('192.0.2.1')).toBe(busy)
    expect(askers.of('192.0.2.2')).not.toBe(idle)
    expect(askers.size()).toBeLessThanOrEqual(101)
  })
})

describe('what is remembered', () => {
  it('is at most twice the capacity and what is held, and never less than the last of the capacity', () => {
    const keys = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), keys, (capacity, used) => {
        const isHeld = (value: number) => value % 10 === 7
        const use = (recent: Recent<string, number>, key: number) => {
          if (recent.get(String(key)) === undefined) recent.set(String(key), key)
        }
        const held = new Set(used.filter(isHeld))
        const last: number[] = []
        const recent = new Recent<string, number>({ capacity: () => capacity, isHeld })
        for (const key of used) {
          use(recent, key)
          last.splice(0, last.length, key, ...last.filter((each) => each !== key).slice(0, capacity - 1))
          expect(recent.size).toBeLessThanOrEqual(2 * capacity + held.size)
        }
        // To look is to use, and may push others out: each is looked for in a map of its own.
        for (const key of [...last, ...held]) {
          const same = new Recent<string, number>({ capacity: () => capacity, isHeld })
          for (const each of used) use(same, each)
          expect(same.get(String(key))).toBe(key)
        }
      }),
      // What is held once took the place of what was used last.
      { numRuns: 500, examples: [[3, [57, 0, 7, 8, 0, 9, 1, 0]]] },
    )
  })
})
