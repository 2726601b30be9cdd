// One forwarded question and its attempts: upstreams in turn, UDP first and TCP where that is not enough, under one
// deadline. Nearly always the first attempt brings the answer, so it costs little: it shares one timer with those of
// other questions, and what later attempts need is made when they are.
import type { Upstream } from '../config/types.ts'
import { rcode, rcodeName, rcodeOf } from '../dns/header.ts'
import { isPlain, type UpstreamReply } from '../dns/relay.ts'
import { noEdns } from './ask-once.ts'
import type { AttemptError, AttemptResult } from './attempt.ts'
import type { Deadlines, Sleeper } from './deadlines.ts'
import { outcomeLabel } from './forward-metrics.ts'
import {
  abandonAttempts,
  describeAttempts,
  learnObjection,
  type Progress,
  retryAfter,
  turnOf,
} from './progress.ts'
import { type ExchangeQuestion, QueryAttempt } from './query-attempt.ts'
import { attemptsEach, type Parts, Schedule, type ScheduleOwner } from './schedule.ts'
import type { Answered, Forwarded } from './types.ts'
import { answers, judgeReply, type Verdict } from './verdict.ts'

/** The TCP connection failed before the question could matter. */
const unconnected = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EACCES'])

/** A question on its way, once `begin` is called. `resolve` is called once, later than that returns. */
export class ActiveQuery implements ScheduleOwner, Sleeper {
  readonly asked: ExchangeQuestion
  /** When the first attempt has been silent for too long, monotonic ms. */
  readonly until: number
  slot = -1
  private readonly parts: Parts
  private readonly deadlines: Deadlines
  private readonly resolve: (result: Forwarded) => void
  readonly upstreams: readonly Upstream[]
  readonly started: number
  readonly turn: number
  private readonly first: QueryAttempt
  private isOver = false
  /** undefined: the first attempt is the only one so far. */
  private schedule: Schedule | undefined
  /** For the client where nothing better comes: a truncated answer while TCP fails, or an empty one. */
  private lesser: Answered | undefined
  /** An NXDOMAIN that is held back while servers written before its own are asked after all. */
  private denial: { readonly answer: Answered; readonly by: Progress } | undefined

  constructor(
    parts: Parts,
    deadlines: Deadlines,
    asked: ExchangeQuestion,
    resolve: (result: Forwarded) => void,
  ) {
    const { health, statuses, clock } = parts
    this.parts = parts
    this.deadlines = deadlines
    this.asked = asked
    this.resolve = resolve
    this.upstreams = health.order(asked.upstreams, asked.order)
    const upstream = this.upstreams[0]!
    const edns = statuses.of(upstream)
    this.started = clock.monotonic()
    this.turn = turnOf(asked.timeout, this.upstreams.length)
    this.first = new QueryAttempt(this, upstream, edns, 'udp', edns.formFor('udp'), this.started)
    const retry = retryAfter(health, upstream, edns, 'udp', this.turn, this.started)
    this.until = this.started + Math.min(this.turn, asked.timeout, retry ?? this.turn)
  }

  begin(): void {
    this.first.cancel = this.parts.carriers.udp.ask(this.first)
    this.deadlines.add(this)
  }

  /** The first attempt has been silent for too long. */
  wake(): void {
    const schedule = this.escalate()
    schedule.planRetry(schedule.servers[0]!, 'udp', this.parts.clock.monotonic() - this.started)
  }

  turnOver(): void {
    const { denial } = this
    const schedule = this.schedule!
    const isAsking = denial === undefined ? schedule.nextTurn() : schedule.askPassedOver(denial.by)
    if (!isAsking) this.fail(schedule.servers)
  }

  deadlineOver(): void {
    this.fail(this.schedule!.servers)
  }

  /** Ends it with this result; harmless once it is over. */
  finish(result: Forwarded): void {
    if (this.isOver) return
    if (this.schedule === undefined) this.first.abandon()
    this.settle(result)
  }

