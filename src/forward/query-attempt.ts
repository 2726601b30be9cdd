// One attempt of an active query: the message that one upstream is sent, and what is known of it until its reply comes.
import type { ForwardOrder, Upstream } from '../config/types.ts'
import type { Question } from '../dns/name.ts'
import { encodeUpstreamQuery, type Form } from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import { noEdns } from './ask-once.ts'
import type { Attempt, AttemptResult, Cancel } from './attempt.ts'
import type { EdnsStatus } from './edns-status.ts'
import type { OpenAttempt, Progress } from './progress.ts'
import type { ForwardQuestion } from './types.ts'
import type { Asked } from './verdict.ts'

export interface ExchangeQuestion extends Omit<ForwardQuestion, 'route'> {
  /** As configured. */
  readonly upstreams: readonly Upstream[]
  readonly order: ForwardOrder
  /** Over all attempts, ms. */
  readonly timeout: number
}

/** The query that an attempt is made for. */
export interface AttemptOwner {
  readonly asked: ExchangeQuestion
  hear(attempt: QueryAttempt, result: AttemptResult): void
  /** Counts its outcome; its round-trip time, ms. */
  observe(attempt: QueryAttempt, outcome: string): number
}

const nothing = () => {}

export class QueryAttempt implements Attempt, Asked, OpenAttempt {
  readonly upstream: Upstream
  readonly question: Question
  readonly message: Buffer
  readonly transport: Transport
  readonly form: Form
  readonly edns: EdnsStatus
  /** Monotonic ms. */
  readonly started: number
  /** undefined: it is the first, and no other was needed so far. */
  progress: Progress | undefined
  cancel: Cancel = nothing
  private readonly owner: AttemptOwner

  constructor(
    owner: AttemptOwner,
    upstream: Upstream,
    edns: EdnsStatus,
    transport: Transport,
    form: Form,
    started: number,
  ) {
    const { query, question, edns: asked } = owner.asked
    this.owner = owner
    this.upstream = upstream
    this.edns = edns
    this.transport = transport
    this.form = form
    this.started = started
    this.question = question
    this.message = encodeUpstreamQuery(query, question, asked ?? noEdns, 0, form)
  }

  get triedTcp(): boolean {
    return this.progress !== undefined && this.progress.attempts.tcp > 0
  }

  isProven(): boolean {
    return this.edns.isProven(this.transport)
  }

  done(result: AttemptResult): void {
    this.owner.hear(this, result)
  }

  abandon(): void {
    this.progress?.open[this.transport].delete(this)
    this.owner.observe(this, 'timeout')
    this.cancel()
  }
}
