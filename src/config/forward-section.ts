// The `forward:` section of the configuration: upstreams, routes, guards.
import * as z from 'zod'
import { reverseZones } from '../dns/reverse.ts'
import { networkKey } from '../dns/told.ts'
import { parseSubnet } from '../lib/ip.ts'
import { suggestion } from '../lib/suggest.ts'
import { choice, entries, field, flag, text, textList } from './fields.ts'
import { bothNames } from './renamed.ts'
import { parseDuration, parseName, parseUpstream, type Upstream } from './text-values.ts'
import {
  type Issues,
  isMap,
  readChoice,
  readEntries,
  readFlag,
  readShortList,
  refuse,
} from './yaml-values.ts'

/**
 * Which of several upstreams is asked first. sequential: as written. random: any, each question anew. fastest: by
 * smoothed round-trip time, unknown ones first; now and then another one, so that a change is noticed.
 */
export type ForwardOrder = 'sequential' | 'random' | 'fastest'

export interface ForwardZone {
  /** Lower case, no trailing dot. */
  readonly suffix: string
  readonly upstreams: readonly Upstream[]
  /** Default: `forward.order`. */
  readonly order?: ForwardOrder
}

/** A Docker network that has a resolver of its own. */
export interface ForwardNetwork {
  /** The network's name, lower case. */
  readonly network: string
  readonly upstreams: readonly Upstream[]
  readonly order?: ForwardOrder
}

/** What is left out of questions to one server, wherever that is named. */
export interface ForwardServer {
  /** As an upstream's. */
  readonly text: string
  readonly edns: boolean
  readonly ad: boolean
}

const orders = ['sequential', 'random', 'fastest'] as const

/** Servers of one route: each is watched, and asked in its turn. */
const mostUpstreams = 256
/** Servers with settings of their own. */
const mostServers = 1000
/** Subnets that zones are written as: one may be 128 zones. */
const mostSubnets = 1000

export const forwardSection = z
  .strictObject({
    /**
     * Servers that other questions go to. "auto": resolv.conf's, followed as it changes; or a list of addresses,
     * port 53 where none is written; [] for none. Default: auto.
     */
    upstreams: field((value, issues): 'auto' | Upstream[] =>
      value === 'auto' ? value : readServers(value, issues, '"9.9.9.9"'),
    ).prefault('auto'),
    /**
     * Routes for certain domains and all below: domain, or subnet for its reverse zones → list of addresses, or
     * {upstreams, order}. The longest that matches. Default: none.
     */
    zones: field(readForwardZones).prefault({}),
    /**
     * Routes for askers on Docker networks that have a resolver of their own, internal ones included: network → list
     * of addresses, or {upstreams, order}. Default: none.
     */
    networks: entries('{lab: ["192.0.2.53"]}', readForwardNetwork, networkKey).prefault({}),
    /**
     * Servers that do not take what is added to questions, wherever they are named, resolv.conf included: address →
     * {edns: false}, {ad: false} or both. Default: none; what a server does not take is found out.
     */
    servers: field(readForwardServers).prefault({}),
    /** Which server is asked first. "sequential": in the order written; "random"; "fastest". Default: sequential. */
    order: choice(...orders).prefault('sequential'),
    /** One deadline over all tries. A duration, 100ms to 60s. Default: 3500ms; Docker gives a server 4 s. */
    timeout: text((value) => parseDuration(value, '100ms', '60s'), '"3500ms"').prefault('3500ms'),
    /** Whether unknown names of one label are forwarded for addresses and services, too. true or false. Default: false. */
    singleLabel: flag.prefault(false),
    /**
     * Whether answers of `upstreams` that hold private addresses are withheld, since a foreign web page may use them
     * to reach what is not on the Internet. true or false. Default: false.
     */
    rebindProtection: flag.prefault(false),
    /** Domains whose names may have private addresses all the same. Default: none. */
    rebindAllow: textList(parseName, 'corp.example').prefault([]),
  })
  .prefault({})

function readForwardZones(value: unknown, issues: Issues): ForwardZone[] {
  const subnets = isMap(value) ? Object.keys(value).filter((key) => key.includes('/')).length : 0
  if (subnets > mostSubnets)
    return refuse(issues, `has ${subnets} subnets; at most ${mostSubnets} are allowed`)
  return readEntries(value, issues, '{corp.example: ["198.51.100.53"]}', readForwardZone)
}

