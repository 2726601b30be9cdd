// What is remembered of each upstream: its round-trip time, whether it is healthy, and how metrics name it.
import type { Upstream } from '../config/types.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Cancel } from './attempt.ts'
import type { ForwardMetrics } from './forward-metrics.ts'

/** The least and the most time for a reply, ms; 200 ms as in other resolvers, and RFC 8961's 1 s. */
const leastRetry = 200
const mostRetry = 1000
/** Upstreams that are remembered, more than a route has, and label values that are used: resolv.conf may change for ever. */
const remembered = 1024
const labelled = 64

export interface State {
  upstream: Upstream
  readonly label: string
  wanted: number
  /** Smoothed round-trip time and its variation, ms (RFC 6298, 2). */
  rtt: number | undefined
  variation: number
  /** Why it is set aside, and since when; `questions`: checks do not count, since it answers nothing else. */
  aside: { readonly for: Trouble; readonly since: number; readonly questions: boolean } | undefined
  /** A check has failed, or does not count: said in the log and in metrics. */
  down: boolean
  /** A check has been answered after this trouble, and no question since; what domains had the same after that. */
  vouched: { readonly for: Trouble; readonly at: number; readonly domains: Set<string> } | undefined
  /** Errors in a row. */
  outdone: number
  /** When a question may next be copied to it. */
  trialAt: number
  timer: Timer | undefined
  /** Ends the check that is under way. */
  cancel: Cancel | undefined
}

export type Trouble = 'silence' | 'errors'

/** `forget`: the oldest makes room for a new one. */
export function createStates(clock: Clock, counters: ForwardMetrics, forget: (state: State) => void) {
  const states = new Map<string, State>()
  const labels = new Set<string>()

  function stateOf(upstream: Upstream): State {
    let state = states.get(upstream.text)
    if (state === undefined) {
      if (states.size >= remembered) forgetOldest()
      if (labels.size < labelled) labels.add(upstream.text)
      const label = labels.has(upstream.text) ? upstream.text : 'other'
      state = {
        upstream,
        label,
        wanted: clock.monotonic(),
        rtt: undefined,
        variation: 0,
        aside: undefined,
        down: false,
        vouched: undefined,
        outdone: 0,
        trialAt: 0,
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
    forget(oldest)
    states.delete(oldest.upstream.text)
  }

  return { of: stateOf, find: (text: string) => states.get(text), all: () => states.values() }
}

/** RFC 6298, 2.2 and 2.3. Every try has an ID of its own, so it is always known which one was answered. */
export function measure(state: State, ms: number): void {
  if (state.rtt === undefined) {
    state.rtt = ms
    state.variation = ms / 2
    return
  }
  state.variation += (Math.abs(state.rtt - ms) - state.variation) / 4
  state.rtt += (ms - state.rtt) / 8
}

/** When a question without a reply is asked again, ms (RFC 6298, 2.3); undefined where no time is known. */
export function retransmissionTimeout({ rtt, variation }: State): number | undefined {
  if (rtt === undefined) return undefined
  return Math.min(mostRetry, Math.max(leastRetry, rtt + 4 * variation))
}
