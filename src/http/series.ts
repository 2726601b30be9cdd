// The metrics' names: which counter is which series. They are an interface; dashboards and alerts rely on them.
import type { ConfigCounters } from '../config/counters.ts'
import type { DockerCounters } from '../docker/counters.ts'
import type { CacheCounters } from '../forward/cache/counters.ts'
import type { ForwardCounters } from '../forward/counters.ts'
import type { Counter, Histogram, HistogramCell } from '../lib/counters.ts'
import type { LimitCounters } from '../net/limits/counters.ts'
import type { Limits } from '../net/limits/limits.ts'
import type { Store } from '../registry/store.ts'
import type { Snapshot } from '../registry/types.ts'
import type { DnsCounters } from '../resolve/counters.ts'
import { version } from '../version.ts'
import { sumSeries, type Tally } from './tally.ts'

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What counters of any labels have in common, as far as reading goes. */
export type AnyCounter = Pick<Counter<string>, 'labelNames'> & {
  readonly cells: ReadonlyMap<string, Sample>
}
export type AnyHistogram = Pick<Histogram<string>, 'bounds' | 'labelNames'> & {
  readonly cells: ReadonlyMap<
    string,
    {
      readonly labels: Sample['labels']
      readonly cell: Pick<HistogramCell, 'counts' | 'sum' | 'count'>
    }
  >
}

/** One metric: its name and help for Prometheus, and where its numbers are. */
export type Series =
  | {
      readonly name: string
      readonly help: string
      readonly kind: 'counter' | 'gauge'
      readonly source: AnyCounter | (() => readonly Sample[])
      /** What several processes' numbers come to, where it is not their sum: the least of them. */
      readonly least?: boolean
    }
  | {
      readonly name: string
      readonly help: string
      readonly kind: 'histogram'
      readonly source: AnyHistogram
    }

export type PlainSeries = Exclude<Series, { kind: 'histogram' }>

/** Everything there is to count. */
export interface Sources extends ServingSources {
  readonly config: ConfigCounters
  readonly store: Pick<Store, 'current'>
  readonly docker: DockerCounters
  readonly workers: WorkerSources
}

/** What each process that answers counts for itself. */
export interface ServingSources {
  readonly dns: DnsCounters
  readonly forward: ForwardCounters
  readonly cache: CacheCounters
  readonly limits: Pick<Limits, 'counters' | 'held'>
}

export interface WorkerSources {
  /** Processes that answer now, the one that counts included. */
  alive(): number
  readonly restarts: Counter
  /** The other processes' numbers, those of former ones included; undefined: there are no others. */
  readonly tallies: (() => readonly Tally[]) | undefined
}

export function listSeries(sources: Sources): Series[] {
  const { config, store, docker, workers } = sources
  const serving = servingSeries(sources)
  return [
    ...buildSeries(version, process.version),
    ...(workers.tallies === undefined ? serving : sumSeries(serving, workers.tallies)),
    ...workerSeries(workers),
    ...dockerSeries(docker),
    ...tableSeries(store.current),
    ...configSeries(config),
  ]
}

export function servingSeries({ dns, forward, cache, limits }: ServingSources): Series[] {
  return [
    ...dnsSeries(dns),
    ...forwardSeries(forward),
    ...cacheSeries(cache),
    ...limitSeries(limits.counters, limits.held),
  ]
}

export function workerSeries({ alive, restarts }: Pick<WorkerSources, 'alive' | 'restarts'>): Series[] {
  return [
    gauge('berth_workers', 'Processes that answer questions.', one(alive)),
    counter('berth_worker_restarts_total', 'Processes that died and were replaced.', restarts),
  ]
}

export function dnsSeries({
  requests,
  responses,
  duration,
  dropped,
  panics,
  withheld,
}: DnsCounters): Series[] {
  return [
    counter('berth_dns_requests_total', 'Questions received.', requests),
    counter('berth_dns_responses_total', 'Answers sent, by rcode and by who answered.', responses),
    histogram('berth_dns_request_duration_seconds', 'Time from question to answer.', duration),
    counter('berth_dns_dropped_total', 'Packets that were not worth a reply.', dropped),
    counter('berth_dns_panics_total', 'Mistakes of our own while answering; the asker got SERVFAIL.', panics),
    counter(
      'berth_dns_foreign_answers_total',
      "Upstream answers withheld: they led to others' containers.",
      withheld.foreign,
    ),
    counter(
      'berth_dns_rebinding_answers_total',
      'Upstream answers withheld: they held private addresses for public names.',
      withheld.rebinding,
    ),
  ]
}

export function forwardSeries(counters: ForwardCounters): Series[] {
  const { duration, rejects, spoofed, coalesced, tcp, healthy, healthcheckFailures, exhausted } = counters
  const { loops, aside } = counters
  return [
    histogram('berth_forward_request_duration_seconds', 'Time an upstream took to answer.', duration),
    counter('berth_forward_rejects_total', 'Questions not forwarded, too many being under way.', rejects),
    counter(
      'berth_forward_spoofed_total',
      'Datagrams that did not match any question sent upstream.',
      spoofed,
    ),
    counter(
      'berth_forward_loops_total',
      'Times an upstream was found to send our questions back to us.',
      loops,
    ),
    gauge('berth_forward_looping', '1 while an upstream is put aside for that.', aside),
    counter(
      'berth_forward_coalesced_total',
      'Questions that shared the exchange of an identical one under way.',
      coalesced,
    ),
    counter('berth_forward_tcp_total', 'Questions that went on over TCP, and why.', tcp),
    {
      ...gauge('berth_forward_healthy', '0 while an upstream fails its health checks, else 1.', healthy),
      least: true,
    },
    counter(
      'berth_forward_healthcheck_failures_total',
      'Health checks of an upstream that failed; checks are made only after failures.',
      healthcheckFailures,
    ),
    counter(
      'berth_forward_socket_errors_total',
      'Times that no socket to an upstream could be opened: too many files or ports in use.',
      exhausted,
    ),
  ]
}

