// The cache of upstreams' answers: fresh ones are served aged, stale ones while upstreams fail or are slow (RFC 8767),
// and a question that just failed is not retried at once (RFC 9520).
import type { CacheSettings } from '../../config/types.ts'
import type { UpstreamReply } from '../../dns/relay.ts'
import { answerTtl } from '../../dns/ttl.ts'
import type { Clock } from '../../lib/clock.ts'
import { explain } from '../../lib/errors.ts'
import type { Logger } from '../../lib/log.ts'
import type { ForwardMetrics } from '../forward-metrics.ts'
import { createInflight } from '../inflight.ts'
import { createKeys, hashName, type Keys, nameOf, nameOfOwner, wantsRecursion } from '../key.ts'
import type { Answered, Forward, Forwarded, ForwardQuestion, Route } from '../types.ts'
import type { CacheMetrics } from './cache-metrics.ts'
import { type Caps, deniesName, isConclusive, kindOf, readCacheable, writeTtls } from './cacheability.ts'
import { type Holdings, listHoldings, type Subject } from './contents.ts'
import { createEntry, type Entry } from './entry.ts'
import { createExistence, maySayNodata, narrow, sayNodata } from './existence.ts'
import { createFailures } from './failures.ts'
import { type Fill, fillOf, readFill } from './fill.ts'
import { createFlushes, type Flush, type Flushed, type Flushes, namesIn, removeFrom } from './flush.ts'
import { unpackReply } from './packed.ts'
import { createServed, isWorthPrefetching, staleTtl } from './served.ts'
import { createStore } from './store.ts'

export interface Cache {
  readonly forward: Forward
  /** Keeps what another process's cache sent; the message becomes ours. */
  take(fill: Fill): void
  /** What is kept stays, as far as it might have been kept with these settings. */
  update(settings: CacheSettings): void
  /** Resolves once what it is of is gone; it does not come back by what was asked for before. */
  flush(flush: Flush): Promise<Flushed>
  /** What there is of it, as many as `limit`. */
  holdings(subject: Subject, limit: number): Promise<Holdings>
}

export interface CacheOptions {
  /** Asks upstreams; identical questions that are under way are merged before it. */
  readonly ask: Forward
  readonly settings: CacheSettings
  /** Whether an answer may be kept at all. */
  readonly isCacheable: (reply: UpstreamReply, route: Route) => boolean
  /** Whether all of a route's upstreams are known to be out of order. */
  readonly isDown: (route: Route) => boolean
  readonly counters: CacheMetrics
  readonly forwardCounters: Pick<ForwardMetrics, 'coalesced' | 'rejects'>
  /** For who waits for another's exchange; see inflight. */
  readonly claim: (asker: string) => (() => void) | undefined
  readonly clock: Clock
  /** The cache's own time, ms: lib/clock's passingTime. */
  readonly now: () => number
  readonly log: Logger
  /** For other caches. */
  readonly onFill?: (fill: Fill) => void
  /** Default: none so far. */
  readonly flushes?: Flushes
  /** Of hashes, 32 random bits, so that colliding names cannot be chosen. Default: 0. */
  readonly seed?: number
}

/** RFC 8767, 5: an asker gets the stale answer where there is no other by now, ms. Stubs often wait 2 s. */
const clientPatience = 1800
/** At most so many at once. */
const maxPrefetches = 64

