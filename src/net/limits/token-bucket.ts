// A token bucket. Pure; times in ms.

/** Full at first; holds at most `burst`, by default one second's worth. */
export class Bucket {
  #tokens = Number.POSITIVE_INFINITY
  #at = 0

  /** Takes a token; false: there is none. */
  take(now: number, perSecond: number, burst = perSecond): boolean {
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * perSecond) / 1000)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
