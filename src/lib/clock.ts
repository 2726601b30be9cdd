// Time as a dependency: code that waits or reads the time gets a Clock, so tests can turn it.

/** A running timer; opaque. */
export type Timer = { readonly timer: unique symbol } | NodeJS.Timeout

export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Never goes back, milliseconds since an arbitrary start; for measuring spans. */
  monotonic(): number
  /** Runs `run` once, `ms` milliseconds from now. Does not keep the process alive. */
  setTimeout(run: () => void, ms: number): Timer
  clearTimeout(timer: Timer | undefined): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms).unref(),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
}

/** If the wall clock moves this far against the monotonic one, ms, it was set or the machine slept: no slewing. */
const leap = 1000

/**
 * Monotonic time that includes suspension, during which the monotonic clock stands still: whole ms since an arbitrary
 * start. Setting the wall clock forward counts as time passed; setting it back has no effect.
 */
export function passingTime(clock: Clock): () => number {
  let ahead = clock.now() - clock.monotonic()
  let suspended = 0
  return () => {
    const monotonic = clock.monotonic()
    const gained = clock.now() - monotonic - ahead
    if (Math.abs(gained) > leap) {
      ahead += gained
      suspended += Math.max(0, gained)
    }
    // V8 stores small integers in place, but allocates an object for any other number.
    return Math.floor(monotonic + suspended)
  }
}

/** Resolves after `ms` milliseconds, or at once when `signal` is aborted. Never rejects. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}
