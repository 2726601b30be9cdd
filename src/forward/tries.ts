// One forwarded question: tries over its upstreams, UDP first and TCP where that is not enough, under one deadline.
import type { ForwardPolicy, Upstream } from '../config/types.ts'
import type { Edns } from '../dns/edns.ts'
import { flag, flagsOf, rcode, rcodeName, rcodeOf } from '../dns/header.ts'
import { describeErrors, encodeUpstreamQuery, readReply, replyCode } from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { Attempt, AttemptError, AttemptResult, Cancel, Carrier } from './attempt.ts'
import type { ForwardCounters } from './counters.ts'
import type { Begun } from './first.ts'
import type { Health } from './health.ts'
import type { Answered, Forwarded, ForwardQuestion } from './types.ts'

export interface ExchangeQuestion extends Omit<ForwardQuestion, 'route'> {
  /** As configured. */
  readonly upstreams: readonly Upstream[]
  readonly policy: ForwardPolicy
  /** Over all tries, ms. */
  readonly timeout: number
}

export interface Parts {
  readonly clock: Clock
  readonly counters: ForwardCounters
  readonly health: Health
  readonly carriers: Readonly<Record<Transport, Carrier>>
}

/** A server that has said nothing by now is passed over, though still listened to, ms. */
const patience = 1000
/** Turns are no shorter, however many servers there are, ms. */
const leastTurn = 200
/** For one question, to one server, over UDP and over TCP each (RFC 9520, 3.1). */
const triesEach = 3
/** What a server is asked with for an asker without EDNS: there is no need for it to truncate. */
export const noEdns: Edns = { version: 0, udpBytes: 512, dnssecOk: false }
/** All else moves on: NOERROR, NXDOMAIN, and the name that a DNAME makes too long (RFC 6672, 2.2). */
export const answers = new Set<number>([rcode.NOERROR, rcode.NXDOMAIN, 6])
/** What servers say that do not know EDNS, or not our version of it (RFC 6891, 6.1.3 and 7). */
const unread = new Set<number>([rcode.FORMERR, rcode.NOTIMP, rcode.BADVERS])

/** What one question has come to at one upstream. */
interface Progress {
  readonly upstream: Upstream
  readonly tries: Record<Transport, number>
  /** Ends each try that is open. */
  readonly open: Readonly<Record<Transport, Set<Cancel>>>
  /** Asked without EDNS from now on. */
  plain: boolean
  /** It replied, whatever it was. */
  replied: boolean
  /** What it said for no; silence may still be a lost packet, and silent ones get another try. */
  refusal: string | undefined
}

/** How long a question may be one server's alone, ms, where there are so many. */
export function turnOf(timeout: number, servers: number): number {
  return Math.max(Math.min(patience, timeout / (servers + 1)), Math.min(leastTurn, timeout / 2))
}

