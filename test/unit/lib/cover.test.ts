// The cover of subnets tells what going through all of them tells.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { coverOf } from '../../../src/lib/cover.ts'
import { formatAddress, parseAddress, parseSubnet, subnetContains } from '../../../src/lib/ip.ts'

/** Few values, so that subnets touch, hold each other and hold addresses. */
const byte = fc.constantFrom(0, 1, 2, 3, 127, 128, 254, 255)
const address = fc.oneof(
  fc.array(byte, { minLength: 4, maxLength: 4 }),
  fc.array(byte, { minLength: 16, maxLength: 16 }),
)
const subnet = fc
  .tuple(address, fc.nat(128))
  .map(
    ([bytes, prefix]) =>
      parseSubnet(`${formatAddress(Uint8Array.from(bytes))}/${prefix % (8 * bytes.length + 1)}`)!,
  )

it('of any subnets, for any address', () => {
  fc.assert(
    fc.property(
      fc.array(subnet, { maxLength: 30 }),
      fc.array(address, { maxLength: 30 }),
      (subnets, asked) => {
        const cover = coverOf(subnets)
        const own = subnets.map(({ bytes }) => bytes)
        for (const each of [...own, ...asked.map((bytes) => Uint8Array.from(bytes))])
          expect(cover.contains(each)).toBe(subnets.some((one) => subnetContains(one, each)))
      },
    ),
    { numRuns: 1000 },
  )
})

it('of hundreds of networks, next to each other', () => {
  const cover = coverOf(Array.from({ length: 250 }, (_, n) => parseSubnet(`172.20.${n}.0/24`)!))
  const asked = ['172.19.255.255', '172.20.0.0', '172.20.9.255', '172.20.249.255', '172.20.250.0', 'fd00::1']
  expect(asked.map((text) => cover.contains(parseAddress(text)!))).toEqual([
    false,
    true,
    true,
    true,
    false,
    false,
  ])
})
