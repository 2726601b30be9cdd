// One run of dnsperf against one server, and what it cost that server.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runDnsperf } from './client/dnsperf.ts'
import { quantile } from './client/latencies.ts'
import { cpuOf, memoryOf } from './proc.ts'
import type { Contender, Scene, Started } from './servers/contender.ts'
import { faultIn } from './world/judge.ts'
import type { Line } from './world/questions.ts'

export interface Figures {
  /** CPU of the server for each answer, µs. */
  readonly cpu: number
  /** Answers a second. */
  readonly rate: number
  /** How much of its processor the server took, of 1. */
  readonly busy: number
  /** µs. */
  readonly median: number
  readonly p99: number
  readonly sent: number
  readonly lost: number
  /** The most the server ever had, bytes. */
  readonly memory: number
  /** Answers that were looked into. */
  readonly checked: number
  /** The first of them that was wrong. */
  readonly fault?: string
}

export interface Run {
  readonly library: string
  /** Made by writeLines. */
  readonly questions: string
  readonly seconds: number
  readonly connections?: number | undefined
  readonly rate?: number | undefined
}

export async function measure(started: Started, run: Run): Promise<Figures> {
  const { pid, asking: place, askers, answers } = started
  const before = cpuOf(pid)
  const connections =
    run.connections && Math.min(run.connections, started.connections ?? Number.POSITIVE_INFINITY)
  const asked = await runDnsperf({ ...run, place, askers, connections })
  const spent = cpuOf(pid) - before
  const { completed, seconds, sent, lost, latencies, samples } = asked
  const fault = samples
    .map(({ asker, message }) => faultIn(message, askers[asker]?.project ?? '', answers))
    .find((each) => each !== undefined)
  return {
    ...{
      cpu: completed === 0 ? Number.NaN : spent / completed,
      rate: completed / seconds,
      busy: spent / seconds / 1e6,
    },
    ...{ median: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
    ...{ sent, lost, memory: memoryOf(pid), checked: samples.length },
    ...(fault === undefined ? {} : { fault }),
  }
}

/**
 * Answers before anything is measured: caches are filled then, and code is compiled. dnsperf begins anew each time, so the
 * last stretch has to be long enough for every name. Slow servers have five seconds.
 */
const warm = { answers: 100_000, stretches: [1, 2, 2] }

export async function warmUp(started: Started, run: Omit<Run, 'seconds'>, names = 0): Promise<void> {
  let answers = 0
  for (const seconds of warm.stretches) {
    const { sent, lost } = await measure(started, { ...run, seconds })
    answers += sent - lost
    if (answers >= warm.answers && sent - lost >= names) return
  }
}

/** Starts a server, lets `work` measure it and ends it. What failed is told: others go on. */
export async function withServer<T>(
  contender: Contender,
  scene: Scene,
  work: (started: Started) => Promise<T>,
): Promise<T | { readonly fault: string }> {
  let started: Started | undefined
  try {
    started = await contender.start(scene)
    return await work(started)
  } catch (error) {
    return { fault: error instanceof Error ? error.message.split('\n')[0]! : String(error) }
  } finally {
    await started?.stop()
  }
}

/** Figures of what was not measured. */
export const nothing: Figures = {
  ...{ cpu: Number.NaN, rate: 0, busy: 0, median: Number.NaN, p99: Number.NaN },
  ...{ sent: 0, lost: 0, memory: 0, checked: 0 },
}

/** A file for dnsperf, made once. */
export function writeLines(folder: string, name: string, lines: () => readonly Line[]): string {
  const path = join(folder, name.replaceAll(' ', '-'))
  if (!existsSync(path)) writeFileSync(path, `${lines().join('\n')}\n`)
  return path
}
