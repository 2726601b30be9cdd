// A clock that stands still until it is turned.
import type { Clock } from '../../../src/lib/clock.ts'

export function createHandClock() {
  let now = 0
  let timers: { at: number; run: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    setTimeout(run, ms) {
      const timer = { at: now + ms, run }
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
    turn(ms: number) {
      const end = now + ms
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        timers = timers.filter((each) => each !== next)
        now = next.at
        next.run()
      }
      now = end
    },
  }
}
