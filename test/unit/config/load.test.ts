// The configuration from its sources: what goes before what, and what is said about mistakes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { type ConfigSources, loadConfig } from '../../../src/config/load.ts'
import { loadAddresses } from '../../../src/config/running-addresses.ts'
import { listSettings } from '../../../src/config/schema.ts'
import type { Config, Upstream } from '../../../src/config/types.ts'
import { networkKey } from '../../../src/dns/told.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'
import { BerthError } from '../../../src/lib/errors.ts'

const directory = mkdtempSync(join(tmpdir(), 'berth-config-'))
const file = join(directory, 'berth.yml')
const example = fileURLToPath(new URL('../../../config/berth.yml', import.meta.url))
afterAll(() => rmSync(directory, { recursive: true }))

function load(sources: Partial<ConfigSources> = {}): Config {
  return loadConfig({ env: {}, flags: {}, parseEngineAddress, ...sources })
}

function loadText(text: string, sources: Partial<ConfigSources> = {}): Config {
  writeFileSync(file, text)
  return load({ file, ...sources })
}

/** The problems, one a line, with the file's name in place of its path. */
function problemsOf(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(BerthError)
    expect((error as BerthError).code).toBe('CONFIG')
    return (error as Error).message
      .replaceAll(directory, 'DIR')
      .replaceAll('DIR/berth.yml', 'FILE')
      .split('\n')
  }
  throw new Error('the configuration was accepted')
}

describe('the example file', () => {
  it('says what the defaults are', () => {
    expect({ ...load({ file: example }), file: undefined }).toEqual(load())
  })

  it('shows every setting', () => {
    const document = parseDocument(readFileSync(example, 'utf8'))
    expect(listSettings().filter((setting) => !document.hasIn(setting.split('.')))).toEqual([])
    expect(listSettings()).toContain('forward.singleLabel')
  })
})

describe('the old name of forward.order', () => {
  const old = ['random', 'fastest'] as const
  it.each(old)('is taken in a file, from the environment and as a flag: %s', (order) => {
    const written = `forward: {policy: ${order}, zones: {corp.example: {upstreams: 192.0.2.1, policy: random}}}`
    const { forward } = loadText(written)
    expect(forward).toMatchObject({ order, zones: [{ suffix: 'corp.example', order: 'random' }] })
    expect(forward).not.toHaveProperty('policy')
    expect(load({ env: { BERTH_FORWARD_POLICY: order } }).forward).toEqual(
      load({ flags: { 'forward.order': order } }).forward,
    )
    expect(load({ flags: { 'forward.policy': order } }).forward.order).toBe(order)
  })

  it('gives way to the new one where that has precedence, and the other way round', () => {
    writeFileSync(file, 'forward: {policy: random}')
    expect(load({ file, env: { BERTH_FORWARD_ORDER: 'fastest' } }).forward.order).toBe('fastest')
    writeFileSync(file, 'forward: {order: random}')
    expect(load({ file, env: { BERTH_FORWARD_POLICY: 'fastest' } }).forward.order).toBe('fastest')
  })

  it('is an error beside the new one, which says what to drop', () => {
    const message =
      'forward.policy: is the old name of forward.order, which is set as well; drop forward.policy'
    const env = { BERTH_FORWARD_POLICY: 'random', BERTH_FORWARD_ORDER: 'random' }
    expect(problemsOf(() => load({ env }))).toEqual([`environment BERTH_FORWARD_POLICY: ${message}`])
    const flags = { 'forward.order': 'random', 'forward.policy': 'random' }
    expect(problemsOf(() => load({ flags }))).toEqual([`flag --forward.policy: ${message}`])
  })
})

