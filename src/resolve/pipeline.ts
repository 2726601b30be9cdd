// From a question's bytes to its reply's: gate, scope, decision, and the writing or relaying of the answer.
import { badVers, type Edns, ede, readEdns } from '../dns/edns.ts'
import { gate, headerOnly, rcode, rcodeName, rcodeOf } from '../dns/header.ts'
import type { Question } from '../dns/name.ts'
import { readQuestion } from '../dns/name.ts'
import { relayReply } from '../dns/relay.ts'
import { type, typeLabel, typeName } from '../dns/types.ts'
import { type ReplyParts, replyLimit, writeEmpty, writeReply } from '../dns/writer.ts'
import type { Forward, Forwarded } from '../forward/types.ts'
import type { Clock } from '../lib/clock.ts'
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import type { DnsCounters } from './counters.ts'
import type { Decision } from './decision.ts'
import type { Query, Reply } from './query.ts'
import type { Resolver } from './resolver.ts'

export interface PipelineOptions {
  readonly resolver: Resolver
  readonly forward: Forward
  readonly counters: DnsCounters
  readonly clock: Clock
  readonly log: Logger
  /** Log every question at info. */
  readonly logQueries: boolean
}

type Source = 'gate' | 'policy' | 'local' | 'forward'

export function createPipeline(options: PipelineOptions): (query: Query) => Reply | Promise<Reply> {
  const { resolver, counters, clock, log } = options

  function handle(query: Query): Reply | Promise<Reply> {
    const started = clock.monotonic()
    try {
      return answer(query, started)
    } catch (error) {
      return panic(query, started, error)
    }
  }

  function answer(query: Query, started: number): Reply | Promise<Reply> {
    const { message } = query
    const verdict = gate(message)
    if (verdict === 'drop') {
      counters.dropped.add(1, query.server)
      return undefined
    }
    if (verdict !== 'pass') return done(query, started, 'gate', headerOnly(message, verdict))
    const question = readQuestion(message)
    const edns = question === undefined ? undefined : readEdns(message, question.end)
    if (question === undefined || edns === undefined || question.type === type.OPT) {
      return done(query, started, 'gate', headerOnly(message, rcode.FORMERR))
    }
    count(query, question)
    const opt = edns === 'none' ? undefined : edns
    if (opt !== undefined && opt.version > 0) {
      return done(query, started, 'gate', writeEmpty(message, question, opt, badVers), question)
    }

    const scope = resolver.scope(query.asker, query.local)
    const decision = resolver.decide(scope, question)
    if (decision.kind === 'answer') {
      return done(
        query,
        started,
        decision.source,
        write(query, question, opt, decision),
        question,
        decision.rule,
      )
    }
    const { message: bytes, asker } = query
    const result = options.forward({ query: bytes, question, edns: opt, route: decision.route, asker })
    if (!(result instanceof Promise)) return relay(query, question, opt, decision, result, started)
    return result
      .then((forwarded) => relay(query, question, opt, decision, forwarded, started))
      .catch((error: unknown) => panic(query, started, error))
  }

  function relay(
    query: Query,
    question: Question,
    edns: Edns | undefined,
    decision: Decision & { kind: 'forward' },
    result: Forwarded,
    started: number,
  ): Reply {
    if ('failure' in result) {
      const code =
        result.reason === 'none' || result.reason === 'unreachable'
          ? ede.noReachableAuthority
          : ede.networkError
      const parts = { rcode: rcode.SERVFAIL, error: { code, text: result.failure } }
      return done(query, started, 'forward', write(query, question, edns, parts), question, result.failure)
    }
    // The table may have changed meanwhile: what counts is who may see what now.
    const scope = resolver.scope(query.asker, query.local)
    const withheld = resolver.withhold(scope, question.name, decision.route, result.reply)
    if (withheld !== undefined) {
      counters.withheld[withheld.cause].add(1)
      const rule = `${result.upstream}: ${withheld.rule}`
      return done(query, started, 'policy', write(query, question, edns, withheld), question, rule)
    }
    const reply = relayReply(query.message, question, edns, result.reply, replyLimit(query.transport, edns))
    return done(query, started, 'forward', reply, question, result.upstream)
  }

  function count(query: Query, question: Question): void {
    const family = query.asker.includes(':') ? '2' : '1'
    counters.requests.add(1, query.server, query.transport, family, typeLabel(question.type))
  }

  function done(
    query: Query,
    started: number,
    source: Source,
    reply: Buffer,
    question?: Question,
    rule?: string,
  ): Buffer {
    counters.responses.add(1, query.server, rcodeName(rcodeOf(reply)), source)
    counters.duration.cell(query.server, source).observe((clock.monotonic() - started) / 1000)
    if (options.logQueries && question !== undefined) {
      const { asker, transport } = query
      const code = rcodeName(rcodeOf(reply))
      log.info(
        { asker, transport, name: question.name, type: typeName(question.type), rcode: code, source, rule },
        'query',
      )
    }
    return reply
  }

  /** Our own bug: the asker gets SERVFAIL, the log gets the stack, the server lives. */
  function panic(query: Query, started: number, error: unknown): Buffer {
    counters.panics.add(1)
    const stack = error instanceof Error ? error.stack : undefined
    log.error(
      { why: explain(error), stack, question: query.message.toString('base64') },
      'a question could not be answered',
    )
    return done(query, started, 'policy', headerOnly(query.message, rcode.SERVFAIL))
  }

  return handle
}

function write(query: Query, question: Question, edns: Edns | undefined, parts: ReplyParts): Buffer {
  return writeReply(query.message, question, edns, parts, replyLimit(query.transport, edns))
}
