// What one question has come to at one upstream, and in which form that one is asked next.
import type { Upstream } from '../config/types.ts'
import { rcode } from '../dns/header.ts'
import { type Form, isPlain, plainForm } from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import type { Cancel } from './attempt.ts'
import { doubtful, type Lack, type ServerForm } from './forms.ts'
import type { Health } from './health.ts'

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
): number | undefined {
  const usual = health.retryAfter(upstream)
  if (!form.isProven(transport) && !isPlain(form.of(transport))) {
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
  if (doubtful.has(code)) return undefined
  const lack = lacks[transport] ?? (unheard[transport] > 0 ? 'silence' : undefined)
  if (lack !== undefined) progress.form.taught(transport, lack)
  return lack
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