describe('what can be written', () => {
  it('reads every setting', () => {
    const config = loadText(`
listen: ["*:53", "[fe80::1%eth0]:5353", "::1", 192.0.2.1]
udp: plain
docker:
  engines:
    - unix:///run/one.sock
    - {name: two, url: "tcp://192.0.2.2:2375", local: false, reach: routed}
  resync: 1.5h
zone: Docker.Test.
ttl: 5
health: require
scope: {gateway: network, allow: [192.0.2.7/24, "2001:db8::/32", 198.51.100.1]}
hosts:
  Web.Test.: 192.0.2.1
  "*.web.test": ["192.0.2.1", "2001:DB8:0::1", "::ffff:192.0.2.1"]
  db: {addresses: 192.0.2.9, networks: [Front, back]}
forward:
  upstreams: [9.9.9.9, "[2620:fe::fe]:5353", "2620:fe::fe", "fe80::1%eth0", "9.9.9.9:5300"]
  zones: {Corp.Example: 198.51.100.53}
  order: random
  timeout: 2s
  singleLabel: true
cache: {entries: 0, bytes: 64KiB, maxTtl: 24h, maxNegativeTtl: 1s, stale: off, failureRecheck: 5m}
http: off
limits: {connections: 10, idle: 500ms, bytes: 64KiB, inFlight: 20, rate: 0, slip: 3, fairShare: false, rateAll: true}
log: {level: debug, queries: true}
`)
    expect(config.listen).toEqual([
      { host: '*', port: 53 },
      { host: 'fe80::1%eth0', port: 5353 },
      { host: '::1', port: 53 },
      { host: '192.0.2.1', port: 53 },
    ])
    expect(config.docker.resync).toBe(5_400_000)
    expect(config.docker.engines.map(({ name }) => name)).toEqual(['/run/one.sock', 'two'])
    expect(config.docker.engines[1]).toMatchObject({ local: false, reach: 'routed' })
    expect(config.zone).toBe('docker.test')
    expect(config.scope.allow.map(({ text }) => text)).toEqual([
      '192.0.2.0/24',
      '2001:db8::/32',
      '198.51.100.1/32',
    ])
    expect(config.hosts).toEqual([
      { name: 'web.test', wildcard: false, v4: ['192.0.2.1'], v6: [], networks: undefined },
      { name: 'web.test', wildcard: true, v4: ['192.0.2.1'], v6: ['2001:db8::1'], networks: undefined },
      { name: 'db', wildcard: false, v4: ['192.0.2.9'], v6: [], networks: ['front', 'back'] },
    ])
    const { upstreams, ...forward } = config.forward
    expect((upstreams as readonly Upstream[]).map(({ text }) => text)).toEqual([
      '9.9.9.9:53',
      '[2620:fe::fe]:5353',
      '[2620:fe::fe]:53',
      '[fe80::1%eth0]:53',
      '9.9.9.9:5300',
    ])
    expect(forward).toEqual({
      ...{ networks: [], servers: [], rebindProtection: false, rebindAllow: [] },
      zones: [
        {
          suffix: 'corp.example',
          upstreams: [{ host: '198.51.100.53', port: 53, text: '198.51.100.53:53' }],
        },
      ],
      order: 'random',
      timeout: 2000,
      singleLabel: true,
    })
    expect(config.cache).toEqual({
      entries: 0,
      bytes: 65_536,
      maxTtl: 86_400_000,
      maxNegativeTtl: 1000,
      stale: 0,
      failureRecheck: 300_000,
    })
    expect(config.http).toBeUndefined()
    expect(config.limits).toMatchObject({
      ...{ connections: 10, connectionsPerAsker: 128, idle: 500, stall: 5_000, bytes: 65_536, inFlight: 20 },
      ...{ rate: 0, ratePerPrefix: 8_000, slip: 3, fairShare: false, rateAll: true },
    })
    expect(config).toMatchObject({
      udp: 'plain',
      ttl: 5,
      health: 'require',
      log: { level: 'debug', queries: true },
      file,
    })
  })

  it.each(['', '# nothing\n', 'docker:\nforward:\n  upstreams:\nttl:\n', '\uFEFFttl: 0\n', '{}'])(
    'takes what is left empty (%j) for the defaults',
    (text) => expect({ ...loadText(text), file: undefined }).toEqual(load()),
  )

  it.each([
    ['false', undefined],
    ['"*:80"', { host: '*', port: 80 }],
    ['"::1"', { host: '::1', port: 9153 }],
    ['0.0.0.0', { host: '0.0.0.0', port: 9153 }],
  ])('reads http: %s', (text, http) => expect(loadText(`http: ${text}`).http).toEqual(http))

  it('reads routes: lists or maps, domains, subnets and networks', () => {
    const { zones, networks, rebindAllow } = loadText(`
forward:
  zones:
    Corp.Example.: [198.51.100.53]
    lab.example: {upstreams: "198.51.100.1,198.51.100.2", order: random}
    10.0.0.0/8: [198.51.100.3]
    172.16.0.0/12: [198.51.100.4]
    2001:db8:4000::/34: [198.51.100.5]
  networks:
    Lab: [192.0.2.53]
    vault: {upstreams: ["192.0.2.54"], order: random}
  rebindAllow: Corp.Example
`).forward
    const told = zones.map(({ suffix, upstreams, order = '' }) => [suffix, upstreams.length, order])
    expect(told.slice(0, 3)).toEqual([
      ['corp.example', 1, ''],
      ['lab.example', 2, 'random'],
      ['10.in-addr.arpa', 1, ''],
    ])
    const second = Array.from({ length: 16 }, (_, i) => `${16 + i}.172.in-addr.arpa`)
    const digits = ['4', '5', '6', '7'].map((digit) => `${digit}.8.b.d.0.1.0.0.2.ip6.arpa`)
    expect(told.slice(3).map(([suffix]) => suffix)).toEqual([...second, ...digits])
    expect(networks).toMatchObject([{ network: 'lab' }, { network: 'vault', order: 'random' }])
    expect(rebindAllow).toEqual(['corp.example'])
  })

  it('reads servers that do not take EDNS or AD', () => {
    const { servers } = loadText(`
forward:
  servers:
    198.51.100.53: {edns: false}
    "[2001:DB8::1]:5353": {edns: true, ad: "false"}
    "192.0.2.1:53": {}
`).forward
    expect(servers).toEqual([
      { text: '198.51.100.53:53', edns: false, ad: true },
      { text: '[2001:db8::1]:5353', edns: true, ad: false },
      { text: '192.0.2.1:53', edns: true, ad: true },
    ])
  })

  it('finds a network by the key that its names are kept under, and keeps apart what Docker does', () => {
    const { hosts, forward } = loadText(`
hosts: {nas: {addresses: 192.0.2.9, networks: [Lab, "lab.", bü]}}
forward: {networks: {lab: [192.0.2.53], "lab.": [192.0.2.54]}}
`)
    const keys = ['Lab', 'lab.', 'bü'].map(networkKey)
    expect(hosts[0]!.networks).toEqual(keys)
    expect(forward.networks.map(({ network }) => network)).toEqual(keys.slice(0, 2))
    expect(new Set(keys).size).toBe(3)
    expect(problemsOf(() => loadText('forward: {networks: {lab: [192.0.2.53], LAB: [192.0.2.54]}}'))).toEqual(
      [expect.stringContaining('is the same name as "lab"')],
    )
  })

  it.each([
    ['off', 0],
    ['false', 0],
    ['0', 0],
    ['0s', 0],
    ['"90m"', 5_400_000],
  ])('reads cache.stale: %s', (text, stale) =>
    expect(loadText(`cache: {stale: ${text}}`).cache.stale).toBe(stale),
  )

  it('reads cache.bytes with a unit, without, and from the environment', () => {
    expect(loadText('cache: {bytes: 1MiB}').cache.bytes).toBe(2 ** 20)
    expect(loadText('cache: {bytes: 1048576}').cache.bytes).toBe(2 ** 20)
    expect(load({ env: { BERTH_CACHE_BYTES: '1048576' } }).cache.bytes).toBe(2 ** 20)
  })

  it('follows anchors', () => {
    const { forward } = loadText('forward:\n  upstreams: &u [9.9.9.9]\n  zones: {corp.example: *u}\n')
    expect(forward.zones[0]?.upstreams).toEqual(forward.upstreams)
  })
})

