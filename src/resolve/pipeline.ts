// From a question's bytes to its reply's: gate, EDNS and cookies, resolution, encoding; counted and logged.
import { type Cookies, clientCookieBytes } from '../dns/cookie.ts'
import { type Edns, readEdns } from '../dns/edns.ts'
import { flag, gate, headerBytes, type Rcode, rcode, rcodeName } from '../dns/header.ts'
import { type Question, readQuestion } from '../dns/name.ts'
import { relayReply } from '../dns/relay.ts'
import { type, typeLabel, typeName } from '../dns/types.ts'
import { type ReplyParts, replyLimit, writeError, writeReply } from '../dns/writer.ts'
import type { FastAnswers } from '../fast/fast-answers.ts'
import type { Forward } from '../forward/types.ts'
import type { Clock } from '../lib/clock.ts'
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import type { Handle, Query, Reply } from '../net/handler.ts'
import type { Identity } from './chaos.ts'
import type { DnsMetrics } from './dns-metrics.ts'
import { replyOptions } from './edns-options.ts'
import { type Resolution, reasonOf, resolve } from './resolution.ts'
import type { Resolver } from './resolver.ts'

export interface PipelineOptions {
  readonly resolver: Resolver
  readonly forward: Forward
  /** undefined: every question takes the slow path. */
  readonly fast?: FastAnswers | undefined
  readonly cookies: Cookies
  readonly identity: Identity
  readonly counters: DnsMetrics
  readonly clock: Clock
  readonly log: Logger
  /** Log every question at info. */
  readonly logQueries: boolean
}

type Source = 'gate' | Resolution['source']

/** What is read of a question before it is resolved. */
interface Asked {
  readonly query: Query
  readonly question: Question
  readonly edns: Edns | undefined
  /** Monotonic ms. */
  readonly started: number
}

export function createPipeline(options: PipelineOptions): Handle {
  const { fast, counters, clock, log, cookies, identity } = options
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
    const { message, asker, local } = query
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
      return done(query, started, 'gate', code, writeError(message, code))
    }
    count(query, question)
    const opt = edns === 'none' ? undefined : replyOptions(query, edns, cookies, nsid)
    const asked: Asked = { query, question, edns: opt, started }
    if (pressed !== undefined && opt?.isProven !== true) {
      // The source address may be forged: a cookie, or TCP, proves that it is not.
      if (opt?.cookie !== undefined) return fail(asked, rcode.BADCOOKIE)
      return pressed === 'drop' ? drop(query) : fail(asked, rcode.NOERROR, true)
    }
    if (opt !== undefined && opt.version > 0) return fail(asked, rcode.BADVERS)

    const resolution = resolve(options, { asker, local, message, question, edns: opt })
    if (!(resolution instanceof Promise)) return conclude(asked, resolution)
    return resolution
      .then((later) => conclude(asked, later))
      .catch((error: unknown) => panic(query, started, error))
  }

  function conclude(asked: Asked, resolution: Resolution): Buffer {
    const { query, started } = asked
    if (resolution.kind === 'withheld') counters[resolution.withheld.cause].add(1)
    const reply = encode(asked, resolution)
    if (fast !== undefined) keep(fast, query, reply, resolution)
    done(query, started, resolution.source, resolution.rcode, reply)
    if (options.logQueries) logQuery(asked, resolution.source, resolution.rcode, reasonOf(resolution))
    return reply
  }

  /** No question: one for a cookie alone (RFC 7873, 5.4), or nothing that can be answered. */
  function answerBare(query: Query, started: number): Reply {
    const edns = readEdns(query.message, headerBytes)
    if (edns === undefined || edns === 'none' || edns.flaw !== undefined || edns.cookie === undefined) {
      if (query.pressed === 'drop') return drop(query)
      return done(query, started, 'gate', rcode.FORMERR, writeError(query.message, rcode.FORMERR))
    }
    const opt = replyOptions(query, edns, cookies, nsid)
    const isWrong = edns.cookie.length > clientCookieBytes && !opt.isProven
    const code = opt.version > 0 ? rcode.BADVERS : isWrong ? rcode.BADCOOKIE : rcode.NOERROR
    return done(query, started, 'gate', code, writeError(query.message, code, opt))
  }

  /** Question and OPT come back, and no record. */
  function fail(asked: Asked, code: Rcode, truncated = false): Reply {
    const reply = done(asked.query, asked.started, 'gate', code, write(asked, { rcode: code, truncated }))
    if (options.logQueries) logQuery(asked, 'gate', code)
    return reply
  }

  function drop(query: Query): undefined {
    counters.dropped.add(1, query.server)
    return undefined
  }

  function count(query: Query, question: Question): void {
    const family = query.asker.includes(':') ? '2' : '1'
    counters.requests.add(1, query.server, query.transport, family, typeLabel(question.type))
  }

  function done(query: Query, started: number, source: Source, code: Rcode, reply: Buffer): Buffer {
    counters.responses.add(1, query.server, rcodeName(code), source)
    counters.duration.cell(query.server, source).observe((clock.monotonic() - started) / 1000)
    return reply
  }

  function logQuery({ query, question, started }: Asked, source: Source, code: Rcode, rule?: string): void {
    const { asker, transport } = query
    const ms = Math.round((clock.monotonic() - started) * 10) / 10
    const asked = { asker, transport, name: question.name, type: typeName(question.type) }
    log.info({ ...asked, rcode: rcodeName(code), source, rule, ms }, 'query')
  }

  /** A bug of ours: the client gets SERVFAIL, the log gets the stack, and berth keeps running. */
  function panic(query: Query, started: number, error: unknown): Buffer {
    counters.panics.add(1)
    const stack = error instanceof Error ? error.stack : undefined
    log.error(
      { why: explain(error), stack, question: query.message.toString('base64') },
      'a question could not be answered',
    )
    return done(query, started, 'policy', rcode.SERVFAIL, writeError(query.message, rcode.SERVFAIL))
  }

  return handle
}

/** The whole reply, as far as the transport has room. */
function encode(asked: Asked, resolution: Resolution): Buffer {
  if (resolution.kind !== 'relay') {
    const reply = write(asked, resolution)
    if (resolution.kind === 'failure' && resolution.forwarded.noRecursion) reply[3] = reply[3]! & ~flag.RA
    return reply
  }
  const { query, question, edns } = asked
  const limit = replyLimit(query.transport, edns)
  const { reply: upstreams } = resolution.forwarded
  const reply = relayReply(query.message, question, edns, upstreams, limit, resolution.error)
  if (resolution.rcode === rcode.NOERROR) reply[3] = reply[3]! & 0xf0
  return reply
}

function write({ query, question, edns }: Asked, parts: ReplyParts): Buffer {
  return writeReply(query.message, question, edns, parts, replyLimit(query.transport, edns))
}

/** Local answers that outlast the moment, and upstreams' answers for as long as the cache leases them. */
function keep(fast: FastAnswers, query: Query, reply: Buffer, resolution: Resolution): void {
  const { kind, rcode } = resolution
  if (kind === 'answer') {
    const { source, isPassing, isWhole = false } = resolution
    if (!isPassing) fast.keep(query, reply, { rcode, source, isWhole })
  } else if (kind === 'relay') {
    const { lease, age } = resolution.forwarded.cached ?? {}
    const isWhole = resolution.decision.isWhole === true
    if (lease !== undefined) fast.keep(query, reply, { rcode, source: 'cache', isWhole, lease, age })
  }
}
