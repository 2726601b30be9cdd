// A health check: whether an upstream replies to a question of our own, with EDNS or without.
import type { Upstream } from '../config/types.ts'
import { type Form, isPlain, plainForm } from '../dns/relay.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { askOnce, encodeCheck } from './ask-once.ts'
import type { AttemptResult, Cancel, Carrier } from './attempt.ts'
import type { EdnsStatuses } from './edns-status.ts'

/** After this the plain form is tried as well: it may be EDNS that gets no reply, ms. */
const plainAfter = 500

export interface CheckOptions {
  readonly clock: Clock
  readonly udp: Carrier
  readonly statuses: EdnsStatuses
}

/** Asks in the form that questions have, and in the plain one too where that has no reply soon, or an error. */
export function check(
  { clock, udp, statuses }: CheckOptions,
  upstream: Upstream,
  done: (result: AttemptResult) => void,
): Cancel {
  const status = statuses.of(upstream)
  const whole = status.formFor('udp')
  const cancels = new Set<Cancel>()
  let plainTimer: Timer | undefined
  /** The error of the whole form, while the plain one may still succeed. */
  let failed: AttemptResult | undefined
  const end = () => {
    clock.clearTimeout(plainTimer)
    for (const cancel of cancels) cancel()
  }
  const settle = (result: AttemptResult) => {
    end()
    done(result)
  }
  const ask = (of: Form, settled: (result: AttemptResult) => void) =>
    cancels.add(askOnce(clock, udp, { upstream, ...encodeCheck(of), done: settled }))
  const askPlain = () => {
    plainTimer = undefined
    ask(plainForm, (result) => {
      if ('reply' in result) {
        status.objected('udp', failed === undefined ? 'silence' : 'rejected')
        settle(result)
      } else if (failed !== undefined) settle(failed)
    })
  }
  if (!isPlain(whole)) plainTimer = clock.setTimeout(askPlain, plainAfter)
  ask(whole, (result) => {
    if (plainTimer === undefined || 'reply' in result || result.blame !== 'upstream') {
      settle(result)
      return
    }
    clock.clearTimeout(plainTimer)
    failed = result
    askPlain()
  })
  return end
}
