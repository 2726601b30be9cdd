// The configuration's YAML shape: what each key means, its unit and its default. config/berth.yml shows it whole.
import { z } from 'zod'
import { canonicalAddress, parseSubnet, type Subnet } from '../lib/ip.ts'
import {
  asList,
  choice,
  entries,
  field,
  flag,
  type Issues,
  isMap,
  kindOf,
  readText,
  readTextList,
  refuse,
  text,
  textList,
  wholeNumber,
} from './fields.ts'
import { suggestion } from './similar.ts'
import type { ForwardZone, HostPort, StaticHost, Upstream } from './types.ts'
import {
  formatHostPort,
  type Parsed,
  parseDuration,
  parseHostPort,
  parseName,
  parseUpstream,
} from './values.ts'

/** An engine as written; load.ts reads the files and has the URL parsed. */
export interface WrittenEngine {
  readonly name: string | undefined
  readonly url: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export const schema = z.strictObject({
  /**
   * Addresses to serve DNS on, UDP and TCP. A list of "ADDRESS:PORT", port 53 where none is written; "*:53" is
   * every local address, followed as they come and go. Default: 127.0.0.1:1053.
   */
  listen: field(readListen).prefault(['127.0.0.1:1053']),

  docker: z
    .strictObject({
      /**
       * Docker engines to follow; the names of all of them make one table. A list of URLs, or of
       * {name, url, ca, cert, key} with PEM files relative to this file. `name` is how logs and metrics call the
       * engine, default: the URL without its scheme. Default: DOCKER_HOST, else unix:///var/run/docker.sock.
       */
      engines: field(readEngines).optional(),
      /** How often everything is read anew, whatever the events said. A duration, 1s to 24h. Default: 60s. */
      resync: text((value) => parseDuration(value, '1s', '24h'), '"60s"').prefault('60s'),
    })
    .prefault({}),

  /** The zone all containers' names are under as well: NAME.ZONE, NAME.NETWORK.ZONE. Default: docker.internal. */
  zone: text(parseZone, '"docker.internal"').prefault('docker.internal'),

  /** Time to live of our own answers. Seconds, 0 to 86400. Default: 0, since containers come and go. */
  ttl: wholeNumber(0, 86400, 'seconds').prefault(0),

  /**
   * What health checks do to names shared by several containers. "ignore": nothing; "prefer": unhealthy ones are
   * left out while another is not; "require": unhealthy ones are left out. Default: prefer.
   */
  health: choice('ignore', 'prefer', 'require').prefault('prefer'),

  scope: z
    .strictObject({
      /**
       * Who asks from a network's gateway address that is not ours may be the host, or anybody behind a published
       * port. "refuse": no answers; "network": that network's names, no forwarding; "host": every network's names,
       * and forwarding. Default: refuse.
       */
      gateway: choice('refuse', 'network', 'host').prefault('refuse'),
      /** Subnets, or single addresses, of other askers that may have questions forwarded. Default: none. */
      allow: textList(parseAllowed, '"192.0.2.0/24"').prefault([]),
    })
    .prefault({}),

  /**
   * Static records: name → address, list of addresses, or {addresses, networks}. "*.NAME" is every name below
   * NAME. With `networks`, only askers on one of these Docker networks see it. Default: none.
   */
  hosts: entries('{web.test: "192.0.2.1"}', readHost).prefault({}),

  forward: z
    .strictObject({
      /**
       * Servers that other questions go to. "auto": resolv.conf's, followed as it changes; or a list of addresses,
       * port 53 where none is written; [] for none. Default: auto.
       */
      upstreams: field((value, issues): 'auto' | Upstream[] =>
        value === 'auto' ? value : readTextList(value, issues, parseUpstream, '"9.9.9.9"'),
      ).prefault('auto'),
      /** Servers for certain domains: domain → list of addresses. Default: none. */
      zones: entries('{corp.example: ["198.51.100.53"]}', readForwardZone).prefault({}),
      /** Which server is asked first. "sequential": in the order written; "random". Default: sequential. */
      policy: choice('sequential', 'random').prefault('sequential'),
      /** One deadline over all tries. A duration, 100ms to 60s. Default: 3500ms; Docker gives a server 4 s. */
      timeout: text((value) => parseDuration(value, '100ms', '60s'), '"3500ms"').prefault('3500ms'),
      /** Whether unknown names of one label are forwarded. true or false. Default: false. */
      singleLabel: flag.prefault(false),
    })
    .prefault({}),

  /**
   * The address of /metrics, /health, /ready and /api. "ADDRESS:PORT", port 9153 where none is written; "*:9153"
   * is every local address; "off" or false for none. Default: 127.0.0.1:9153.
   */
  http: field(readHttp).prefault('127.0.0.1:9153'),

  log: z
    .strictObject({
      /** The least severe lines written. trace, debug, info, warn, error or silent. Default: info. */
      level: choice('trace', 'debug', 'info', 'warn', 'error', 'silent').prefault('info'),
      /** One line for each question, with its answer. true or false. Default: false. */
      queries: flag.prefault(false),
    })
    .prefault({}),
})

export type Written = z.output<typeof schema>

/** The key paths of all settings ("listen", "docker.engines" …), in the schema's order. */
export function listSettings(): string[] {
  return Object.keys(schema.shape).flatMap((key) => {
    const section = sectionKeys(key)
    return section === undefined ? [key] : section.map((name) => `${key}.${name}`)
  })
}

/** The keys of a section ("docker", "scope" …); undefined where `key` is not one. */
export function sectionKeys(key: string): string[] | undefined {
  const inner: unknown = schema.shape[key as keyof typeof schema.shape]
  if (!(inner instanceof z.ZodPrefault)) return undefined
  const unwrapped: unknown = inner.unwrap()
  return unwrapped instanceof z.ZodObject ? Object.keys(unwrapped.shape) : undefined
}

function readListen(value: unknown, issues: Issues): HostPort[] {
  const parse = (item: string): Parsed<HostPort> => {
    const parsed = parseHostPort(item, { port: 53, star: true })
    if ('problem' in parsed || (parsed.value.host !== '0.0.0.0' && parsed.value.host !== '::')) return parsed
    // One socket for all addresses can't tell which one was asked, and answers from the wrong one.
    return {
      problem: `"${item}" is no single address; write "*:${parsed.value.port}" for every local address`,
    }
  }
  const list = readTextList(value, issues, parse, '"127.0.0.1:1053"')
  if (!Array.isArray(list)) return list
  if (list.length === 0) return refuse(issues, 'is empty; name at least one address to listen on')
  const seen = new Set<string>()
  for (const [i, item] of list.entries()) {
    if (item?.host === undefined) continue
    const key = formatHostPort(item.host, item.port)
    if (seen.has(key)) refuse(issues, `${key} is there twice; remove one`, i)
    seen.add(key)
  }
  return list
}

export function readHttp(value: unknown, issues: Issues): HostPort | undefined {
  if (value === false || value === 'off' || value === 'false') return undefined
  return readText(
    value,
    issues,
    (item) => parseHostPort(item, { port: 9153, star: true }),
    '"127.0.0.1:9153" or off',
  )
}

const engineKeys = ['name', 'url', 'ca', 'cert', 'key'] as const

function readEngines(value: unknown, issues: Issues): WrittenEngine[] {
  const list = asList(value)
  if (list === undefined) {
    return refuse(
      issues,
      `must be a list, not ${kindOf(value)}; write for example ["unix:///var/run/docker.sock"]`,
    )
  }
  return list.map((item, i): WrittenEngine => {
    if (typeof item === 'string') return { name: undefined, url: item }
    if (!isMap(item))
      return refuse(issues, `must be a URL or {name, url, ca, cert, key}, not ${kindOf(item)}`, i)
    for (const [key, text] of Object.entries(item)) {
      if (!engineKeys.includes(key as 'url')) {
        refuse(
          issues,
          `unknown key${suggestion(key, engineKeys, `; an engine has ${engineKeys.join(', ')}`)}`,
          i,
          key,
        )
      } else if (typeof text !== 'string' || text === '') {
        refuse(issues, `must be a text, not ${text === '' ? 'an empty one' : kindOf(text)}`, i, key)
      }
    }
    if (item.url === undefined) {
      return refuse(issues, 'has no url; write for example {name: build, url: "tcp://192.0.2.1:2376"}', i)
    }
    if ((item.cert === undefined) !== (item.key === undefined)) {
      refuse(issues, 'a client certificate needs both files; write cert and key', i)
    }
    return item as unknown as WrittenEngine
  })
}

function parseZone(item: string): Parsed<string> {
  const parsed = parseName(item)
  if ('problem' in parsed) return parsed
  if (/(^|\.)local$/.test(parsed.value)) {
    return {
      problem: `.local belongs to multicast DNS (RFC 6762); choose another, such as "docker.internal"`,
    }
  }
  return parsed
}

function parseAllowed(item: string): Parsed<Subnet> {
  const subnet = parseSubnet(item)
  return subnet === undefined
    ? { problem: `"${item}" is not a subnet; write for example "192.0.2.0/24" or "2001:db8::/32"` }
    : { value: subnet }
}

function parseRecordAddress(item: string): Parsed<string> {
  const address = /[%/]/.test(item) ? undefined : canonicalAddress(item)
  return address === undefined
    ? { problem: `"${item}" is not an IP address; write for example "192.0.2.1" or "2001:db8::1"` }
    : { value: address }
}

function parseNetworkName(item: string): Parsed<string> {
  return item === '' ? { problem: 'is empty; write a Docker network’s name' } : { value: item.toLowerCase() }
}

const hostKeys = ['addresses', 'networks']

function readHost(key: string, value: unknown, issues: Issues): StaticHost | undefined {
  const wildcard = key.startsWith('*.')
  const name = parseName(wildcard ? key.slice(2) : key)
  if ('problem' in name) return refuse(issues, `the name ${name.problem}`, key)
  let written = value
  let networks: string[] | undefined
  let at: PropertyKey[] = [key]
  if (isMap(value)) {
    for (const inner of Object.keys(value).filter((inner) => !hostKeys.includes(inner))) {
      refuse(
        issues,
        `unknown key${suggestion(inner, hostKeys, '; a host has addresses and networks')}`,
        key,
        inner,
      )
    }
    if (value.networks !== undefined && value.networks !== null) {
      networks = readTextList(value.networks, issues, parseNetworkName, 'backend', key, 'networks')
      if (Array.isArray(networks) && networks.length === 0) {
        refuse(issues, 'is empty; name a network, or leave it out for everyone', key, 'networks')
      }
    }
    if (value.addresses === undefined)
      return refuse(issues, 'has no addresses; write addresses: ["192.0.2.1"]', key)
    written = value.addresses
    at = [key, 'addresses']
  }
  const addresses = readTextList(written, issues, parseRecordAddress, '"192.0.2.1"', ...at)
  if (!Array.isArray(addresses)) return undefined
  if (addresses.length === 0) return refuse(issues, 'has no addresses; write for example "192.0.2.1"', ...at)
  const known = [...new Set(addresses)].filter((address) => typeof address === 'string')
  return {
    name: name.value,
    wildcard,
    v4: known.filter((address) => !address.includes(':')),
    v6: known.filter((address) => address.includes(':')),
    networks,
  }
}

function readForwardZone(key: string, value: unknown, issues: Issues): ForwardZone | undefined {
  if (key === '.') return refuse(issues, 'the root is not a zone of its own; use forward.upstreams', key)
  if (key.startsWith('*.')) {
    return refuse(issues, `names below a zone are always included; write "${key.slice(2)}"`, key)
  }
  const name = parseName(key)
  if ('problem' in name) return refuse(issues, `the domain ${name.problem}`, key)
  const servers = readTextList(value, issues, parseUpstream, '"198.51.100.53"', key)
  if (Array.isArray(servers) && servers.length === 0) {
    return refuse(issues, 'has no servers; name at least one', key)
  }
  return { suffix: name.value, upstreams: servers }
}
