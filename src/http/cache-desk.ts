// What /api/cache does: shows what is cached of a name, and flushes it.
import { canonicalName } from '../dns/name.ts'
import { internationalName } from '../dns/told.ts'
import { classIN, type, typeCode } from '../dns/types.ts'
import type { Names } from '../forward/cache/flush.ts'
import type { Logger } from '../lib/log.ts'
import type { Resolver } from '../resolve/resolver.ts'
import type { CacheEntry, Problem } from './api-types.ts'
import { mergeHoldings } from './cache-entries.ts'
import type { Caches } from './caches.ts'

export interface CacheReply {
  readonly name: string
  readonly below: boolean
  /** If one was asked for. */
  readonly type?: string
  readonly entries: readonly CacheEntry[]
  /** How many more entries there are. */
  readonly more?: number
  /** The rule by which berth itself answers the host; such answers are never cached. */
  readonly own?: string
  /** Networks with a container of this name, whose members get its addresses. */
  readonly networks?: readonly string[]
  /** Processes that have not replied. */
  readonly silent?: readonly number[]
}

export interface FlushReply {
  /** undefined: everything was flushed. */
  readonly name?: string
  readonly below: boolean
  /** What each process dropped; the first process is 1. */
  readonly flushed: readonly {
    readonly worker: number
    readonly answers: number
    readonly failures: number
  }[]
  /** Processes that have not replied; they flush once they can run. */
  readonly silent?: readonly number[]
}

export interface CacheDesk {
  show(name: string, type: string | undefined, below: boolean): Promise<CacheReply | Problem>
  /** `by`: the caller, for the log. */
  flush(name: string | undefined, below: boolean, by: string): Promise<FlushReply | Problem>
}

export interface CacheDeskOptions {
  readonly caches: Caches
  readonly resolver: () => Pick<Resolver, 'scope' | 'decide' | 'snapshot'>
  readonly log: Pick<Logger, 'info'>
}

/** Entries in one reply. */
const mostEntries = 1000
/** Networks in one reply. */
const mostNetworks = 20

export function createCacheDesk({ caches, resolver, log }: CacheDeskOptions): CacheDesk {
  /** What answers the name besides upstreams. */
  function findOwn(name: string, code: number): Pick<CacheReply, 'own' | 'networks'> {
    const { scope, decide, snapshot } = resolver()
    const decision = decide(scope('127.0.0.1', '127.0.0.1'), { name, type: code, class: classIN })
    const networks = snapshot()
      .tables.filter(({ names, added }) => names.get(name) !== undefined || added.get(name) !== undefined)
      .map(({ network }) => network.name)
      .slice(0, mostNetworks)
    return {
      ...(decision.kind === 'answer' ? { own: decision.rule } : {}),
      ...(networks.length === 0 ? {} : { networks }),
    }
  }

  return {
    async show(text, typeText, below) {
      const name = nameOf(text)
      if (name === undefined) return noName(text)
      const code = typeText === undefined ? undefined : typeCode(typeText)
      if (typeText !== undefined && code === undefined) {
        return { problem: `${typeText} is not a record type; try A, AAAA or TYPE65`, status: 400 }
      }
      const found = await caches.holdings({ name, below, type: code }, mostEntries)
      const entries = mergeHoldings(found)
      const more =
        Math.max(0, ...found.told.map(({ more }) => more)) + Math.max(0, entries.length - mostEntries)
      return {
        name: name === '' ? '.' : name,
        below,
        ...(typeText === undefined ? {} : { type: typeText }),
        entries: entries.slice(0, mostEntries),
        ...(more === 0 ? {} : { more }),
        ...findOwn(name, code ?? type.A),
        ...silentOf(found),
      }
    },

    async flush(text, below, by) {
      const name = text === undefined ? undefined : nameOf(text)
      if (text !== undefined && name === undefined) return noName(text)
      const names: Names | undefined = name === undefined ? undefined : { name, below }
      const done = await caches.flush(names)
      const told = {
        ...(name === undefined ? {} : { name: name === '' ? '.' : name }),
        below: below && name !== undefined,
        flushed: done.told,
        ...silentOf(done),
      }
      log.info(
        { ...told, by },
        name === undefined ? 'the cache was flushed' : 'a name was flushed from the cache',
      )
      return told
    },
  }
}

/** A non-ASCII name as programs ask for it; "\\DDD" stands for a byte. */
function nameOf(text: string): string | undefined {
  return internationalName(text) ?? canonicalName(text)
}

function silentOf({ silent }: { readonly silent: readonly number[] }) {
  return silent.length === 0 ? {} : { silent }
}

function noName(text: string): Problem {
  return {
    problem: `"${text}" is not a domain name: a label is empty or longer than 63 bytes, or the name is longer than 253`,
    status: 400,
  }
}
