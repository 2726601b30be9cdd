// Fair share: while the event loop can't keep up, askers above a common cap lose what is above it, before any work.
//
// A UDP socket's queue is one line for all. When more comes than can be answered it fills, and the kernel then drops
// from everybody alike. Dropping early costs a fraction of answering, so the line stays short for those below the cap.
// A busy loop alone is no overload: who waits for answers before asking more, and whoever asks over TCP, never has
// more in line than fits.
import type { Clock } from '../../lib/clock.ts'
import type { Asker } from './askers.ts'

export interface Share {
  /** The time at the start of this turn of the event loop, monotonic ms: the hot path reads no clock. */
  now(): number
  /** Counts work for an asker, in messages; false where it is above its cap. */
  admit(asker: Asker, messages?: number): boolean
  /** Messages a second that each asker may have now; Infinity while there is no overload. */
  cap(): number
}

export interface ShareOptions {
  readonly clock: Clock
  /** How long the event loop has waited for something to do since it began, ms. */
  readonly idled: () => number
  /** How many datagrams the kernel has dropped for want of room since it began; undefined where it does not tell. */
  readonly lost: () => number | undefined
  /** Runs at the end of this turn of the event loop. */
  readonly afterTurn: (run: () => void) => void
}

/** How often the load is looked at, ms. Overload shorter than some of these is a burst, and the sockets' buffers hold it. */
export const windowMs = 20
/** Windows without a pause, and with losses, before anybody is capped. */
const patience = 3
/** Messages a second that every asker may have whatever the load is. */
export const leastCap = 2000
/**
 * Messages at once: what a quarter of a second of the least brings, for so long may the machine give us no time, and then
 * all of it is there at once. Beyond that the cap is a pace: a sum for each window would let the line fill at its start.
 */
const burst = leastCap / 4
/** The loop is overloaded where it was busy for more than this part of a window, and has room below the other. */
const overload = 0.95
const room = 0.85
/** Windows with room, and nobody above the cap, before the cap is lifted. */
const recovery = 25

export function createShare({ clock, idled, lost, afterTurn }: ShareOptions): Share {
  let inTurn = false
  let now = clock.monotonic()
  let window = 1
  let startedAt = now
  let idledAt = idled()
  /** What the asker with the most messages in this window had. */
  let most = 0
  let cap = Number.POSITIVE_INFINITY
  let overloaded = 0
  let lostAt: number | undefined
  let calm = 0

  function endTurn(): void {
    inTurn = false
    const at = clock.monotonic()
    if (at - startedAt >= windowMs) endWindow(at)
  }

  function endWindow(at: number): void {
    const idledNow = idled()
    const elapsed = at - startedAt
    adjust(1 - (idledNow - idledAt) / elapsed, elapsed)
    window++
    startedAt = at
    idledAt = idledNow
    most = 0
  }

  /** One cap for all, found by trying: the asker with the most feels it first, those below it never. */
  function adjust(busy: number, elapsed: number): void {
    const highest = (most * 1000) / elapsed
    // However long one turn takes, it is one: what waited meanwhile may be gone in the next.
    overloaded = busy > overload && isLosing() ? overloaded + 1 : 0
    calm = busy < room && highest <= cap ? calm + Math.floor(elapsed / windowMs) : 0
    if (overloaded >= patience || (overloaded > 0 && cap !== Number.POSITIVE_INFINITY)) {
      cap = Math.max(leastCap, Math.floor(Math.min(cap, highest) * 0.7))
    } else if (calm >= recovery) cap = Number.POSITIVE_INFINITY
    else if (busy < room) cap = Math.ceil(cap * 1.1)
  }

  function isLosing(): boolean {
    const before = lostAt
    lostAt = lost()
    return lostAt === undefined || (before !== undefined && lostAt > before)
  }

  return {
    now: () => now,
    admit(asker, messages = 1) {
      if (!inTurn) {
        inTurn = true
        now = clock.monotonic()
        afterTurn(endTurn)
      }
      if (asker.window !== window) {
        asker.window = window
        asker.asked = 0
      }
      asker.asked += messages
      if (asker.asked > most) most = asker.asked
      if (cap === Number.POSITIVE_INFINITY) return true
      for (let i = 0; i < messages; i++) if (!asker.share.take(now, cap, burst)) return false
      return true
    },
    cap: () => cap,
  }
}
