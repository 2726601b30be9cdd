// One question of our own to one upstream over one transport: for health checks, for probes of the form that a server
// takes, and for copies of questions that show whether it answers any.
import type { Edns } from '../dns/edns.ts'
import { encodeQuery } from '../dns/message.ts'
import { type Question, readQuestion } from '../dns/name.ts'
import { encodeUpstreamQuery, type Form } from '../dns/relay.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Attempt, AttemptResult, Cancel, Carrier } from './attempt.ts'

/** How long a reply is waited for, ms. */
const patience = 1000

/** ". NS": every resolver has it cached, and it reveals nothing about clients. */
const root = encodeQuery('.', 'NS', { id: 0 })
export const rootQuestion = readQuestion(root)!
/** Offered for clients without EDNS, so that the server need not truncate. */
export const noEdns: Edns = { version: 0, udpBytes: 512, dnssecOk: false }

export function encodeCheck(form: Form): { readonly message: Buffer; readonly question: Question } {
  return { message: encodeUpstreamQuery(root, rootQuestion, noEdns, 0, form), question: rootQuestion }
}

/**
 * Calls `attempt.done` once, unless cancelled first; silence counts as an error of the upstream. Sends up to `copies`
 * packets in turn until one is replied to: one may get lost, hardly all of them.
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
