// What following an engine counts; `engine` is the configured name.
import { Counter, Histogram } from '../lib/counters.ts'

/** Seconds. */
const lagBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

export function createDockerCounters() {
  return {
    /** 1 while the event stream is up and the list is read. */
    connected: new Counter('engine'),
    /** Seconds since 1970 of the last full list. */
    lastSync: new Counter('engine'),
    events: new Counter('engine'),
    /** Full lists that differed though no event was pending: something was missed. */
    drift: new Counter('engine'),
    /** Names that were told only after their container's start: aliases it was given while it was stopped. */
    lateNames: new Counter('engine'),
    reconnects: new Counter('engine'),
    /** Failed calls, by what failed: connect, list, inspect, ping, line, past; what was left out: shape, size; internal. */
    errors: new Counter('engine', 'kind'),
    /** From an event's own timestamp to the swapped snapshot. */
    lag: new Histogram(lagBuckets, 'engine'),
  }
}

export type DockerCounters = ReturnType<typeof createDockerCounters>
