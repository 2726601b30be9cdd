// From a question's bytes to its reply's: gate, scope, decision, and the writing or relaying of the answer.
import { type Cookies, clientCookieBytes } from '../dns/cookie.ts'
import { type Edns, type ExtendedError, ede, readEdns } from '../dns/edns.ts'
import { flag, gate, headerBytes, type Rcode, rcode, rcodeName, rcodeOf } from '../dns/header.ts'
import type { Question } from '../dns/name.ts'
import { readQuestion } from '../dns/name.ts'
import { relayReply, replyCode, type UpstreamReply } from '../dns/relay.ts'
import { type, typeLabel, typeName } from '../dns/types.ts'
import { type ReplyParts, replyLimit, writeError, writeReply } from '../dns/writer.ts'
import type { FastAnswers, Origin } from '../fast/fast-answers.ts'
import type { Answered, Failed, Forward, Forwarded } from '../forward/types.ts'
import type { Clock } from '../lib/clock.ts'
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import type { Query, Reply } from '../net/handler.ts'
import type { Identity } from './chaos.ts'
import type { DnsCounters } from './counters.ts'
import type { Decision } from './decision.ts'
import { replyOptions } from './edns-options.ts'
import type { Resolver } from './resolver.ts'

export interface PipelineOptions {
  readonly resolver: Resolver
  readonly forward: Forward
  /** undefined: every question goes all the way. */
  readonly fast?: FastAnswers | undefined
  readonly cookies: Cookies
  readonly identity: Identity
  readonly counters: DnsCounters
  readonly clock: Clock
  readonly log: Logger
  /** Log every question at info. */
  readonly logQueries: boolean
}

type Source = 'gate' | 'policy' | 'local' | 'forward' | 'cache'

