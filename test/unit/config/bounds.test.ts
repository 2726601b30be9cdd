// What a configuration may cost: too large, too deep and of too many pieces is refused, with its place, before a parser
// that recurses sees it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { listWarnings } from '../../../src/config/config-warnings.ts'
import { type ConfigSources, loadConfig } from '../../../src/config/load.ts'

import { parseEngineAddress } from '../../../src/docker/api/address.ts'
import { readResolvConf } from '../../../src/forward/resolvconf.ts'
import { BerthError } from '../../../src/lib/errors.ts'

const directory = mkdtempSync(join(tmpdir(), 'berth-bounds-'))
const file = join(directory, 'berth.yml')
afterAll(() => rmSync(directory, { recursive: true }))

function load(text: string, sources: Partial<ConfigSources> = {}) {
  writeFileSync(file, text)
  return loadConfig({ file, env: {}, flags: {}, parseEngineAddress, ...sources })
}

function problemsOf(text: string, sources: Partial<ConfigSources> = {}): string[] {
  try {
    load(text, sources)
  } catch (error) {
    if (!(error instanceof BerthError)) throw error
    return error.message.replaceAll(file, 'FILE').replaceAll(directory, 'DIR').split('\n')
  }
  throw new Error('the configuration was accepted')
}

const indented = (depth: number, line: string) =>
  Array.from({ length: depth }, (_, i) => `${' '.repeat(i)}${line}`).join('\n')

describe('a text that is nested too deep', () => {
  it.each([
    ['lists', '['.repeat(3000)],
    ['lists that are closed', `hosts: ${'['.repeat(3000)}${']'.repeat(3000)}`],
    ['maps', '{a: '.repeat(3000)],
    ['both', `a: ${'[{b: '.repeat(1500)}`],
    ['keys that are lists', '? ['.repeat(1000)],
    ['lists with texts between that hold brackets', `a: ${'["]]]", '.repeat(200)}`],
    ['lists with comments between', `a: ${'[ # ]]]\n '.repeat(200)}`],
    ['lists with tags and anchors', `a: ${'!!seq [ '.repeat(200)}`],
    ['lists on one line', '- '.repeat(3000)],
    ['explicit keys on one line', '? '.repeat(3000)],
    ['maps by indentation', indented(500, 'a:')],
    ['lists by indentation', indented(500, '-')],
    ['lists in maps without indentation', indented(100, '- a:')],
    ['a million lists', '['.repeat(1_000_000)],
  ])('is refused, however often: %s', (_, text) => {
    for (let i = 0; i < 6; i++) {
      expect(problemsOf(text)).toEqual([
        expect.stringMatching(/^FILE:\d+:\d+: more than 32 levels of lists and maps/),
      ])
    }
  })

  it('is told with its place', () => {
    expect(problemsOf(`ttl: 1\nhosts: {a: ${'['.repeat(3000)}`)[0]).toMatch(/^FILE:2:4\d: /)
  })

  it('is one in flags and variables too', () => {
    const text = `${'['.repeat(3000)}${']'.repeat(3000)}`
    expect(problemsOf('', { env: { BERTH_LISTEN: text } })).toEqual([
      expect.stringMatching(/^environment BERTH_LISTEN: listen: more than 32 /),
    ])
    expect(problemsOf('', { flags: { 'scope.allow': text } })).toEqual([
      expect.stringMatching(/^flag --scope.allow: scope.allow: more than 32 /),
    ])
  })

  it('is not one that has some levels', () => {
    expect(problemsOf(`x: ${'['.repeat(20)}${']'.repeat(20)}`)).toEqual([
      expect.stringMatching(/unknown key/),
    ])
  })
})