export function cacheSeries(counters: CacheCounters): Series[] {
  const { entries, bytes, hits, misses, servedStale, failures, prefetch, evictions } = counters
  return [
    gauge('berth_cache_entries', "Upstreams' answers that are kept, by what they say.", entries),
    gauge('berth_cache_bytes', 'What they take in memory, about.', bytes),
    counter('berth_cache_hits_total', 'Questions answered by a kept answer.', hits),
    counter('berth_cache_misses_total', 'Questions that upstreams had to be asked.', misses),
    counter(
      'berth_cache_served_stale_total',
      'Answers out of date that were given while upstreams failed or were slow.',
      servedStale,
    ),
    counter(
      'berth_cache_failures_total',
      'Questions refused since upstreams failed to answer them just before.',
      failures,
    ),
    counter('berth_cache_prefetch_total', 'Answers in demand that were renewed before their end.', prefetch),
    counter('berth_cache_evictions_total', 'Kept answers that were dropped for lack of room.', evictions),
  ]
}

export function limitSeries(
  { reached, broken, errors }: LimitCounters,
  held: Sources['limits']['held'],
): Series[] {
  return [
    counter('berth_limits_reached_total', 'Times a limit was reached, and what was done about it.', reached),
    counter('berth_limits_broken_streams_total', 'TCP connections closed, for what came was no DNS.', broken),
    counter('berth_limits_socket_errors_total', 'Resets, ICMP refusals, failed accepts.', errors),
    gauge(
      'berth_limits_connections',
      'TCP connections open.',
      one(() => held().connections),
    ),
    gauge(
      'berth_limits_in_flight',
      'Questions being forwarded.',
      one(() => held().inFlight),
    ),
    gauge(
      'berth_limits_held_bytes',
      'Bytes kept for TCP connections.',
      one(() => held().bytes),
    ),
    gauge(
      'berth_limits_askers',
      'Addresses remembered.',
      one(() => held().askers),
    ),
  ]
}

export function dockerSeries(counters: DockerCounters): Series[] {
  const { connected, lastSync, events, drift, lateNames, reconnects, errors, lag } = counters
  return [
    gauge('berth_docker_connected', '1 while the engine is followed: stream open, list read.', connected),
    gauge('berth_docker_last_sync_timestamp_seconds', 'When the engine was last read in full.', lastSync),
    counter('berth_docker_events_total', 'Events received from the engine.', events),
    counter(
      'berth_docker_late_names_total',
      'Names told only after the start of their container: aliases it was given while it was stopped.',
      lateNames,
    ),
    counter(
      'berth_docker_resync_drift_total',
      'Times that something was found which no event had told.',
      drift,
    ),
    counter('berth_docker_reconnects_total', 'Times the event stream was opened anew.', reconnects),
    counter('berth_docker_errors_total', 'Failed calls to the engine, by what failed.', errors),
    histogram('berth_docker_event_lag_seconds', "Time from an event's timestamp to the changed table.", lag),
  ]
}

export function tableSeries(current: () => Snapshot): Series[] {
  const running = () => {
    const { containers, networks } = current()
    let total = 0
    for (const { endpoints } of containers.values()) {
      for (const { v4, v6, networkId } of endpoints) {
        if (v4.length + v6.length > 0 && networks.has(networkId)) total++
      }
    }
    return total
  }
  return [
    gauge(
      'berth_table_networks',
      'Networks in the name table.',
      one(() => current().networks.size),
    ),
    gauge('berth_table_endpoints', 'Endpoints with an address in the name table.', one(running)),
    gauge(
      'berth_table_names',
      'Names in the table, counted once per network.',
      one(() => current().tables.reduce((total, { names }) => total + names.size, 0)),
    ),
  ]
}

export function configSeries({ reloads, lastSuccess, lastReload }: ConfigCounters): Series[] {
  return [
    counter(
      'berth_config_reloads_total',
      'Times the configuration was read again, and what came of it.',
      reloads,
    ),
    gauge(
      'berth_config_last_reload_success',
      '1 where the configuration was in order when it was last read, 0 where it was refused.',
      lastSuccess,
    ),
    gauge(
      'berth_config_last_reload_timestamp_seconds',
      'When the configuration in force was read.',
      lastReload,
    ),
  ]
}

export function buildSeries(version: string, node: string): Series[] {
  const source = () => [{ labels: { version, node }, value: 1 }]
  return [gauge('berth_build_info', "Always 1; the labels tell berth's and Node's version.", source)]
}

function one(value: () => number) {
  return () => [{ labels: {}, value: value() }]
}

function counter(name: string, help: string, source: AnyCounter): Series {
  return { name, help, kind: 'counter', source }
}

function gauge(name: string, help: string, source: PlainSeries['source']): PlainSeries {
  return { name, help, kind: 'gauge', source }
}

function histogram(name: string, help: string, source: AnyHistogram): Series {
  return { name, help, kind: 'histogram', source }
}
