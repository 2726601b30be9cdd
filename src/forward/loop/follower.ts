// The loop guard of a process for which another one probes: a probe may come back to any of those that share an
// address. It is recognized by its token and reported; the verdicts come from the process that probes.
import type { Upstream } from '../../config/types.ts'
import { createLoopFilter } from './filter.ts'
import type { LoopGuard, LoopStates } from './prober.ts'

export interface LoopFollower extends LoopGuard {
  /** These are the verdicts now. */
  follow(states: LoopStates): void
}

export interface LoopFollowerOptions {
  /** Whether a token is one of ours, whoever of us made it. */
  readonly isToken: (token: string) => boolean
  /** Reports that a probe came back; resolves with the upstream it was sent to, undefined if no longer known. */
  readonly tellCaught: (token: string) => Promise<string | undefined>
  readonly tellSuspect: (silent: readonly string[], name: string) => void
}

export function createLoopFollower({ isToken, tellCaught, tellSuspect }: LoopFollowerOptions): LoopFollower {
  let aside: ReadonlySet<string> = new Set()
  let clear: ReadonlySet<string> = new Set()

  return {
    around: createLoopFilter({
      caught: (token) => (isToken(token) ? tellCaught(token) : undefined),
      isAside: (text) => aside.has(text),
      suspect: tellSuspect,
    }),
    stateOf({ text }: Upstream) {
      if (aside.has(text)) return 'looping'
      return clear.has(text) ? 'clear' : 'unknown'
    },
    follow(states) {
      aside = new Set(states.aside)
      clear = new Set(states.clear)
    },
    check() {},
    stop() {},
  }
}
