// Times as a table tells them.
import type { Timed } from './asker.ts'

export function milliseconds(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`
}

function quantile(times: readonly Timed[], share: number): number {
  const sorted = times.map(({ ms }) => ms).sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Median and 99th percentile; of few, the latter is the longest. */
export function spread(times: readonly Timed[]): string {
  return `${milliseconds(quantile(times, 0.5))} / ${milliseconds(quantile(times, 0.99))}`
}

/** Median and 99th percentile over those of `base`. */
export function added(times: readonly Timed[], base: readonly Timed[]): string {
  return [0.5, 0.99]
    .map((share) => {
      const more = quantile(times, share) - quantile(base, share)
      return `${more < 0 ? '−' : '+'}${milliseconds(Math.abs(more))}`
    })
    .join(' / ')
}

/** ", 3 of 20 SERVFAIL"; nothing where all were answered. */
export function failures(times: readonly Timed[]): string {
  const counts = new Map<string, number>()
  for (const { rcode } of times) counts.set(rcode, (counts.get(rcode) ?? 0) + 1)
  counts.delete('NOERROR')
  return [...counts].map(([rcode, count]) => `, ${count} of ${times.length} ${rcode}`).join('')
}

export function tabulate(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
