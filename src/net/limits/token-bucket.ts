// Token buckets: how many questions a second an asker, or a prefix, may send over UDP. Pure; times in ms.

/** Full at first, and never fuller than `burst`: one second's worth where that is not told. */
export class Bucket {
  #tokens = Number.POSITIVE_INFINITY
  #at = 0

  /** Takes a token where there is one. */
  take(now: number, perSecond: number, burst = perSecond): boolean {
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * perSecond) / 1000)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
