// A clock that stands still until a test turns it.
import type { Clock } from '../src/lib/clock.ts'

/** `start`: what both of its clocks show at first, ms. */
export function createHandClock(start = 0) {
  let now = start
  let monotonic = start
  /** How far the event loop is behind: clocks show it, timers have not seen it. */
  let stalled = 0
  let timers: { at: number; run: () => void }[] = []
  const clock: Clock = {
    now: () => now + stalled,
    monotonic: () => monotonic + stalled,
    setTimeout(run, ms) {
      const timer = { at: monotonic + ms, run }
      timers.push(timer)
      return timer as never
    },
    clearTimeout(timer) {
      timers = timers.filter((each) => each !== (timer as never))
    },
  }

  function pass(ms: number) {
    now += ms
    monotonic += ms
  }

  /** Runs the first timer due by `end`, at its time. False: there is none. */
  function runNext(end = Number.POSITIVE_INFINITY): boolean {
    const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
    if (next === undefined) return false
    timers = timers.filter((each) => each !== next)
    pass(next.at - monotonic)
    next.run()
    return true
  }

  function turn(ms: number) {
    const end = monotonic + ms
    while (runNext(end));
    pass(end - monotonic)
  }

  return {
    clock,
    pending: () => timers.length,
    /** `ms` pass, and due timers run. */
    turn,
    /** Turns it to this monotonic time, which is not before the one it shows. */
    at: (ms: number) => turn(ms - monotonic),
    runNext: () => runNext(),
    /** The event loop stands still for `ms`: timers are late by that much. */
    stall(ms: number) {
      stalled += ms
    },
    /** The wall clock alone jumps: the machine was suspended, or its time was set. */
    jump(ms: number) {
      now += ms
    },
  }
}
