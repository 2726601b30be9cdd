// One canonical text for each address, and subnets.
import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  canonicalAddress,
  firstAddress,
  formatAddress,
  parseAddress,
  parseSubnet,
  subnetContains,
} from '../../../src/lib/ip.ts'

const bytesOf = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Runs of zeros, where IPv6 texts differ.
  fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map((b) => Uint8Array.from(b)),
)

describe('addresses', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.2/24', '10.0.0.2'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:0a00:0001', '10.0.0.1'],
    ['FD00:0:0::00A', 'fd00::a'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1::', '1::'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('%s is known as %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical)
  })

  it.each(['', 'web', '10.0.0', '10.0.0.256', '010.0.0.1', '1.2.3.4.5', ':::', 'fd00::1::2', '12345::'])(
    '%j is none',
    (text) => {
      expect(canonicalAddress(text)).toBeUndefined()
      expect(parseAddress(text)).toBeUndefined()
    },
  )

  it('come back from their text, which is canonical', () => {
    fc.assert(
      fc.property(bytesOf, (bytes) => {
        const text = formatAddress(bytes)
        expect(parseAddress(text)).toEqual(bytes)
        if (isIPv6(text) && !text.startsWith('::ffff:')) {
          expect(canonicalAddress(text)).toBe(text)
          expect(canonicalAddress(text.toUpperCase())).toBe(text)
          // The URL standard writes IPv6 as RFC 5952 does.
          expect(new URL(`http://[${text}]`).hostname).toBe(`[${text}]`)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('subnets', () => {
  it('drop host bits and have a canonical text', () => {
    expect(parseSubnet('10.1.2.3/20')).toMatchObject({ family: 4, prefix: 20, text: '10.1.0.0/20' })
    expect(parseSubnet('FD00::1/64')).toMatchObject({ family: 6, prefix: 64, text: 'fd00::/64' })
    expect(parseSubnet('10.1.2.3')).toMatchObject({ prefix: 32 })
  })

  it.each(['10.0.0.0/33', 'fd00::/129', '10.0.0.0/', '10.0.0.0/x', '10.0.0.0/8/8', 'web/8', '10.0.0.0/-1'])(
    '%j is none',
    (text) => {
      expect(parseSubnet(text)).toBeUndefined()
    },
  )

  it('hold the addresses whose first bits are theirs, of their family', () => {
    fc.assert(
      fc.property(bytesOf, bytesOf, fc.nat(128), (bytes, other, length) => {
        const bits = bytes.length * 8
        const prefix = length % (bits + 1)
        const subnet = parseSubnet(`${formatAddress(bytes)}/${prefix}`)!
        const binary = (of: Uint8Array) =>
          Array.from(of, (byte) => byte.toString(2).padStart(8, '0')).join('')
        expect(subnetContains(subnet, bytes)).toBe(true)
        expect(subnetContains(subnet, other)).toBe(
          other.length === bytes.length && binary(other).slice(0, prefix) === binary(bytes).slice(0, prefix),
        )
      }),
    )
  })

  it.each([
    ['172.18.0.0/16', '172.18.0.1'],
    ['10.0.0.0/30', '10.0.0.1'],
    ['10.0.0.0/31', '10.0.0.0'],
    ['10.0.0.7/32', '10.0.0.7'],
    ['fd00::/64', 'fd00::1'],
  ])('%s begins at %s', (text, first) => {
    expect(firstAddress(parseSubnet(text)!)).toBe(first)
  })
})
