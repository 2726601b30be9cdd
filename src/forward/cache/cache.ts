// Upstreams' answers, kept: a question answered before is answered at once, aged; one whose answer is out of date gets
// that where upstreams fail or are slow (RFC 8767); and one that just failed is not tried again at once (RFC 9520).
import type { CacheSettings } from '../../config/types.ts'
import { readRecords, skipQuestions } from '../../dns/records.ts'
import type { UpstreamReply } from '../../dns/relay.ts'
import { ageReply, staleReply } from '../../dns/ttl.ts'
import type { Clock } from '../../lib/clock.ts'
import { explain } from '../../lib/errors.ts'
import type { Logger } from '../../lib/log.ts'
import type { ForwardCounters } from '../counters.ts'
import { createInflight } from '../inflight.ts'
import { nameKey, questionKey, wantsRecursion } from '../key.ts'
import type { Answered, Failed, Forward, Forwarded, ForwardQuestion, Lease, Route } from '../types.ts'
import type { CacheCounters } from './counters.ts'
import { createFailures, type RememberedFailure } from './failures.ts'
import { type Caps, isConclusive, type Kind, readKeepable } from './keepable.ts'
import { createStore, type Entry } from './store.ts'

export interface Cache {
  readonly forward: Forward
  /** Keeps what another cache has told; its message becomes ours. */
  take(fill: Fill): void
  /** What is kept stays, as far as it might have been kept with these settings. */
  update(settings: CacheSettings): void
}

/** What upstreams said, as other caches of this server take it over: plain data, good for a while after it was told. */
export interface Fill {
  /** Of the question, and of its name whatever the type (see key). */
  readonly question: string
  readonly name: string
  /** undefined: what was known does not hold any more, and nothing is kept in its place. */
  readonly kept:
    | {
        readonly kind: Kind
        readonly forEveryType: boolean
        readonly message: Buffer
        readonly upstream: string
        /** ms since it came, and from then to its end. */
        readonly age: number
        readonly ttl: number
      }
    | undefined
}

export interface CacheOptions {
  /** Asks upstreams; identical questions that are under way are merged before it. */
  readonly ask: Forward
  readonly settings: CacheSettings
  /** Whether an answer may be kept at all. */
  readonly isCacheable: (reply: UpstreamReply, route: Route) => boolean
  /** Whether all of a route's upstreams are known to be out of order. */
  readonly isDown: (route: Route) => boolean
  readonly counters: CacheCounters
  readonly forwardCounters: Pick<ForwardCounters, 'coalesced' | 'rejects'>
  /** For who waits for another's exchange; see inflight. */
  readonly claim: (asker: string) => (() => void) | undefined
  readonly clock: Clock
  /** The cache's own time, ms: lib/clock's passingTime. */
  readonly now: () => number
  readonly log: Logger
  /** For other caches. */
  readonly onFill?: (fill: Fill) => void
}

/** RFC 8767, 5: an asker gets the stale answer where there is no other by now, ms. Stubs often wait 2 s. */
const clientPatience = 1800
/** RFC 8767, 5: where a stale answer is there, upstreams that failed are tried again after this, ms. */
const failureRecheck = 30_000
/** RFC 8767, 4: what a stale answer holds for, s. */
const staleTtl = 30

/** An answer is asked for again before its end where it holds for so many s, was used so often, and this part is left. */
const prefetchFrom = { ttl: 10, hits: 3, left: 0.1 }
/** At most so many at once. */
const maxPrefetches = 64
/** The store need not know of a use this soon after another, ms. */
const recentlyUsed = 1000