export function createCache(options: CacheOptions): Cache {
  const { counters, clock, log, now, flushes = createFlushes() } = options
  const misses = counters.misses.cell()
  let { settings } = options
  let caps = capsOf(settings)
  const { seed = 0 } = options
  const store = createStore(settings, counters)
  const existence = createExistence(store, seed)
  const failures = createFailures(now)
  const keysOf = createKeys(flushes.last, seed)
  const refresh = createInflight({
    ...{ ask: options.ask, keep, claim: options.claim },
    counters: options.forwardCounters,
    isFlushed,
  })
  let prefetches = 0
  const isDue = (entry: Entry, time: number) => prefetches < maxPrefetches && isWorthPrefetching(entry, time)
  const served = createServed({
    counters,
    store,
    now,
    isDue,
    stale: () => settings.stale,
  })

  function isFlushed({ question, since }: Keys, result?: Forwarded): boolean {
    return flushes.hit(since, () => namesIn(nameOf(question), replyOf(result)))
  }

  function keep(asked: ForwardQuestion, keys: Keys, result: Forwarded): Forwarded {
    const { type, name } = asked.question
    const kind = 'reply' in result ? kindOf(result.reply, type) : undefined
    if ('reply' in result) writeTtls(result.reply, kind)
    // Without RD upstreams tell what they have at hand; that is no answer for others.
    if (!wantsRecursion(asked)) return result
    if (keys.since < flushes.last() && isFlushed(keys, result)) return result
    const time = now()
    if ('failure' in result) {
      failures.note(keys.question, result)
      return result
    }
    const { reply, upstream, transport = 'udp' } = result
    const { question: key, context } = keys
    const subject = { key, context, hash: hashName(name, context), name, type }
    const shows = kind === 'success'
    if (!isConclusive(reply)) {
      if (shows && settings.entries > 0) existence.learn(subject, reply, shows, time, false)
      return result
    }
    failures.forget(keys.question)
    if (settings.entries === 0 || result.isGuess) return result
    const against = !shows && deniesName(reply, type) ? existence.against(subject, reply, time) : undefined
    const isThere = against !== undefined && against.others > 0 && maySayNodata(reply.message, keys.question)
    if (isThere) sayNodata(reply.message)
    const found = options.isCacheable(reply, asked.route) ? readCacheable(reply, kind, caps) : undefined
    const forEveryType = found?.forEveryType === true && (against?.name ?? 0) === 0
    // As NODATA it ends with what stands against it: the whole name may be gone then.
    const most = isThere ? against.others - time : Number.POSITIVE_INFINITY
    const entry =
      found &&
      createEntry({
        key: forEveryType ? keys.name : keys.question,
        hash: subject.hash,
        kind: found.kind,
        type,
        forEveryType,
        packed: found.packed,
        upstream,
        transport,
        since: keys.since,
        storedAt: time,
        expiresAt: time + Math.min(found.ttl * 1000, most),
        validUntil: time + answerTtl(reply) * 1000,
        usedAt: time,
      })
    const had = replace(keys, entry, shows)
    const shown = existence.learn(subject, reply, shows, time, entry !== undefined && !entry.isGone)
    if (options.onFill !== undefined && (had || entry !== undefined || shown.length > 0)) {
      options.onFill(fillOf(keys, entry, shown, time))
    }
    return result
  }

  /**
   * What is said now replaces what was known, whether or not it may be kept. `shows`: that the name exists; who learns of it
   * takes back what denied that. Whether there was something.
   */
  function replace(
    { question, name }: Pick<Keys, 'question' | 'name'>,
    entry: Entry | undefined,
    shows: boolean,
  ): boolean {
    const had = store.delete(question)
    const hadName = entry?.forEveryType !== true && !shows && store.delete(name)
    if (entry !== undefined) store.set(entry)
    return had || hadName
  }

  function take(fill: Fill): void {
    const { question, since = 0, shown } = fill
    const time = now()
    const filled = readFill(fill, time, seed)
    if (flushes.hit(since, () => namesIn(nameOf(question), filled?.reply))) return
    failures.forget(question)
    for (const { owner, type, left } of shown) {
      if (!flushes.hit(since, () => [nameOfOwner(owner)])) {
        existence.hear({ owner, type, until: time + left })
      }
    }
    if (filled === undefined) {
      replace(fill, undefined, shown.length > 0)
      return
    }
    const { subject, reply, entry: received } = filled
    // Its sender may not have known what is known here.
    const against = deniesName(reply, subject.type) ? existence.against(subject, reply, time) : undefined
    const isAgainst = against !== undefined && against.name > 0
    const entry = isAgainst ? narrow(received, against.others) : received
    const shows = entry.kind === 'success'
    replace(fill, entry, shows)
    existence.learn(subject, reply, shows, received.storedAt, !entry.isGone)
  }

  /** The new answer, or the old one where upstreams fail, are down or take too long; the exchange goes on then. */
  function preferNew(asked: ForwardQuestion, keys: Keys, old: Entry): Forwarded | Promise<Forwarded> {
    const result = refresh(asked, keys)
    // Who asked before a flush is not given what it took away either.
    const isGone = () => flushes.hit(old.since, () => namesIn(asked.question.name, unpackReply(old.packed)))
    const better = (settled: Forwarded) => {
      if (isGone()) return settled
      if ('failure' in settled) return served.stale(old, settled.failure)
      return isConclusive(settled.reply)
        ? settled
        : served.stale(old, `no whole answer from ${settled.upstream}`)
    }
    if (!(result instanceof Promise)) return better(result)
    if (options.isDown(asked.route)) {
      void leaveBehind(result)
      return served.stale(old, 'all upstreams are down')
    }
    return new Promise((resolve, reject) => {
      let late = false
      const timer = clock.setTimeout(() => {
        if (isGone()) return
        late = true
        resolve(served.stale(old, `no answer within ${clientPatience / 1000} s`))
      }, clientPatience)
      result.then((settled) => {
        clock.clearTimeout(timer)
        if (!late) resolve(better(settled))
      }, reject)
    })
  }

  function answerFresh(entry: Entry, asked: ForwardQuestion, keys: Keys, time: number): Answered {
    const answer = served.fresh(entry, time)
    if (isDue(entry, time)) prefetch(entry, asked, keys)
    return answer
  }

  function prefetch(entry: Entry, asked: ForwardQuestion, keys: Keys): void {
    if (!wantsRecursion(asked)) return
    entry.prefetched = true
    counters.prefetch.add(1)
    const result = refresh(asked, keys)
    if (!(result instanceof Promise)) return
    prefetches++
    void leaveBehind(result).finally(() => prefetches--)
  }

  /** Goes on in the background; its result has been cached by then. */
  function leaveBehind(result: Promise<Forwarded>): Promise<unknown> {
    return result.catch((error: unknown) =>
      log.error({ why: explain(error) }, 'a kept answer could not be renewed'),
    )
  }

  function update(next: CacheSettings): void {
    settings = next
    caps = capsOf(next)
    store.update(next, (entry) => {
      const longest = entry.kind === 'denial' ? next.maxNegativeTtl : next.maxTtl
      return {
        ...entry,
        expiresAt: Math.min(entry.expiresAt, entry.storedAt + longest),
      }
    })
  }

  function forward(asked: ForwardQuestion): Forwarded | Promise<Forwarded> {
    const time = now()
    const keys = keysOf(asked)
    const own = store.get(keys.question)
    if (own !== undefined && time < own.expiresAt) return answerFresh(own, asked, keys, time)
    const denied = store.get(keys.name)
    if (denied !== undefined && time < denied.expiresAt) return answerFresh(denied, asked, keys, time)
    if (!wantsRecursion(asked)) return refresh(asked, keys)
    const known = newest(own, denied)
    const old = served.servableFor(known, time) > 0 ? known : undefined
    const failure = failures.recall(keys.question, old === undefined ? undefined : settings.failureRecheck)
    if (failure !== undefined) {
      return old === undefined ? served.failed(failure) : served.stale(old, failure.failed.failure)
    }
    misses.value++
    return old === undefined ? refresh(asked, keys) : preferNew(asked, keys, old)
  }

  const memories = () => ({
    ...settings,
    store,
    existence,
    failures,
    staleTtl,
    time: now(),
  })

  function flush(flush: Flush): Promise<Flushed> {
    flushes.note(flush)
    return removeFrom(memories(), flush)
  }

  function holdings(subject: Subject, limit: number): Promise<Holdings> {
    return listHoldings(memories(), subject, limit)
  }

  return { forward, take, update, flush, holdings }
}

function replyOf(result: Forwarded | undefined): UpstreamReply | undefined {
  return result !== undefined && 'reply' in result ? result.reply : undefined
}

function capsOf({ maxTtl, maxNegativeTtl }: CacheSettings): Caps {
  return { maxTtl: maxTtl / 1000, maxNegativeTtl: maxNegativeTtl / 1000 }
}

function newest(a: Entry | undefined, b: Entry | undefined): Entry | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.storedAt > b.storedAt ? a : b
}
