// Waiting times between attempts: doubling, with full jitter, so that many clients do not come back at once.

export interface Backoff {
  /** Milliseconds to wait before the next attempt. */
  next(): number
  /** Start again from the first wait; call it once an attempt has lasted. */
  reset(): void
}

/** Waits of random length in [0, first·2ⁿ], capped at `max`; `random` gives [0, 1). Milliseconds. */
export function createBackoff(first: number, max: number, random: () => number): Backoff {
  let attempt = 0
  return {
    next() {
      const ceiling = Math.min(max, first * 2 ** attempt)
      if (ceiling < max) attempt++
      return Math.round(random() * ceiling)
    },
    reset() {
      attempt = 0
    },
  }
}
