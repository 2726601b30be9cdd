// A clock that stands still until it is turned.
import type { Clock } from '../../src/lib/clock.ts'

export function createHandClock() {
  let now = 0
  let monotonic = 0
  let timers: { at: number; run: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    monotonic: () => monotonic,
    setTimeout(run, ms) {
      const timer = { at: monotonic + ms, run }
      timers.push(timer)
      return timer as never
    },
    clearTimeout(timer) {
      timers = timers.filter((each) => each !== (timer as never))
    },
  }
  return {
    clock,
    pending: () => timers.length,
    /** `ms` go by, and what is due runs. */
    turn(ms: number) {
      const end = monotonic + ms
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        timers = timers.filter((each) => each !== next)
        now += next.at - monotonic
        monotonic = next.at
        next.run()
      }
      now += end - monotonic
      monotonic = end
    },
    /** The wall clock alone jumps: the machine was suspended, or somebody set it. */
    jump(ms: number) {
      now += ms
    },
  }
}