export function createCache(options: CacheOptions): Cache {
  const { counters, clock, log, now } = options
  const hits = counters.hits.cell()
  let { settings } = options
  const store = createStore(settings, counters)
  const failures = createFailures(now)
  const refresh = createInflight({
    counters: options.forwardCounters,
    claim: options.claim,
    // Here each exchange passes once, however many wait for it.
    ask(asked) {
      const result = options.ask(asked)
      return result instanceof Promise ? result.then((settled) => keep(asked, settled)) : keep(asked, result)
    },
  })
  let prefetches = 0

  function keep(asked: ForwardQuestion, result: Forwarded): Forwarded {
    // Without RD upstreams tell what they have at hand; that is no answer for others.
    if (!wantsRecursion(asked)) return result
    const key = questionKey(asked)
    const forEveryType = nameKey(asked)
    const time = now()
    if ('failure' in result) {
      const servable = servableFor(newest(store.get(key), store.get(forEveryType)), time)
      failures.note(key, result, Math.min(servable, failureRecheck))
      return result
    }
    const { reply, upstream } = result
    if (!isConclusive(reply)) return result
    failures.forget(key)
    const found = options.isCacheable(reply, asked.route)
      ? readKeepable(reply, asked.question.type, capsOf(settings))
      : undefined
    const kept = found && {
      ...{ kind: found.kind, forEveryType: found.forEveryType, message: found.reply.message },
      ...{ upstream, age: 0, ttl: found.ttl * 1000 },
    }
    const fill = { question: key, name: forEveryType, kept }
    if (replace(fill, found?.reply, time)) options.onFill?.(fill)
    return result
  }

  /** What is said now replaces what was known, whether or not it may be kept. False: there was, and is, nothing. */
  function replace({ question, name, kept }: Fill, reply: UpstreamReply | undefined, time: number): boolean {
    const had = store.delete(question)
    const hadName = !kept?.forEveryType && store.delete(name)
    if (kept === undefined || reply === undefined || settings.entries === 0) return had || hadName
    const { kind, upstream, age, ttl } = kept
    const storedAt = time - age
    store.set(kept.forEveryType ? name : question, {
      ...{ kind, reply, upstream, storedAt, expiresAt: storedAt + ttl },
      ...{ hits: 0, prefetched: false, usedAt: time, isGone: false },
    })
    return true
  }

  function take(fill: Fill): void {
    failures.forget(fill.question)
    const message = fill.kept?.message
    const records = message && readRecords(message, skipQuestions(message))
    replace(fill, message && records && { message, records }, now())
  }

  /** How long an entry is still good for an answer, if only a stale one; ms. */
  function servableFor(entry: Entry | undefined, time: number): number {
    return entry === undefined ? 0 : Math.max(0, entry.expiresAt + settings.stale - time)
  }

  function answerFresh(entry: Entry, key: string, asked: ForwardQuestion, time: number): Answered {
    hits.value++
    entry.hits++
    if (isWorthPrefetching(entry, time)) prefetch(entry, asked)
    const age = seconds(time - entry.storedAt)
    const cached = { age, stale: false, lease: leaseOf(entry, key) }
    return { reply: ageReply(entry.reply, age), upstream: entry.upstream, cached }
  }

  /** What is given by it is used as if it had been asked for here. */
  function leaseOf(entry: Entry, key: string): Lease {
    return {
      use(time) {
        if (entry.isGone || time >= entry.expiresAt || isWorthPrefetching(entry, time)) return undefined
        // What was used longest ago goes first: once in a while is enough to tell.
        if (time - entry.usedAt > recentlyUsed) {
          entry.usedAt = time
          store.get(key)
        }
        hits.value++
        entry.hits++
        return seconds(time - entry.storedAt)
      },
    }
  }

  /** `why`: what became of the try to get a newer one. */
  function answerStale(entry: Entry, why: string): Answered {
    counters.servedStale.add(1)
    const age = seconds(now() - entry.storedAt)
    const reply = staleReply(entry.reply, age, staleTtl)
    return { reply, upstream: entry.upstream, tries: why, cached: { age, stale: true } }
  }

  function answerFailed({ failed, at }: RememberedFailure): Failed {
    counters.failures.add(1)
    return { ...failed, cached: { age: seconds(now() - at), stale: false } }
  }

  /** The new answer, or the old one where upstreams fail, are down or take too long; the exchange goes on then. */
  function preferNew(asked: ForwardQuestion, old: Entry): Forwarded | Promise<Forwarded> {
    const result = refresh(asked)
    const better = (settled: Forwarded) => {
      if ('failure' in settled) return answerStale(old, settled.failure)
      return isConclusive(settled.reply)
        ? settled
        : answerStale(old, `no whole answer from ${settled.upstream}`)
    }
    if (!(result instanceof Promise)) return better(result)
    if (options.isDown(asked.route)) {
      void leaveBehind(result)
      return answerStale(old, 'all upstreams are down')
    }
    return new Promise((resolve, reject) => {
      let late = false
      const timer = clock.setTimeout(() => {
        late = true
        resolve(answerStale(old, `no answer within ${clientPatience / 1000} s`))
      }, clientPatience)
      result.then((settled) => {
        clock.clearTimeout(timer)
        if (!late) resolve(better(settled))
      }, reject)
    })
  }

  function isWorthPrefetching(entry: Entry, time: number): boolean {
    if (entry.prefetched || entry.hits < prefetchFrom.hits || prefetches >= maxPrefetches) return false
    const whole = entry.expiresAt - entry.storedAt
    return whole >= prefetchFrom.ttl * 1000 && entry.expiresAt - time <= whole * prefetchFrom.left
  }

  function prefetch(entry: Entry, asked: ForwardQuestion): void {
    if (!wantsRecursion(asked)) return
    entry.prefetched = true
    counters.prefetch.add(1)
    const result = refresh(asked)
    if (!(result instanceof Promise)) return
    prefetches++
    void leaveBehind(result).finally(() => prefetches--)
  }

  /** Nobody waits for it; what it brings has been kept by then. */
  function leaveBehind(result: Promise<Forwarded>): Promise<unknown> {
    return result.catch((error: unknown) =>
      log.error({ why: explain(error) }, 'a kept answer could not be renewed'),
    )
  }

  function update(next: CacheSettings): void {
    settings = next
    store.update(next, (entry) => {
      const longest = entry.kind === 'denial' ? next.maxNegativeTtl : next.maxTtl
      return { ...entry, expiresAt: Math.min(entry.expiresAt, entry.storedAt + longest) }
    })
  }

  function forward(asked: ForwardQuestion): Forwarded | Promise<Forwarded> {
    const time = now()
    const key = questionKey(asked)
    const own = store.get(key)
    if (own !== undefined && time < own.expiresAt) return answerFresh(own, key, asked, time)
    const forEveryType = nameKey(asked)
    const denied = store.get(forEveryType)
    if (denied !== undefined && time < denied.expiresAt) return answerFresh(denied, forEveryType, asked, time)
    if (!wantsRecursion(asked)) return refresh(asked)
    const known = newest(own, denied)
    const old = servableFor(known, time) > 0 ? known : undefined
    const failure = failures.recall(key)
    if (failure !== undefined)
      return old === undefined ? answerFailed(failure) : answerStale(old, failure.failed.failure)
    counters.misses.add(1)
    return old === undefined ? refresh(asked) : preferNew(asked, old)
  }

  return { forward, take, update }
}

function capsOf({ maxTtl, maxNegativeTtl }: CacheSettings): Caps {
  return { maxTtl: maxTtl / 1000, maxNegativeTtl: maxNegativeTtl / 1000 }
}

const seconds = (ms: number): number => Math.floor(ms / 1000)

function newest(a: Entry | undefined, b: Entry | undefined): Entry | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.storedAt > b.storedAt ? a : b
}
