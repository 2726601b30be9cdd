// The caches of all processes that answer, as whoever looks after the server asks for them.

import type { Holdings, Subject } from '../forward/cache/contents.ts'
import type { Flushed, Names } from '../forward/cache/flush.ts'

/** By process: the first one is 1. */
export interface FromAll<T> {
  readonly told: readonly (T & { readonly worker: number })[]
  /** Those that have not answered by now. What they were told to do they do once they go on. */
  readonly silent: readonly number[]
}

export interface Caches {
  /** No names: everything. Resolves once nothing of it is given any more, but by processes that are silent. */
  flush(names: Names | undefined): Promise<FromAll<Flushed>>
  /** Of each process as many as `limit`; `more`: how many it has beyond that. */
  holdings(subject: Subject, limit: number): Promise<FromAll<Holdings>>
}