describe('what is said about mistakes', () => {
  it.each<[text: string, problem: string]>([
    ['listne: []', 'FILE:1:1: listne: unknown key; did you mean "listen"?'],
    ['resync: 60s', 'FILE:1:1: resync: unknown key; did you mean "docker.resync"?'],
    ['scope:\n  gatway: host', 'FILE:2:3: scope.gatway: unknown key; did you mean "gateway"?'],
    ['scope: {colour: 1}', 'FILE:1:9: scope.colour: unknown key; known here: gateway, allow'],
    [
      'scope:\n  gateway: hots',
      'FILE:2:12: scope.gateway: "hots" is not one of refuse, network, host; did you mean "host"?',
    ],
    [
      'limits: {connections: 0}',
      'FILE:1:23: limits.connections: must be a whole number of connections from 1 to 100000',
    ],
    ['limits: {idle: 10}', 'FILE:1:16: limits.idle: must be text, not number 10; for example "10s"'],
    ['limits: {stall: 1h}', 'FILE:1:17: limits.stall: 1h is out of range; choose from 100ms to 10m'],
    [
      'limits: {rate: -1}',
      'FILE:1:16: limits.rate: must be a whole number of questions a second from 0 to 1000000',
    ],
    ['limits: {rateAl: true}', 'FILE:1:10: limits.rateAl: unknown key; did you mean "rateAll"?'],
    ['health: 3', 'FILE:1:9: health: number 3 is not one of ignore, prefer, require'],
    [
      'listen:\n  - 127.0.0.1:53\n  - localhost:53',
      'FILE:3:5: listen[1]: "localhost" is not an IP address (host names are not resolved); ' +
        'for example "127.0.0.1:53" or "[::1]:53" or "*:53"',
    ],
    ['listen: [53]', 'FILE:1:10: listen[0]: must be text, not number 53; for example "127.0.0.1:1053"'],
    ['udp: fast', 'FILE:1:6: udp: "fast" is not one of auto, plain, batch'],
    ['listen: {}', 'FILE:1:9: listen: must be a list, not a map; for example ["127.0.0.1:1053"]'],
    ['listen: []', 'FILE:1:9: listen: is empty; name at least one address to listen on'],
    ['listen: [":53"]', 'FILE:1:10: listen[0]: has no address; write "*:53" for every local address'],
    [
      'listen: ["0.0.0.0:53"]',
      'FILE:1:10: listen[0]: "0.0.0.0:53" is not a single address; write "*:53" for every local address',
    ],
    ['listen: ["::1", "[::1]:53"]', 'FILE:1:17: listen[1]: [::1]:53 appears twice; remove one'],
    ['listen: "127.0.0.1:70000"', 'FILE:1:9: listen: port 70000 is out of range; the highest port is 65535'],
    [
      'listen: ["tcp://127.0.0.1:53"]',
      'FILE:1:10: listen[0]: "tcp://127.0.0.1:53" is not an address and port; ' +
        'for example "127.0.0.1:53" or "[::1]:53" or "*:53"',
    ],
    ['docker: {resync: 60}', 'FILE:1:18: docker.resync: must be text, not number 60; for example "60s"'],
    [
      'docker: {resync: "60"}',
      'FILE:1:18: docker.resync: must be a number with a unit (ms, s, m or h); for example "60s"',
    ],
    ['docker: {resync: 1ms}', 'FILE:1:18: docker.resync: 1ms is out of range; choose from 1s to 24h'],
    ['docker: []', 'FILE:1:9: docker: must be a map of keys with values'],
    [
      'docker: {engines: [{name: a}]}',
      'FILE:1:20: docker.engines[0]: has no url; for example {name: build, url: "tcp://192.0.2.1:2376"}',
    ],
    [
      'docker:\n  engines:\n    - url: tcp://192.0.2.1\n      crt: x',
      'FILE:4:7: docker.engines[0].crt: unknown key; did you mean "cert"?',
    ],
    [
      'docker: {engines: [{url: "tcp://192.0.2.1", cert: x}]}',
      'FILE:1:20: docker.engines[0]: a client certificate needs both files; write cert and key',
    ],
    [
      'docker: {engines: [{url: "tcp://192.0.2.1", ca: nope.pem}]}',
      'FILE:1:49: docker.engines[0].ca: DIR/nope.pem: cannot be read: no such file',
    ],
    [
      'docker: {engines: [{url: "tcp://192.0.2.1", local: "yes"}]}',
      'FILE:1:52: docker.engines[0].local: must be true or false',
    ],
    [
      'docker: {engines: [{url: "tcp://192.0.2.1", reach: route}]}',
      'FILE:1:52: docker.engines[0].reach: "route" is not one of none, routed; did you mean "routed"?',
    ],
    [
      'docker: {engines: [7]}',
      'FILE:1:20: docker.engines[0]: must be a URL or {name, url, ca, cert, key, local, reach}, not number 7',
    ],
    [
      'docker: {engines: ["unix:///a", "unix:///a"]}',
      'FILE:1:33: docker.engines[1]: engine "/a" is listed twice; give each its own name',
    ],
    [
      'zone: berth.local',
      'FILE:1:7: zone: .local belongs to multicast DNS (RFC 6762); choose another, such as "docker.internal"',
    ],
    ['zone: "."', 'FILE:1:7: zone: is empty; write a domain name'],
    ['zone: a..b', 'FILE:1:7: zone: "a..b" has an empty label; remove the extra dot'],
    [
      'zone: bücher.test',
      'FILE:1:7: zone: "bücher.test" is not ASCII; write it as it appears in DNS: "xn--bcher-kva.test"',
    ],
    ['ttl: -1', 'FILE:1:6: ttl: must be a whole number of seconds from 0 to 86400'],
    ['ttl: 1.5', 'FILE:1:6: ttl: must be a whole number of seconds from 0 to 86400'],
    [
      'scope: {allow: [10.0.0.0/33]}',
      'FILE:1:17: scope.allow[0]: "10.0.0.0/33" is not a subnet; for example "192.0.2.0/24" or "2001:db8::/32"',
    ],
    [
      'hosts:\n  web: [192.0.2.1, 1.2.3]',
      'FILE:2:20: hosts.web[1]: "1.2.3" is not an IP address; for example "192.0.2.1" or "2001:db8::1"',
    ],
    ['hosts: [web]', 'FILE:1:8: hosts: must be a map, not a list; for example {web.test: "192.0.2.1"}'],
    ['hosts:\n  web:', 'FILE:2:3: hosts.web: must be a list, not nothing; for example ["192.0.2.1"]'],
    [
      'hosts:\n  a.b: {networks: [x]}',
      'FILE:2:8: hosts["a.b"]: has no addresses; write addresses: ["192.0.2.1"]',
    ],
    [
      'hosts:\n  web: {addresses: [192.0.2.1], network: [x]}',
      'FILE:2:33: hosts.web.network: unknown key; did you mean "networks"?',
    ],
    [
      'hosts: {web: 192.0.2.1, WEB.: 192.0.2.2}',
      'FILE:1:31: hosts["WEB."]: is the same name as "web"; write it once',
    ],
    [
      `hosts: {${'a'.repeat(64)}: 192.0.2.1}`,
      `FILE:1:75: hosts.${'a'.repeat(64)}: the name label "${'a'.repeat(64)}" is 64 bytes long; a label has at most 63`,
    ],
    [
      'hosts: {"a.*.b": 192.0.2.1}',
      'FILE:1:18: hosts["a.*.b"]: the name "a.*.b" contains "*"; a name consists of letters, digits, "-", "_" and dots',
    ],
    [
      'cache: {bytes: 16MB}',
      'FILE:1:16: cache.bytes: "16MB" is not a size; write a whole number with KiB, MiB or GiB, for example "64KiB"',
    ],
    ['cache: {bytes: 1}', 'FILE:1:16: cache.bytes: 1 is out of range; choose from 64KiB to 4GiB'],
    [
      'cache: {stale: 3600}',
      'FILE:1:16: cache.stale: must be text, not number 3600; for example "1h", or off',
    ],
    [
      'cache: {failureRecheck: 301s}',
      'FILE:1:25: cache.failureRecheck: 301s is out of range; choose from 1s to 5m',
    ],
    ['cache: {entries: -1}', 'FILE:1:18: cache.entries: must be a whole number of answers from 0 to 1000000'],
    ['cache: off', 'FILE:1:8: cache: must be a map of keys with values'],
    [
      'forward: {upstreams: ["tls://9.9.9.9"]}',
      'FILE:1:23: forward.upstreams[0]: tls:// upstreams are not supported yet; write a plain address such as "9.9.9.9"',
    ],
    [
      'forward: {upstreams: ["https://dns.example/dns-query"]}',
      'FILE:1:23: forward.upstreams[0]: https:// upstreams are not supported yet; write a plain address such as "9.9.9.9"',
    ],
    [
      'forward: {upstreams: ["9.9.9.9#5353"]}',
      'FILE:1:23: forward.upstreams[0]: a port comes after a colon; write "9.9.9.9:5353"',
    ],
    [
      'forward: {upstreams: ["fe80::1"]}',
      'FILE:1:23: forward.upstreams[0]: a link-local address needs its interface; for example "fe80::1%eth0"',
    ],
    [
      'forward: {zones: {"*.corp.example": [192.0.2.1]}}',
      'FILE:1:37: forward.zones["*.corp.example"]: names below a zone are always included; write "corp.example"',
    ],
    [
      'forward: {zones: {corp.example: []}}',
      'FILE:1:33: forward.zones["corp.example"]: has no servers; name at least one',
    ],
    [
      'forward: {zones: {10.0.0.0/40: [192.0.2.1]}}',
      'FILE:1:32: forward.zones["10.0.0.0/40"]: "10.0.0.0/40" is neither a domain nor a subnet; for example "10.0.0.0/8"',
    ],
    [
      'forward:\n  zones:\n    corp.example: {upstreems: [192.0.2.1], upstreams: [192.0.2.1]}',
      'FILE:3:20: forward.zones["corp.example"].upstreems: unknown key; did you mean "upstreams"?',
    ],
    [
      'forward: {zones: {corp.example: {policy: random}}}',
      'FILE:1:33: forward.zones["corp.example"]: has no upstreams; write upstreams: ["198.51.100.53"]',
    ],
    [
      'forward: {networks: {lab: {upstreams: [192.0.2.1], policy: randon}}}',
      'FILE:1:60: forward.networks.lab.policy: "randon" is not one of sequential, random, fastest; did you mean "random"?',
    ],
    [
      'forward: {networks: {lab: [dns.lab]}}',
      'FILE:1:28: forward.networks.lab[0]: "dns.lab" is not an IP address (host names are not resolved); ' +
        'for example "127.0.0.1:53" or "[::1]:53"',
    ],
    [
      'forward: {servers: {dns.lab: {edns: false}}}',
      'FILE:1:30: forward.servers["dns.lab"]: "dns.lab" is not an IP address (host names are not resolved); ' +
        'for example "127.0.0.1:53" or "[::1]:53"',
    ],
    [
      'forward: {servers: {192.0.2.1: {edsn: false}}}',
      'FILE:1:33: forward.servers["192.0.2.1"].edsn: unknown key; did you mean "edns"?',
    ],
    [
      'forward: {servers: {192.0.2.1: {ad: never}}}',
      'FILE:1:37: forward.servers["192.0.2.1"].ad: must be true or false',
    ],
    [
      'forward: {servers: {192.0.2.1: off}}',
      'FILE:1:32: forward.servers["192.0.2.1"]: must be a map; for example {edns: false}',
    ],
    [
      'forward: {servers: {192.0.2.1: {}, "192.0.2.1:53": {}}}',
      'FILE:1:52: forward.servers["192.0.2.1:53"]: is the same server as "192.0.2.1"; write it once',
    ],
    [
      'forward: {rebindAllow: ["*.corp.example"]}',
      'FILE:1:25: forward.rebindAllow[0]: "*.corp.example" contains "*"; a name consists of letters, digits, "-", "_" and dots',
    ],
    [
      'forward: {order: first}',
      'FILE:1:18: forward.order: "first" is not one of sequential, random, fastest',
    ],
    [
      'forward: {policy: first}',
      'FILE:1:19: forward.policy: "first" is not one of sequential, random, fastest',
    ],
    [
      'forward: {order: random, policy: fastest}',
      'FILE:1:26: forward.policy: is the old name of forward.order, which is set as well; drop forward.policy',
    ],
    [
      'forward: {networks: {lab: {upstreams: [192.0.2.1], policy: random, order: random}}}',
      'FILE:1:60: forward.networks.lab.policy: is the old name of order, which is set as well; drop policy',
    ],
    ['forward: {singleLabel: maybe}', 'FILE:1:24: forward.singleLabel: must be true or false'],
    [`identity: {id: ${'ü'.repeat(33)}}`, 'FILE:1:16: identity.id: has 66 bytes; at most 64 are allowed'],
    [
      'identity: {version: 1}',
      'FILE:1:21: identity.version: must be text, not number 1; for example "berth"',
    ],
    ['http: true', 'FILE:1:7: http: must be text, not boolean true; for example "127.0.0.1:9153" or off'],
    ['ttl: 1\nttl: 2', 'FILE:2:1: this key appears twice; remove one'],
    ['scope:\n\tgateway: host', 'FILE:2:1: a tab indents this line; YAML wants spaces'],
    [
      'ttl: 1\n---\nttl: 2',
      'FILE:2:1: a second document starts here; a configuration is a single document, remove the "---"',
    ],
    ['- a\n- b', 'FILE:1:1: must hold keys with values; for example "zone: docker.internal"'],
  ])('%j', (text, problem) => expect(problemsOf(() => loadText(text))).toEqual([problem]))

  it('tells YAML that can not be read, and nothing else', () => {
    const problems = problemsOf(() => loadText('ttl: x\nlisten: [a\nzone: b: c\n'))
    expect(problems.length).toBeGreaterThan(0)
    for (const problem of problems) expect(problem).toMatch(/^FILE:[23]:\d+: is not YAML: /)
  })

  it('tells all of them, in the order of the file', () => {
    const problems = problemsOf(() =>
      loadText('zone: a..b\n\n\nttl: x\n\n\n\n\n\nhttp: 1\nlog: {level: loud}\n'),
    )
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual([
      'FILE:1:7',
      'FILE:4:6',
      'FILE:10:7',
      'FILE:11:14',
    ])
  })

  it('says which file can not be read, and why', () => {
    expect(problemsOf(() => load({ file: join(directory, 'none.yml') }))).toEqual([
      'DIR/none.yml: cannot be read: no such file',
    ])
    expect(problemsOf(() => load({ file: directory }))).toEqual([
      'DIR: cannot be read: it is a directory; name a file in it',
    ])
  })
})

