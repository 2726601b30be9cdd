// How long answers took, as native/askers.c counts it. Pure.

/** Nanoseconds, and how many took about that; ascending. */
export type Latencies = readonly (readonly [ns: number, count: number])[]

/** Lines "NANOSECONDS COUNT". */
export function parseLatencies(text: string): Latencies {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ').map(Number) as [number, number])
}

/** What `share` of the answers did not take longer than, µs; NaN of none. */
export function quantile(latencies: Latencies, share: number): number {
  const total = latencies.reduce((sum, [, count]) => sum + count, 0)
  let below = 0
  for (const [ns, count] of latencies) {
    below += count
    if (below >= share * total) return ns / 1000
  }
  return Number.NaN
}
