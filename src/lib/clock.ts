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
