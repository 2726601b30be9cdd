// What answering counts. `source`: gate, policy, local, forward, cache.
import { Counter, durationBuckets, Histogram } from '../lib/metrics.ts'

export type DnsMetrics = ReturnType<typeof createDnsMetrics>

export function createDnsMetrics() {
  return {
    requests: new Counter(
      'berth_dns_requests_total',
      'Queries received.',
      'server',
      'proto',
      'family',
      'type',
    ),
    responses: new Counter('berth_dns_responses_total', 'Responses sent.', 'server', 'rcode', 'source'),
    duration: new Histogram(
      'berth_dns_request_duration_seconds',
      'Time from query to response.',
      durationBuckets,
      ...['server', 'source'],
    ),
    dropped: new Counter('berth_dns_dropped_total', 'Packets dropped without a reply.', 'server'),
    panics: new Counter('berth_dns_panics_total', 'Internal errors; the client got SERVFAIL.'),
    foreign: new Counter(
      'berth_dns_foreign_answers_total',
      "Upstream answers withheld because they pointed to containers outside the client's scope.",
    ),
    rebinding: new Counter(
      'berth_dns_rebinding_answers_total',
      'Upstream answers withheld because they gave private addresses for public names.',
    ),
  }
}
