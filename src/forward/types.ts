// What forwarding is asked, and what comes of it. Shapes only: resolve asks, forward answers.
import type { Socket } from 'node:net'
import type { ForwardOrder, Upstream } from '../config/types.ts'
import type { Edns } from '../dns/edns.ts'
import type { Question } from '../dns/name.ts'
import type { UpstreamReply } from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'

/** Where a question that is not ours goes. */
export interface Route {
  /**
   * "default", "forward.zones corp.example", "forward.networks lab": for people, and for keeping apart what different
   * servers say; two routes of one name give one name the same upstreams.
   */
  readonly name: string
  /** An explicit `forward.zones` entry, which may answer with addresses inside Docker's subnets. */
  readonly zone: string | undefined
  /** Chosen by the configuration for this name or this asker, so that private addresses are nothing to wonder about. */
  readonly explicit: boolean
  readonly upstreams: readonly Upstream[]
  readonly order: ForwardOrder
}

export interface ForwardQuestion {
  /** The asker's message, whole. */
  readonly query: Buffer
  readonly question: Question
  readonly edns: Edns | undefined
  readonly route: Route
  /** Source address, for the accounting of askers. */
  readonly asker: string
}

/** What was at hand and not asked for now: how long ago it came, seconds, and whether it is out of date (RFC 8767). */
export interface Cached {
  readonly age: number
  readonly stale: boolean
  /** Seconds until upstreams are asked again; of what is out of date, until it is not given any more. */
  readonly left?: number
  /** For who keeps what it made of the answer. */
  readonly lease?: Lease
}

/** The right to give a kept answer again without asking for it. */
export interface Lease {
  /** Counts a use, as of this time (ms, the cache's own); its age in seconds, undefined: ask for it anew. */
  use(time: number): number | undefined
}

export interface Answered {
  readonly reply: UpstreamReply
  readonly upstream: string
  /** Default: UDP. */
  readonly transport?: Transport
  /**
   * What the tries came to, where the first one was not enough: "198.51.100.1:53 silent, 9.9.9.9:53 answered"; of a
   * stale answer, why there is no newer one.
   */
  readonly tries?: string
  /** It was asked for with DO, and without EDNS, which its server may yet turn out to take: it is not kept. */
  readonly isGuess?: true
  readonly cached?: Cached
}

/** `failure` says what became of each try: "9.9.9.9:53 SERVFAIL, 1.1.1.1:53 timeout"; `reason` chooses the extended error. */
export interface Failed {
  readonly failure: string
  readonly reason: 'none' | 'busy' | 'unreachable' | 'failed'
  /** None of the upstreams recurses, they say. */
  readonly noRecursion?: true
  readonly cached?: Cached
}

export type Forwarded = Answered | Failed

/** A plain value where the answer is at hand, a promise where upstreams are asked. Never rejects. */
export type Forward = (asked: ForwardQuestion) => Forwarded | Promise<Forwarded>

/** One UDP socket to one upstream, which hears that one alone. */
export interface UpstreamSocket {
  /** Whether it sends now; else what it is given waits until it is, and `connected` is called. */
  readonly isConnected: boolean
  /** What becomes of it, `failed` tells at most. */
  send(message: Buffer): void
  close(): void
}

export interface SocketHandlers {
  connected(): void
  /** The message is the listener's to keep. */
  heard(message: Buffer): void
  /** The system's code. Never called before the socket is given. */
  failed(code: string): void
}

/** Opens a socket on a port that the system draws. */
export type DialUdp = (
  to: { readonly host: string; readonly port: number },
  ears: SocketHandlers,
) => UpstreamSocket

/** Connects to an address that Node itself cannot express. */
export type DialTcp = (to: { readonly host: string; readonly port: number }) => Socket
