// Pure: what was measured, as the docs show it.
import type { Latency, Row } from './measure.ts'

const ms = (value: number) =>
  value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 2 : 0)} ms`
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
const percent = (share: number) => `${(share * 100).toFixed(0)} %`
const thousands = (count: number) => Math.round(count).toLocaleString('en')
const spread = ({ median, p99, longest }: Latency) => `${ms(median)} / ${ms(p99)} / ${ms(longest)}`

/**
 * What CoreDNS asks for at its default settings, MB: (pods + services) / 1000 + 54, by coredns/deployment's
 * Scaling_CoreDNS.md for 1.2.5. Two of our containers make a service.
 */
export function coreDnsMegabytes(containers: number): number {
  return (containers + containers / 2) / 1000 + 54
}

/** Between the smallest and the largest size, bytes for each thousand containers. */
export function perThousand(rows: readonly Row[], of: (row: Row) => number): number {
  const [first, last] = [rows[0]!, rows.at(-1)!]
  return (of(last) - of(first)) / ((last.containers - first.containers) / 1000)
}

type Line = readonly [label: string, of: (row: Row) => string]

const lines: readonly Line[] = [
  ['networks', ({ networks }) => thousands(networks)],
  ['names', ({ names }) => thousands(names)],
  ['start to `ready`', ({ readyAfter }) => ms(readyAfter)],
  ['memory at `ready`, the peak', ({ memory }) => mib(memory.atStart)],
  ['memory idle', ({ memory }) => mib(memory.idle)],
  ['of it alive after a collection', ({ memory }) => mib(memory.heap)],
  ['memory at the end, the peak', ({ memory }) => mib(memory.peak)],
  ['CoreDNS would be given', ({ containers }) => `${coreDnsMegabytes(containers).toFixed(0)} MB`],
  ['one event: event-loop time / CPU time', ({ event }) => `${ms(event.active)} / ${ms(event.cpu)}`],
  ['longest wait meanwhile', ({ event }) => ms(event.longest)],
  ['answers without events: median / 99th percentile / longest', ({ quiet }) => spread(quiet)],
  ['the same while events arrive', ({ busy }) => spread(busy)],
  ['events told / taken a second', ({ busy }) => `${thousands(busy.told)} / ${thousands(busy.taken)}`],
  ['answers lost, wrong', ({ busy, quiet }) => `${busy.lost + quiet.lost}, ${busy.wrong + quiet.wrong}`],
  [
    'the table is behind by: median / 99th percentile',
    ({ busy }) => `≤ ${ms(busy.lagMedian)} / ≤ ${ms(busy.lagP99)}`,
  ],
  ['event loop at work / CPU', ({ busy }) => `${percent(busy.active)} / ${percent(busy.cpu)}`],
  [
    'afterwards: names asked, wrong, all right after',
    ({ after }) => `${thousands(after.asked)}, ${after.wrong}, ${ms(after.right)}`,
  ],
]

export function tabulate(rows: readonly Row[]): string {
  const head = ['containers', ...rows.map(({ containers }) => thousands(containers))]
  const body = lines.map(([label, of]) => [label, ...rows.map(of)])
  const text = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...body]
  const table = text.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
  if (rows.length < 2) return table
  const grown = (of: (row: Row) => number) => (perThousand(rows, of) / 2 ** 20).toFixed(1)
  const sum = `Each thousand containers take ${grown(({ memory }) => memory.heap)} MiB of live heap, ${grown(({ memory }) => memory.idle)} MiB of process memory when idle.`
  return `${table}\n\n${sum}`
}

const begin = '<!-- npm run scale: begin -->'
const end = '<!-- npm run scale: end -->'

/** Puts the table between the markers. */
export function intoDocs(docs: string, table: string): string {
  const [from, to] = [docs.indexOf(begin), docs.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page lacks the markers ${begin} and ${end}`)
  return `${docs.slice(0, from + begin.length)}\n\n${table}\n\n${docs.slice(to)}`
}
