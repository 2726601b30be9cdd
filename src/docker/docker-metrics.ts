// What following an engine counts; `engine` is the configured name.
import { Counter, Gauge, Histogram } from '../lib/metrics.ts'

/** Seconds. */
const lagBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

export type DockerMetrics = ReturnType<typeof createDockerMetrics>

export function createDockerMetrics() {
  return {
    /** 1: the event stream is open and the list is read. */
    connected: new Gauge('berth_docker_connected', '1 while the engine is followed, else 0.', 'engine'),
    lastSync: new Gauge('berth_docker_last_sync_timestamp_seconds', 'Time of the last full list.', 'engine'),
    events: new Counter('berth_docker_events_total', 'Events received from the engine.', 'engine'),
    lateNames: new Counter(
      'berth_docker_late_names_total',
      'Names learned only after their container had started: aliases it was given while stopped.',
      'engine',
    ),
    drift: new Counter('berth_docker_resync_drift_total', 'Times a missed change was found.', 'engine'),
    reconnects: new Counter('berth_docker_reconnects_total', 'Reconnections of the event stream.', 'engine'),
    /** `kind`, a call: connect, list, inspect, ping, line, past; what was left out: shape, size; ours: internal. */
    errors: new Counter('berth_docker_errors_total', 'Failed calls, unreadable replies.', 'engine', 'kind'),
    lag: new Histogram(
      'berth_docker_event_lag_seconds',
      "Time from an event's timestamp to the changed table.",
      lagBuckets,
      'engine',
    ),
  }
}
