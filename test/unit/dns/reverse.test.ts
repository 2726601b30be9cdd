// Reverse names: addresses, the blocks above them, and what stands for nothing.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readReverse, reverseName } from '../../../src/dns/reverse.ts'
import { formatAddress } from '../../../src/lib/ip.ts'

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
