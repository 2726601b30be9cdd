// Pure: V8's .cpuprofile → how long each function itself ran within a span of time.

/** As far as it is read here. Times are µs of the system's monotonic clock. */
export interface CpuProfile {
  readonly startTime: number
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      /** From 0. */
      readonly lineNumber?: number
      readonly columnNumber?: number
    }
  }[]
  /** Node ids, one for each sample, and the time since the one before. */
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface SelfTime {
  readonly name: string
  readonly url: string
  /** µs */
  readonly time: number
}

/** Those that ran at all from `from` to `to`, the longest first. A sample stands for the time since the one before. */
export function selfTimes({ startTime, nodes, samples, timeDeltas }: CpuProfile, from: number, to: number) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const times = new Map<string, SelfTime>()
  let at = startTime
  for (const [i, id] of samples.entries()) {
    const delta = timeDeltas[i]!
    at += delta
    if (at < from || at > to) continue
    const { functionName: name, url } = frames.get(id)!
    const key = `${name} ${url}`
    times.set(key, { name, url, time: (times.get(key)?.time ?? 0) + delta })
  }
  return [...times.values()].sort((a, b) => b.time - a.time)
}