describe('what goes before what', () => {
  const env = { BERTH_SCOPE_GATEWAY: 'network', BERTH_TTL: '30' }

  it('flags, environment, file, defaults', () => {
    const config = loadText('scope: {gateway: refuse}\nttl: 20\nzone: c.test\n', {
      env,
      flags: { 'scope.gateway': 'host' },
    })
    expect(config).toMatchObject({ scope: { gateway: 'host' }, ttl: 30, zone: 'c.test', health: 'prefer' })
  })

  it('reads lists, maps, numbers and words from the environment', () => {
    const config = load({
      env: {
        BERTH_LISTEN: '[::1]:53, 127.0.0.1:54',
        BERTH_SCOPE_ALLOW: '["192.0.2.0/24", "198.51.100.0/24"]',
        BERTH_HOSTS: '{web.test: "192.0.2.1"}',
        BERTH_FORWARD_UPSTREAMS: '9.9.9.9,149.112.112.112',
        BERTH_FORWARD_SINGLE_LABEL: 'true',
        BERTH_LOG_QUERIES: 'true',
        BERTH_HTTP: 'off',
        BERTH_DOCKER_ENGINES: 'unix:///a,unix:///b',
        BERTH_ZONE: '',
      },
    })
    expect(config.listen.map(({ port }) => port)).toEqual([53, 54])
    expect(config.scope.allow).toHaveLength(2)
    expect(config.hosts).toHaveLength(1)
    expect(config.forward).toMatchObject({ singleLabel: true, upstreams: { length: 2 } })
    expect(config).toMatchObject({ http: undefined, zone: 'docker.internal', log: { queries: true } })
    expect(config.docker.engines.map(({ name }) => name)).toEqual(['/a', '/b'])
  })

  it('knows singleLabel however it is shouted', () => {
    expect(load({ env: { BERTH_FORWARD_SINGLELABEL: 'true' } }).forward.singleLabel).toBe(true)
    expect(load({ flags: { 'forward.single-label': 'true' } }).forward.singleLabel).toBe(true)
  })

  it('lets a flag empty a list', () => {
    expect(load({ flags: { 'forward.upstreams': '[]' } }).forward.upstreams).toEqual([])
    expect(
      load({ flags: { 'scope.allow': '' }, env: { BERTH_SCOPE_ALLOW: '192.0.2.1' } }).scope.allow,
    ).toEqual([])
  })

  it('names variable and flag where they are wrong', () => {
    const problems = problemsOf(() =>
      loadText('ttl: 1', {
        env: { BERTH_SCOPE_GATEWEY: 'host', BERTH_TTL: 'x', BERTH_LISTEN: '127.0.0.1,b' },
        flags: { 'scope.gateway': 'hots', 'scope.gatway': 'host' },
      }),
    )
    expect(problems).toEqual([
      'environment BERTH_LISTEN: listen[1]: "b" is not an IP address (host names are not resolved); ' +
        'for example "127.0.0.1:53" or "[::1]:53" or "*:53"',
      'environment BERTH_SCOPE_GATEWEY: no setting has this name; did you mean "BERTH_SCOPE_GATEWAY"?',
      'environment BERTH_TTL: ttl: must be a whole number of seconds from 0 to 86400',
      'flag --scope.gateway: scope.gateway: "hots" is not one of refuse, network, host; did you mean "host"?',
      'flag --scope.gatway: no setting has this name; did you mean "scope.gateway"?',
    ])
  })

  it('finds the file through BERTH_CONFIG, unless one is given', () => {
    writeFileSync(file, 'ttl: 7')
    expect(load({ env: { BERTH_CONFIG: file } }).ttl).toBe(7)
    expect(load({ env: { BERTH_CONFIG: '/nowhere.yml' }, file }).ttl).toBe(7)
  })
})

