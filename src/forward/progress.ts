// What one question has come to at one upstream, and in which form that one is asked next.
import type { ForwardOrder, Upstream } from '../config/types.ts'
import { type Form, isPlain, plainForm } from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import { doubtful, type EdnsStatus, type Objection } from './edns-status.ts'
import type { Health } from './health.ts'

/** An attempt that waits for its reply. */
export interface OpenAttempt {
  /** Ends it without a result. */
  abandon(): void
}

export interface Progress {
  readonly upstream: Upstream
  /** How many attempts were made. */
  readonly attempts: Record<Transport, number>
  readonly open: Readonly<Record<Transport, Set<OpenAttempt>>>
  readonly edns: EdnsStatus
  /** Why it is asked in the plain form from now on. */
  readonly objections: Record<Transport, Objection | undefined>
  /** Attempts in the whole form that have had no reply so far. */
  readonly unanswered: Record<Transport, number>
  /** It replied, whatever the reply was. */
  replied: boolean
  /** The error it replied with; a silent one may have lost a packet, and is asked again. */
  refusal: string | undefined
  /** That error was the server's own fault. */
  isAmiss: boolean
  /** It does not recurse. */
  isLame: boolean
}

/** A server that has not replied by now is passed over, though still listened to, ms. */
const patience = 1000
/** Turns are no shorter, however many servers there are, ms. */
const leastTurn = 200
/** When a server whose round-trip time is unknown is asked again, ms; unbound takes 376 to be its time. */
const unknownRetry = 400

export function startProgress(upstream: Upstream, edns: EdnsStatus): Progress {
  return {
    upstream,
    attempts: { udp: 0, tcp: 0 },
    open: { udp: new Set(), tcp: new Set() },
    edns,
    objections: { udp: undefined, tcp: undefined },
    unanswered: { udp: 0, tcp: 0 },
    replied: false,
    refusal: undefined,
    isAmiss: false,
    isLame: false,
  }
}

/** How long a question waits for one of so many servers alone, ms. */
export function turnOf(timeout: number, servers: number): number {
  return Math.max(Math.min(patience, timeout / (servers + 1)), Math.min(leastTurn, timeout / 2))
}

/**
 * When an attempt is followed by another to the same server, ms; undefined: not within its turn. A server that may not
 * take EDNS is asked again soon, in the plain form.
 */
export function retryAfter(
  health: Health,
  upstream: Upstream,
  edns: EdnsStatus,
  transport: Transport,
  turn: number,
  now?: number,
): number | undefined {
  const usual = health.retryAfter(upstream)
  if (!edns.isProven(transport, now) && !isPlain(edns.formFor(transport))) {
    return Math.min(usual ?? unknownRetry, turn / 2)
  }
  return usual === undefined || usual > turn / 2 ? undefined : usual
}

/**
 * The plain form after an objection, and after silence: at once where nothing is known of the server, else before it is
 * given up. A client that asks for DNSSEC is not helped by an answer without it, from a server that has it.
 */
export function nextForm(progress: Progress, transport: Transport, wantsDnssec: boolean): Form {
  const { edns, objections, unanswered } = progress
  if (objections[transport] !== undefined || objections.udp !== undefined) return plainForm
  const borne = edns.isProven(transport) ? (wantsDnssec ? Number.POSITIVE_INFINITY : 1) : 0
  return unanswered[transport] > borne ? plainForm : edns.formFor(transport)
}

/** Learns from a reply in the plain form what the server objects to; undefined: nothing. */
export function learnObjection(
  { edns, objections, unanswered }: Progress,
  transport: Transport,
  code: number,
): Objection | undefined {
  // An error that comes in both forms is not about the form.
  if (doubtful.has(code) || code === objections[transport]) return undefined
  const objection = objections[transport] ?? (unanswered[transport] > 0 ? 'silence' : undefined)
  if (objection !== undefined) edns.objected(transport, objection)
  return objection
}

/**
 * A server written before `by` that only its errors have put behind it, and that has not been asked. It may be a
 * company's, which has names of its own and errors for all others.
 */
export function findPassedOver(
  all: readonly Progress[],
  written: readonly Upstream[],
  order: ForwardOrder,
  by: Progress,
  health: Health,
): Progress | undefined {
  if (order !== 'sequential') return undefined
  const before = new Set(written.slice(0, written.indexOf(by.upstream)))
  return all.find(
    ({ upstream, refusal, attempts }) =>
      refusal === undefined && attempts.udp === 0 && before.has(upstream) && health.isErring(upstream),
  )
}

/** undefined where the first attempt was enough. */
export function describeAttempts(all: readonly Progress[], answering: Progress): string | undefined {
  const asked = all.filter(({ attempts }) => attempts.udp + attempts.tcp > 0)
  const { udp, tcp } = answering.attempts
  if (asked.length === 1 && udp + tcp === 1) return undefined
  const how = tcp > 0 ? ' over TCP' : udp > 1 ? ` after ${udp} tries` : ''
  const outcomeOf = (progress: Progress) =>
    progress === answering ? `answered${how}` : (progress.refusal ?? 'silent')
  return asked.map((progress) => `${progress.upstream.text} ${outcomeOf(progress)}`).join(', ')
}

export function abandonAttempts({ open }: Progress): void {
  for (const attempt of [...open.udp, ...open.tcp]) attempt.abandon()
}
