// What is remembered of each upstream: how fast it is, whether it failed. One that failed is set aside: it goes behind
// the others, so that only the question that met the failure pays for it, and is checked in the background until it
// is well again. Nothing is checked while all is well.
import type { ForwardPolicy, Upstream } from '../config/types.ts'
import { rcode, rcodeName, rcodeOf } from '../dns/header.ts'
import { encodeName, readQuestion } from '../dns/name.ts'
import { type as types } from '../dns/types.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Logger } from '../lib/log.ts'
import type { AttemptResult, Cancel, Carrier } from './attempt.ts'
import type { ForwardCounters } from './counters.ts'
import { orderUpstreams } from './policy.ts'

export interface HealthOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly counters: ForwardCounters
  /** Carries the checks. */
  readonly udp: Carrier
  /** [0, 1) */
  readonly random: () => number
}

export interface Health {
  /** All of them, in the order they are to be asked. */
  order(upstreams: readonly Upstream[], policy: ForwardPolicy): readonly Upstream[]
  /** How metrics name it. */
  label(upstream: Upstream): string
  /** A reply to a question came over UDP after so many ms, whatever its rcode. */
  replied(upstream: Upstream, ms: number): void
  /** An answer, not an error, came from it. */
  answered(upstream: Upstream): void
  /** It was silent for too long, refused the connection, could not be reached. */
  failed(upstream: Upstream, why: string): void
  /** It gave an error for a question that another one then answered. */
  outdone(upstream: Upstream, why: string): void
  /** Every one of them has failed its health check: there is no point in waiting for them. */
  isDown(upstreams: readonly Upstream[]): boolean
  /** When a question that got no reply is best asked again, ms; undefined where no time is known. */
  retryAfter(upstream: Upstream): number | undefined
  stop(): void
}

/** A check without a reply by now has failed, ms. */
const patience = 1000
/** Between checks: the first wait, and the longest, ms. So one that is back is found within 2 s. */
const firstWait = 500
const longestWait = 1000
/** Errors in a row for questions that others answered, until they count as a failure. */
const outdoneLimit = 3
/** For how long they do at most, ms: its errors may have been right, and its order among the others means something. */
const outdoneFor = 10_000
/** Nobody wanted it for so long: no more checks, ms. */
const wantedFor = 60_000
/** The least and the most time for a reply, ms; 200 ms as in other resolvers, and RFC 8961's 1 s. */
const leastRetry = 200
const mostRetry = 1000
/** Upstreams that are remembered, and label values that are used: resolv.conf may change for ever. */
const remembered = 64

interface State {
  readonly upstream: Upstream
  readonly label: string
  wanted: number
  /** Smoothed round-trip time and its variation, ms (RFC 6298, 2). */
  rtt: number | undefined
  variation: number
  /** Why it is set aside, and since when. */
  aside: { readonly for: 'silence' | 'errors'; readonly since: number } | undefined
  /** A check has failed: said in the log and in metrics. */
  down: boolean
  outdone: number
  timer: Timer | undefined
  cancel: Cancel | undefined
}

const check = encodeCheck()
const checkQuestion = readQuestion(check)!

