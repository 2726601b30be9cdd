// Time as a dependency: everything that waits or reads the hour is given a Clock, so tests can turn it.

/** A timer that was set; opaque. */
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

/** A wall clock that is ahead of the monotonic one by this much more than before was not merely slewed, ms. */
const leap = 1000

/**
 * Time that never goes back and goes on while the machine is suspended, when the monotonic clock stands still: whole
 * ms since an arbitrary start. A wall clock that is put forward counts as time passed, one put back does not count.
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
    // Whole numbers are kept in place by V8, others each in an object of its own.
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
