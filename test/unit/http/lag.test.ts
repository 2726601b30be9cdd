// The event loop's lateness: measured while somebody scrapes, and told of the time since the last scrape.
import perfHooks from 'node:perf_hooks'
import { expect, it, vi } from 'vitest'
import { createExposition } from '../../../src/http/exposition.ts'
import { createLag } from '../../../src/http/lag.ts'
import { createHandClock } from '../../hand-clock.ts'

/** A clock that comes to its timers so much later, ms. */
function createLate(by: readonly number[]) {
  const { clock, turn, stall } = createHandClock()
  const late = [...by]
  return {
    turn,
    clock: {
      ...clock,
      setTimeout: (run: () => void, ms: number) =>
        clock.setTimeout(() => {
          stall(late.shift() ?? 0)
          run()
        }, ms),
    },
  }
}

const valuesOf = ({ metrics }: ReturnType<typeof createLag>) =>
  Object.fromEntries(
    metrics.map((metric) => [
      metric.name.replace(/^nodejs_eventloop_lag_/, ''),
      metric.read()[0]!.numbers[0],
    ]),
  )

it('takes no timer before it is scraped, four a second then, and none once nobody has for five minutes', () => {
  const { clock, turn, pending } = createHandClock()
  let timers = 0
  const lag = createLag({
    ...clock,
    setTimeout(run, ms) {
      timers++
      return clock.setTimeout(run, ms)
    },
  })
  turn(60_000)
  expect([timers, pending()]).toEqual([0, 0])
  lag.take()
  turn(60_000)
  expect([timers, pending()]).toEqual([241, 1])
  lag.take()
  turn(300_000)
  expect(pending()).toBe(0)
  lag.take()
  expect(pending()).toBe(1)
})

it('tells how late timers were since the last scrape, and 0 where there were none', () => {
  const { clock, turn } = createLate([1, 2, 3, 90])
  const lag = createLag(clock)
  lag.take()
  expect(new Set(Object.values(valuesOf(lag)))).toEqual(new Set([0]))
  turn(1_000)
  lag.take()
  expect(valuesOf(lag)).toMatchObject({
    seconds: 0.09,
    min_seconds: 0.001,
    max_seconds: 0.09,
    mean_seconds: 0.024,
    p50_seconds: 0.002,
    p90_seconds: 0.09,
    p99_seconds: 0.09,
  })
  turn(1_000)
  lag.take()
  expect(valuesOf(lag).max_seconds).toBe(0)
})

it('prom-client’s own way, a hundred timers a second, is as good as off, and its names are there all the same', async () => {
  const monitor = vi.spyOn(perfHooks, 'monitorEventLoopDelay')
  const { clock, pending } = createHandClock()
  const metrics = createExposition([], { clock })
  for (const [options] of monitor.mock.calls) expect(options?.resolution).toBeGreaterThan(86_400_000)
  expect(pending()).toBe(0)
  const text = await metrics.text()
  for (const part of ['', 'min_', 'max_', 'mean_', 'stddev_', 'p50_', 'p90_', 'p99_']) {
    expect(text.match(new RegExp(`^nodejs_eventloop_lag_${part}seconds \\d`, 'gm'))).toHaveLength(1)
  }
  expect(monitor).toHaveBeenCalled()
})
