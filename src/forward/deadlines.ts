// One timer for the first attempts of all active queries: very few of them last until it fires.
import type { Clock, Timer } from '../lib/clock.ts'
import { Slots } from '../lib/slots.ts'

/** Something that is woken once its time is up, unless it is removed first. */
export interface Sleeper {
  /** Monotonic ms. */
  readonly until: number
  /** Its place while it waits; -1: none. Written here alone. */
  slot: number
  wake(): void
}

export interface Deadlines {
  add(sleeper: Sleeper): void
  /** Harmless for one that does not wait. */
  remove(sleeper: Sleeper): void
  stop(): void
}

export function createDeadlines(clock: Clock): Deadlines {
  const waiting = new Slots<Sleeper>()
  let timer: Timer | undefined
  let at = Number.POSITIVE_INFINITY

  function fireBy(until: number): void {
    if (until >= at) return
    clock.clearTimeout(timer)
    at = until
    timer = clock.setTimeout(fire, Math.max(0, until - clock.monotonic()))
  }

  function fire(): void {
    timer = undefined
    at = Number.POSITIVE_INFINITY
    const now = clock.monotonic()
    let next = Number.POSITIVE_INFINITY
    for (const sleeper of waiting.all()) {
      if (sleeper.until <= now) sleeper.wake()
      else next = Math.min(next, sleeper.until)
    }
    fireBy(next)
  }

  return {
    add(sleeper) {
      sleeper.slot = waiting.add(sleeper)
      fireBy(sleeper.until)
    },
    remove(sleeper) {
      if (sleeper.slot >= 0) waiting.remove(sleeper.slot)
      sleeper.slot = -1
    },
    stop: () => clock.clearTimeout(timer),
  }
}
