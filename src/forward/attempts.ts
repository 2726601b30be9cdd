// One forwarded question: tries over its upstreams, UDP first and TCP where that is not enough, under one deadline.
import { flag, flagsOf, rcode, rcodeName, rcodeOf } from '../dns/header.ts'
import {
  describeErrors,
  encodeUpstreamQuery,
  type Form,
  isCutShort,
  isPlain,
  isReferral,
  misplacesOpt,
  readReply,
  replyCode,
  type UpstreamReply,
} from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import type { Timer } from '../lib/clock.ts'
import type { Attempt, AttemptError, AttemptResult, Cancel } from './attempt.ts'
import { outcomeLabel } from './counters.ts'
import { doubtful, type Lack, unread } from './edns-status.ts'
import type { Begun } from './first.ts'
import { noEdns } from './health-check.ts'
import {
  answers,
  cancelTries,
  describeTries,
  type ExchangeQuestion,
  findPassedOver,
  formOf,
  isUnread,
  learn,
  type Parts,
  type Progress,
  retryAfter,
  startProgress,
  turnOf,
} from './progress.ts'
import type { Answered, Forwarded } from './types.ts'

/** For one question, to one server, over UDP and over TCP each (RFC 9520, 3.1). */
const triesEach = 3
/** Errors that say something of the question, not of the server: it may have none but its own names. */
const ofQuestion = new Set<number>([rcode.FORMERR, rcode.NOTIMP, rcode.REFUSED, 9, 10])
/** TCP never got so far that what was asked could matter. */
const unconnected = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EACCES'])

