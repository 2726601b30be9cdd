// What the limits count. `limit` is the configuration's key under `limits:`, or fairShare.
import { Counter, computedGauge } from '../../lib/metrics.ts'

export type LimitMetrics = ReturnType<typeof createLimitMetrics>

export function createLimitMetrics() {
  return {
    /** `action`: closed, refused (a connection or a question), dropped, slipped (questions), waited (a connection). */
    reached: new Counter('berth_limits_reached_total', 'Times a limit was reached.', 'limit', 'action'),
    broken: new Counter(
      'berth_limits_broken_streams_total',
      'TCP connections closed because they carried something other than DNS.',
    ),
    errors: new Counter(
      'berth_limits_socket_errors_total',
      'Resets, ICMP errors, failed accepts, datagrams from port 0.',
      'proto',
    ),
  }
}

export function limitGauges(held: () => Record<'connections' | 'inFlight' | 'bytes' | 'askers', number>) {
  return {
    connections: computedGauge('berth_limits_connections', 'Open TCP connections.', () => held().connections),
    inFlight: computedGauge('berth_limits_in_flight', 'Queries being forwarded.', () => held().inFlight),
    bytes: computedGauge('berth_limits_held_bytes', 'Bytes held for TCP connections.', () => held().bytes),
    askers: computedGauge('berth_limits_askers', 'Client addresses remembered.', () => held().askers),
  }
}
