// What one question has come to at one upstream, and in which form that one is asked next.
import type { ForwardPolicy, Upstream } from '../config/types.ts'
import { rcode } from '../dns/header.ts'
import { type Form, hasOpt, isPlain, plainForm, type UpstreamReply } from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import type { Clock } from '../lib/clock.ts'
import type { Cancel, Carrier } from './attempt.ts'
import type { ForwardCounters } from './counters.ts'
import { doubtful, type Forms, type Lack, type ServerForm, unread } from './edns-status.ts'
import type { Health } from './health.ts'
import type { ForwardQuestion } from './types.ts'

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
  readonly forms: Forms
  readonly carriers: Readonly<Record<Transport, Carrier>>
}

export interface Progress {
  readonly upstream: Upstream
  readonly tries: Record<Transport, number>
  /** Ends each try that is open. */
  readonly open: Readonly<Record<Transport, Set<Cancel>>>
  readonly form: ServerForm
  /** What it said to the whole form, by which it is asked in the plain one from now on. */
  readonly lacks: Record<Transport, Lack | undefined>
  /** Tries in the whole form that nothing has come of so far. */
  readonly unheard: Record<Transport, number>
  /** It replied, whatever it was. */
  replied: boolean
  /** What it said for no; silence may still be a lost packet, and silent ones get another try. */
  refusal: string | undefined
  /** That was an error of its own. */
  isAmiss: boolean
  /** It says that it does not recurse. */
  isLame: boolean
}

/** All else moves on: NOERROR, NXDOMAIN, and the name that a DNAME makes too long (RFC 6672, 2.2). */
export const answers = new Set<number>([rcode.NOERROR, rcode.NXDOMAIN, 6])
/** A server that has said nothing by now is passed over, though still listened to, ms. */
const patience = 1000
/** Turns are no shorter, however many servers there are, ms. */
const leastTurn = 200
/** A server that nothing is known of gets its second try after so long, ms; unbound takes 376 to be its time. */
const unknownRetry = 400

export function startProgress(upstream: Upstream, form: ServerForm): Progress {
  return {
    upstream,
    tries: { udp: 0, tcp: 0 },
    open: { udp: new Set(), tcp: new Set() },
    form,
    lacks: { udp: undefined, tcp: undefined },
    unheard: { udp: 0, tcp: 0 },
    replied: false,
    refusal: undefined,
    isAmiss: false,
    isLame: false,
  }
}

/** How long a question may be one server's alone, ms, where there are so many. */
export function turnOf(timeout: number, servers: number): number {
  return Math.max(Math.min(patience, timeout / (servers + 1)), Math.min(leastTurn, timeout / 2))
}

/**
 * When a try is followed by another one to the same server, ms; undefined: not within its turn. A server that may not
 * take EDNS gets its second try soon, for that is in the plain form.
 */
export function retryAfter(
  health: Health,
  upstream: Upstream,
  form: ServerForm,
  transport: Transport,
  turn: number,
  now?: number,
): number | undefined {
  const usual = health.retryAfter(upstream)
  if (!form.isProven(transport, now) && !isPlain(form.of(transport))) {
    return Math.min(usual ?? unknownRetry, turn / 2)
  }
  return usual === undefined || usual > turn / 2 ? undefined : usual
}

/**
 * What it does not take is left out, for silence too: after the first try where nothing is known of the server, else
 * before it is given up. Who asks for DNSSEC is not helped by an answer without, from a server that has it.
 */
export function formOf({ form, lacks, unheard }: Progress, transport: Transport, wantsDnssec: boolean): Form {
  if (lacks[transport] !== undefined || lacks.udp !== undefined) return plainForm
  const borne = form.isProven(transport) ? (wantsDnssec ? Number.POSITIVE_INFINITY : 1) : 0
  return unheard[transport] > borne ? plainForm : form.of(transport)
}

/** What an accepted reply with this code says of the form that the server takes; the lack that was learned, if any. */
export function learn(progress: Progress, transport: Transport, code: number, form: Form): Lack | undefined {
  const { lacks, unheard } = progress
  if (!isPlain(form)) {
    if (answers.has(code)) progress.form.proved(transport)
    return undefined
  }
  // What it says in either form is not for the form.
  if (doubtful.has(code) || code === lacks[transport]) return undefined
  const lack = lacks[transport] ?? (unheard[transport] > 0 ? 'silence' : undefined)
  if (lack !== undefined) progress.form.taught(transport, lack)
  return lack
}

/**
 * Whether an error may be for the form. `isKnown`: it has read the question, by all that is known. Of others any error may
 * be, a REFUSED too, but for one with an OPT, which shows that it has read ours.
 */
export function isUnread(reply: UpstreamReply, code: number, isKnown: boolean): boolean {
  if (isKnown) return unread.has(code)
  return doubtful.has(code) || (!answers.has(code) && !hasOpt(reply))
}

/**
 * One that errors alone have put behind `by`, though written before it, and that has not been asked. It may have names of
 * its own, and errors for all others: a company's, without a way out.
 */
export function findPassedOver(
  all: readonly Progress[],
  written: readonly Upstream[],
  policy: ForwardPolicy,
  by: Progress,
  health: Health,
): Progress | undefined {
  if (policy !== 'sequential') return undefined
  const before = new Set(written.slice(0, written.indexOf(by.upstream)))
  return all.find(
    ({ upstream, refusal, tries }) =>
      refusal === undefined && tries.udp === 0 && before.has(upstream) && health.isErring(upstream),
  )
}

/** undefined where the first try was enough. */
export function describeTries(all: readonly Progress[], answering: Progress): string | undefined {
  const asked = all.filter(({ tries }) => tries.udp + tries.tcp > 0)
  const { udp, tcp } = answering.tries
  if (asked.length === 1 && udp + tcp === 1) return undefined
  const how = tcp > 0 ? ' over TCP' : udp > 1 ? ` after ${udp} tries` : ''
  const told = (progress: Progress) =>
    progress === answering ? `answered${how}` : (progress.refusal ?? 'silent')
  return asked.map((progress) => `${progress.upstream.text} ${told(progress)}`).join(', ')
}

export function cancelTries({ open }: Progress): void {
  for (const cancel of [...open.udp, ...open.tcp]) cancel()
}
