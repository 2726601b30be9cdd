// One forwarded question: tries over its upstreams under one deadline, each with an ID and a socket of its own.
import type { Upstream } from '../config/types.ts'
import { flag, flagsOf, rcode, rcodeName, rcodeOf } from '../dns/header.ts'
import { answersQuestion, encodeUpstreamQuery, readReply } from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Attempt, AttemptResult, Cancel } from './attempt.ts'
import type { ForwardCounters } from './counters.ts'
import { askTcp } from './tcp.ts'
import type { Forwarded, ForwardQuestion } from './types.ts'
import { askUdp } from './udp.ts'

export interface ExchangeOptions {
  readonly clock: Clock
  readonly counters: ForwardCounters
  /** A 16-bit number nobody can guess. */
  readonly randomId: () => number
  /** At most so many exchanges at once. */
  readonly maxInFlight?: number
  readonly askUdp?: (attempt: Attempt) => Cancel
  readonly askTcp?: (attempt: Attempt) => Cancel
}

export interface ExchangeQuestion extends Omit<ForwardQuestion, 'route'> {
  /** In the order they are to be tried. */
  readonly upstreams: readonly Upstream[]
  /** Over all tries, ms. */
  readonly timeout: number
}

export interface Exchange {
  /** Never rejects. */
  ask(asked: ExchangeQuestion): Promise<Forwarded>
  inFlight(): number
}

/** A server that has said nothing by now is passed over, though still listened to, ms. */
const patience = 1000

export function createExchange(options: ExchangeOptions): Exchange {
  let inFlight = 0
  return {
    inFlight: () => inFlight,
    ask(asked) {
      if (asked.upstreams.length === 0) {
        return Promise.resolve({ failure: 'there is no upstream to ask', reason: 'none' })
      }
      if (inFlight >= (options.maxInFlight ?? 4096)) {
        options.counters.rejects.add(1)
        return Promise.resolve({ failure: 'too many questions are being forwarded', reason: 'busy' })
      }
      inFlight++
      return new Promise<Forwarded>((resolve) => runExchange(options, asked, resolve)).finally(
        () => inFlight--,
      )
    },
  }
}

function runExchange(
  options: ExchangeOptions,
  asked: ExchangeQuestion,
  resolve: (result: Forwarded) => void,
): void {
  const { clock, counters } = options
  const { upstreams, question, timeout } = asked
  const cancels = new Set<Cancel>()
  const failures: string[] = []
  /** Servers that said no; silence may still be a lost packet, so silent ones get another try. */
  const failed = new Set<Upstream>()
  const step = Math.min(patience, timeout / (upstreams.length + 1))
  /** What there is for the asker where a server truncates and no TCP comes through. */
  let truncated: Forwarded | undefined
  let tries = 0
  let over = false
  let retry: Timer | undefined
  const deadline = clock.setTimeout(() => {
    for (const upstream of upstreams) if (!failed.has(upstream)) failures.push(`${upstream.text} timeout`)
    fail('unreachable')
  }, timeout)
  tryNext()

  function finish(result: Forwarded): void {
    if (over) return
    over = true
    clock.clearTimeout(deadline)
    clock.clearTimeout(retry)
    for (const cancel of cancels) cancel()
    resolve(result)
  }

  function fail(reason: 'unreachable' | 'failed'): void {
    finish(truncated ?? { failure: failures.join(', '), reason })
  }

  function tryNext(): void {
    clock.clearTimeout(retry)
    const left = upstreams.filter((upstream) => !failed.has(upstream))
    if (left.length === 0) {
      fail('failed')
      return
    }
    const next =
      upstreams.slice(tries).find((upstream) => !failed.has(upstream)) ?? left[tries % left.length]!
    tries++
    attempt(next, 'udp')
    retry = clock.setTimeout(tryNext, step)
  }

  function attempt(upstream: Upstream, transport: Transport): void {
    const ask = transport === 'udp' ? (options.askUdp ?? askUdp) : (options.askTcp ?? askTcp)
    const message = encodeUpstreamQuery(asked.query, question, asked.edns, options.randomId())
    const started = clock.monotonic()
    const observe = (label: string) =>
      counters.duration.cell(upstream.text, label).observe((clock.monotonic() - started) / 1000)
    const cancel = ask({
      upstream,
      message,
      accepts: (reply) => answersQuestion(message, question, reply),
      spoofed: () => counters.spoofed.add(1, upstream.text),
      done: (result) => {
        cancels.delete(abandon)
        settle(upstream, result, transport, observe)
      },
    })
    const abandon = () => {
      observe('timeout')
      cancel()
    }
    cancels.add(abandon)
  }

  function settle(
    upstream: Upstream,
    result: AttemptResult,
    transport: Transport,
    observe: (label: string) => void,
  ): void {
    if (over) return
    if ('error' in result) {
      observe('error')
      giveUpOn(upstream, result.error)
      return
    }
    const code = rcodeOf(result.reply)
    observe(rcodeName(code))
    const reply = readReply(result.reply, question)
    if (transport === 'udp' && (flagsOf(result.reply) & flag.TC) !== 0) {
      if (reply !== undefined) truncated ??= { reply, upstream: upstream.text }
      attempt(upstream, 'tcp')
    } else if (reply === undefined) giveUpOn(upstream, 'malformed reply')
    else if (code === rcode.SERVFAIL || code === rcode.REFUSED) giveUpOn(upstream, rcodeName(code))
    else finish({ reply, upstream: upstream.text })
  }

  function giveUpOn(upstream: Upstream, why: string): void {
    failed.add(upstream)
    failures.push(`${upstream.text} ${why}`)
    tryNext()
  }
}
