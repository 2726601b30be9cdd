// Questions of our own to one upstream, over one transport, once: what came of them by a certain time. Health checks
// are made so, probes for the form that a server takes, and copies of questions that tell whether it answers any.
import type { Upstream } from '../config/types.ts'
import type { Edns } from '../dns/edns.ts'
import { encodeQuery } from '../dns/message.ts'
import { type Question, readQuestion } from '../dns/name.ts'
import { encodeUpstreamQuery, type Form, isPlain, plainForm } from '../dns/relay.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Attempt, AttemptResult, Cancel, Carrier } from './attempt.ts'
import type { Forms } from './edns-status.ts'

/** What has no reply by now has none, ms. */
const patience = 1000
/** By now a check is made in the plain form as well: it may be EDNS that gets no reply. */
const plainAfter = 500

/** ". NS": every resolver has it at hand, and it tells nothing about who asks for what. */
const root = encodeQuery('.', 'NS', { id: 0 })
export const rootQuestion = readQuestion(root)!
/** What a server is asked with for an asker without EDNS: there is no need for it to truncate. */
export const noEdns: Edns = { version: 0, udpBytes: 512, dnssecOk: false }

export function encodeCheck(form: Form): { readonly message: Buffer; readonly question: Question } {
  return { message: encodeUpstreamQuery(root, rootQuestion, noEdns, 0, form), question: rootQuestion }
}

/**
 * `done` is called once, unless cancelled first; silence is an error of the upstream. So many `copies` are sent one after
 * the other, as long as none has a reply: a packet may get lost, hardly all of them.
 */
export function askOnce(clock: Clock, carrier: Carrier, attempt: Attempt, copies = 1): Cancel {
  const { upstream, message, question } = attempt
  const cancels: Cancel[] = []
  let timer: Timer | undefined
  const end = () => {
    clock.clearTimeout(timer)
    for (const cancel of cancels) cancel()
  }
  const settle = (result: AttemptResult) => {
    end()
    attempt.done(result)
  }
  const send = () => {
    timer = clock.setTimeout(
      () => (cancels.length < copies ? send() : settle({ error: 'no reply', blame: 'upstream' })),
      patience / copies,
    )
    const copy = copies > 1 ? Buffer.from(message) : message
    cancels.push(carrier.ask({ upstream, message: copy, question, done: settle }))
  }
  send()
  return end
}

export interface CheckOptions {
  readonly clock: Clock
  readonly udp: Carrier
  readonly forms: Forms
}

/** A health check: in the form that questions have, and where that gets no reply soon, or none at all, in the plain one too. */
export function check(
  { clock, udp, forms }: CheckOptions,
  upstream: Upstream,
  done: (result: AttemptResult) => void,
): Cancel {
  const form = forms.of(upstream)
  const whole = form.of('udp')
  const cancels = new Set<Cancel>()
  let plainTimer: Timer | undefined
  /** What the whole form came to, where the plain one may still come to more. */
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
        form.taught('udp', failed === undefined ? 'silence' : 'rejected')
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