describe('the engine', () => {
  const address = (env: Record<string, string>, text = '') => loadText(text, { env }).docker.engines[0]!

  it('is the one of DOCKER_HOST where none is configured', () => {
    expect(address({ DOCKER_HOST: 'tcp://192.0.2.1:2375' })).toMatchObject({
      name: '192.0.2.1:2375',
      address: { kind: 'tcp', port: 2375, tls: undefined },
    })
    expect(address({ DOCKER_HOST: 'tcp://192.0.2.1' }, 'docker: {engines: ["unix:///a"]}')).toMatchObject({
      address: { path: '/a' },
    })
  })

  it('has the certificates of DOCKER_CERT_PATH', () => {
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(directory, `${name}.pem`), `PEM of ${name}`)
    const tls = { ca: 'PEM of ca', cert: 'PEM of cert', key: 'PEM of key' }
    const env = { DOCKER_HOST: 'tcp://192.0.2.1', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory }
    expect(address(env)).toMatchObject({ address: { port: 2376, tls } })
    const text =
      'docker: {engines: [{name: build, url: "tcp://192.0.2.1", ca: ca.pem, cert: cert.pem, key: key.pem}]}'
    expect(address({}, text)).toMatchObject({ name: 'build', address: { tls } })
    expect(address({ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory })).toMatchObject({
      address: { kind: 'unix' },
    })
  })

  it('is told to be wrong where it was written', () => {
    expect(problemsOf(() => load({ env: { DOCKER_HOST: 'ssh://build' } }))[0]).toMatch(
      /^environment DOCKER_HOST: docker\.engines: .*ssh/,
    )
    expect(problemsOf(() => loadText('docker:\n  engines: ["unix:///a", ftp://x]'))[0]).toMatch(
      /^FILE:2:26: docker\.engines\[1\]: "ftp:\/\/x" is not/,
    )
  })
})

describe('where a running berth is', () => {
  it('is known even from a configuration that is wrong elsewhere', async () => {
    writeFileSync(file, 'ttl: x\nhttp: 127.0.0.1:99\nlisten: ["*:53"]\n')
    expect(await loadAddresses({ file, env: { BERTH_NONSENSE: '1' }, flags: {} })).toEqual({
      http: { host: '127.0.0.1', port: 99 },
      listen: [{ host: '*', port: 53 }],
    })
    expect((await loadAddresses({ file, env: { BERTH_HTTP: '[::1]:80' }, flags: {} })).http?.port).toBe(80)
  })
})
