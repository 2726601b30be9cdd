// What forwarding counts; `to` is the upstream's text.
import { rcodeName } from '../dns/header.ts'
import { Counter, durationBuckets, Gauge, Histogram, LeastGauge } from '../lib/metrics.ts'

export type ForwardMetrics = ReturnType<typeof createForwardMetrics>
export type LoopMetrics = Pick<ForwardMetrics, 'loops' | 'looping'>

export function createForwardMetrics() {
  return {
    /** `rcode`: also timeout and error. */
    duration: new Histogram(
      'berth_forward_request_duration_seconds',
      'Time an upstream took to reply.',
      durationBuckets,
      'to',
      'rcode',
    ),
    rejects: new Counter('berth_forward_rejects_total', 'Queries rejected: too many were in flight.'),
    spoofed: new Counter('berth_forward_spoofed_total', 'Datagrams that matched no query in flight.', 'to'),
    loops: new Counter('berth_forward_loops_total', 'Times an upstream sent our queries back to us.', 'to'),
    looping: new Gauge('berth_forward_looping', '1 while an upstream is not used because it loops.', 'to'),
    coalesced: new Counter(
      'berth_forward_coalesced_total',
      'Queries that joined an identical one in flight.',
    ),
    /** `why`: truncated, forged, silent. */
    tcp: new Counter('berth_forward_tcp_total', 'Queries retried over TCP, by reason.', 'to', 'why'),
    noEdns: new Counter('berth_forward_no_edns_total', 'Queries retried without EDNS and AD.', 'to'),
    plain: new Gauge('berth_forward_plain', '1 while an upstream is queried without EDNS and AD.', 'to'),
    healthy: new LeastGauge('berth_forward_healthy', '0 while an upstream is considered down, else 1.', 'to'),
    healthcheckFailures: new Counter(
      'berth_forward_healthcheck_failures_total',
      'Failed health checks.',
      'to',
    ),
    exhausted: new Counter('berth_forward_socket_errors_total', 'Failures to open a socket to an upstream.'),
  }
}

/** A server may send any rcode: the metrics' labels are a fixed set. */
export function outcomeLabel(code: number): string {
  const name = rcodeName(code)
  return name.startsWith('RCODE') ? 'other' : name
}
