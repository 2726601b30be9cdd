// Loops: an upstream that, being asked, asks us. What proves one is a question with an unpredictable name, sent to
// one upstream, that comes back to be forwarded; it does so through any number of servers in between, whatever they strip
// from a message. Such an upstream is put aside, logged once, and tried again later. Nothing else stops.
import type { Upstream } from '../../config/types.ts'
import { encodeQuery } from '../../dns/asking.ts'
import { encodeName, isWithin, readQuestion, splitName } from '../../dns/name.ts'
import type { Clock, Timer } from '../../lib/clock.ts'
import type { Logger } from '../../lib/log.ts'
import type { LoopMetrics } from '../forward-metrics.ts'
import type { Forward, ForwardQuestion } from '../types.ts'
import { createLoopFilter, probePrefix } from './filter.ts'

/** unknown: the first probe is under way. */
export type LoopState = 'unknown' | 'clear' | 'looping'

/** An upstream, and the domain of a route that leads to it; '' for all names. */
export interface Reached {
  readonly domain: string
  readonly upstream: Upstream
}

/** What is known of upstreams, by their texts. */
export interface LoopStates {
  readonly aside: readonly string[]
  readonly clear: readonly string[]
}

export interface LoopGuard {
  /** `forward` without the upstreams that are put aside, watched for what looks like a loop. */
  around(forward: Forward): Forward
  /** Probes upstreams that are new; forgets those that are not named any more. */
  check(reached: readonly Reached[]): void
  /** Looping, if for any of its domains it does. */
  stateOf(upstream: Upstream): LoopState
  stop(): void
}

/** The guard that probes, also for other processes at the same addresses: they report to it and follow its verdicts. */
export interface ProbingGuard extends LoopGuard {
  /** A probe came back: the upstream it was sent to, put aside now; undefined: it is not known, or not any more. */
  caught(token: string): string | undefined
  /** Probes those of these upstreams that may ask us back for this name. */
  suspect(silent: readonly string[], name: string): void
  states(): LoopStates
}

export interface LoopGuardOptions {
  /** Sends a probe to this upstream alone, past any cache; resolves when it is answered or given up, never rejects. */
  readonly ask: (upstream: Upstream, question: Omit<ForwardQuestion, 'route' | 'asker'>) => Promise<unknown>
  /** 32 random hexadecimal digits. */
  readonly randomToken: () => string
  readonly clock: Clock
  readonly log: Logger
  readonly counters: LoopMetrics
  /** `states` says something else now. */
  readonly onChange?: () => void
}

/** How long a probe that is given up may still come back, ms. */
const tokenLife = 60_000
/** Between two probes that suspicion asks for, ms. */
const suspicionPause = 10_000
/** Before an upstream that was put aside is tried again, ms: doubling up to the second. */
const firstPause = 10_000
const longestPause = 600_000

/** Upstreams that are new are probed so many at a time, and so long after one another, ms. */
const probesAtOnce = 64
const probesPause = 10
/** Changes are reported together after this time, ms, which grows with what there is to report. */
const gather = 50
const gatherEach = 0.1

interface Watched extends Reached {
  state: LoopState
  /** When suspicion last asked for a probe. */
  suspectedAt: number
  pause: number
  timer: Timer | undefined
}