  private settle(result: Forwarded): void {
    this.isOver = true
    this.deadlines.remove(this)
    this.schedule?.stop()
    this.resolve(result)
  }

  /** More than the first attempt is needed. */
  private escalate(): Schedule {
    this.deadlines.remove(this)
    this.schedule ??= new Schedule(this.parts, this, this.first)
    return this.schedule
  }

  /** Its round-trip time, ms. */
  observe({ upstream, started }: QueryAttempt, outcome: string): number {
    const { clock, counters, health } = this.parts
    const ms = clock.monotonic() - started
    counters.duration.cell(health.label(upstream), outcome).observe(ms / 1000)
    return ms
  }

  /** What became of an attempt. */
  hear(attempt: QueryAttempt, result: AttemptResult): void {
    if (this.isOver) return
    const { transport, upstream, form } = attempt
    if ('error' in result) {
      this.observe(attempt, 'error')
      const schedule = this.escalate()
      this.settleError(schedule, conclude(attempt), attempt, result)
      return
    }
    const ms = this.observe(attempt, outcomeLabel(rcodeOf(result.reply)))
    if (transport === 'udp') this.parts.health.replied(upstream, ms)
    const verdict = judgeReply(result.reply, this.asked.query, this.asked.question, attempt)
    // Where servers are passed over, an NXDOMAIN may not be the last word.
    const isSimple =
      this.schedule === undefined &&
      verdict.kind === 'answer' &&
      (verdict.code !== rcode.NXDOMAIN || this.upstreams === this.asked.upstreams)
    if (isSimple) {
      if (!isPlain(form)) attempt.edns.proved(transport, attempt.started)
      this.settle(this.accept(attempt, verdict.reply))
      return
    }
    const schedule = this.escalate()
    this.settleReply(schedule, conclude(attempt), attempt, verdict)
  }

  private accept({ upstream, transport, form, edns }: QueryAttempt, reply: UpstreamReply): Answered {
    const { health } = this.parts
    const { query, question, edns: asked } = this.asked
    health.answered(upstream)
    if (health.wantsTrials) health.tryOut(this.upstreams, query, question, asked ?? noEdns)
    const answer = { reply, upstream: upstream.text, transport }
    const isGuess = isPlain(form) && asked?.dnssecOk === true && edns.isGuess()
    return isGuess ? { ...answer, isGuess } : answer
  }

  private settleReply(schedule: Schedule, progress: Progress, attempt: QueryAttempt, verdict: Verdict): void {
    const { transport, form, upstream } = attempt
    const { counters, health } = this.parts
    const { code, objection, reply } = verdict
    if (progress.refusal !== undefined) return
    progress.replied = true
    if (objection !== undefined && !isPlain(form) && schedule.askPlain(progress, transport, objection)) return
    if (reply !== undefined && isPlain(form)) {
      const learned = learnObjection(progress, transport, code)
      if (learned === 'silence') counters.noEdns.add(1, health.label(upstream))
    } else if (reply !== undefined && answers.has(code)) attempt.edns.proved(transport)
    if (verdict.kind === 'partial') {
      if (reply !== undefined) this.lesser ??= { reply, upstream: upstream.text }
      if (progress.attempts.tcp === 0) schedule.askOverTcp(progress, 'truncated')
    } else if (verdict.kind === 'refusal') this.refuse(progress, verdict.why, verdict.isAmiss)
    else if (verdict.kind === 'lame') this.refuseLame(progress, verdict.reply)
    else this.settleAnswer(schedule, progress, attempt, verdict)
  }

  private settleAnswer(
    schedule: Schedule,
    progress: Progress,
    attempt: QueryAttempt,
    { code, reply }: Verdict & { readonly kind: 'answer' },
  ): void {
    const { health } = this.parts
    for (const { upstream, replied, isAmiss, refusal } of schedule.servers) {
      if (replied && isAmiss) health.outdone(upstream, refusal!, this.asked.question.name)
    }
    const answer = this.accept(attempt, reply)
    if (code === rcode.NXDOMAIN && schedule.findPassedOver(progress) !== undefined) {
      this.denial = { answer, by: progress }
      this.refuse(progress, rcodeName(code), false)
    } else this.settleWith(schedule.servers, answer, progress)
  }

