// One try at one upstream: what it is given, and what it comes to. udp and tcp carry it out.
import type { Upstream } from '../config/types.ts'

export interface Attempt {
  readonly upstream: Upstream
  /** The whole question, ID included. */
  readonly message: Buffer
  /** Whether a packet is the reply to it. */
  readonly accepts: (reply: Buffer) => boolean
  /** Called once, unless cancelled first. */
  readonly done: (result: AttemptResult) => void
  /** A packet came that is not the reply. */
  readonly spoofed: () => void
}

export type AttemptResult = { readonly reply: Buffer } | { readonly error: string }

/** Ends the attempt without a result; harmless after one. */
export type Cancel = () => void
