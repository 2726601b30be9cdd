// The requests and replies of /api/names and /api/query, and the interface of what makes them.

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

export interface CacheEntry {
  /** Of the question. */
  readonly name: string
  /** "*": every type, of a name that does not exist. */
  readonly type: string
  /** Other than IN. */
  readonly class?: number
  /** The question's DO and CD: with signatures, and unchecked. */
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
  /** nodata: the name has no records of this type. failure: no upstream had an answer. */
  readonly answer: 'records' | 'nodata' | 'nxdomain' | 'failure'
  readonly rcode: string
  /** As they would be answered now, with the aliases that lead to them or to a denial. */
  readonly records: readonly AnswerRecord[]
  readonly stale: boolean
  /** Seconds: since it came, its TTL then, and until upstreams are asked again (0: at the next question). */
  readonly age: number
  readonly ttl?: number
  readonly left: number
  /** Of an answer: seconds until it is dropped even if no upstream answers. */
  readonly staleLeft?: number
  readonly upstream?: string
  readonly transport?: 'udp' | 'tcp'
  readonly route: string
  /** How often it has been answered with. */
  readonly uses?: number
  /** It is in demand, and was refreshed before its TTL ran out. */
  readonly renewed?: boolean
  /** Of a failure: what became of the attempts. */
  readonly why?: string
  /** Those that hold it, where several processes answer. */
  readonly processes?: readonly number[]
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
  /** Where it was forwarded: default, forward.zones corp.example … */
  readonly route?: string
  readonly upstream?: string
  /** What became of the attempts, if the first one was not enough. */
  readonly tries?: string
  /** How long forwarding took, ms. */
  readonly ms?: number
  /**
   * If it came from the cache: its age in seconds, whether it is stale, and for how many more seconds it holds or, if
   * stale, may still be used.
   */
  readonly cached?: { readonly age: number; readonly stale: boolean; readonly left?: number }
  /** If asked for: what the cache holds of the name, of every type and route. */
  readonly kept?: readonly CacheEntry[]
  readonly answers: readonly AnswerRecord[]
  /** Names that are unambiguous. */
  readonly alternatives?: readonly string[]
}

export interface Inspector {
  names(as: AskerRef): NamesReply | Problem
  /** `seesCache`: include what the cache holds of the name, which takes a scan of all of it. */
  query(name: string, type: string, as: AskerRef, seesCache?: boolean): Promise<QueryReply | Problem>
}