export function createPipeline(options: PipelineOptions): (query: Query) => Reply | Promise<Reply> {
  const { resolver, fast, counters, clock, log, cookies, identity } = options
  const nsid = identity.id === '' ? undefined : Buffer.from(identity.id, 'utf8')

  function handle(query: Query): Reply | Promise<Reply> {
    const started = clock.monotonic()
    try {
      return (query.isMiss ? undefined : fast?.reply(query)) ?? answer(query, started)
    } catch (error) {
      return panic(query, started, error)
    }
  }

  function answer(query: Query, started: number): Reply | Promise<Reply> {
    const { message } = query
    const pressed = query.transport === 'udp' ? query.pressed : undefined
    const verdict = gate(message)
    if (verdict === 'drop') return drop(query)
    if (verdict === 'bare') return answerBare(query, started)
    const question = verdict === 'pass' ? readQuestion(message) : undefined
    const edns = question === undefined ? undefined : readEdns(message, question.end)
    const isBad = edns === undefined || (edns !== 'none' && edns.flaw !== undefined)
    if (question === undefined || isBad || question.type === type.OPT) {
      if (pressed === 'drop') return drop(query)
      const code = verdict === 'pass' ? rcode.FORMERR : verdict
      return done(query, started, 'gate', writeError(message, code), code)
    }
    count(query, question)
    const opt = edns === 'none' ? undefined : replyOptions(query, edns, cookies, nsid)
    if (pressed !== undefined && opt?.isProven !== true) {
      // Who can't be at its address is told how to prove that it is: by the cookie, or over TCP.
      if (opt?.cookie !== undefined) return fail(query, started, question, opt, rcode.BADCOOKIE)
      return pressed === 'drop' ? drop(query) : fail(query, started, question, opt, rcode.NOERROR, true)
    }
    if (opt !== undefined && opt.version > 0) return fail(query, started, question, opt, rcode.BADVERS)

    const scope = resolver.scope(query.asker, query.local)
    const decision = resolver.decide(scope, question)
    if (decision.kind === 'answer') {
      const reply = write(query, question, opt, decision)
      if (decision.isPassing !== true) fast?.keep(query, reply, madeOf(decision))
      return done(query, started, decision.source, reply, decision.rcode, question, decision.rule)
    }
    const { message: bytes, asker } = query
    const result = options.forward({ query: bytes, question, edns: opt, route: decision.route, asker })
    if (!(result instanceof Promise)) return relay(query, question, opt, decision, result, started)
    return result.then(
      (forwarded) => {
        try {
          return relay(query, question, opt, decision, forwarded, started)
        } catch (error) {
          return panic(query, started, error)
        }
      },
      (error: unknown) => panic(query, started, error),
    )
  }

  /** No question: one for a cookie alone (RFC 7873, 5.4), or nothing that can be answered. */
  function answerBare(query: Query, started: number): Reply {
    const edns = readEdns(query.message, headerBytes)
    if (edns === undefined || edns === 'none' || edns.flaw !== undefined || edns.cookie === undefined) {
      if (query.pressed === 'drop') return drop(query)
      return done(query, started, 'gate', writeError(query.message, rcode.FORMERR), rcode.FORMERR)
    }
    const opt = replyOptions(query, edns, cookies, nsid)
    const isWrong = edns.cookie.length > clientCookieBytes && !opt.isProven
    const code = opt.version > 0 ? rcode.BADVERS : isWrong ? rcode.BADCOOKIE : rcode.NOERROR
    return done(query, started, 'gate', writeError(query.message, code, opt), code)
  }

  /** Question and OPT come back, and no record. */
  function fail(
    query: Query,
    started: number,
    question: Question,
    edns: Edns | undefined,
    code: Rcode,
    truncated = false,
  ): Reply {
    const reply = write(query, question, edns, { rcode: code, truncated })
    return done(query, started, 'gate', reply, code, question)
  }

  function drop(query: Query): undefined {
    counters.dropped.add(1, query.server)
    return undefined
  }

  function relay(
    query: Query,
    question: Question,
    edns: Edns | undefined,
    decision: Decision & { kind: 'forward' },
    result: Forwarded,
    started: number,
  ): Reply {
    const source = result.cached === undefined ? 'forward' : 'cache'
    if ('failure' in result) {
      const error = { code: failureCode(result), text: result.failure }
      const reply = write(query, question, edns, { rcode: rcode.SERVFAIL, error })
      if (result.noRecursion === true) reply[3] = reply[3]! & ~flag.RA
      const rule = result.failure + describeAge(result)
      return done(query, started, source, reply, rcode.SERVFAIL, question, rule)
    }
    // The table may have changed meanwhile: what counts is who may see what now.
    const scope = resolver.scope(query.asker, query.local)
    const withheld = resolver.withhold(scope, question.name, decision.route, result.reply)
    if (withheld !== undefined) {
      counters.withheld[withheld.cause].add(1)
      const rule = `${describeAnswer(result)}: ${withheld.rule}`
      const reply = write(query, question, edns, withheld)
      return done(query, started, 'policy', reply, withheld.rcode, question, rule)
    }
    const limit = replyLimit(query.transport, edns)
    const reply = relayReply(query.message, question, edns, result.reply, limit, staleError(result))
    const code = toldRcode(decision, result.reply)
    if (code === rcode.NOERROR) reply[3] = reply[3]! & 0xf0
    const { lease, age } = result.cached ?? {}
    if (lease !== undefined) {
      const isWhole = decision.isWhole === true
      fast?.keep(query, reply, { rcode: code, source: 'cache', isWhole, lease, age })
    }
    return done(query, started, source, reply, code, question, describeAnswer(result))
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
    rcode: Rcode,
    question?: Question,
    rule?: string,
  ): Buffer {
    const code = rcodeName(rcode)
    counters.responses.add(1, query.server, code, source)
    const seconds = (clock.monotonic() - started) / 1000
    counters.duration.cell(query.server, source).observe(seconds)
    if (options.logQueries && question !== undefined) {
      const ms = Math.round(seconds * 10_000) / 10
      const { asker, transport } = query
      log.info(
        {
          asker,
          transport,
          name: question.name,
          type: typeName(question.type),
          rcode: code,
          source,
          rule,
          ms,
        },
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
    return done(query, started, 'policy', writeError(query.message, rcode.SERVFAIL), rcode.SERVFAIL)
  }

  return handle
}

function write(query: Query, question: Question, edns: Edns | undefined, parts: ReplyParts): Buffer {
  return writeReply(query.message, question, edns, parts, replyLimit(query.transport, edns))
}

function madeOf({ rcode, source, isWhole = false }: Decision & { kind: 'answer' }): Origin {
  return { rcode, source, isWhole }
}

/** RFC 8914, by what became of the tries. */
const failureCodes = {
  none: ede.noReachableAuthority,
  unreachable: ede.noReachableAuthority,
  failed: ede.networkError,
  busy: ede.other,
} as const

function failureCode({ reason, cached }: Failed): number {
  return cached === undefined ? failureCodes[reason] : ede.cachedError
}

function staleError({ reply, cached }: Answered): ExtendedError | undefined {
  if (!cached?.stale) return undefined
  return { code: rcodeOf(reply.message) === rcode.NXDOMAIN ? ede.staleNxdomain : ede.staleAnswer }
}

/** Whose it is, how old, and what the tries came to: for the log. */
function describeAnswer(result: Answered): string {
  const { upstream, tries, cached } = result
  if (cached === undefined) return tries ?? upstream
  return upstream + describeAge(result) + (tries === undefined ? '' : `; ${tries}`)
}

/** ", 12 s old", for the log. */
function describeAge({ cached }: Forwarded): string {
  return cached === undefined ? '' : `, ${cached.age} s old${cached.stale ? ' and stale' : ''}`
}

/** The rcode for the asker: an upstream does not know that we have names below one that it has not. */
export function toldRcode(decision: Decision & { kind: 'forward' }, reply: UpstreamReply): Rcode {
  const code = replyCode(reply)
  return code === rcode.NXDOMAIN && decision.isAbove ? rcode.NOERROR : code
}
