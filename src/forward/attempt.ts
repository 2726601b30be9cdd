// One try at one upstream: what it is given, and what it comes to. udp and tcp carry it out.
import type { Upstream } from '../config/types.ts'
import type { Question } from '../dns/name.ts'

export interface Attempt {
  readonly upstream: Upstream
  /** The whole question; the carrier writes an unpredictable ID into it. */
  readonly message: Buffer
  readonly question: Question
  /** Called once, later than `ask` returns, unless cancelled first. */
  readonly done: (result: AttemptResult) => void
}

/**
 * Whose doing an error is. upstream: it is refused, closed, out of reach. us: we have no socket to ask with. forger:
 * so many wrong packets came that the next one might be a lucky guess.
 */
export type Blame = 'upstream' | 'us' | 'forger'

export interface AttemptError {
  readonly error: string
  readonly blame: Blame
}

export type AttemptResult = { readonly reply: Buffer } | AttemptError

/** Ends the attempt without a result; harmless after one. */
export type Cancel = () => void

/** How upstreams are asked: all its sockets, to all of them. */
export interface Carrier {
  ask(attempt: Attempt): Cancel
  /** Sockets open now, for tests and for the log. */
  sockets(): number
  /** Closes everything; attempts that are open end with an error. */
  close(): void
}

/** Errors of this machine, which say nothing about the upstream. The last two: no port is left to ask from. */
const ours = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRINUSE', 'EAGAIN'])

export function blameFor(code: string): Blame {
  return ours.has(code) ? 'us' : 'upstream'
}