export function createLoopGuard(options: LoopGuardOptions): ProbingGuard {
  const { ask, randomToken, clock, log, counters } = options
  const watched = new Map<string, Watched>()
  /** The same by their upstreams' texts. */
  const byText = new Map<string, Set<Watched>>()
  /** Those that are new, and who is yet to be probed of them. */
  let fresh: Watched[] = []
  let freshTimer: Timer | undefined
  /** Texts of upstreams that are not asked. */
  const aside = new Set<string>()
  /** Probes under way: token → what it was sent to. */
  const probes = new Map<string, { readonly entry: Watched; readonly below: string }>()
  let stopped = false
  let changeTimer: Timer | undefined

  function onChange(): void {
    if (options.onChange === undefined || stopped) return
    changeTimer ??= clock.setTimeout(
      () => {
        changeTimer = undefined
        options.onChange!()
      },
      gather + gatherEach * watched.size,
    )
  }

  function probe(entry: Watched, domain: string): void {
    const token = randomToken()
    // Below a name of its own each time: a server that remembers that the name above does not exist would not ask on.
    const below = domain === '' ? token.slice(0, 8) : domain
    const name = `${probePrefix}${token}.${below}`
    if (stopped || encodeName(name) === undefined) return
    const query = encodeQuery(name, 'TXT', { id: 0 })
    probes.set(token, { entry, below: domain })
    clock.setTimeout(() => probes.delete(token), tokenLife)
    void ask(entry.upstream, { query, question: readQuestion(query)!, edns: undefined }).then(() => {
      // One that was seen meanwhile is no longer there.
      if (probes.has(token) && isWatched(entry)) settle(entry)
    })
  }

  /** A probe was answered, and did not come back. */
  function settle(entry: Watched): void {
    entry.state = 'clear'
    entry.pause = firstPause
    const { text } = entry.upstream
    onChange()
    if (!aside.has(text) || entriesOf(text).some(({ state }) => state === 'looping')) return
    release(text)
    log.info({ upstream: text }, 'upstream no longer asks us back, used again')
  }

  function release(text: string): void {
    aside.delete(text)
    counters.looping.cell(text).value = 0
    onChange()
  }

  function putAside(entry: Watched, below: string): void {
    const { text } = entry.upstream
    entry.state = 'looping'
    if (!aside.has(text)) {
      aside.add(text)
      counters.loops.add(1, text)
      counters.looping.cell(text).value = 1
      const what =
        'loop: this upstream sends our questions back to us; put aside, tried again from time to time'
      log.error({ upstream: text, names: below === '' ? 'all' : `below ${below}` }, what)
      onChange()
    }
    clock.clearTimeout(entry.timer)
    entry.timer = clock.setTimeout(() => probe(entry, below), entry.pause)
    entry.pause = Math.min(longestPause, entry.pause * 2)
  }

  /** Whether it is still named as an upstream. */
  function isWatched(entry: Watched): boolean {
    return watched.get(keyOf(entry)) === entry
  }

  function entriesOf(text: string): Watched[] {
    return [...(byText.get(text) ?? [])]
  }

  function watch(entry: Watched): void {
    const { text } = entry.upstream
    watched.set(keyOf(entry), entry)
    const others = byText.get(text)
    if (others === undefined) byText.set(text, new Set([entry]))
    else others.add(entry)
  }

  function unwatch(entry: Watched): void {
    const { text } = entry.upstream
    clock.clearTimeout(entry.timer)
    watched.delete(keyOf(entry))
    const others = byText.get(text)!
    others.delete(entry)
    if (others.size === 0) byText.delete(text)
    if (aside.has(text) && !entriesOf(text).some(({ state }) => state === 'looping')) release(text)
  }

  function probeFresh(): void {
    const next = fresh.splice(0, probesAtOnce)
    for (const entry of next) if (isWatched(entry)) probe(entry, entry.domain)
    freshTimer = fresh.length === 0 ? undefined : clock.setTimeout(probeFresh, probesPause)
  }

  function suspect(silent: readonly string[], name: string): void {
    for (const text of silent) {
      const entry = entriesOf(text).find(({ domain }) => isWithin(name, domain))
      const now = clock.monotonic()
      if (entry === undefined || now - entry.suspectedAt < suspicionPause) continue
      entry.suspectedAt = now
      const above = splitName(name).slice(1).join('.')
      probe(entry, isWithin(above, entry.domain) ? above : entry.domain)
    }
  }

  function caught(token: string): string | undefined {
    const proof = probes.get(token)
    if (proof === undefined) return undefined
    probes.delete(token)
    if (isWatched(proof.entry)) putAside(proof.entry, proof.below)
    return proof.entry.upstream.text
  }

  return {
    around: createLoopFilter({ caught, isAside: (text) => aside.has(text), suspect }),
    caught,
    suspect,
    states: () => ({
      aside: [...aside],
      clear: [...watched.values()].flatMap(({ state, upstream: { text } }) =>
        state === 'clear' ? [text] : [],
      ),
    }),
    check(reached) {
      const keys = new Set(reached.map(keyOf))
      const gone = [...watched].filter(([key]) => !keys.has(key))
      for (const [, entry] of gone) unwatch(entry)
      if (gone.length > 0) onChange()
      fresh = fresh.filter(isWatched)
      for (const each of reached) {
        if (watched.has(keyOf(each))) continue
        const entry: Watched = {
          ...each,
          ...{ state: 'unknown', suspectedAt: Number.NEGATIVE_INFINITY, pause: firstPause, timer: undefined },
        }
        watch(entry)
        fresh.push(entry)
      }
      if (freshTimer === undefined) probeFresh()
    },
    stateOf({ text }) {
      if (aside.has(text)) return 'looping'
      return entriesOf(text).some(({ state }) => state === 'clear') ? 'clear' : 'unknown'
    },
    stop() {
      stopped = true
      clock.clearTimeout(freshTimer)
      clock.clearTimeout(changeTimer)
      for (const { timer } of watched.values()) clock.clearTimeout(timer)
    },
  }
}

function keyOf({ domain, upstream }: Reached): string {
  return `${domain} ${upstream.text}`
}
