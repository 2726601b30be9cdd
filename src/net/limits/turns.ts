// Whose work is next, of what need not be done at once: questions on TCP, and the start of forwarding. Askers take
// turns, and so do the connections of each, so that one with thousands of questions is not one whom the rest wait for.
import type { Clock } from '../../lib/clock.ts'
import type { Asker } from './askers.ts'
import { windowMs } from './share.ts'

export interface Taker {
  readonly asker: Asker
  /** Whether there is something that may be done now. */
  hasNext(): boolean
  takeNext(): void
}

export interface Turns {
  /** Puts a connection in the line, where it is not there yet. */
  join(taker: Taker): void
}

/** Of one asker before the next has its turn. */
const perAsker = 16
/**
 * In one turn of the event loop, ms. libuv reads 32 datagrams of a socket in each, so the longer a turn takes, the
 * fewer are read, and local names wait behind what others have forwarded.
 */
const turnMs = 0.5

/** `mayAsk` counts a question of an asker; false: it has had its share for now. */
export function createTurns(clock: Clock, mayAsk: (asker: Asker) => boolean): Turns {
  const lines = new Map<Asker, Set<Taker>>()
  /** Askers above their share, until the next window. */
  const waiting = new Set<Asker>()
  let isPlanned = false

  function plan(): void {
    if (isPlanned || lines.size <= waiting.size) return
    isPlanned = true
    setImmediate(turn)
  }

  function turn(): void {
    isPlanned = false
    const end = clock.monotonic() + turnMs
    for (const [asker, line] of [...lines]) {
      if (waiting.has(asker)) continue
      serve(asker, line, end)
      // To the end of the line of askers.
      lines.delete(asker)
      if (line.size > 0) lines.set(asker, line)
      if (clock.monotonic() >= end) break
    }
    plan()
  }

  function serve(asker: Asker, line: Set<Taker>, end: number): void {
    let taken = 0
    for (const taker of line) {
      if (taken === perAsker || (taken > 0 && clock.monotonic() >= end)) return
      if (taker.hasNext()) {
        if (!mayAsk(asker)) {
          hold(asker)
          return
        }
        taker.takeNext()
        taken++
      }
      line.delete(taker)
      // Seen again by this loop, after the others.
      if (taker.hasNext()) line.add(taker)
    }
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
      let line = lines.get(taker.asker)
      if (line === undefined) {
        line = new Set()
        lines.set(taker.asker, line)
      }
      line.add(taker)
      plan()
    },
  }
}