function readForwardZone(key: string, value: unknown, issues: Issues): ForwardZone[] | undefined {
  if (key === '.') return refuse(issues, 'the root cannot have a zone of its own; use forward.upstreams', key)
  if (key.startsWith('*.')) {
    return refuse(issues, `names below a zone are always included; write "${key.slice(2)}"`, key)
  }
  const suffixes = key.includes('/') ? readSubnetKey(key, issues) : readDomainKey(key, issues)
  const route = readRoute(key, value, issues)
  // What was refused is no list.
  return Array.isArray(suffixes) && route ? suffixes.map((suffix) => ({ suffix, ...route })) : undefined
}

function readDomainKey(key: string, issues: Issues): string[] | undefined {
  const name = parseName(key)
  return 'problem' in name ? refuse(issues, `the domain ${name.problem}`, key) : [name.value]
}

/** "10.0.0.0/8": the reverse zones that cover it. */
function readSubnetKey(key: string, issues: Issues): string[] | undefined {
  const subnet = parseSubnet(key)
  if (subnet === undefined || subnet.prefix === 0) {
    return refuse(issues, `"${key}" is neither a domain nor a subnet; for example "10.0.0.0/8"`, key)
  }
  return reverseZones(subnet)
}

function readForwardNetwork(key: string, value: unknown, issues: Issues): ForwardNetwork | undefined {
  if (key === '') return refuse(issues, 'is empty; write the name of a Docker network', key)
  const route = readRoute(key, value, issues)
  return route && { network: networkKey(key), ...route }
}

const serverKeys = ['edns', 'ad']

function readForwardServers(value: unknown, issues: Issues): ForwardServer[] {
  const count = isMap(value) ? Object.keys(value).length : 0
  if (count > mostServers) return refuse(issues, `has ${count} servers; at most ${mostServers} are allowed`)
  const seen = new Map<string, string>()
  return readEntries(value, issues, '{"198.51.100.53": {edns: false}}', (key, item, of) =>
    readForwardServer(key, item, of, seen),
  )
}

/** `seen`: addresses so far, with what is written for each; the port may be, or be left out. */
function readForwardServer(
  key: string,
  value: unknown,
  issues: Issues,
  seen: Map<string, string>,
): ForwardServer | undefined {
  const server = parseUpstream(key)
  if ('problem' in server) return refuse(issues, server.problem, key)
  const { text } = server.value
  const earlier = seen.get(text)
  if (earlier !== undefined) return refuse(issues, `is the same server as "${earlier}"; write it once`, key)
  seen.set(text, key)
  if (!isMap(value)) return refuse(issues, 'must be a map; for example {edns: false}', key)
  for (const inner of Object.keys(value).filter((inner) => !serverKeys.includes(inner))) {
    const hint = suggestion(inner, serverKeys, `; a server has ${serverKeys.join(' and ')}`)
    refuse(issues, `unknown key${hint}`, key, inner)
  }
  const read = (inner: string) => readFlag(value[inner] ?? true, issues, key, inner)
  return { text, edns: read('edns'), ad: read('ad') }
}

interface WrittenRoute {
  readonly upstreams: readonly Upstream[]
  readonly order?: ForwardOrder
}

const routeKeys = ['upstreams', 'order']
/** The old name of `order`, still taken. */
const oldOrder = 'policy'

function readRoute(key: string, value: unknown, issues: Issues): WrittenRoute | undefined {
  if (!isMap(value)) return readUpstreams(value, issues, key)
  for (const inner of Object.keys(value).filter(
    (inner) => inner !== oldOrder && !routeKeys.includes(inner),
  )) {
    const hint = suggestion(inner, routeKeys, `; a route has ${routeKeys.join(' and ')}`)
    refuse(issues, `unknown key${hint}`, key, inner)
  }
  if (value.upstreams === undefined || value.upstreams === null) {
    return refuse(issues, 'has no upstreams; write upstreams: ["198.51.100.53"]', key)
  }
  const route = readUpstreams(value.upstreams, issues, key, 'upstreams')
  const orderKey = oldOrder in value ? oldOrder : 'order'
  if (orderKey === oldOrder && 'order' in value)
    return refuse(issues, bothNames(oldOrder, 'order'), key, oldOrder)
  const order = value[orderKey]
  if (order === undefined || order === null) return route
  return route && { ...route, order: readChoice(order, issues, orders, key, orderKey) }
}

function readUpstreams(value: unknown, issues: Issues, ...path: PropertyKey[]): WrittenRoute | undefined {
  const upstreams = readServers(value, issues, '"198.51.100.53"', ...path)
  if (!Array.isArray(upstreams)) return undefined
  if (upstreams.length === 0) return refuse(issues, 'has no servers; name at least one', ...path)
  return { upstreams }
}

function readServers(value: unknown, issues: Issues, example: string, ...path: PropertyKey[]): Upstream[] {
  return readShortList(value, issues, parseUpstream, example, { most: mostUpstreams, of: 'servers' }, ...path)
}
