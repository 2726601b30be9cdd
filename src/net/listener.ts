// What a listening socket is to the rest: something that was bound, hands questions on, and can be closed.

import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/log.ts'
import type { EncodedAnswers, Handle } from './handler.ts'
import type { Limits } from './limits/limits.ts'

export interface Bindable {
  /** As the system wants it, with zone where link-local. */
  readonly host: string
  readonly port: number
}

export interface Listener {
  /** The port in use, also where 0 was asked for. */
  readonly port: number
  /** Stops taking questions; resolves once those in hand are answered, or when `abort` says that time is up. */
  close(abort: AbortSignal): Promise<void>
}

/** How the processes that answer together share their addresses (SO_REUSEPORT). */
export interface Sharing {
  /** A TCP socket that shares its address, bound and not listening yet, by its descriptor; undefined: Node makes it. */
  readonly bindTcp: ((at: Bindable) => number) | undefined
}

export interface ListenOptions {
  readonly at: Bindable
  /** undefined: the address is ours alone. */
  readonly sharing?: Sharing | undefined
  readonly handle: Handle
  /** undefined: every query goes to `handle`. */
  readonly encoded?: (() => EncodedAnswers | undefined) | undefined
  readonly limits: Limits
  readonly clock: Clock
  readonly log: Logger
}

/** "dns://127.0.0.1:1053", as CoreDNS labels its servers. */
export function serverLabel(host: string, port: number): string {
  return host.includes(':') ? `dns://[${host}]:${port}` : `dns://${host}:${port}`
}
