// What is measured of one size: start, memory, the cost of one event, and answers while a thousand events a second arrive.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Size } from '../../synthetic/plan.ts'
import type { Outcome } from './asker.ts'
import { type Loop, openScene, type Scene } from './scene.ts'

export interface Latency {
  readonly answered: number
  readonly lost: number
  readonly wrong: number
  readonly examples: readonly string[]
  /** ms */
  readonly median: number
  readonly p99: number
  readonly longest: number
}

/** Times in ms, memory in bytes. */
export interface Row extends Size {
  readonly names: number
  readonly readyAfter: number
  /** Process memory: its peak up to `ready`, and once it was idle; `heap`: what is alive after a collection. */
  readonly memory: {
    readonly atStart: number
    readonly idle: number
    readonly heap: number
    readonly peak: number
  }
  /** What one event costs while few come, above an idle berth: event-loop time, CPU time; the longest single wait. */
  readonly event: {
    readonly count: number
    readonly active: number
    readonly cpu: number
    readonly longest: number
  }
  readonly quiet: Latency
  readonly busy: Latency & {
    /** Events a second: what the engine told, and what berth took. */
    readonly told: number
    readonly taken: number
    /** From an event's own time to the table that has it: at most this for the half of them, and for 99 of 100; ms. */
    readonly lagMedian: number
    readonly lagP99: number
    /** Shares of the time: the event loop at work, and the process's CPU. */
    readonly active: number
    readonly cpu: number
    /** Streams that were opened anew: events were missed. */
    readonly reconnects: number
  }
  /** After the last event: questions about all that the askers see, and how many were wrong; when the last was right. */
  readonly after: {
    readonly asked: number
    readonly wrong: number
    readonly examples: readonly string[]
    readonly right: number
  }
}

export interface Effort {
  /** Seconds of each part. */
  readonly seconds: number
  /** Questions and events a second. */
  readonly questions: number
  readonly events: number
}

const few = 100

/** Up to `ready`: how long it took, the process's CPU time and the event loop's at work, the longest single wait; ms. */
export async function measureStart(size: Size) {
  const scene = await openScene(size, 1)
  try {
    const { cpu, active, longest } = await scene.loop()
    return { readyAfter: scene.readyAfter, cpu, active, longest, memory: scene.memory().peak }
  } finally {
    await scene.stop()
  }
}

export async function measure(size: Size, { seconds, questions: rate, events }: Effort): Promise<Row> {
  const movers = Math.ceil(size.containers / 10)
  const scene = await openScene(size, movers)
  try {
    const { engine, questions, readyAfter } = scene
    const atStart = scene.memory().peak
    await sleep(2000)
    await scene.loop()
    await sleep(seconds * 500)
    const still = await scene.loop()
    const idle = scene.memory().now
    const churn = (rate: number) => engine.churn({ rate, movers, seed: 1 })
    const ask = () => scene.ask({ questions, rate, count: rate * seconds }).then(summary)

    await ask()
    const quiet = await ask()

    const before = await engine.events()
    await scene.loop()
    await churn(few)
    await sleep(seconds * 1000)
    await churn(0)
    await sleep(200)
    const slow = await scene.loop()
    const count = (await engine.events()) - before
    const lengths = (slow.active + slow.idle) / (still.active + still.idle)
    const above = (of: (loop: Loop) => number) => (of(slow) - of(still) * lengths) / count

    const metrics = await scene.metrics()
    const toldBefore = await engine.events()
    await churn(events)
    await scene.loop()
    const begun = performance.now()
    const latency = await ask()
    const loop = await scene.loop()
    await churn(0)
    const took = (performance.now() - begun) / 1000
    const told = ((await engine.events()) - toldBefore) / took
    const after = await settle(scene, 30_000)
    const metricsAfter = await scene.metrics()
    const grown = (name: string) => (metricsAfter.get(name) ?? 0) - (metrics.get(name) ?? 0)
    const label = '{engine="synthetic"}'
    const lag = quantiles('berth_docker_event_lag_seconds_bucket', metrics, metricsAfter)
    return {
      ...size,
      names: metrics.get('berth_table_names')!,
      readyAfter,
      memory: { atStart, idle, heap: still.heapUsed, peak: scene.memory().peak },
      event: {
        ...{ count, longest: slow.longest },
        ...{ active: above(({ active }) => active), cpu: above(({ cpu }) => cpu) },
      },
      quiet,
      busy: {
        ...latency,
        ...{ told, taken: grown(`berth_docker_events_total${label}`) / took },
        ...{ lagMedian: lag(0.5), lagP99: lag(0.99) },
        ...{ active: loop.active / (loop.active + loop.idle), cpu: loop.cpu / (loop.active + loop.idle) },
        reconnects: grown(`berth_docker_reconnects_total${label}`),
      },
      after,
    }
  } finally {
    await scene.stop()
  }
}

/** Asks about what the askers see, `most` questions of it, until all is right, for 30 s at most. */
export async function settle({ engine, askers, ask }: Scene, most: number): Promise<Row['after']> {
  const begun = performance.now()
  for (;;) {
    const seen = await engine.seen(askers)
    const right = performance.now() - begun
    const each = Math.ceil(seen.length / most)
    const questions = seen.filter((_, i) => i % each === 0)
    const { wrong, lost, examples } = await ask({ questions, rate: 5000, count: questions.length })
    if (wrong + lost === 0 || right > 30_000) {
      return { asked: questions.length, wrong: wrong + lost, examples, right }
    }
  }
}

function summary({ times, ...counts }: Outcome): Latency {
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN
  return { ...counts, median: at(0.5), p99: at(0.99), longest: at(1) }
}

/** By a histogram's growth: the bound of the bucket in which a share of what came lies, ms. */
function quantiles(name: string, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) {
  const buckets = [...after]
    .filter(([series]) => series.startsWith(name))
    .map(([series, count]) => ({
      bound: Number(/le="([^"]+)"/.exec(series)![1]!.replace('+Inf', 'Infinity')),
      count: count - (before.get(series) ?? 0),
    }))
    .sort((a, b) => a.bound - b.bound)
  const all = buckets.at(-1)?.count ?? 0
  return (share: number) => (buckets.find(({ count }) => count >= all * share)?.bound ?? Number.NaN) * 1000
}
