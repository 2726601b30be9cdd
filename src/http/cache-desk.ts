// What /api/cache tells and does: what is kept of a name, and away with it.
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
  /** Where it was asked for one. */
  readonly type?: string
  readonly entries: readonly CacheEntry[]
  /** How many there are beside them. */
  readonly more?: number
  /** By which rule the host's question is answered by berth itself: such answers are never kept. */
  readonly own?: string
  /** Networks with a container of this name, whose members get its addresses. */
  readonly networks?: readonly string[]
  /** Processes that have not said what they hold. */
  readonly silent?: readonly number[]
}

export interface FlushReply {
  /** None: everything was flushed. */
  readonly name?: string
  readonly below: boolean
  /** By process, what there was: 1 is the first one. */
  readonly flushed: readonly {
    readonly worker: number
    readonly answers: number
    readonly failures: number
  }[]
  /** Processes that have not said that they did it; they do once they go on. */
  readonly silent?: readonly number[]
}

export interface CacheDesk {
  show(name: string, type: string | undefined, below: boolean): Promise<CacheReply | Problem>
  /** `by`: who wants it, for the log. */
  flush(name: string | undefined, below: boolean, by: string): Promise<FlushReply | Problem>
}

export interface CacheDeskOptions {
  readonly caches: Caches
  readonly resolver: () => Pick<Resolver, 'scope' | 'decide' | 'snapshot'>
  readonly log: Pick<Logger, 'info'>
}

/** Entries of one reply. */
const mostTold = 1000
/** Networks that are named. */
const mostNetworks = 20

export function createCacheDesk({ caches, resolver, log }: CacheDeskOptions): CacheDesk {
  /** By whom else than upstreams the name is answered. */
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
        return { problem: `${typeText} is no record type; try A, AAAA or TYPE65`, status: 400 }
      }
      const found = await caches.holdings({ name, below, type: code }, mostTold)
      const entries = mergeHoldings(found)
      const more = Math.max(0, ...found.told.map(({ more }) => more)) + Math.max(0, entries.length - mostTold)
      return {
        name: name === '' ? '.' : name,
        below,
        ...(typeText === undefined ? {} : { type: typeText }),
        entries: entries.slice(0, mostTold),
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

/** As programs ask for it where it is not ASCII; "\\DDD" tells bytes. */
function nameOf(text: string): string | undefined {
  return internationalName(text) ?? canonicalName(text)
}

function silentOf({ silent }: { readonly silent: readonly number[] }) {
  return silent.length === 0 ? {} : { silent }
}

function noName(text: string): Problem {
  return {
    problem: `"${text}" is no domain name: a label is empty or over 63 bytes, or all over 253`,
    status: 400,
  }
}
