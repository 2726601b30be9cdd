// A fair queue for work that can wait: questions on TCP, and the start of forwarding. Askers take turns, and so do the
// connections of each, so that thousands of questions from one do not delay the rest.
import type { Clock } from '../../lib/clock.ts'
import { type ShareAccount, windowMs } from './fair-share.ts'

/** A connection, or one question to be forwarded. */
export interface QueueItem {
  readonly line: Line
  /** Whether it is in the line; only the queue writes it. */
  isQueued?: boolean
  /** Whether something can be done now. */
  hasNext(): boolean
  takeNext(): void
}

/** One asker's items, in the order they came; only the queue writes it. */
export class Line {
  readonly items: QueueItem[] = []
  readonly share: ShareAccount

  constructor(share: ShareAccount) {
    this.share = share
  }
}

export interface FairQueue {
  /** Puts it in its line, unless it is there. */
  join(item: QueueItem): void
}

/** Steps for one asker before the next has its turn. */
const perAsker = 16
/**
 * In one turn of the event loop, ms. libuv reads 32 datagrams from a socket in each, so the longer a turn takes the fewer
 * are read, and local names wait behind other askers' forwarding.
 */
const turnMs = 0.5

/**
 * `mayAsk` counts a question against a line's asker; false: it has had its share for now. `soon` runs the next turn, after
 * whatever else has arrived.
 */
export function createFairQueue(
  clock: Clock,
  mayAsk: (line: Line) => boolean,
  soon: (run: () => void) => void = setImmediate,
): FairQueue {
  /** Lines that are not empty, the next one first. */
  const order: Line[] = []
  /** Lines of askers above their share, until the next window. */
  const held = new Set<Line>()
  let isPlanned = false

  function plan(): void {
    if (isPlanned || order.length <= held.size) return
    isPlanned = true
    soon(turn)
  }

  function turn(): void {
    isPlanned = false
    const end = clock.monotonic() + turnMs
    for (let left = order.length; left > 0; left--) {
      const line = order.shift()!
      const isHeld = held.has(line)
      if (!isHeld) serve(line, end)
      if (line.items.length > 0) order.push(line)
      if (!isHeld && clock.monotonic() >= end) break
    }
    plan()
  }

  function serve(line: Line, end: number): void {
    const { items } = line
    for (let taken = 0; items.length > 0; ) {
      if (taken === perAsker || (taken > 0 && clock.monotonic() >= end)) return
      const item = items[0]!
      if (item.hasNext()) {
        if (!mayAsk(line)) {
          hold(line)
          return
        }
        item.takeNext()
        taken++
      }
      items.shift()
      item.isQueued = false
      // At the end of its line: this loop comes to it again after the asker's other items.
      if (item.hasNext()) enter(item)
    }
  }

  function enter(item: QueueItem): void {
    if (item.isQueued === true) return
    item.isQueued = true
    item.line.items.push(item)
  }

  function hold(line: Line): void {
    held.add(line)
    clock.setTimeout(() => {
      held.delete(line)
      plan()
    }, windowMs)
  }

  return {
    join(item) {
      const { line } = item
      if (line.items.length === 0) order.push(line)
      enter(item)
      plan()
    },
  }
}
