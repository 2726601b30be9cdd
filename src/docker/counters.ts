// What following an engine counts; `engine` is the configured name.
import { Counter, durationBuckets, Histogram } from '../lib/counters.ts'

export function createDockerCounters() {
  return {
    /** 1 while the event stream is up and the list is read. */
    connected: new Counter('engine'),
    /** Seconds since 1970 of the last full list. */
    lastSync: new Counter('engine'),
    events: new Counter('engine'),
    /** Full lists that differed though no event was pending: something was missed. */
    drift: new Counter('engine'),
    reconnects: new Counter('engine'),
    /** Failed calls, by what failed: connect, list, inspect, ping, line. */
    errors: new Counter('engine', 'kind'),
    /** From an event's own timestamp to the swapped snapshot. */
    lag: new Histogram(durationBuckets, 'engine'),
  }
}

export type DockerCounters = ReturnType<typeof createDockerCounters>
