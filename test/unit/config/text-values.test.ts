// The texts values are written as, and the words nearest to mistaken ones.
import { describe, expect, it } from 'vitest'
import {
  formatHostPort,
  parseDuration,
  parseHostPort,
  parseName,
  parseSize,
  parseUpstream,
} from '../../../src/config/text-values.ts'
import { similar } from '../../../src/lib/suggest.ts'

describe('durations', () => {
  it.each([
    ['60s', 60_000],
    ['3500ms', 3500],
    ['1h', 3_600_000],
    ['1.5m', 90_000],
    ['2 s', 2000],
  ])('%s', (text, value) => expect(parseDuration(text, '1ms', '24h')).toEqual({ value }))

  it.each(['', 's', '-1s', '1m30s', '1d', '1e3s', '1S', '0x1s'])('%j is none', (text) => {
    expect(parseDuration(text, '1ms', '24h')).toHaveProperty('problem')
  })
})

describe('sizes', () => {
  it.each([
    ['65536', 65_536],
    ['64KiB', 65_536],
    ['16 MiB', 16_777_216],
    ['4GiB', 4_294_967_296],
  ])('%s', (text, value) => expect(parseSize(text, '64KiB', '4GiB')).toEqual({ value }))

  it.each(['', '16M', '16mib', '1.5MiB', '-1', '63KiB', '4097MiB', '9999999999999'])('%j is none', (text) => {
    expect(parseSize(text, '64KiB', '4GiB')).toHaveProperty('problem')
  })
})

describe('addresses with ports', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', 53],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['[::1]', '::1', 53],
    ['[2001:DB8:0:0::1]:5353', '2001:db8::1', 5353],
    ['::ffff:127.0.0.1', '127.0.0.1', 53],
    ['fe80::1%eth0', 'fe80::1%eth0', 53],
    ['fe80::1%docker_gwbridge', 'fe80::1%docker_gwbridge', 53],
    ['[FE80::1%veth0@if5]:5353', 'fe80::1%veth0@if5', 5353],
    ['[fe80::1%brücke]', 'fe80::1%brücke', 53],
    ['fe80::1%15characters-ab', 'fe80::1%15characters-ab', 53],
    ['fe80::1%5', 'fe80::1%5', 53],
    ['fe80::1%eth0.100', 'fe80::1%eth0.100', 53],
    ['*', '*', 53],
    ['*:5353', '*', 5353],
  ])('%s', (text, host, port) => {
    expect(parseHostPort(text, { port: 53, star: true })).toEqual({ value: { host, port } })
  })

  it.each([
    '',
    ':',
    'a',
    '127.0.0.1:',
    '127.0.0.1:x',
    '1.2.3.4:53:53',
    '[::1',
    '[::1]53',
    '127.0.0.1:65536',
    '[*]:1',
    'fe80::1%',
    'fe80::1%a b',
    'fe80::1%a/b',
    '[fe80::1%a%b]:53',
    'fe80::1%16characters-abc',
    'fe80::1%eth0:53',
    '127.0.0.1%eth0',
    '::ffff:127.0.0.1%eth0:53',
    'docker_gwbridge%eth0',
  ])('%j is none', (text) => expect(parseHostPort(text, { port: 53, star: true })).toHaveProperty('problem'))

  it('without an interface are told so, with an example', () => {
    const { problem } = parseHostPort('[fe80::1%a b]:54', { port: 53 }) as { problem: string }
    expect(problem).toContain('has no interface name')
    expect(problem).toContain('"[fe80::1%eth0]:54"')
  })

  it('of upstreams have any interface too', () => {
    expect(parseUpstream('[fe80::1%docker_gwbridge]:5300')).toEqual({
      value: { host: 'fe80::1%docker_gwbridge', port: 5300, text: '[fe80::1%docker_gwbridge]:5300' },
    })
  })

  it('a star only where it has a meaning', () => {
    expect(parseHostPort('*:53', { port: 53 })).toHaveProperty('problem')
  })

  it('are written with brackets', () => expect(formatHostPort('::1', 53)).toBe('[::1]:53'))
})

describe('names', () => {
  it('may have 253 bytes and no more', () => {
    const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`
    expect(parseName(name)).toEqual({ value: name })
    expect(parseName(`${name}d`)).toEqual({ problem: 'is 254 bytes long; a domain name has at most 253' })
  })

  it.each(['a b', 'a/b', 'a\\.b', '.', '.a', 'a"'])('%j is none', (text) => {
    expect(parseName(text)).toHaveProperty('problem')
  })
})

describe('what was meant', () => {
  it.each([
    ['gatway', 'gateway'],
    ['listne', 'listen'],
    ['LOG', 'log'],
    ['htpp', 'http'],
    ['nothing', undefined],
    ['x', undefined],
  ])('%s', (word, meant) => expect(similar(word, ['listen', 'gateway', 'log', 'http', 'ttl'])).toBe(meant))
})
