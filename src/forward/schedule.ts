// Which server an active query asks next, when and how, once its first attempt was not enough.
import type { Upstream } from '../config/types.ts'
import { type Form, isPlain } from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Carrier } from './attempt.ts'
import type { EdnsStatuses, Objection } from './edns-status.ts'
import type { ForwardMetrics } from './forward-metrics.ts'
import type { Health } from './health.ts'
import {
  abandonAttempts,
  findPassedOver,
  nextForm,
  type Progress,
  retryAfter,
  startProgress,
} from './progress.ts'
import { type AttemptOwner, QueryAttempt } from './query-attempt.ts'

/** What all queries share. */
export interface Parts {
  readonly clock: Clock
  readonly counters: ForwardMetrics
  readonly health: Health
  readonly statuses: EdnsStatuses
  readonly carriers: Readonly<Record<Transport, Carrier>>
}

/** The query that is scheduled. */
export interface ScheduleOwner extends AttemptOwner {
  /** In the order in which they are asked. */
  readonly upstreams: readonly Upstream[]
  /** When the question began, monotonic ms. */
  readonly started: number
  /** How long each server is waited for alone, ms. */
  readonly turn: number
  /** A server's turn has ended without a reply. */
  turnOver(): void
  /** The time for the whole question is up. */
  deadlineOver(): void
}

/** For one question, to one server, over UDP and over TCP each (RFC 9520, 3.1). */
export const attemptsEach = 3

export class Schedule {
  readonly servers: readonly Progress[]
  private readonly parts: Parts
  private readonly owner: ScheduleOwner
  /** How many turns there were. */
  private position = 1
  private readonly deadline: Timer
  private turnTimer: Timer | undefined
  private retryTimer: Timer | undefined

  /** Goes on in the turn of the first server, to which this attempt was made. */
  constructor(parts: Parts, owner: ScheduleOwner, first: QueryAttempt) {
    const { clock, statuses } = parts
    this.parts = parts
    this.owner = owner
    this.servers = owner.upstreams.map((upstream) => startProgress(upstream, statuses.of(upstream)))
    const elapsed = clock.monotonic() - owner.started
    this.deadline = clock.setTimeout(() => {
      for (const progress of this.servers) this.noteSilence(progress)
      owner.deadlineOver()
    }, owner.asked.timeout - elapsed)
    this.track(this.servers[0]!, first)
    this.beginTurn(this.servers[0]!, elapsed)
  }

  /** Ends every timer and open attempt. */
  stop(): void {
    for (const timer of [this.deadline, this.turnTimer, this.retryTimer]) {
      this.parts.clock.clearTimeout(timer)
    }
    for (const progress of this.servers) abandonAttempts(progress)
  }

  /** To the next server without a refusal, round and round while attempts are left; false: all have refused. */
  nextTurn(): boolean {
    this.endTurn()
    const { servers } = this
    if (servers.every(({ refusal }) => refusal !== undefined)) return false
    let next = servers[this.position++ % servers.length]!
    while (next.refusal !== undefined) next = servers[this.position++ % servers.length]!
    this.askSilent(next)
    this.beginTurn(next, 0)
    return true
  }

  /** A server written before `by` is asked before that one's NXDOMAIN is believed; false: there is none. */
  askPassedOver(by: Progress): boolean {
    this.endTurn()
    const next = this.findPassedOver(by)
    if (next === undefined) return false
    this.askSilent(next)
    // Its errors cost little, so its turn is short.
    const { turn } = this.owner
    const retry = this.parts.health.retryAfter(next.upstream) ?? turn
    this.beginTurn(next, turn - Math.min(turn, retry))
    return true
  }

  findPassedOver(by: Progress): Progress | undefined {
    const { upstreams, order } = this.owner.asked
    return findPassedOver(this.servers, upstreams, order, by, this.parts.health)
  }

  private beginTurn(progress: Progress, elapsed: number): void {
    this.turnTimer = this.parts.clock.setTimeout(() => {
      this.noteSilence(progress)
      this.owner.turnOver()
    }, this.owner.turn - elapsed)
  }

  private endTurn(): void {
    this.parts.clock.clearTimeout(this.turnTimer)
    this.parts.clock.clearTimeout(this.retryTimer)
  }

  private noteSilence({ refusal, replied, attempts, upstream }: Progress): void {
    if (refusal !== undefined || replied || attempts.udp === 0) return
    const { asked, started } = this.owner
    this.parts.health.failed(upstream, 'no reply', asked.question.name, started)
  }

  /** UDP while a packet may have been lost, then TCP: something on the way may block UDP. */
  private askSilent(progress: Progress): void {
    const { open, attempts } = progress
    if (open.tcp.size > 0) this.askPlainOverTcp(progress)
    else if (attempts.udp < attemptsEach) {
      this.ask(progress, 'udp')
      this.planRetry(progress, 'udp', 0)
    } else if (attempts.tcp === 0) this.askOverTcp(progress, 'silent')
  }

  /** `elapsed`: since the attempt that may have to be repeated, ms. */
  planRetry(progress: Progress, transport: Transport, elapsed: number): void {
    const { clock, health } = this.parts
    clock.clearTimeout(this.retryTimer)
    const after = retryAfter(health, progress.upstream, progress.edns, transport, this.owner.turn)
    if (after === undefined) return
    this.retryTimer = clock.setTimeout(
      () => {
        const { open, attempts, refusal } = progress
        if (refusal !== undefined || open[transport].size === 0 || attempts[transport] >= attemptsEach) return
        if (transport === 'tcp') this.askPlainOverTcp(progress)
        else if (open.tcp.size === 0) this.ask(progress, 'udp')
      },
      Math.max(0, after - elapsed),
    )
  }

  askOverTcp(progress: Progress, why: 'truncated' | 'forged' | 'silent'): void {
    const { counters, health } = this.parts
    counters.tcp.add(1, health.label(progress.upstream), why)
    this.ask(progress, 'tcp')
    this.planRetry(progress, 'tcp', 0)
  }

  /** TCP loses nothing: another attempt is worth it in another form only. */
  private askPlainOverTcp(progress: Progress): void {
    if (progress.unanswered.tcp === 0 || progress.attempts.tcp > 1) return
    if (isPlain(this.nextForm(progress, 'tcp'))) this.ask(progress, 'tcp')
  }

  /** Asks once more, without what the server may object to; false: no attempts are left. */
  askPlain(progress: Progress, transport: Transport, objection: Objection): boolean {
    const { counters, health } = this.parts
    if (progress.attempts[transport] >= attemptsEach) return false
    progress.objections[transport] = objection
    counters.noEdns.add(1, health.label(progress.upstream))
    this.ask(progress, transport)
    return true
  }

  ask(progress: Progress, transport: Transport): void {
    const { upstream, edns } = progress
    const { clock, carriers } = this.parts
    const form = this.nextForm(progress, transport)
    const attempt = new QueryAttempt(this.owner, upstream, edns, transport, form, clock.monotonic())
    this.track(progress, attempt)
    attempt.cancel = carriers[transport].ask(attempt)
  }

  private nextForm(progress: Progress, transport: Transport): Form {
    return nextForm(progress, transport, this.owner.asked.edns?.dnssecOk === true)
  }

  private track(progress: Progress, attempt: QueryAttempt): void {
    const { transport, form } = attempt
    attempt.progress = progress
    progress.attempts[transport]++
    progress.open[transport].add(attempt)
    if (!isPlain(form)) progress.unanswered[transport]++
  }
}
