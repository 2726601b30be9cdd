// The metrics of answering, which each process has that answers.

import type { FastAnswers } from '../fast/fast-answers.ts'
import type { CacheCounters } from '../forward/cache/counters.ts'
import type { ForwardCounters } from '../forward/counters.ts'
import type { Counter } from '../lib/counters.ts'
import type { LimitCounters } from '../net/limits/counters.ts'
import type { Limits } from '../net/limits/limits.ts'
import type { DnsCounters } from '../resolve/counters.ts'
import { counter, gauge, histogram, one, type Series } from './shapes.ts'

/** What each process that answers counts for itself. */
export interface ServingSources {
  readonly dns: DnsCounters
  readonly forward: ForwardCounters
  readonly cache: CacheCounters
  readonly limits: Pick<Limits, 'counters' | 'held'>
  /** Fast answers. */
  readonly kept: FastAnswers['held']
  /** Lines of the log. */
  readonly lostLines: Counter<'why'>
}

export function servingSeries(sources: ServingSources): Series[] {
  const { dns, forward, cache, limits, kept, lostLines } = sources
  return [
    ...dnsSeries(dns),
    ...fastSeries(kept),
    ...forwardSeries(forward),
    ...cacheSeries(cache),
    ...limitSeries(limits.counters, limits.held),
    counter('berth_log_lost_lines_total', 'Lines of the log that could not be written.', lostLines),
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

export function fastSeries(kept: FastAnswers['held']): Series[] {
  return [
    gauge(
      'berth_fast_answers',
      'Answers that are given again as they are, until what they rest on changes.',
      one(() => kept().answers),
    ),
    gauge(
      'berth_fast_answers_bytes',
      'What they take in memory, about.',
      one(() => kept().bytes),
    ),
  ]
}

export function forwardSeries(counters: ForwardCounters): Series[] {
  const { duration, rejects, spoofed, coalesced, tcp, healthy, healthcheckFailures, exhausted } = counters
  const { loops, aside, noEdns, plain } = counters
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
    counter(
      'berth_forward_no_edns_total',
      'Questions that went on without EDNS and AD, which the upstream did not answer.',
      noEdns,
    ),
    gauge(
      'berth_forward_plain',
      '1 while an upstream is asked without EDNS and AD, which it does not answer.',
      plain,
    ),
    {
      ...gauge(
        'berth_forward_healthy',
        '0 while an upstream fails its health checks, or answers nothing else, else 1.',
        healthy,
      ),
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

export function limitSeries({ reached, broken, errors }: LimitCounters, held: Limits['held']): Series[] {
  return [
    counter('berth_limits_reached_total', 'Times a limit was reached, and what was done about it.', reached),
    counter('berth_limits_broken_streams_total', 'TCP connections closed, for what came was no DNS.', broken),
    counter(
      'berth_limits_socket_errors_total',
      'Resets, ICMP refusals, failed accepts, datagrams from port 0.',
      errors,
    ),
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