export function createHealth({ clock, log, counters, udp, random }: HealthOptions): Health {
  const states = new Map<string, State>()
  const labels = new Set<string>()

  function stateOf(upstream: Upstream): State {
    let state = states.get(upstream.text)
    if (state === undefined) {
      if (states.size >= remembered) forgetOldest()
      if (labels.size < remembered) labels.add(upstream.text)
      const label = labels.has(upstream.text) ? upstream.text : 'other'
      state = {
        upstream,
        label,
        wanted: clock.monotonic(),
        rtt: undefined,
        variation: 0,
        aside: undefined,
        down: false,
        outdone: 0,
        timer: undefined,
        cancel: undefined,
      }
      states.set(upstream.text, state)
      counters.healthy.cell(label).value = 1
    }
    return state
  }

  function forgetOldest(): void {
    const oldest = [...states.values()].reduce((a, b) => (b.wanted < a.wanted ? b : a))
    endChecks(oldest)
    states.delete(oldest.upstream.text)
  }

  function setAside(state: State, why: 'silence' | 'errors', text: string): void {
    if (state.aside !== undefined) return
    state.aside = { for: why, since: clock.monotonic() }
    log.debug({ upstream: state.label, why: text }, 'an upstream failed, it is being checked')
    runCheck(state, firstWait)
  }

  function runCheck(state: State, wait: number): void {
    endChecks(state)
    if (clock.monotonic() - state.wanted > wantedFor) {
      recover(state)
      return
    }
    const settle = (why: string | undefined) => {
      endChecks(state)
      if (why === undefined) recover(state)
      else fail(state, why, wait)
    }
    const next = () => runCheck(state, Math.min(longestWait, wait * 2))
    state.timer = clock.setTimeout(() => settle('no reply'), patience)
    state.cancel = udp.ask({
      upstream: state.upstream,
      message: Buffer.from(check),
      question: checkQuestion,
      done: (result) => {
        const unsaid = 'error' in result && result.blame !== 'upstream'
        if (!unsaid) settle(problemOf(state, result))
        else {
          endChecks(state)
          state.timer = clock.setTimeout(next, wait)
        }
      },
    })
  }

  function fail(state: State, why: string, wait: number): void {
    counters.healthcheckFailures.add(1, state.label)
    if (!state.down) {
      state.down = true
      counters.healthy.cell(state.label).value = 0
      log.warn({ upstream: state.label, why }, 'an upstream is down, others go before it')
    }
    if (state.aside?.for === 'errors' && clock.monotonic() - state.aside.since >= outdoneFor) recover(state)
    else state.timer = clock.setTimeout(() => runCheck(state, Math.min(longestWait, wait * 2)), wait)
  }

  function recover(state: State): void {
    endChecks(state)
    const { aside } = state
    state.aside = undefined
    state.outdone = 0
    if (!state.down || aside === undefined) return
    state.down = false
    counters.healthy.cell(state.label).value = 1
    const seconds = Math.round((clock.monotonic() - aside.since) / 100) / 10
    log.info({ upstream: state.label, seconds }, 'an upstream is back')
  }

  function endChecks(state: State): void {
    clock.clearTimeout(state.timer)
    state.cancel?.()
    state.timer = undefined
    state.cancel = undefined
  }

  return {
    order(upstreams, policy) {
      const now = clock.monotonic()
      const standing = (upstream: Upstream) => {
        const state = stateOf(upstream)
        state.wanted = now
        return { aside: state.aside !== undefined, rtt: state.rtt }
      }
      return orderUpstreams(upstreams, policy, standing, random)
    },
    label: (upstream) => stateOf(upstream).label,
    replied(upstream, ms) {
      const state = stateOf(upstream)
      measure(state, ms)
      if (state.aside?.for === 'silence') recover(state)
    },
    answered(upstream) {
      const state = stateOf(upstream)
      state.outdone = 0
      if (state.aside?.for === 'errors') recover(state)
    },
    failed: (upstream, why) => setAside(stateOf(upstream), 'silence', why),
    outdone(upstream, why) {
      const state = stateOf(upstream)
      if (++state.outdone >= outdoneLimit) setAside(state, 'errors', why)
    },
    isDown: (upstreams) =>
      upstreams.length > 0 && upstreams.every(({ text }) => states.get(text)?.down === true),
    retryAfter(upstream) {
      const { rtt, variation } = stateOf(upstream)
      if (rtt === undefined) return undefined
      return Math.min(mostRetry, Math.max(leastRetry, rtt + 4 * variation))
    },
    stop() {
      for (const state of states.values()) endChecks(state)
    },
  }
}

/** RFC 6298, 2.2 and 2.3. Every try has an ID of its own, so it is always known which one was answered. */
function measure(state: State, ms: number): void {
  if (state.rtt === undefined) {
    state.rtt = ms
    state.variation = ms / 2
    return
  }
  state.variation += (Math.abs(state.rtt - ms) - state.variation) / 4
  state.rtt += (ms - state.rtt) / 8
}

/** One that was silent is well with any reply; one that gave errors, with anything but an error. */
function problemOf(state: State, result: AttemptResult): string | undefined {
  if ('error' in result) return result.error
  const code = rcodeOf(result.reply)
  const isAnswer = code === rcode.NOERROR || code === rcode.NXDOMAIN
  return isAnswer || state.aside?.for !== 'errors' ? undefined : rcodeName(code)
}

/** "." NS: every resolver has it at hand, and it tells nothing about who asks for what. */
function encodeCheck(): Buffer {
  const root = encodeName('.')!
  const message = Buffer.alloc(12 + root.length + 4)
  message.writeUInt16BE(0x0100, 2)
  message.writeUInt16BE(1, 4)
  message.writeUInt16BE(types.NS, 12 + root.length)
  message.writeUInt16BE(1, 14 + root.length)
  return message
}
