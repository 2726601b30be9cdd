// The configuration after reading: every value parsed, every default filled in. schema.ts says what each means.
import type { Subnet } from '../lib/ip.ts'
import type { Level } from '../lib/log.ts'

/** An address and port; IPv6 without brackets, with its zone where it has one. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** Where an engine's API is: a unix socket's path, or TCP, with TLS where `tls` is there. */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | {
      readonly kind: 'tcp'
      readonly host: string
      readonly port: number
      readonly text: string
      readonly tls: EngineTls | undefined
    }

/** PEM texts, read from the files the configuration names; as Node's TLS takes them. */
export interface EngineTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** false: its certificate is not looked at. A Docker context may say so. Default: true. */
  readonly rejectUnauthorized?: boolean
}

/** How the engine was come by where docker.engines names none. */
export interface FoundEngine {
  readonly by: 'DOCKER_HOST' | 'context' | 'place'
  /** For people, beside the engine's address: "found by context colima of /home/me/.docker/config.json". */
  readonly text: string
  /** A sentence that serve logs and check prints. */
  readonly warning?: string
  /** Nothing listens at any of the usual places. */
  readonly isMissing?: boolean
}

export interface EngineConfig {
  /** How logs and metrics call it. */
  readonly name: string
  readonly address: EngineAddress
  /** Whether it runs on this machine, where that is written; else locality.ts tells. */
  readonly local?: boolean
  /** Whether this machine's packets get to a remote engine's bridge networks. Default: none. */
  readonly reach?: 'none' | 'routed'
}

/** "shop.test" is that name alone, "*.test" every name below test, and "*" (no name) every name. */
export interface NamePattern {
  /** Lower case, no trailing dot; "" where every name is meant. */
  readonly name: string
  readonly wildcard: boolean
}

/** A server that questions are forwarded to. `text` is how logs and metrics name it: "9.9.9.9:53". */
export interface Upstream extends HostPort {
  readonly text: string
}

/** A static record. A wildcard's name is the part after "*.". */
export interface StaticHost {
  /** Lower case, no trailing dot. */
  readonly name: string
  readonly wildcard: boolean
  readonly v4: readonly string[]
  readonly v6: readonly string[]
  /** Only for askers on one of these networks (names in lower case); undefined: for everyone served. */
  readonly networks: readonly string[] | undefined
}

/**
 * Which of several upstreams is asked first. sequential: as written. random: any, each question anew. fastest: by
 * smoothed round-trip time, those that are not known yet first; now and then another one, so that a change is noticed.
 */
export type ForwardOrder = 'sequential' | 'random' | 'fastest'

export interface ForwardZone {
  /** Lower case, no trailing dot. */
  readonly suffix: string
  readonly upstreams: readonly Upstream[]
  /** Where it is not that of `forward.order`. */
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

export interface CacheSettings {
  /** 0: none is kept. */
  readonly entries: number
  readonly bytes: number
  /** ms */
  readonly maxTtl: number
  /** ms */
  readonly maxNegativeTtl: number
  /** For how long after its end an answer may be served where upstreams fail, ms; 0: not at all. */
  readonly stale: number
  /** Where it is served for that, upstreams are tried again after this, ms. */
  readonly failureRecheck: number
}

/** What is kept of a token: its file, and nothing that could be sent. */
export interface ApiToken {
  /** Absolute. */
  readonly file: string
  /** SHA-256, hex. */
  readonly digest: string
  readonly length: number
  /** The file's permission bits. */
  readonly mode: number
}

export interface Config {
  /** The file it was read from, where there is one. */
  readonly file: string | undefined
  /** `host` "*" is every local address. */
  readonly listen: readonly HostPort[]
  /** auto: batch where this system has it. */
  readonly udp: 'auto' | 'plain' | 'batch'
  /** Processes that answer. */
  readonly workers: number
  readonly docker: {
    readonly engines: readonly EngineConfig[]
    /** undefined: docker.engines names them. */
    readonly found?: FoundEngine | undefined
    /** ms */
    readonly resync: number
  }
  /** Lower case, no trailing dot. */
  readonly zone: string
  /** Seconds. */
  readonly ttl: number
  readonly health: 'ignore' | 'prefer' | 'require'
  readonly scope: { readonly gateway: 'refuse' | 'network' | 'host'; readonly allow: readonly Subnet[] }
  /** Which names containers' labels may grant. */
  readonly labels: { readonly allow: readonly NamePattern[] }
  readonly hosts: readonly StaticHost[]
  readonly forward: {
    readonly upstreams: 'auto' | readonly Upstream[]
    readonly zones: readonly ForwardZone[]
    readonly networks: readonly ForwardNetwork[]
    readonly servers: readonly ForwardServer[]
    readonly order: ForwardOrder
    /** One deadline over all tries, ms. */
    readonly timeout: number
    readonly singleLabel: boolean
    readonly rebindProtection: boolean
    /** Lower case, no trailing dot. */
    readonly rebindAllow: readonly string[]
  }
  readonly cache: CacheSettings
  /** What is told to who asks which server this is; "": nothing. */
  readonly identity: { readonly id: string; readonly version: string }
  readonly limits: {
    /** TCP connections at once, in all and of one asker. */
    readonly connections: number
    readonly connectionsPerAsker: number
    /** ms without a question. */
    readonly idle: number
    /** ms that a message may be half sent, or a reply not taken. */
    readonly stall: number
    /** Bytes of questions not answered and replies not taken, in all and of one connection. */
    readonly bytes: number
    readonly bytesPerConnection: number
    /** Questions of one connection being forwarded. */
    readonly pipelined: number
    /** Questions being forwarded, in all and for one asker. */
    readonly inFlight: number
    readonly inFlightPerAsker: number
    readonly fairShare: boolean
    /** Datagrams a second, of an address and of its prefix; 0: any number. */
    readonly rate: number
    readonly ratePerPrefix: number
    /** Every so many questions over the rate get a truncated answer; 0: none. */
    readonly slip: number
    /** For loopback and known containers as well. */
    readonly rateAll: boolean
  }
  /** undefined: no HTTP. */
  readonly http: HostPort | undefined
  readonly api: {
    /** Absolute path of a unix socket; undefined: none. */
    readonly socket: string | undefined
    /** The socket's group; undefined: as the system makes it. */
    readonly group: number | undefined
    /** Wanted over TCP for the host's view; undefined: nothing is. */
    readonly token: ApiToken | undefined
    /** Lower case, no trailing dot. */
    readonly hosts: readonly string[]
  }
  readonly log: { readonly level: Level; readonly queries: boolean }
}
