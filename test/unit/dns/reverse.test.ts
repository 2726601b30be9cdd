// Reverse names: addresses, the blocks above them, and what stands for nothing.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readReverse, reverseName, reverseZones } from '../../../src/dns/reverse.ts'
import { formatAddress, parseSubnet, subnetContains } from '../../../src/lib/ip.ts'

const bytesOf = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })

describe('reverse names', () => {
  it('are written as RFC 1035 and RFC 3596 say', () => {
    expect(reverseName('198.18.0.2')).toBe('2.0.18.198.in-addr.arpa')
    expect(reverseName('2001:db8::567:89ab')).toBe(
      'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
    )
    expect(() => reverseName('web')).toThrow(TypeError)
  })

  it('come back as the address they were made from', () => {
    fc.assert(
      fc.property(fc.oneof(bytesOf(4), bytesOf(16)), (bytes) => {
        const block = { bytes, prefix: bytes.length * 8, malformed: false }
        expect(readReverse(reverseName(formatAddress(bytes)))).toEqual(block)
      }),
    )
  })

  it.each([
    ['in-addr.arpa', 0, ''],
    ['10.in-addr.arpa', 8, '0a'],
    ['18.172.in-addr.arpa', 16, 'ac12'],
    ['ip6.arpa', 0, ''],
    ['d.f.ip6.arpa', 8, 'fd'],
    ['1.d.f.ip6.arpa', 12, 'fd1'],
  ])('%s is a block of %i bits', (name, prefix, hex) => {
    const block = readReverse(name)!
    expect(block).toMatchObject({ prefix, malformed: false })
    const digits = Buffer.from(block.bytes).toString('hex')
    expect(digits).toBe(hex.padEnd(digits.length, '0'))
  })

  it.each([
    '1.2.3.4.5.in-addr.arpa',
    '256.18.172.in-addr.arpa',
    '01.18.172.in-addr.arpa',
    'x.18.172.in-addr.arpa',
    '0-63.0.18.172.in-addr.arpa',
    'g.d.f.ip6.arpa',
    'dd.f.ip6.arpa',
    `0.${reverseName('fd00::1')}`,
  ])('%s stands for nothing', (name) => {
    expect(readReverse(name)?.malformed).toBe(true)
  })

  it.each(['arpa', '', 'example.com', 'in-addr.arpa.example', 'xin-addr.arpa'])('%j is none', (name) => {
    expect(readReverse(name)).toBeUndefined()
  })
})

describe('the reverse zones of a subnet', () => {
  it.each([
    ['10.0.0.0/8', ['10.in-addr.arpa']],
    ['192.168.0.0/16', ['168.192.in-addr.arpa']],
    ['192.0.2.4/31', ['4.2.0.192.in-addr.arpa', '5.2.0.192.in-addr.arpa']],
    ['192.0.2.7/32', ['7.2.0.192.in-addr.arpa']],
    ['fd00::/8', ['d.f.ip6.arpa']],
    ['fe80::/10', ['8', '9', 'a', 'b'].map((digit) => `${digit}.e.f.ip6.arpa`)],
  ])('of %s are %j', (text, zones) => expect(reverseZones(parseSubnet(text)!)).toEqual(zones))

  it('hold its addresses and no others', () => {
    const drawn = fc.oneof(
      fc.tuple(bytesOf(4), fc.integer({ min: 1, max: 32 })),
      fc.tuple(bytesOf(16), fc.integer({ min: 1, max: 128 })),
    )
    fc.assert(
      fc.property(drawn, fc.nat(255), ([bytes, prefix], noise) => {
        const subnet = parseSubnet(`${formatAddress(bytes)}/${prefix}`)!
        const zones = reverseZones(subnet)
        for (const at of [0, Math.max(0, Math.ceil(prefix / 8) - 1), bytes.length - 1]) {
          const near = Uint8Array.from(bytes)
          near[at] = near[at]! ^ noise
          const name = reverseName(formatAddress(near))
          const held = zones.some((zone) => name === zone || name.endsWith(`.${zone}`))
          expect(held).toBe(subnetContains(subnet, near))
        }
      }),
    )
  })
})
