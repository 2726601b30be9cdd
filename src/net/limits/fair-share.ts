// Fair share: while the event loop can't keep up, askers above a common cap lose the excess, before any work is done.
//
// A UDP socket has one queue for all askers. Under overload it fills, and the kernel then drops from all of them alike.
// Dropping early costs a fraction of answering, so the queue stays short for those below the cap. A busy loop alone is no
// overload: clients that wait for answers before asking more, and those on TCP, never have more queued than fits.
import type { Clock } from '../../lib/clock.ts'
import { Bucket } from './token-bucket.ts'

/** One asker's part of the load; only the fair share writes it. */
export class ShareAccount {
  /** What it may have while there is too much. */
  readonly bucket = new Bucket()
  /** The latest window in which it asked, and how much. */
  window = 0
  asked = 0
}

export interface FairShare {
  /** The time at the start of this turn of the event loop, monotonic ms: the hot path reads no clock. */
  now(): number
  /** Counts work for an asker, in messages; false if it is above the cap. */
  admit(account: ShareAccount, messages?: number): boolean
  /** Messages a second that each asker may have now; Infinity while there is no overload. */
  cap(): number
}

export interface FairShareOptions {
  readonly clock: Clock
  /** How long the event loop has waited for something to do since it began, ms. */
  readonly idled: () => number
  /** How many datagrams the kernel has dropped for want of room since it began; undefined where it does not tell. */
  readonly lost: () => number | undefined
  /** Runs at the end of this turn of the event loop. */
  readonly afterTurn: (run: () => void) => void
}

/** How often the load is measured, ms. Overload shorter than a few of these is a burst, which the sockets' buffers hold. */
export const windowMs = 20
/** Busy windows in a row, with losses, before the cap is set. */
const windowsToCap = 3
/** Messages a second that every asker may have whatever the load is. */
export const leastCap = 2000
/**
 * Messages at once: a quarter of a second's worth of the least, because the machine may not schedule us for that long, and
 * then all of it arrives at once. Beyond that the cap is a pace: a sum per window would let the queue fill at its start.
 */
const burst = leastCap / 4
/** The loop is overloaded where it was busy for more than this part of a window, and has room below the other. */
const overload = 0.95
const room = 0.85
/** Windows with room, and nobody above the cap, before the cap is lifted. */
const recovery = 25

export function createFairShare({ clock, idled, lost, afterTurn }: FairShareOptions): FairShare {
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
    if (overloaded >= windowsToCap || (overloaded > 0 && cap !== Number.POSITIVE_INFINITY)) {
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
    admit(account, messages = 1) {
      if (!inTurn) {
        inTurn = true
        now = clock.monotonic()
        afterTurn(endTurn)
      }
      if (account.window !== window) {
        account.window = window
        account.asked = 0
      }
      account.asked += messages
      if (account.asked > most) most = account.asked
      if (cap === Number.POSITIVE_INFINITY) return true
      for (let i = 0; i < messages; i++) if (!account.bucket.take(now, cap, burst)) return false
      return true
    },
    cap: () => cap,
  }
}
