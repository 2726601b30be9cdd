// Cached answers of upstreams, as text for people.
import type { CacheEntry } from '../http/api-types.ts'
import { lines, printable } from '../lib/printable.ts'
import { columns } from './io.ts'

/** Each answer with its records, lifetime and origin. `asked`: the name the person asked about. */
export function describeEntries(entries: readonly CacheEntry[], asked: string, below: boolean): string {
  return entries.map((entry) => describeEntry(entry, asked, below)).join('\n')
}

function describeEntry(entry: CacheEntry, asked: string, below: boolean): string {
  const { records, upstream, transport, route, uses = 0, renewed, why, processes } = entry
  const isOther = !below && entry.name !== asked
  const facts = [...records.map(({ name, type, ttl, data }) => ['', name, String(ttl), type, data])]
  const about = [
    ...(isOther ? [['why', `its answer passes through ${asked}`]] : []),
    [entry.stale ? 'expired' : 'expires', describeTimes(entry)],
    ...(upstream === undefined ? [] : [['from', `${upstream} over ${transport === 'tcp' ? 'TCP' : 'UDP'}`]]),
    ...(why === undefined ? [] : [['tries', why]]),
    ['route', route],
    ...(entry.answer === 'failure'
      ? []
      : [['used', `${times(uses)}${renewed ? ', and refreshed before it expired' : ''}`]]),
    ...(processes === undefined ? [] : [['processes', processes.join(', ')]]),
  ]
  return `${printable(describeKey(entry))}: ${describeAnswer(entry)}\n${columns(facts)}${columns(about.map((row) => ['', ...row]))}`
}

/** "www.example.org AAAA, with DO". */
function describeKey({ name, type, class: ofClass, dnssecOk, checkingDisabled }: CacheEntry): string {
  const flags = [...(dnssecOk ? ['DO'] : []), ...(checkingDisabled ? ['CD'] : [])]
  const what = type === '*' ? `${name}, all types` : `${name} ${type}`
  return [
    what,
    ...(ofClass === undefined ? [] : [`class ${ofClass}`]),
    ...(flags.length === 0 ? [] : [`with ${flags.join(' and ')}`]),
  ].join(', ')
}

function describeAnswer({ answer, records, rcode }: CacheEntry): string {
  if (answer === 'failure') return `${rcode}, because upstreams failed`
  if (answer === 'nxdomain') return 'NXDOMAIN, the name does not exist'
  if (answer === 'nodata') return 'no record of this type'
  return records.length === 1 ? '1 record' : `${records.length} records`
}

function describeTimes({ answer, stale, age, ttl = 0, left, staleLeft = 0 }: CacheEntry): string {
  if (answer === 'failure') return `in ${left} s, then upstreams are asked again; failed ${age} s ago`
  const came = `cached ${age} s ago`
  if (stale)
    return `${age - ttl} s ago, stale; served for ${staleLeft} s more while no upstream answers; ${came}`
  return `in ${left} s, of ${ttl} s; ${came}`
}

/** All that is cached for a name, on one line: "A 42 s, AAAA 10 s (no record), MX stale". */
export function summarize(entries: readonly CacheEntry[]): string {
  return entries
    .map((entry) => {
      const { type, answer, stale, left, dnssecOk, checkingDisabled } = entry
      const flags = `${dnssecOk ? ' DO' : ''}${checkingDisabled ? ' CD' : ''}`
      const what = { records: '', nodata: ' (no record)', nxdomain: ' (NXDOMAIN)', failure: ' (failed)' }[
        answer
      ]
      return lines`${type === '*' ? 'all types' : type}${flags} ${stale ? 'stale' : `${left} s`}${what}`
    })
    .join(', ')
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}
