// Pure: what functions of berth and Node are for, and how much of an answer's cost each purpose takes.
import { tabulate } from '../forward/table.ts'
import type { SelfTime } from './cpuprofile.ts'

/** The first that fits, by file (below dist, or Node's own) and function: "fast/fast-metrics.js count". */
const purposes: readonly (readonly [purpose: string, functions: RegExp])[] = [
  ['idle', /^ \(idle\)$/],
  ['kernel: sendmmsg, up to the askers’ sockets', /^net\/linux\/libc\.js send/],
  ['kernel: recvmmsg', /^net\/linux\/libc\.js receive/],
  ['garbage collection', /^ \(garbage collector\)$/],
  ['the engine and its events', /^docker\/|undici|^node:(_http|internal\/http|net|internal\/stream)/],
  ['looking for overload, in /proc/net', /^lib\/socket-drops\.js|^node:fs|^ (read|open|close)$/],
  ['limits', /^net\/limits\/|^net\/datagrams\.js (admit|over)/],
  ['counters', /^lib\/metrics\.js|^fast\/fast-metrics\.js|^http\//],
  ['batches: taking in, handing on', /^net\//],
  ['reading the question', /^dns\/(plain|name|header)\.js/],
  ['who asks: scope', /^scope\/|^resolve\/resolver\.js/],
  ['writing the answer', /^fast\/template\.js (write|shuffle)/],
  ['finding the answer', /^fast\//],
  ['answers made anew after a change', /^(resolve|registry|dns|lib\/persistent)/],
  ['event loop and Node’s sockets', /^node:(dgram|events|internal\/(timers|dgram|process))|^ \(program\)$/],
]

/** The file without the way to it. */
function nameOf({ name, url }: SelfTime): string {
  return `${url.replace(/^.*\/(dist|node_modules)\//, '')} ${name}`
}

export function purposeOf(time: SelfTime): string {
  return purposes.find(([, functions]) => functions.test(nameOf(time)))?.[0] ?? 'the rest'
}

/** `cpu`: what an answer costs in all, µs. Idle time is no part of it. */
export function profileTables(times: readonly SelfTime[], cpu: number): string {
  const busy = times.filter((time) => purposeOf(time) !== 'idle')
  const total = busy.reduce((sum, { time }) => sum + time, 0)
  const sums = new Map<string, number>()
  for (const each of busy) sums.set(purposeOf(each), (sums.get(purposeOf(each)) ?? 0) + each.time)
  const row = (what: string, time: number) => [
    ...[what, ((time / total) * cpu).toFixed(2), `${((time / total) * 100).toFixed(1)} %`],
  ]
  const byPurpose = [...sums].sort(([, a], [, b]) => b - a).map(([purpose, time]) => row(purpose, time))
  const byFunction = busy.slice(0, 20).map((each) => row(`\`${nameOf(each).trim()}\``, each.time))
  const head = (what: string) => [what, 'µs/answer', 'share']
  const all = row('all', total)
  return `${tabulate(head('what for'), [...byPurpose, all])}\n\n${tabulate(head('function itself'), byFunction)}`
}