  private settleWith(servers: readonly Progress[], answer: Answered, by: Progress): void {
    const tries = describeAttempts(servers, by)
    this.settle(tries === undefined ? answer : { ...answer, tries })
  }

  private fail(servers: readonly Progress[]): void {
    if (this.denial !== undefined) {
      this.settleWith(servers, this.denial.answer, this.denial.by)
      return
    }
    // Only the first in order is asked for every name: others may be asked for broken domains alone.
    const { upstream, refusal, replied, isAmiss } = servers[0]!
    if (replied && isAmiss) this.parts.health.outdone(upstream, refusal!, this.asked.question.name)
    const text = servers.map(({ upstream, refusal }) => `${upstream.text} ${refusal ?? 'timeout'}`).join(', ')
    const reason = servers.some(({ replied }) => replied) ? 'failed' : 'unreachable'
    if (this.lesser !== undefined) this.settle({ ...this.lesser, tries: text })
    else if (!servers.every(({ isLame }) => isLame)) this.settle({ failure: text, reason })
    else this.settle({ failure: text, reason, noRecursion: true })
  }

  private settleError(
    schedule: Schedule,
    progress: Progress,
    { transport, form }: QueryAttempt,
    { error, blame }: AttemptError,
  ): void {
    const { upstream, attempts, open, replied, edns, objections } = progress
    if (progress.refusal !== undefined) return
    const isForged = blame === 'forger' && transport === 'udp'
    if (isForged && attempts.tcp === 0) {
      schedule.askOverTcp(progress, 'forged')
      return
    }
    if (isForged && open.tcp.size > 0) return
    const isClosed = transport === 'tcp' && blame === 'upstream' && !unconnected.has(error)
    const mayBeForm = isClosed && !isPlain(form) && !edns.isProven('tcp')
    if (mayBeForm) objections.tcp ??= 'closed'
    if (transport === 'tcp' && open.tcp.size > 0) return
    if (mayBeForm && schedule.askPlain(progress, 'tcp', 'closed')) return
    const mayBeRejected = transport === 'udp' && !isPlain(form) && !edns.isProven('udp')
    if (mayBeRejected && blame === 'upstream' && !replied) {
      // A firewall may reject packets with an OPT; where the server is gone, all are rejected.
      objections.udp ??= 'rejected'
      if (open.udp.size > 0 || schedule.askPlain(progress, 'udp', 'rejected')) return
    }
    // Without TCP, the answer has to come over UDP after all, through another port.
    const isUdpLeft = open.udp.size === 0 && !replied && attempts.udp < attemptsEach
    if ((isForged || transport === 'tcp') && isUdpLeft) {
      schedule.ask(progress, 'udp')
      return
    }
    if (blame === 'upstream' && transport === 'udp' && !replied) {
      this.parts.health.failed(upstream, error, this.asked.question.name, this.started)
    }
    this.refuse(progress, transport === 'tcp' ? `TCP ${error}` : error, false)
  }

  private refuse(progress: Progress, why: string, isAmiss: boolean): void {
    progress.refusal = why
    progress.isAmiss = isAmiss
    abandonAttempts(progress)
    this.turnOver()
  }

  /** A referral or an empty answer: the client gets the latter where no server has more. */
  private refuseLame(progress: Progress, reply: UpstreamReply): void {
    const isEmpty = reply.message.readUInt16BE(8) === 0
    if (isEmpty) this.lesser ??= { reply, upstream: progress.upstream.text }
    progress.isLame = true
    this.refuse(progress, isEmpty ? 'no answer, no recursion' : 'referral', false)
  }
}

/** It has its result: it is open no more. */
function conclude(attempt: QueryAttempt): Progress {
  const { transport, form } = attempt
  const progress = attempt.progress!
  progress.open[transport].delete(attempt)
  if (!isPlain(form)) progress.unanswered[transport]--
  return progress
}
