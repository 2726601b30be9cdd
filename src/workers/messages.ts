// The messages between the first process and its workers: plain data, structured clones, in order.
import type { Part } from '../config/reading.ts'
import type { Config } from '../config/types.ts'
import type { Holdings, Subject } from '../forward/cache/contents.ts'
import type { Fill } from '../forward/cache/fill.ts'
import type { Flush, Flushed } from '../forward/cache/flush.ts'
import type { LoopStates } from '../forward/loop/prober.ts'
import type { Bindable } from '../net/listener.ts'
import type { GoneOptions } from '../registry/gone.ts'
import type { StoreChange } from '../registry/types.ts'
import type { Tally } from './tally.ts'

/** The state that a worker starts with. */
export interface InitialState {
  /** Without engines, which workers do not use. */
  readonly config: Config
  /** What the first process has bound. */
  readonly listen: readonly Bindable[]
  /** The whole table. */
  readonly told: readonly StoreChange[]
  readonly loops: LoopStates
  /** 16 bytes each. */
  readonly cookieSecret: Uint8Array
  readonly probeKey: Uint8Array
  /** Names that are gone (Gone.told), and the key of its hashes. */
  readonly gone: Uint8Array
  readonly goneKey: GoneOptions['key']
  /** The number of the cache's latest flush. */
  readonly lastFlush: number
}

/** Answered by `done` once this and every earlier message is done. */
export type Request =
  | { readonly kind: 'listen'; readonly listen: readonly Bindable[] }
  /** Of the lists of the next `configure`. */
  | { readonly kind: 'part'; readonly part: Part }
  /** `parts`: how many there were. Who has heard of fewer began later, with this configuration. */
  | { readonly kind: 'configure'; readonly config: Config; readonly parts: number }
  /** Nothing but to say how things are. */
  | { readonly kind: 'count' }
  | { readonly kind: 'flush'; readonly flush: Flush }
  | { readonly kind: 'holdings'; readonly subject: Subject; readonly limit: number }

export type ToWorker =
  /** The first of all. */
  | ({ readonly kind: 'start'; readonly worker: number } & InitialState)
  | (Request & { readonly id: number })
  | { readonly kind: 'change'; readonly change: StoreChange }
  | { readonly kind: 'fills'; readonly fills: readonly Fill[] }
  | { readonly kind: 'loops'; readonly states: LoopStates }
  /** Which upstream that probe was sent to; undefined: nobody knows it any more. */
  | { readonly kind: 'caught'; readonly token: string; readonly upstream: string | undefined }
  /** The last of all: answer what is in hand, and end. */
  | { readonly kind: 'stop' }

/** The answer to a request. */
export interface Done {
  readonly kind: 'done'
  readonly id: number
  readonly tally: Tally
  readonly flushed?: Flushed
  readonly holdings?: Holdings
}

export type FromWorker =
  /** It answers questions from now on. */
  | { readonly kind: 'ready' }
  | Done
  | { readonly kind: 'fills'; readonly fills: readonly Fill[] }
  /** A probe for loops came back to it. */
  | { readonly kind: 'caught'; readonly token: string }
  | { readonly kind: 'suspect'; readonly silent: readonly string[]; readonly name: string }

/**
 * Bytes in a message that came are a view of all that was read at once, and would keep it for as long as they are kept.
 * Gives each of them memory of its own, in place.
 */
export function withOwnBytes<T>(message: T): T {
  return typeof message === 'object' && message !== null ? (own(message) as T) : message
}

function own(value: object): object {
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? ownCopy(value) : Uint8Array.from(value)
  if (value instanceof Map) {
    for (const [key, each] of value) {
      const its = withOwnBytes(each)
      if (its !== each) value.set(key, its)
    }
    return value
  }
  const entries = value as Record<string, unknown>
  for (const key in entries) {
    const each = entries[key]
    const its = withOwnBytes(each)
    if (its !== each) entries[key] = its
  }
  return value
}

/** Not from Node's pool either. */
function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
