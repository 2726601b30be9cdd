// Whose question on TCP is next: askers take turns, and so do the connections of each, a few questions at a time, so
// that one who sends thousands in a row is not one whom the rest wait for.
import type { Clock } from '../lib/clock.ts'
import type { Asker } from './askers.ts'
import { windowMs } from './share.ts'

export interface Taker {
  readonly asker: Asker
  /** Whether there is a question that may be taken now. */
  hasNext(): boolean
  takeNext(): void
}

export interface Turns {
  /** Puts a connection in the line, where it is not there yet. */
  join(taker: Taker): void
}

/** Questions in one turn of the event loop, of one asker and of all; datagrams wait for no more than these. */
const perAsker = 16
const perTurn = 128

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
    let left = perTurn
    for (const [asker, line] of [...lines]) {
      if (left === 0) break
      if (waiting.has(asker)) continue
      left -= serve(asker, line, Math.min(perAsker, left))
      // To the end of the line of askers.
      lines.delete(asker)
      if (line.size > 0) lines.set(asker, line)
    }
    plan()
  }

  /** How many were taken. */
  function serve(asker: Asker, line: Set<Taker>, most: number): number {
    let taken = 0
    for (const taker of line) {
      if (taken === most) break
      if (taker.hasNext()) {
        if (!mayAsk(asker)) {
          hold(asker)
          break
        }
        taker.takeNext()
        taken++
      }
      line.delete(taker)
      // Seen again by this loop, after the others.
      if (taker.hasNext()) line.add(taker)
    }
    return taken
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
