// Questions of our own to one upstream, over one transport, once: what came of them by a certain time. Health checks
// are made so, probes for the form that a server takes, and copies of questions that tell whether it answers any.
import type { Upstream } from '../config/types.ts'
import { encodeQuery } from '../dns/message.ts'
import { type Question, readQuestion } from '../dns/name.ts'
import { encodeUpstreamQuery, type Form, isPlain, plainForm } from '../dns/relay.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Attempt, AttemptResult, Cancel, Carrier } from './attempt.ts'
import type { Forms } from './forms.ts'

/** What has no reply by now has none, ms. */
const patience = 1000
/** By now a check is made in the plain form as well: it may be EDNS that gets no reply. */
const plainAfter = 500

/** ". NS": every resolver has it at hand, and it tells nothing about who asks for what. */
const root = encodeQuery('.', 'NS', { id: 0 })
export const rootQuestion = readQuestion(root)!
const noDnssec = { version: 0, udpBytes: 512, dnssecOk: false }

export function encodeCheck(form: Form): { readonly message: Buffer; readonly question: Question } {
  return { message: encodeUpstreamQuery(root, rootQuestion, noDnssec, 0, form), question: rootQuestion }
}

/** `done` is called once, unless cancelled first; silence is an error of the upstream. */
export function askOnce(clock: Clock, carrier: Carrier, attempt: Attempt): Cancel {
  const end = () => {
    clock.clearTimeout(timer)
    cancel()
  }
  const settle = (result: AttemptResult) => {
    end()
    attempt.done(result)
  }
  const timer = clock.setTimeout(() => settle({ error: 'no reply', blame: 'upstream' }), patience)
  const { upstream, message, question } = attempt
  const cancel = carrier.ask({ upstream, message, question, done: settle })
  return end
}

export interface CheckOptions {
  readonly clock: Clock
  readonly udp: Carrier
  readonly forms: Forms
}

/** A health check: in the form that questions have, and where that gets no reply soon, in the plain one too. */
export function check(
  { clock, udp, forms }: CheckOptions,
  upstream: Upstream,
  done: (result: AttemptResult) => void,
): Cancel {
  const form = forms.of(upstream)
  const whole = form.of('udp')
  const cancels = new Set<Cancel>()
  let plainTimer: Timer | undefined
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
  if (!isPlain(whole)) {
    plainTimer = clock.setTimeout(() => {
      ask(plainForm, (result) => {
        if (!('reply' in result)) return
        form.taught('udp', 'silence')
        settle(result)
      })
    }, plainAfter)
  }
  ask(whole, settle)
  return end
}