/** Goes on from the first try; gives what ends it early. `resolve` is called once, as soon as it is over. */
export function startTries(
  { clock, counters, health, forms, carriers }: Parts,
  { query, question, edns, timeout, upstreams, policy }: ExchangeQuestion,
  resolve: (result: Forwarded) => void,
  begun: Begun,
): (result: Forwarded) => void {
  const all = begun.order.map((upstream) => startProgress(upstream, forms.of(upstream)))
  const turn = turnOf(timeout, all.length)
  const elapsed = clock.monotonic() - begun.started
  /** What there is for the asker where a server truncates and no TCP comes through, or where all say nothing at all. */
  let lesser: Answered | undefined
  /** What one says is not there, while others that are written before it and were passed over are asked after all. */
  let denial: { readonly answer: Answered; readonly by: Progress } | undefined
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
    watch(asked, 'udp', begun.started, begun.form, (done) => {
      begun.hear(done)
      return begun.cancel
    })
    beginTurn(asked, elapsed)
    if (begun.result === undefined) planRetry(asked, 'udp', elapsed)
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
    if (denial !== undefined) {
      finishWith(denial.answer, denial.by)
      return
    }
    // Only who goes first is asked for all there is: others may hear of nothing but broken domains.
    const { upstream, refusal, replied, isAmiss } = all[0]!
    if (replied && isAmiss) health.outdone(upstream, refusal!, question.name)
    const text = all.map(({ upstream, refusal }) => `${upstream.text} ${refusal ?? 'timeout'}`)
    const reason = all.some(({ replied }) => replied) ? 'failed' : 'unreachable'
    if (lesser !== undefined) finish({ ...lesser, tries: text.join(', ') })
    else if (!all.every(({ isLame }) => isLame)) finish({ failure: text.join(', '), reason })
    else finish({ failure: text.join(', '), reason, noRecursion: true })
  }

  /** To the next server that has not said no; round and round, as far as tries go. */
  function nextTurn(): void {
    clock.clearTimeout(turnTimer)
    clock.clearTimeout(retryTimer)
    if (denial !== undefined) {
      askPassedOver(denial.by)
      return
    }
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

  /** Errors cost little: it is asked before one that is written after it has the last word on what is not there. */
  function askPassedOver(by: Progress): void {
    const next = findPassedOver(all, upstreams, policy, by, health)
    if (next === undefined) {
      fail()
      return
    }
    askSilent(next)
    beginTurn(next, turn - Math.min(turn, health.retryAfter(next.upstream) ?? turn))
  }

  function beginTurn(asked: Progress, elapsed: number): void {
    turnTimer = clock.setTimeout(() => {
      noteSilence(asked)
      nextTurn()
    }, turn - elapsed)
  }

  /** UDP as long as that may still be a lost packet, then TCP: something on the way may let no UDP through. */
  function askSilent(progress: Progress): void {
    if (progress.open.tcp.size > 0) {
      askPlainInstead(progress)
      return
    }
    if (progress.tries.udp >= triesEach) {
      if (progress.tries.tcp === 0) askOverTcp(progress, 'silent')
      return
    }
    attempt(progress, 'udp')
    planRetry(progress, 'udp', 0)
  }

  function planRetry(progress: Progress, transport: Transport, elapsed: number): void {
    clock.clearTimeout(retryTimer)
    const { upstream, form } = progress
    const after = retryAfter(health, upstream, form, transport, turn)
    if (after === undefined) return
    retryTimer = clock.setTimeout(
      () => {
        const { open, tries, refusal } = progress
        if (refusal !== undefined || open[transport].size === 0 || tries[transport] >= triesEach) return
        if (transport === 'tcp') askPlainInstead(progress)
        else if (open.tcp.size === 0) attempt(progress, 'udp')
      },
      Math.max(0, after - elapsed),
    )
  }

  function askOverTcp(progress: Progress, why: 'truncated' | 'forged' | 'silent'): void {
    counters.tcp.add(1, health.label(progress.upstream), why)
    attempt(progress, 'tcp')
    planRetry(progress, 'tcp', 0)
  }

  function attempt(progress: Progress, transport: Transport): void {
    const { upstream } = progress
    progress.tries[transport]++
    const form = formOf(progress, transport, edns?.dnssecOk === true)
    const message = encodeUpstreamQuery(query, question, edns ?? noEdns, 0, form)
    watch(progress, transport, clock.monotonic(), form, (done) =>
      carriers[transport].ask({ upstream, message, question, done }),
    )
  }

  /** TCP loses nothing: only in another form is it worth another try. */
  function askPlainInstead(progress: Progress): void {
    const { unheard, tries } = progress
    if (unheard.tcp === 0 || tries.tcp > 1) return
    if (isPlain(formOf(progress, 'tcp', edns?.dnssecOk === true))) attempt(progress, 'tcp')
  }

  /** A try that begins, or goes on. */
  function watch(
    progress: Progress,
    transport: Transport,
    started: number,
    form: Form,
    begin: (done: Attempt['done']) => Cancel,
  ): void {
    const { upstream } = progress
    const open = progress.open[transport]
    const isWhole = !isPlain(form)
    if (isWhole) progress.unheard[transport]++
    const observe = (outcome: string): number => {
      const ms = clock.monotonic() - started
      counters.duration.cell(health.label(upstream), outcome).observe(ms / 1000)
      return ms
    }
    const cancel = begin((result) => {
      open.delete(abandon)
      if (isWhole) progress.unheard[transport]--
      if ('reply' in result) {
        const ms = observe(outcomeLabel(rcodeOf(result.reply)))
        if (transport === 'udp') health.replied(upstream, ms)
      } else observe('error')
      if (!over) settle(progress, transport, result, form)
    })
    const abandon = () => {
      open.delete(abandon)
      observe('timeout')
      cancel()
    }
    open.add(abandon)
  }

  function settle(progress: Progress, transport: Transport, result: AttemptResult, form: Form): void {
    if (progress.refusal !== undefined) return
    if ('error' in result) {
      settleError(progress, transport, result, form)
      return
    }
    progress.replied = true
    const { upstream } = progress
    const reply = readReply(result.reply, question)
    const code = reply === undefined ? rcodeOf(result.reply) : replyCode(reply)
    const told = reply === undefined ? '' : describeErrors(reply)
    const isTruncated = (flagsOf(result.reply) & flag.TC) !== 0
    const isCut = reply === undefined && progress.tries.tcp === 0 && isCutShort(result.reply, question)
    const isPart = transport === 'udp' && (isTruncated || isCut)
    // Who tells why it failed has read the question.
    const isKnown = progress.form.isProven(transport) || told !== ''
    const mayBeUnread =
      reply === undefined
        ? !isKnown || unread.has(code) || misplacesOpt(result.reply, question)
        : isUnread(reply, code, isKnown)
    if (mayBeUnread && !isPlain(form) && !isPart) {
      if (askPlain(progress, transport, reply !== undefined || doubtful.has(code) ? code : 'malformed'))
        return
    }
    const lack = reply && learn(progress, transport, code, form)
    if (lack === 'silence') counters.noEdns.add(1, health.label(upstream))
    if (isPart) {
      if (reply !== undefined) lesser ??= { reply, upstream: upstream.text }
      if (progress.tries.tcp === 0) askOverTcp(progress, 'truncated')
    } else if (reply === undefined && !unread.has(code)) refuse(progress, 'malformed reply', true)
    else if (reply === undefined) refuse(progress, rcodeName(code), false)
    else if (!answers.has(code)) refuse(progress, rcodeName(code) + told, !ofQuestion.has(code))
    else if ((flagsOf(query) & flag.RD) !== 0 && isReferral(reply)) refuseLame(progress, reply)
    else {
      health.answered(upstream)
      for (const other of all) {
        if (other.replied && other.isAmiss) health.outdone(other.upstream, other.refusal!, question.name)
      }
      if (health.wantsTrials) health.tryOut(begun.order, query, question, edns ?? noEdns)
      const isGuess = edns?.dnssecOk === true && isPlain(form) && progress.form.isGuess()
      const answer = { reply, upstream: upstream.text, transport, ...(isGuess && { isGuess }) }
      if (code === rcode.NXDOMAIN && findPassedOver(all, upstreams, policy, progress, health) !== undefined) {
        denial = { answer, by: progress }
        refuse(progress, rcodeName(code), false)
      } else finishWith(answer, progress)
    }
  }

  function finishWith(answer: Answered, by: Progress): void {
    const tries = describeTries(all, by)
    finish(tries === undefined ? answer : { ...answer, tries })
  }

  /** Once more, without what it may have stumbled over; false: it has had its tries. */
  function askPlain(progress: Progress, transport: Transport, lack: Lack): boolean {
    if (progress.tries[transport] >= triesEach) return false
    progress.lacks[transport] = lack
    counters.noEdns.add(1, health.label(progress.upstream))
    attempt(progress, transport)
    return true
  }

  /** It points elsewhere, or says nothing at all: that is for the asker where nobody says more. */
  function refuseLame(progress: Progress, reply: UpstreamReply): void {
    const isEmpty = reply.message.readUInt16BE(8) === 0
    if (isEmpty) lesser ??= { reply, upstream: progress.upstream.text }
    progress.isLame = true
    refuse(progress, isEmpty ? 'no answer, no recursion' : 'referral', false)
  }

  function settleError(
    progress: Progress,
    transport: Transport,
    { error, blame }: AttemptError,
    form: Form,
  ): void {
    const { upstream, tries, open, replied } = progress
    const isForged = blame === 'forger' && transport === 'udp'
    if (isForged && tries.tcp === 0) {
      askOverTcp(progress, 'forged')
      return
    }
    if (isForged && open.tcp.size > 0) return
    const isClosed = transport === 'tcp' && blame === 'upstream' && !unconnected.has(error)
    const mayBeForm = isClosed && !isPlain(form) && !progress.form.isProven('tcp')
    if (mayBeForm) progress.lacks.tcp ??= 'closed'
    if (transport === 'tcp' && open.tcp.size > 0) return
    if (mayBeForm && askPlain(progress, 'tcp', 'closed')) return
    const mayBeRejected = transport === 'udp' && !isPlain(form) && !progress.form.isProven('udp')
    if (mayBeRejected && blame === 'upstream' && !replied) {
      // A firewall may reject what has an OPT; where the server is gone, all is rejected.
      progress.lacks.udp ??= 'rejected'
      if (open.udp.size > 0 || askPlain(progress, 'udp', 'rejected')) return
    }
    // Without TCP, the answer has to come over UDP after all, through another port.
    if ((isForged || transport === 'tcp') && open.udp.size === 0 && !replied && tries.udp < triesEach) {
      attempt(progress, 'udp')
      return
    }
    if (blame === 'upstream' && transport === 'udp' && !replied) {
      health.failed(upstream, error, question.name, begun.started)
    }
    refuse(progress, transport === 'tcp' ? `TCP ${error}` : error, false)
  }

  function refuse(progress: Progress, why: string, isAmiss: boolean): void {
    progress.refusal = why
    progress.isAmiss = isAmiss
    cancelTries(progress)
    nextTurn()
  }

  function noteSilence(progress: Progress): void {
    const { refusal, replied, tries, upstream } = progress
    if (refusal === undefined && !replied && tries.udp > 0) {
      health.failed(upstream, 'no reply', question.name, begun.started)
    }
  }
}
