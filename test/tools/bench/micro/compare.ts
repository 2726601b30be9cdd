// Pure: two runs of the small benchmarks side by side.

/** Nanoseconds for one operation, by benchmark: the median and the 99th percentile of its samples. */
export type Times = Readonly<Record<string, { readonly p50: number; readonly p99: number }>>

/** A line for each benchmark of either run, the largest growth first; one that only one of them has says so. */
export function compareTimes(before: Times, after: Times): string {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const rows = names.map((name) => {
    const [old, now] = [before[name]?.p50, after[name]?.p50]
    const ratio = old === undefined || now === undefined ? undefined : now / old
    return { name, old, now, ratio }
  })
  rows.sort((a, b) => (b.ratio ?? Number.POSITIVE_INFINITY) - (a.ratio ?? Number.POSITIVE_INFINITY))
  const width = Math.max(...names.map(({ length }) => length), 0)
  return rows
    .map(({ name, old, now, ratio }) => {
      const change = ratio === undefined ? (old === undefined ? 'new' : 'gone') : `× ${ratio.toFixed(2)}`
      return `${name.padEnd(width)}  ${showTime(old).padStart(9)} → ${showTime(now).padStart(9)}  ${change}`
    })
    .join('\n')
}

export function showTime(ns: number | undefined): string {
  if (ns === undefined) return '–'
  if (ns < 1000) return `${ns.toFixed(1)} ns`
  return ns < 1e6 ? `${(ns / 1000).toFixed(2)} µs` : `${(ns / 1e6).toFixed(2)} ms`
}
