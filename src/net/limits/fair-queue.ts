// Whose work is next, of what need not be done at once: questions on TCP, and the start of forwarding. Askers take
// turns, and so do the connections of each, so that one with thousands of questions is not one whom the rest wait for.
import type { Clock } from '../../lib/clock.ts'
import type { Asker } from './askers.ts'
import { windowMs } from './fair-share.ts'

/** A connection, or one question to be forwarded. */
export interface Taker {
  readonly asker: Asker
  /** Whether it waits for its turn; the line's to write. */
  isInLine?: boolean
  /** Whether there is something that may be done now. */
  hasNext(): boolean
  takeNext(): void
}

export interface Turns {
  /** Puts it in the line, where it is not there yet. */
  join(taker: Taker): void
}

/** Of one asker before the next has its turn. */
const perAsker = 16
/**
 * In one turn of the event loop, ms. libuv reads 32 datagrams of a socket in each, so the longer a turn takes, the
 * fewer are read, and local names wait behind what others have forwarded.
 */
const turnMs = 0.5

/**
 * `mayAsk` counts a question of an asker; false: it has had its share for now. `soon` runs what is next, once what else
 * has come meanwhile had its turn.
 */
export function createTurns(
  clock: Clock,
  mayAsk: (asker: Asker) => boolean,
  soon: (run: () => void) => void = setImmediate,
): Turns {
  /** Askers with somebody in line, whose turn is next first. */
  const order: Asker[] = []
  /** Askers above their share, until the next window. */
  const waiting = new Set<Asker>()
  let isPlanned = false

  function plan(): void {
    if (isPlanned || order.length <= waiting.size) return
    isPlanned = true
    soon(turn)
  }

  function turn(): void {
    isPlanned = false
    const end = clock.monotonic() + turnMs
    for (let left = order.length; left > 0; left--) {
      const asker = order.shift()!
      const isWaiting = waiting.has(asker)
      if (!isWaiting) serve(asker, end)
      // To the end of the line of askers.
      if (asker.line.length > 0) order.push(asker)
      if (!isWaiting && clock.monotonic() >= end) break
    }
    plan()
  }

  function serve(asker: Asker, end: number): void {
    const { line } = asker
    for (let taken = 0; line.length > 0; ) {
      if (taken === perAsker || (taken > 0 && clock.monotonic() >= end)) return
      const taker = line[0]!
      if (taker.hasNext()) {
        if (!mayAsk(asker)) {
          hold(asker)
          return
        }
        taker.takeNext()
        taken++
      }
      line.shift()
      taker.isInLine = false
      // Seen again by this loop, after the others.
      if (taker.hasNext()) enter(taker)
    }
  }

  function enter(taker: Taker): void {
    if (taker.isInLine === true) return
    taker.isInLine = true
    taker.asker.line.push(taker)
  }

  function hold(asker: Asker): void {
    waiting.add(asker)
    clock.setTimeout(() => {
      waiting.delete(asker)
      plan()
    }, windowMs)
  }

  return {
    join(taker) {
      const { asker } = taker
      if (asker.line.length === 0) order.push(asker)
      enter(taker)
      plan()
    },
  }
}
