// Readers of settings outside sections with a file of their own: listen, http, docker.engines, zone, scope.allow, labels.
import { isIP } from 'node:net'
import { parseSubnet, type Subnet } from '../lib/ip.ts'
import { suggestion } from '../lib/suggest.ts'
import { formatHostPort, type HostPort, type Parsed, parseHostPort, parseName } from './text-values.ts'
import {
  asList,
  type Issues,
  isMap,
  kindOf,
  readChoice,
  readText,
  readTextList,
  refuse,
} from './yaml-values.ts'

/** Each address costs a socket or two, each engine a few connections and a table. */
const mostListen = 256
const mostEngines = 64

/** Defaults. */
export const usualListen = ['127.0.0.1:1053']
export const usualHttp = '127.0.0.1:9153'

/** "shop.test" is that name alone, "*.test" every name below test, and "*" (no name) every name. */
export interface NamePattern {
  /** Lower case, no trailing dot; "" for every name. */
  readonly name: string
  readonly wildcard: boolean
}

/** An engine as written; engine-settings.ts reads the files and parses the URL. */
export interface WrittenEngine {
  readonly name: string | undefined
  readonly url: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly local?: boolean
  readonly reach?: 'none' | 'routed'
  /** Its certificate is not verified; only a Docker context can ask for that. */
  readonly isUnverified?: boolean
}

export function readListen(value: unknown, issues: Issues): HostPort[] {
  const parse = (item: string): Parsed<HostPort> => {
    const parsed = parseHostPort(item, { port: 53, star: true })
    if ('problem' in parsed || (parsed.value.host !== '0.0.0.0' && parsed.value.host !== '::')) return parsed
    // A single socket for all addresses cannot tell which one was asked, and may answer from another.
    return {
      problem: `"${item}" is not a single address; write "*:${parsed.value.port}" for every local address`,
    }
  }
  const list = readTextList(value, issues, parse, '"127.0.0.1:1053"')
  if (!Array.isArray(list)) return list
  if (list.length === 0) return refuse(issues, 'is empty; name at least one address to listen on')
  if (list.length > mostListen) {
    return refuse(
      issues,
      `has ${list.length} addresses; at most ${mostListen} are allowed, "*:53" is every local one`,
    )
  }
  const seen = new Set<string>()
  for (const [i, item] of list.entries()) {
    if (item?.host === undefined) continue
    const key = formatHostPort(item.host, item.port)
    if (seen.has(key)) refuse(issues, `${key} appears twice; remove one`, i)
    seen.add(key)
  }
  return list
}

export function readHttp(value: unknown, issues: Issues): HostPort | undefined {
  if (value === false || value === 'off' || value === 'false') return undefined
  return readText(
    value,
    issues,
    (item) => {
      const parsed = parseHostPort(item, { port: 9153, star: true })
      if ('problem' in parsed || !parsed.value.host.includes('%') || isIP(parsed.value.host) !== 0)
        return parsed
      // Node's HTTP server accepts no other zones.
      return {
        problem: `HTTP cannot listen on "${item}": the interface's name has characters other than letters, digits, "." and "-"; choose another address`,
      }
    },
    '"127.0.0.1:9153" or off',
  )
}

/** For the settings that name a file. */
export const socketExample = '"/run/berth/api.sock"'
export const tokenExample = '"/etc/berth/token"'

export function readPath(value: unknown, issues: Issues, example: string): string | undefined {
  if (value === false || value === 'off' || value === 'false' || value === '') return undefined
  return readText(value, issues, parsePath, `${example} or off`)
}

function parsePath(text: string): Parsed<string> {
  const path = text.replace(/^unix:\/\//, '')
  if (path.includes('\0') || path === '' || path.endsWith('/'))
    return { problem: `"${text}" is not a file path` }
  return { value: path }
}

const engineKeys = ['name', 'url', 'ca', 'cert', 'key', 'local', 'reach'] as const

/** undefined: "auto". */
export function readEngines(value: unknown, issues: Issues): WrittenEngine[] | undefined {
  if (value === 'auto') return undefined
  const list = asList(value)
  if (list === undefined) {
    return refuse(issues, `must be a list, not ${kindOf(value)}; for example ["unix:///var/run/docker.sock"]`)
  }
  if (list.length > mostEngines) {
    return refuse(issues, `has ${list.length} engines; at most ${mostEngines} are allowed`)
  }
  return list.map((item, i): WrittenEngine => {
    if (typeof item === 'string') return { name: undefined, url: item }
    if (!isMap(item))
      return refuse(issues, `must be a URL or {${engineKeys.join(', ')}}, not ${kindOf(item)}`, i)
    for (const [key, text] of Object.entries(item)) {
      if (!engineKeys.includes(key as 'url')) {
        refuse(
          issues,
          `unknown key${suggestion(key, engineKeys, `; an engine has ${engineKeys.join(', ')}`)}`,
          i,
          key,
        )
      } else if (key === 'local') {
        if (typeof text !== 'boolean') refuse(issues, 'must be true or false', i, key)
      } else if (key === 'reach') {
        readChoice(text, issues, ['none', 'routed'], i, key)
      } else if (typeof text !== 'string' || text === '') {
        refuse(issues, `must be text, not ${text === '' ? 'empty' : kindOf(text)}`, i, key)
      }
    }
    if (item.url === undefined) {
      return refuse(issues, 'has no url; for example {name: build, url: "tcp://192.0.2.1:2376"}', i)
    }
    if ((item.cert === undefined) !== (item.key === undefined)) {
      refuse(issues, 'a client certificate needs both files; write cert and key', i)
    }
    return item as unknown as WrittenEngine
  })
}

export function parseZone(item: string): Parsed<string> {
  const parsed = parseName(item)
  if ('problem' in parsed) return parsed
  if (/(^|\.)local$/.test(parsed.value)) {
    return {
      problem: `.local belongs to multicast DNS (RFC 6762); choose another, such as "docker.internal"`,
    }
  }
  return parsed
}

/** A name, "*.NAME" or "*". */
export function parsePattern(item: string): Parsed<NamePattern> {
  if (item === '*') return { value: { name: '', wildcard: true } }
  const wildcard = item.startsWith('*.')
  const parsed = parseName(wildcard ? item.slice(2) : item)
  return 'problem' in parsed ? parsed : { value: { name: parsed.value, wildcard } }
}

/** Short, so that it fits in every reply's OPT record. */
export function parseIdentity(item: string): Parsed<string> {
  const length = Buffer.byteLength(item)
  return length > 64 ? { problem: `has ${length} bytes; at most 64 are allowed` } : { value: item }
}

export function parseAllowed(item: string): Parsed<Subnet> {
  const subnet = parseSubnet(item)
  return subnet === undefined
    ? { problem: `"${item}" is not a subnet; for example "192.0.2.0/24" or "2001:db8::/32"` }
    : { value: subnet }
}
