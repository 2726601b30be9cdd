// The caches of all answering processes, for an operator to read and flush.
import type { Holdings, Subject } from '../forward/cache/contents.ts'
import type { Flushed, Names } from '../forward/cache/flush.ts'

/** A result per process; the first process is 1. */
export interface FromAll<T> {
  readonly told: readonly (T & { readonly worker: number })[]
  /** Processes that have not replied; they do what was asked once they can run. */
  readonly silent: readonly number[]
}

export interface Caches {
  /** undefined: everything. Resolves once no process, except silent ones, serves any of it. */
  flush(names: Names | undefined): Promise<FromAll<Flushed>>
  /** At most `limit` per process; `more`: how many it holds beyond that. */
  holdings(subject: Subject, limit: number): Promise<FromAll<Holdings>>
}
