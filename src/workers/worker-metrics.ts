// What supervising the workers counts.
import { Counter, computedGauge } from '../lib/metrics.ts'

/** `answering`: processes that answer queries now, the first one included. */
export function createWorkerMetrics(answering: () => number) {
  return {
    workers: computedGauge('berth_workers', 'Processes that answer queries.', answering),
    restarts: new Counter('berth_worker_restarts_total', 'Processes that died and were replaced.'),
  }
}
