// The first try of a question, which nearly always is the last: one server is asked over UDP, and what it says is the
// answer. Cheap: no timer of its own, and nothing made for what may come. Whatever else comes of it, tries takes over.

import type { Upstream } from '../config/types.ts'
import { flag, flagsOf, rcode } from '../dns/header.ts'
import type { Question } from '../dns/name.ts'
import { encodeUpstreamQuery, type Form, isPlain, isReferral, readReply, replyCode } from '../dns/relay.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { Slots } from '../lib/slots.ts'
import type { Attempt, AttemptResult, Cancel } from './attempt.ts'
import { startTries } from './attempts.ts'
import { outcomeLabel } from './counters.ts'
import type { ServerForm } from './edns-status.ts'
import { noEdns } from './health-check.ts'
import { answers, type ExchangeQuestion, type Parts, retryAfter, turnOf } from './progress.ts'
import type { Forwarded } from './types.ts'

/** A question on its way, to its end. */
export interface Course {
  /** Ends it early, with this; harmless once it is over. */
  end(result: Forwarded): void
}

export interface FirstTries {
  /** `resolve` is called once, later than this returns, as soon as it is over. */
  start(asked: ExchangeQuestion, resolve: (result: Forwarded) => void): Course
  /** Once all have ended. */
  stop(): void
}

export function createFirstTries(parts: Parts): FirstTries {
  const waits = createWaits(parts.clock)
  return {
    start(asked, resolve) {
      const first = new FirstTry(parts, waits, asked, resolve)
      first.begin()
      return first
    },
    stop: waits.stop,
  }
}

/** What a first try has come to when tries takes it over. */
export interface Begun {
  readonly order: readonly Upstream[]
  readonly started: number
  readonly form: Form
  readonly cancel: Cancel
  /** undefined: it is still open, and `hear` is told what becomes of it. */
  readonly result: AttemptResult | undefined
  hear(done: (result: AttemptResult) => void): void
  done(result: AttemptResult): void
}

const nothing = () => {}

class FirstTry implements Attempt, Course, Begun {
  readonly message: Buffer
  readonly question: Question
  readonly upstream: Upstream
  readonly order: readonly Upstream[]
  readonly started: number
  readonly form: Form
  private readonly server: ServerForm
  /** When it has been silent for so long that more is to be done, monotonic ms. */
  readonly until: number
  cancel: Cancel = nothing
  /** Its place among those that wait; -1: it has none. */
  slot = -1
  result: AttemptResult | undefined
  private readonly parts: Parts
  private readonly waits: Waits
  private readonly asked: ExchangeQuestion
  private readonly resolve: (result: Forwarded) => void
  private isOver = false
  private takenOver: ((result: Forwarded) => void) | undefined
  private listener: ((result: AttemptResult) => void) | undefined

  constructor(parts: Parts, waits: Waits, asked: ExchangeQuestion, resolve: (result: Forwarded) => void) {
    const { health, forms, clock } = parts
    this.parts = parts
    this.waits = waits
    this.asked = asked
    this.resolve = resolve
    this.order = health.order(asked.upstreams, asked.policy)
    this.upstream = this.order[0]!
    this.question = asked.question
    this.server = forms.of(this.upstream)
    this.form = this.server.of('udp')
    this.message = encodeUpstreamQuery(asked.query, asked.question, asked.edns ?? noEdns, 0, this.form)
    this.started = clock.monotonic()
    const turn = turnOf(asked.timeout, this.order.length)
    const retry = retryAfter(health, this.upstream, this.server, 'udp', turn, this.started)
    this.until = this.started + Math.min(turn, asked.timeout, retry ?? turn)
  }

  begin(): void {
    this.waits.add(this)
    this.cancel = this.parts.carriers.udp.ask(this)
  }

  done(result: AttemptResult): void {
    if (this.listener !== undefined) {
      this.listener(result)
      return
    }
    if (this.isOver) return
    const answer = this.read(result)
    if (answer === undefined) {
      this.result = result
      this.goOn()
      return
    }
    this.isOver = true
    this.waits.remove(this)
    this.resolve(answer)
  }

  hear(done: (result: AttemptResult) => void): void {
    this.listener = done
  }

  /** It takes more than this try. */
  goOn(): void {
    this.isOver = true
    this.waits.remove(this)
    this.takenOver = startTries(this.parts, this.asked, this.resolve, this)
  }

  end(result: Forwarded): void {
    if (this.takenOver !== undefined) {
      this.takenOver(result)
      return
    }
    if (this.isOver) return
    this.isOver = true
    this.waits.remove(this)
    this.observe('timeout')
    this.cancel()
    this.resolve(result)
  }

  /** undefined: it is not simply the answer. */
  private read(result: AttemptResult): Forwarded | undefined {
    if ('error' in result || (flagsOf(result.reply) & flag.TC) !== 0) return undefined
    const reply = readReply(result.reply, this.question)
    if (reply === undefined) return undefined
    const code = replyCode(reply)
    if (!answers.has(code)) return undefined
    if ((flagsOf(this.asked.query) & flag.RD) !== 0 && isReferral(reply)) return undefined
    // Some server is aside: one that is written before this one may have what is not here.
    if (code === rcode.NXDOMAIN && this.order !== this.asked.upstreams) return undefined
    const { health } = this.parts
    health.replied(this.upstream, this.observe(outcomeLabel(code)))
    health.answered(this.upstream)
    if (!isPlain(this.form)) this.server.proved('udp', this.started)
    if (health.wantsTrials)
      health.tryOut(this.order, this.asked.query, this.question, this.asked.edns ?? noEdns)
    const upstream = this.upstream.text
    if (isPlain(this.form) && this.asked.edns?.dnssecOk === true && this.server.isGuess()) {
      return { reply, upstream, isGuess: true }
    }
    return { reply, upstream }
  }

  private observe(outcome: string): number {
    const { clock, counters, health } = this.parts
    const ms = clock.monotonic() - this.started
    counters.duration.cell(health.label(this.upstream), outcome).observe(ms / 1000)
    return ms
  }
}

interface Waits {
  add(first: FirstTry): void
  remove(first: FirstTry): void
  stop(): void
}

/** One timer for all: few are ever silent for so long, and those that began first are so first. */
function createWaits(clock: Clock): Waits {
  const open = new Slots<FirstTry>()
  let timer: Timer | undefined
  let at = Number.POSITIVE_INFINITY

  function wake(until: number): void {
    if (until >= at) return
    clock.clearTimeout(timer)
    at = until
    timer = clock.setTimeout(look, Math.max(0, until - clock.monotonic()))
  }

  function look(): void {
    timer = undefined
    at = Number.POSITIVE_INFINITY
    const now = clock.monotonic()
    let next = Number.POSITIVE_INFINITY
    for (const first of open.all()) {
      if (first.until <= now) first.goOn()
      else next = Math.min(next, first.until)
    }
    if (next !== Number.POSITIVE_INFINITY) wake(next)
  }

  return {
    add(first) {
      first.slot = open.add(first)
      wake(first.until)
    },
    remove(first) {
      if (first.slot >= 0) open.remove(first.slot)
      first.slot = -1
    },
    stop: () => clock.clearTimeout(timer),
  }
}