describe('a text that is too large', () => {
  it.each([
    [
      'in bytes',
      `#${'x'.repeat(9 << 20)}`,
      /^FILE: cannot be read: it is larger than 8388608 bytes: 9437185; /,
    ],
    ['in pieces', `a: [${','.repeat(2_000_000)}]`, /^FILE:1:\d+: has more than 1500000 tokens/],
    ['in a value', `zone: ${'x'.repeat(70_000)}`, /^FILE:1:7: a value of 70000 characters stands here/],
    ['in a quoted value', `zone: "${'x'.repeat(70_000)}"`, /^FILE:1:7: a value of 70002 characters /],
    ['in a block', `zone: |\n ${'x'.repeat(70_000)}`, /a value of 7000\d characters /],
    ['in a key', `${'x'.repeat(70_000)}: 1`, /^FILE:1:1: a value of 70000 characters stands here/],
    ['in references', `a: &a 1\nb: [${'*a,'.repeat(101)}]`, /^FILE:2:\d+: more than 100 references/],
  ])('%s', (_, text, problem) => expect(problemsOf(text)).toEqual([expect.stringMatching(problem)]))

  it('by what references make of it', () => {
    const levels = Array.from({ length: 10 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]`)
    expect(problemsOf(['l0: &l0 [x]', ...levels].join('\n'))).toEqual([
      expect.stringMatching(/^FILE:1:1: is not YAML: Excessive alias count/),
    ])
    for (const problem of problemsOf('hosts: &a {x: *a}')) expect(problem).toMatch(/^FILE:1:/)
  })

  it('or has no end', () => {
    expect(problemsOf('', { file: '/dev/zero' })[0]).toMatch(
      /^\/dev\/zero: cannot be read: it is larger than/,
    )
  })

  it('or waits for somebody who writes, where it is read again', () => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(problemsOf('', { file: pipe, isAgain: true })).toEqual([
      'DIR/pipe: cannot be read: it is not a regular file',
    ])
    const engine = 'docker: {engines: [{url: "tcp://192.0.2.1:2376", ca: pipe}]}'
    expect(problemsOf(engine, { isAgain: true })).toEqual([
      expect.stringMatching(/docker\.engines\[0\]\.ca: DIR\/pipe: cannot be read: it is not a regular file$/),
    ])
  })

  it('is a certificate too', () => {
    writeFileSync(join(directory, 'ca.pem'), 'x'.repeat(2 << 20))
    const problems = problemsOf('docker: {engines: [{url: "tcp://192.0.2.1:2376", ca: ca.pem}]}')
    expect(problems).toEqual([
      expect.stringMatching(
        /docker\.engines\[0\]\.ca: DIR\/ca\.pem: cannot be read: it is larger than 1048576/,
      ),
    ])
  })
})

describe('lists', () => {
  it('of fifty thousand are read, and a key that is there twice is found', () => {
    const hosts = Array.from({ length: 50_000 }, (_, i) => `  h${i}.test: 192.0.2.1`)
    expect(load(['hosts:', ...hosts].join('\n')).hosts).toHaveLength(50_000)
    expect(problemsOf(['hosts:', ...hosts, hosts[0]].join('\n'))).toEqual([
      'FILE:50002:3: this key appears twice; remove one',
    ])
  })

  it('of what costs a socket or a connection are shorter', () => {
    const many = (count: number, of: (i: number) => string) => Array.from({ length: count }, (_, i) => of(i))
    const listen = JSON.stringify(many(300, (i) => `127.0.0.1:${i + 1}`))
    expect(problemsOf(`listen: ${listen}`)).toEqual([
      'FILE:1:9: listen: has 300 addresses; at most 256 are allowed, "*:53" is every local one',
    ])
    const engines = JSON.stringify(many(65, (i) => `unix:///${i}`))
    expect(problemsOf(`docker: {engines: ${engines}}`)).toEqual([
      'FILE:1:19: docker.engines: has 65 engines; at most 64 are allowed',
    ])
  })
})

describe('what one entry makes many of', () => {
  const addresses = (count: number) =>
    JSON.stringify(Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`))
  const subnets = (count: number) =>
    Array.from({ length: count }, (_, i) => `"10.${i >> 8}.${i & 255}.0/9": 192.0.2.1`)

  it.each([
    [
      'servers',
      `forward: {upstreams: ${addresses(257)}}`,
      'forward.upstreams: has 257 servers; at most 256 are allowed',
    ],
    [
      'servers of a route',
      `forward: {zones: {a.test: {upstreams: ${addresses(257)}}}}`,
      'forward.zones["a.test"].upstreams: has 257 servers; at most 256 are allowed',
    ],
    [
      'servers of a network',
      `forward: {networks: {lab: ${addresses(257)}}}`,
      'forward.networks.lab: has 257 servers;',
    ],
    ['addresses', `hosts: {a: ${addresses(1001)}}`, 'hosts.a: has 1001 addresses; at most 1000 are allowed'],
    [
      'networks',
      `hosts: {a: {addresses: "::1", networks: ${addresses(1001)}}}`,
      'hosts.a.networks: has 1001 networks;',
    ],
    [
      'zones by subnets',
      `forward: {zones: {${subnets(1001)}}}`,
      'forward.zones: has 1001 subnets; at most 1000 are allowed',
    ],
  ])('%s are so many at most', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(problem)])
  })

  it('and as many as that are read', () => {
    expect(load(`hosts: {a: ${addresses(1000)}}`).hosts[0]!.v4).toHaveLength(1000)
    const { upstreams, zones } = load(
      `forward: {upstreams: ${addresses(256)}, zones: {${subnets(1000)}}}`,
    ).forward
    expect([upstreams.length, zones.length]).toEqual([256, 128_000])
  })

  it('warnings are told each once, and a hundred of them', () => {
    const names = Array.from({ length: 500 }, (_, i) => `a${i}.docker.internal: 192.0.2.1`)
    const warnings = [subnets(3), names].map((zones) => listWarnings(load(`forward: {zones: {${zones}}}`)))
    for (const each of warnings) {
      expect(each).toHaveLength(101)
      expect(new Set(each).size).toBe(101)
      expect(each.at(-1)).toBe('there are more warnings; only the first are shown')
    }
  })
})

describe('what is told of a text', () => {
  it('is a hundred problems at most', () => {
    const hosts = Array.from({ length: 5000 }, (_, i) => `  h${i}.test: x`)
    const keys = Array.from({ length: 5000 }, (_, i) => `k${i}: 1`)
    for (const text of [['hosts:', ...hosts], keys, [...keys, ...keys]].map((lines) => lines.join('\n'))) {
      const problems = problemsOf(text)
      expect(problems.length).toBeGreaterThanOrEqual(100)
      expect(problems.length).toBeLessThanOrEqual(101)
    }
    expect(problemsOf(keys.join('\n')).at(-1)).toBe('there are more problems; only the first are shown')
  })

  it('is short, whatever was written', () => {
    const long = 'x'.repeat(60_000)
    for (const text of [`listen: ["${long}"]`, `${long}: 1`, `hosts: {"${long}": 1}`, `zone: "ü${long}"`]) {
      for (const problem of problemsOf(text)) expect(problem.length).toBeLessThan(1200)
    }
    const colons = `[${':'.repeat(60_000)}`
    expect(problemsOf(`http: "${colons}"`)).toEqual(['FILE:1:7: http: is too long to be an address and port'])
  })
})

describe('resolv.conf', () => {
  it('of any length has so many servers and problems', () => {
    const { servers, problems } = readResolvConf(
      [
        ...Array.from({ length: 500 }, (_, i) => `nameserver 10.0.${i >> 8}.${i & 255}`),
        ...Array.from({ length: 500 }, () => 'nameserver x'),
        ...Array.from({ length: 500 }, () => 'sortlist x'),
      ].join('\n'),
    )
    expect([servers.length, problems.length]).toEqual([32, 10])
  })
})
