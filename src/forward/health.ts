// What is remembered of each upstream: how fast it is, whether it failed. One that failed is set aside: it goes behind
// the others, so that only the question that met the failure pays for it, and is checked in the background until it
// is well again. One that answers checks and then no question is well with an answer to a question alone: it gets a copy
// of one now and then. Nothing is checked while all is well.
import type { ForwardOrder, Upstream } from '../config/types.ts'
import type { Edns } from '../dns/edns.ts'
import { rcode, rcodeName, rcodeOf } from '../dns/header.ts'
import type { Question } from '../dns/name.ts'
import { encodeUpstreamQuery } from '../dns/relay.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/log.ts'
import { askOnce } from './ask-once.ts'
import type { AttemptResult, Carrier } from './attempt.ts'
import type { EdnsStatuses } from './edns-status.ts'
import type { ForwardMetrics } from './forward-metrics.ts'
import { check } from './health-check.ts'
import { createStates, measure, retransmissionTimeout, type State, type Trouble } from './health-state.ts'
import { orderUpstreams } from './order.ts'

export interface HealthOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly counters: ForwardMetrics
  /** Carries the checks. */
  readonly udp: Carrier
  /** Checks have the form that questions have. */
  readonly statuses: EdnsStatuses
  /** [0, 1) */
  readonly random: () => number
}

export interface Health {
  /** All of them, in the order they are to be asked. */
  order(upstreams: readonly Upstream[], order: ForwardOrder): readonly Upstream[]
  /** How metrics name it. */
  label(upstream: Upstream): string
  /** A reply to a question came over UDP after so many ms, whatever its rcode. */
  replied(upstream: Upstream, ms: number): void
  /** An answer, not an error, came from it. */
  answered(upstream: Upstream): void
  /** It was silent for too long, refused the connection, could not be reached, by a question for this name. */
  failed(upstream: Upstream, why: string, name: string, asked: number): void
  /** It failed to answer a question for this name that another server answered, or none did and it came first. */
  outdone(upstream: Upstream, why: string, name: string): void
  /** It goes behind for its errors, not for silence. */
  isErring(upstream: Upstream): boolean
  /** Some upstream answers checks alone: what others have answered is of use to it. */
  readonly wantsTrials: boolean
  /** A question that was answered, for those of these upstreams that are to show that they answer questions. */
  tryOut(upstreams: readonly Upstream[], query: Buffer, question: Question, edns: Edns): void
  /** Every one of them has failed its health check: there is no point in waiting for them. */
  isDown(upstreams: readonly Upstream[]): boolean
  /** When a question that got no reply is best asked again, ms; undefined where no time is known. */
  retryAfter(upstream: Upstream): number | undefined
  stop(): void
}

/** Between checks: the first wait, and the longest, ms. So one that is back is found within 2 s. */
const firstWait = 500
const longestWait = 1000
/** Errors in a row for questions that others answered, until it is checked whether they are the server's. */
const outdoneLimit = 3
/**
 * A server that answers the check is well, and the trouble is the domain's. Not where so many domains in a row have it
 * after that: silence costs each question its wait, an error next to nothing.
 */