/** Goes on from the first try; gives what ends it early. `resolve` is called once, as soon as it is over. */
export function startTries(
  { clock, counters, health, carriers }: Parts,
  { query, question, edns, timeout }: ExchangeQuestion,
  resolve: (result: Forwarded) => void,
  begun: Begun,
): (result: Forwarded) => void {
  const all: Progress[] = begun.order.map((upstream) => ({
    upstream,
    tries: { udp: 0, tcp: 0 },
    open: { udp: new Set(), tcp: new Set() },
    plain: false,
    replied: false,
    refusal: undefined,
  }))
  const turn = turnOf(timeout, all.length)
  const elapsed = clock.monotonic() - begun.started
  /** What there is for the asker where a server truncates and no TCP comes through. */
  let truncated: Answered | undefined
  let over = false
  let position = 0
  let turnTimer: Timer | undefined
  let retryTimer: Timer | undefined
  const deadline = clock.setTimeout(() => {
    for (const progress of all) noteSilence(progress)
    fail()
  }, timeout - elapsed)
  resume()
  return finish

  /** The first server has been asked. */
  function resume(): void {
    const asked = all[position++]!
    asked.tries.udp++
    watch(asked, 'udp', begun.started, true, (done) => {
      begun.hear(done)
      return begun.cancel
    })
    beginTurn(asked, elapsed)
    if (begun.result === undefined) planRetry(asked, elapsed)
    else begun.done(begun.result)
  }

  function finish(result: Forwarded): void {
    if (over) return
    over = true
    for (const timer of [deadline, turnTimer, retryTimer]) clock.clearTimeout(timer)
    for (const progress of all) cancelTries(progress)
    resolve(result)
  }

  function fail(): void {
    const text = all.map(({ upstream, refusal }) => `${upstream.text} ${refusal ?? 'timeout'}`)
    const reason = all.some(({ replied }) => replied) ? 'failed' : 'unreachable'
    finish(truncated ? { ...truncated, tries: text.join(', ') } : { failure: text.join(', '), reason })
  }

  /** To the next server that has not said no; round and round, as far as tries go. */
  function nextTurn(): void {
    clock.clearTimeout(turnTimer)
    clock.clearTimeout(retryTimer)
    if (all.every(({ refusal }) => refusal !== undefined)) {
      fail()
      return
    }
    let next = all[position++ % all.length]!
    while (next.refusal !== undefined) next = all[position++ % all.length]!
    const asked = next
    askSilent(asked)
    beginTurn(asked, 0)
  }

  function beginTurn(asked: Progress, elapsed: number): void {
    turnTimer = clock.setTimeout(() => {
      noteSilence(asked)
      nextTurn()
    }, turn - elapsed)
  }

  /** UDP as long as that may still be a lost packet, then TCP: something on the way may let no UDP through. */
  function askSilent(progress: Progress): void {
    if (progress.open.tcp.size > 0) return
    if (progress.tries.udp >= triesEach) {
      if (progress.tries.tcp === 0) askOverTcp(progress, 'silent')
      return
    }
    attempt(progress, 'udp')
    planRetry(progress, 0)
  }

  function planRetry(progress: Progress, elapsed: number): void {
    const retryAfter = health.retryAfter(progress.upstream)
    if (retryAfter === undefined || retryAfter > turn / 2) return
    retryTimer = clock.setTimeout(
      () => {
        const { open, tries, refusal } = progress
        const waits = open.udp.size > 0 && open.tcp.size === 0
        if (waits && refusal === undefined && tries.udp < triesEach) attempt(progress, 'udp')
      },
      Math.max(0, retryAfter - elapsed),
    )
  }

  function askOverTcp(progress: Progress, why: 'truncated' | 'forged' | 'silent'): void {
    counters.tcp.add(1, health.label(progress.upstream), why)
    attempt(progress, 'tcp')
  }

  function attempt(progress: Progress, transport: Transport): void {
    const { upstream } = progress
    progress.tries[transport]++
    const offered = progress.plain ? undefined : (edns ?? noEdns)
    const message = encodeUpstreamQuery(query, question, offered, 0)
    watch(progress, transport, clock.monotonic(), offered !== undefined, (done) =>
      carriers[transport].ask({ upstream, message, question, done }),
    )
  }

  /** A try that begins, or goes on. */
  function watch(
    progress: Progress,
    transport: Transport,
    started: number,
    withEdns: boolean,
    begin: (done: Attempt['done']) => Cancel,
  ): void {
    const { upstream } = progress
    const open = progress.open[transport]
    const observe = (outcome: string): number => {
      const ms = clock.monotonic() - started
      counters.duration.cell(health.label(upstream), outcome).observe(ms / 1000)
      return ms
    }
    const cancel = begin((result) => {
      open.delete(abandon)
      if ('reply' in result) {
        const ms = observe(outcomeLabel(rcodeOf(result.reply)))
        if (transport === 'udp') health.replied(upstream, ms)
      } else observe('error')
      if (!over) settle(progress, transport, result, withEdns)
    })
    const abandon = () => {
      open.delete(abandon)
      observe('timeout')
      cancel()
    }
    open.add(abandon)
  }

  function settle(progress: Progress, transport: Transport, result: AttemptResult, withEdns: boolean): void {
    if (progress.refusal !== undefined) return
    if ('error' in result) {
      settleError(progress, transport, result)
      return
    }
    progress.replied = true
    const { upstream } = progress
    const reply = readReply(result.reply, question)
    const code = reply === undefined ? rcodeOf(result.reply) : replyCode(reply)
    if (transport === 'udp' && (flagsOf(result.reply) & flag.TC) !== 0) {
      if (reply !== undefined) truncated ??= { reply, upstream: upstream.text }
      if (progress.tries.tcp === 0) askOverTcp(progress, 'truncated')
    } else if (withEdns && unread.has(code) && progress.tries[transport] < triesEach) {
      progress.plain = true
      counters.noEdns.add(1, health.label(upstream))
      attempt(progress, transport)
    } else if (reply === undefined && !unread.has(code)) refuse(progress, 'malformed reply')
    else if (reply === undefined) refuse(progress, rcodeName(code))
    else if (answers.has(code)) {
      health.answered(upstream)
      for (const other of all) {
        if (other.replied && other.refusal !== undefined) health.outdone(other.upstream, other.refusal)
      }
      const told = describeTries(all, progress)
      const tries = told === undefined ? {} : { tries: told }
      finish({ reply, upstream: upstream.text, transport, ...tries })
    } else refuse(progress, rcodeName(code) + describeErrors(reply))
  }

  function settleError(progress: Progress, transport: Transport, { error, blame }: AttemptError): void {
    const { upstream, tries, open, replied } = progress
    const isForged = blame === 'forger' && transport === 'udp'
    if (isForged && tries.tcp === 0) {
      askOverTcp(progress, 'forged')
      return
    }
    if (isForged && open.tcp.size > 0) return
    // Without TCP, the answer has to come over UDP after all, through another port.
    if ((isForged || transport === 'tcp') && open.udp.size === 0 && !replied && tries.udp < triesEach) {
      attempt(progress, 'udp')
      return
    }
    if (blame === 'upstream' && transport === 'udp' && !replied) health.failed(upstream, error)
    refuse(progress, transport === 'tcp' ? `TCP ${error}` : error)
  }

  function refuse(progress: Progress, why: string): void {
    progress.refusal = why
    cancelTries(progress)
    nextTurn()
  }

  function noteSilence(progress: Progress): void {
    const { refusal, replied, tries, upstream } = progress
    if (refusal === undefined && !replied && tries.udp > 0) health.failed(upstream, 'no reply')
  }
}

/** undefined where the first try was enough. */
function describeTries(all: readonly Progress[], answering: Progress): string | undefined {
  const asked = all.filter(({ tries }) => tries.udp + tries.tcp > 0)
  const { udp, tcp } = answering.tries
  if (asked.length === 1 && udp + tcp === 1) return undefined
  const how = tcp > 0 ? ' over TCP' : udp > 1 ? ` after ${udp} tries` : ''
  const told = (progress: Progress) =>
    progress === answering ? `answered${how}` : (progress.refusal ?? 'silent')
  return asked.map((progress) => `${progress.upstream.text} ${told(progress)}`).join(', ')
}

function cancelTries({ open }: Progress): void {
  for (const cancel of [...open.udp, ...open.tcp]) cancel()
}

/** A server may send any number: what metrics name is a fixed set. */
export function outcomeLabel(code: number): string {
  const name = rcodeName(code)
  return name.startsWith('RCODE') ? 'other' : name
}
