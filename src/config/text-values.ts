// Parses configuration values that are texts: durations, sizes, addresses with ports, DNS names. Pure.
import { domainToASCII } from 'node:url'
import { canonicalAddress, parseAddress, zoneOf } from '../lib/ip.ts'

/** An address and port; IPv6 without brackets, with its zone where it has one. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** A server that questions are forwarded to. `text` is how logs and metrics name it: "9.9.9.9:53". */
export interface Upstream extends HostPort {
  readonly text: string
}

/** A value, or what is wrong with the text and what to write instead. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string }

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** "60s", "3500ms", "1.5h" → milliseconds, within `least` and `most` (written the same way). */
export function parseDuration(text: string, least: string, most: string): Parsed<number> {
  const value = durationOf(text)
  if (value === undefined) {
    const hint = /^\d+$/.test(text) ? `"${text}s"` : '"60s"'
    return { problem: `must be a number with a unit (ms, s, m or h); for example ${hint}` }
  }
  if (value < durationOf(least)! || value > durationOf(most)!) {
    return { problem: `${text} is out of range; choose from ${least} to ${most}` }
  }
  return { value }
}

function durationOf(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,9})?) ?(ms|s|m|h)$/.exec(text)
  if (match === null) return undefined
  return Math.round(Number(match[1]) * units[match[2] as keyof typeof units])
}

const sizes = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** "16MiB", "65536" → bytes, within `least` and `most` (written the same way). */
export function parseSize(text: string, least: string, most: string): Parsed<number> {
  const value = sizeOf(text)
  if (value === undefined) {
    return {
      problem: `"${text}" is not a size; write a whole number with KiB, MiB or GiB, for example "${least}"`,
    }
  }
  if (value < sizeOf(least)! || value > sizeOf(most)!) {
    return { problem: `${text} is out of range; choose from ${least} to ${most}` }
  }
  return { value }
}

function sizeOf(text: string): number | undefined {
  const match = /^(\d{1,12}) ?(KiB|MiB|GiB|)$/.exec(text)
  return match === null ? undefined : Number(match[1]) * sizes[match[2] as keyof typeof sizes]
}

/** Characters, including an interface's name. */
const longestAddress = 128

export interface HostPortRules {
  /** The default port. */
  readonly port: number
  /** "*" stands for every local address. */
  readonly star?: boolean
}

/** "127.0.0.1:53", "[::1]:53", "[fe80::1%eth0]:53", "::1", and "*:53" if the rules allow it. */
export function parseHostPort(text: string, rules: HostPortRules): Parsed<HostPort> {
  if (text.length > longestAddress) return { problem: 'is too long to be an address and port' }
  const example = `"127.0.0.1:${rules.port}" or "[::1]:${rules.port}"${rules.star ? ` or "*:${rules.port}"` : ''}`
  const match = isBareIPv6(text)
    ? [text, text, undefined]
    : (/^\[(.*:.*)\](?::(\d+))?$/.exec(text) ?? /^([^:]*)(?::(\d+))?$/.exec(text))
  if (match === null || match[1] === undefined) {
    return { problem: `"${text}" is not an address and port; for example ${example}` }
  }
  const host = match[1]
  const port = match[2] === undefined ? rules.port : Number(match[2])
  if (port > 65535) return { problem: `port ${match[2]} is out of range; the highest port is 65535` }
  if (host === '*' && rules.star) return { value: { host, port } }
  if (host === '' && rules.star)
    return { problem: `has no address; write "*:${port}" for every local address` }
  const address = canonicalWithZone(host)
  if (address === undefined && /^[^%]*:[^%]*%/.test(host)) {
    const example = `[${host.replace(/%.*$/s, '%eth0')}]:${port}`
    return { problem: `"${host}" has no interface name after "%"; for example "${example}"` }
  }
  if (address === undefined) {
    return {
      problem: `"${host}" is not an IP address (host names are not resolved); for example ${example}`,
    }
  }
  return { value: { host: address, port } }
}

/** On its first look at an IPv6 address Node compiles a large expression, so only likely ones are checked. */
function isBareIPv6(text: string): boolean {
  const [bare = ''] = text.split('%', 1)
  const isLike = bare.indexOf(':') !== bare.lastIndexOf(':') && !bare.startsWith('[')
  return isLike && canonicalWithZone(text) !== undefined
}

/** "9.9.9.9", "[2620:fe::fe]:5353", "fe80::1%eth0"; port 53 by default. */
export function parseUpstream(text: string): Parsed<Upstream> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'tls' || scheme === 'https' || scheme === 'quic' || scheme === 'sdns') {
    return {
      problem: `${scheme}:// upstreams are not supported yet; write a plain address such as "9.9.9.9"`,
    }
  }
  if (scheme !== undefined)
    return { problem: `write the address without "${scheme}://", UDP and TCP are both used` }
  const hash = /^([^#]+)#(\d+)$/.exec(text)
  if (hash !== null) {
    return { problem: `a port comes after a colon; write "${formatHostPort(hash[1]!, Number(hash[2]))}"` }
  }
  const parsed = parseHostPort(text, { port: 53 })
  if ('problem' in parsed) return parsed
  const { host, port } = parsed.value
  if (port === 0) return { problem: 'port 0 cannot be used; leave it out for port 53' }
  if (/^fe[89ab]/.test(host) && !host.includes('%')) {
    return { problem: `a link-local address needs its interface; for example "${host}%eth0"` }
  }
  return { value: { host, port, text: formatHostPort(host, port) } }
}

/** "9.9.9.9:53", "[::1]:53". */
export function formatHostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** As canonicalAddress, but keeps the zone ("%eth0"); undefined if it is not an address. */
export function canonicalWithZone(text: string): string | undefined {
  const [bare = ''] = text.split('%', 1)
  const bytes = parseAddress(bare)
  if (bytes === undefined) return undefined
  const address = canonicalAddress(bare)
  if (bare === text) return address
  const zone = bytes.length === 16 ? zoneOf(text) : undefined
  return zone === undefined ? undefined : `${address}%${zone}`
}

/** A domain name in lower case without its trailing dot. The root is none. */
export function parseName(text: string): Parsed<string> {
  const name = text.toLowerCase().replace(/\.$/, '')
  if (name === '') return { problem: 'is empty; write a domain name' }
  // In whatever way it is encoded.
  if (name.length > 1024) return { problem: `is ${name.length} bytes long; a domain name has at most 253` }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII
  if (/[^\u0000-\u007f]/.test(name)) {
    const ascii = domainToASCII(name)
    return { problem: `"${text}" is not ASCII; write it as it appears in DNS${ascii ? `: "${ascii}"` : ''}` }
  }
  if (name.length > 253) return { problem: `is ${name.length} bytes long; a domain name has at most 253` }
  for (const label of name.split('.')) {
    if (label === '') return { problem: `"${text}" has an empty label; remove the extra dot` }
    if (label.length > 63)
      return { problem: `label "${label}" is ${label.length} bytes long; a label has at most 63` }
    const odd = /[^a-z0-9_-]/.exec(label)?.[0]
    if (odd !== undefined) {
      return { problem: `"${text}" contains "${odd}"; a name consists of letters, digits, "-", "_" and dots` }
    }
  }
  return { value: name }
}