const domainsLimit = { silence: 2, errors: 8 } as const
/** For how long they count at most, ms: its errors may have been right, and its order among the others means something. */
const outdoneFor = 10_000
/** Between two questions that are copied to one that answers checks alone, ms. */
const trialEvery = 1000
/** An upstream unused for this long is checked no more, ms. */
const wantedFor = 60_000
export function createHealth({ clock, log, counters, udp, statuses, random }: HealthOptions): Health {
  const {
    of: stateOf,
    find,
    all,
  } = createStates(clock, counters, (state) => {
    endChecks(state)
    if (state.aside?.questions) onTrial--
  })
  /** Those that answer checks alone. */
  let onTrial = 0

  /** Checks don't count where it has answered one, and then left so many domains without an answer. */
  function setAside(state: State, trouble: Trouble, why: string, questions = false): void {
    state.aside = { for: trouble, since: clock.monotonic(), questions }
    if (!questions) {
      log.debug({ upstream: state.label, why }, 'an upstream failed, it is being checked')
      if (state.cancel === undefined) runCheck(state, firstWait)
      return
    }
    endChecks(state)
    state.vouched?.domains.clear()
    onTrial++
    state.trialAt = clock.monotonic()
    if (trouble === 'errors') state.timer = clock.setTimeout(() => recover(state), outdoneFor)
    if (state.down) return
    markDown(state)
    log.warn(
      { upstream: state.label, why },
      'an upstream answers health checks and no question, others go before it',
    )
  }

  function noteFailure(state: State, why: string, name: string, asked: number): void {
    if (state.aside !== undefined) return
    const vouched = state.vouched?.for === 'silence' ? state.vouched : undefined
    // Asked before the check was answered: that was the same trouble.
    if (vouched !== undefined && asked < vouched.at) return
    vouched?.domains.add(domainOf(name))
    setAside(state, 'silence', why, vouched !== undefined && vouched.domains.size >= domainsLimit.silence)
  }

  function markDown(state: State): void {
    state.down = true
    counters.healthy.cell(state.label).value = 0
  }

  function runCheck(state: State, wait: number): void {
    endChecks(state)
    if (clock.monotonic() - state.wanted > wantedFor) {
      recover(state)
      return
    }
    const next = () => runCheck(state, Math.min(longestWait, wait * 2))
    state.cancel = check({ clock, udp, statuses }, state.upstream, (result) => {
      endChecks(state)
      const why = problemOf(state, result)
      if ('error' in result && result.blame !== 'upstream') state.timer = clock.setTimeout(next, wait)
      else if (why === undefined) vouch(state)
      else fail(state, 'error' in result ? 'silence' : 'errors', why, wait)
    })
  }

  /** A check was answered. */
  function vouch(state: State): void {
    const trouble = state.aside?.for ?? 'errors'
    const domains = state.vouched?.for === trouble ? state.vouched.domains : new Set<string>()
    state.vouched = { for: trouble, at: clock.monotonic(), domains }
    recover(state)
  }

  function fail(state: State, trouble: Trouble, why: string, wait: number): void {
    counters.healthcheckFailures.add(1, state.label)
    state.vouched = undefined
    state.aside ??= { for: trouble, since: clock.monotonic(), questions: false }
    if (!state.down) {
      markDown(state)
      log.warn({ upstream: state.label, why }, 'an upstream is down, others go before it')
    }
    if (state.aside.for === 'errors' && clock.monotonic() - state.aside.since >= outdoneFor) recover(state)
    else state.timer = clock.setTimeout(() => runCheck(state, Math.min(longestWait, wait * 2)), wait)
  }

  function recover(state: State): void {
    endChecks(state)
    const { aside } = state
    if (aside?.questions) onTrial--
    state.aside = undefined
    state.outdone = 0
    if (!state.down || aside === undefined) return
    state.down = false
    counters.healthy.cell(state.label).value = 1
    const seconds = Math.round((clock.monotonic() - aside.since) / 100) / 10
    log.info({ upstream: state.label, seconds }, 'an upstream is back')
  }

  /** What it does for a question, not for a check. */
  function provedWell(state: State, trouble: Trouble): void {
    if (state.vouched?.for === trouble) state.vouched = undefined
    if (state.aside?.for === trouble) recover(state)
  }

  function countOutdone(state: State, why: string, name: string): void {
    if (state.aside !== undefined || state.cancel !== undefined) return
    if (state.vouched?.for !== 'errors') {
      if (++state.outdone >= outdoneLimit) runCheck(state, firstWait)
      return
    }
    // One domain that is broken says nothing of the others, however often it is asked for.
    const { domains } = state.vouched
    domains.add(domainOf(name))
    if (domains.size >= domainsLimit.errors) setAside(state, 'errors', why, true)
  }

  function endChecks(state: State): void {
    clock.clearTimeout(state.timer)
    state.cancel?.()
    state.timer = undefined
    state.cancel = undefined
  }

  return {
    order(upstreams, order) {
      const now = clock.monotonic()
      const standing = (upstream: Upstream) => {
        const state = stateOf(upstream)
        state.wanted = now
        state.upstream = upstream
        return { unhealthy: state.aside !== undefined, rtt: state.rtt }
      }
      return orderUpstreams(upstreams, order, standing, random)
    },
    label: (upstream) => stateOf(upstream).label,
    replied(upstream, ms) {
      const state = stateOf(upstream)
      measure(state, ms)
      if (state.vouched !== undefined || state.aside !== undefined) provedWell(state, 'silence')
    },
    answered(upstream) {
      const state = stateOf(upstream)
      state.outdone = 0
      if (state.vouched !== undefined || state.aside !== undefined) provedWell(state, 'errors')
    },
    failed: (upstream, why, name, asked) => noteFailure(stateOf(upstream), why, name, asked),
    outdone: (upstream, why, name) => countOutdone(stateOf(upstream), why, name),
    isErring: ({ text }) => find(text)?.aside?.for === 'errors',
    get wantsTrials() {
      return onTrial > 0
    },
    tryOut(upstreams, query, question, edns) {
      for (const upstream of upstreams) {
        const state = find(upstream.text)
        if (state?.aside?.questions !== true || clock.monotonic() < state.trialAt) continue
        const trouble = state.aside.for
        state.trialAt = clock.monotonic() + trialEvery
        const form = statuses.of(upstream).formFor('udp')
        state.cancel?.()
        state.cancel = askOnce(clock, udp, {
          upstream,
          message: encodeUpstreamQuery(query, question, edns, 0, form),
          question,
          done(result) {
            state.cancel = undefined
            const isWell = trouble === 'silence' ? 'reply' in result : isAnswer(result)
            if (isWell) provedWell(state, trouble)
          },
        })
      }
    },
    isDown: (upstreams) => upstreams.length > 0 && upstreams.every(({ text }) => find(text)?.down === true),
    retryAfter: (upstream) => retransmissionTimeout(stateOf(upstream)),
    stop() {
      for (const state of all()) endChecks(state)
    },
  }
}

/** One that was silent is well with any reply; one that gave errors, with anything but SERVFAIL. */
function problemOf(state: State, result: AttemptResult): string | undefined {
  if ('error' in result) return result.error
  const code = rcodeOf(result.reply)
  const isBad = code === rcode.SERVFAIL && state.aside?.for !== 'silence'
  return isBad ? rcodeName(code) : undefined
}

function isAnswer(result: AttemptResult): boolean {
  if ('error' in result) return false
  const code = rcodeOf(result.reply)
  return code === rcode.NOERROR || code === rcode.NXDOMAIN
}

/** Its last two labels: about what one owner has. */
function domainOf(name: string): string {
  return name.split('.').slice(-2).join('.')
}
