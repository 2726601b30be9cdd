// The requests and replies of /api/names and /api/query, and the interface of what makes them.
import type { CacheEntry } from './holdings.ts'

/** On whose behalf: the host itself, an address, or a container by name or id. */
export type AskerRef =
  | { readonly kind: 'host' }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'container'; readonly name: string }

/** Why there is no reply: 404 for an unknown asker, 400 for an invalid question. */
export interface Problem {
  readonly problem: string
  readonly status: 400 | 404
}

export interface VisibleName {
  readonly name: string
  readonly network: string
  readonly v4: readonly string[]
  readonly v6: readonly string[]
  readonly containers: readonly string[]
}

/** A label, or a name in it, that has no effect. */
export interface IgnoredLabel {
  readonly container: string
  readonly label: string
  readonly value: string
  readonly why: string
}

export interface NamesReply {
  readonly as: string
  /** One sentence: which rule gave this asker its scope. */
  readonly rule: string
  /** host, networks … */
  readonly view: string
  readonly networks: readonly string[]
  /** Whether this asker's other questions are forwarded. */
  readonly forwards: boolean
  readonly names: readonly VisibleName[]
  /** In the host's view alone. */
  readonly ignoredLabels?: readonly IgnoredLabel[]
}

export interface AnswerRecord {
  readonly name: string
  readonly type: string
  readonly ttl: number
  readonly data: string
}

export interface QueryReply {
  readonly name: string
  readonly type: string
  readonly as: string
  readonly rcode: string
  /** local, forward, cache … */
  readonly source: string
  /** One sentence: which rule decided. */
  readonly rule: string
  readonly network?: string
  /** By which way it was forwarded: default, forward.zones corp.example … */
  readonly route?: string
  readonly upstream?: string
  /** What the tries at upstreams came to, where the first one was not enough. */
  readonly tries?: string
  /** How long it took to forward it, ms. */
  readonly ms?: number
  /**
   * Where it was kept: how long ago it came, seconds, and whether it is out of date; and for how long upstreams are not
   * asked again, or, of what is out of date, for how long it may still be given.
   */
  readonly cached?: { readonly age: number; readonly stale: boolean; readonly left?: number }
  /** Where it was asked for: what is kept of the name now, of whatever type and by whatever way. */
  readonly kept?: readonly CacheEntry[]
  readonly answers: readonly AnswerRecord[]
  /** Names that would have been unambiguous. */
  readonly alternatives?: readonly string[]
}

export interface Inspector {
  names(as: AskerRef): NamesReply | Problem
  /** `seesCache`: whoever asks wants to know what else is kept of the name, and may. All that is kept is looked through. */
  query(name: string, type: string, as: AskerRef, seesCache?: boolean): Promise<QueryReply | Problem>
}
