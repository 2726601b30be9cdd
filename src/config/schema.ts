// The configuration's schema: each key's meaning, unit and default. config/berth.yml shows them all.
import * as z from 'zod'
import { apiSection } from './api-section.ts'
import { cacheSection } from './cache-section.ts'
import { choice, entries, field, flag, text, textList, wholeNumber } from './fields.ts'
import { forwardSection } from './forward-section.ts'
import { readHost } from './hosts.ts'
import { limitsSection } from './limits-section.ts'
import {
  parseAllowed,
  parseIdentity,
  parsePattern,
  parseZone,
  readEngines,
  readHttp,
  readListen,
  usualHttp,
  usualListen,
} from './settings.ts'
import { parseDuration } from './text-values.ts'

export const schema = z.strictObject({
  /**
   * Addresses to serve DNS on, over UDP and TCP. A list of "ADDRESS:PORT", port 53 by default; "*:53" is every local
   * address, followed as they come and go. Default: 127.0.0.1:1053.
   */
  listen: field(readListen).prefault(usualListen),

  /**
   * How UDP is read and written. "batch": many datagrams per system call under load, on Linux (x86-64, ARM64) with the
   * package koffi; "plain": one per system call; "auto": batch if available. Default: auto.
   */
  udp: choice('auto', 'plain', 'batch').prefault('auto'),

  /**
   * Processes that answer questions, one per core, at the same addresses. More than one needs batched UDP or Node
   * 22.12. 1 to 64. Default: 1.
   */
  workers: wholeNumber(1, 64, 'processes').prefault(1),

  docker: z
    .strictObject({
      /**
       * Docker engines to follow; their names make one table. A list of URLs, or of
       * {name, url, ca, cert, key, local, reach} with PEM files relative to this file. `name`: for logs and metrics;
       * default: the URL without its scheme. `local`: it runs on this machine, so its containers may ask; true or false,
       * default: true for a unix socket and for the only engine. `reach`: whether this machine has routes to a remote
       * engine's bridge networks, so that the host is given their addresses; "none" or "routed", default: none. "auto":
       * the engine of DOCKER_HOST, else of the current Docker context, else the first that answers at a usual place.
       * Default: auto.
       */
      engines: field(readEngines).optional(),
      /** How often everything is read again, in case an event was missed. A duration, 1s to 24h. Default: 60s. */
      resync: text((value) => parseDuration(value, '1s', '24h'), '"60s"').prefault('60s'),
    })
    .prefault({}),

  /** The zone that also holds every name: NAME.ZONE, NAME.NETWORK.ZONE. Default: docker.internal. */
  zone: text(parseZone, '"docker.internal"').prefault('docker.internal'),

  /** TTL of our own answers. Seconds, 0 to 86400. Default: 0, since containers come and go. */
  ttl: wholeNumber(0, 86400, 'seconds').prefault(0),

  /**
   * How health checks affect a name that several containers share. "ignore": not at all; "prefer": unhealthy ones are
   * left out while another is healthy; "require": unhealthy ones are left out. Default: prefer.
   */
  health: choice('ignore', 'prefer', 'require').prefault('prefer'),

  scope: z
    .strictObject({
      /**
       * A query from a network's gateway address that is not ours may come from the host, or from anyone behind a
       * published port. "refuse": no answers; "network": that network's names, no forwarding; "host": every network's
       * names, and forwarding. Default: refuse.
       */
      gateway: choice('refuse', 'network', 'host').prefault('refuse'),
      /** Subnets, or single addresses, of other clients whose queries are forwarded. Default: none. */
      allow: textList(parseAllowed, '"192.0.2.0/24"').prefault([]),
    })
    .prefault({}),

  labels: z
    .strictObject({
      /**
       * Names that `berth.names` labels may grant: names, "*.NAME" for all below NAME, "*" for any. Labels that come
       * from an image grant none. Default: "*".
       */
      allow: textList(parsePattern, '"*.test"').prefault(['*']),
    })
    .prefault({}),

  /**
   * Static records: name → address, list of addresses, or {addresses, networks}. "*.NAME" is every name below
   * NAME. With `networks`, only clients on one of these Docker networks see it. Default: none.
   */
  hosts: entries('{web.test: "192.0.2.1"}', readHost).prefault({}),

  forward: forwardSection,

  cache: cacheSection,

  limits: limitsSection,

  identity: z
    .strictObject({
      /** Given as NSID (RFC 5001) and as id.server, class CHAOS (RFC 4892). A text, 64 bytes at most. Default: none. */
      id: text(parseIdentity, '"berth-1"').prefault(''),
      /** Given as version.server and version.bind, class CHAOS. A text, 64 bytes at most. Default: none. */
      version: text(parseIdentity, '"berth"').prefault(''),
    })
    .prefault({}),

  /**
   * The address of /metrics, /health, /ready and /api. "ADDRESS:PORT", port 9153 by default; "*:9153" is every local
   * address; "off" or false for none. Default: 127.0.0.1:9153.
   */
  http: field(readHttp).prefault(usualHttp),

  api: apiSection,

  log: z
    .strictObject({
      /** The lowest level logged. trace, debug, info, warn, error or silent. Default: info. */
      level: choice('trace', 'debug', 'info', 'warn', 'error', 'silent').prefault('info'),
      /** Whether to log each query with its answer. true or false. Default: false. */
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
