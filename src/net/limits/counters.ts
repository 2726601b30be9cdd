// What the limits count. `limit` is the configuration's key under `limits:`, or fairShare.
import { Counter } from '../../lib/counters.ts'

export function createLimitCounters() {
  return {
    /** `action`: closed, refused (a connection or a question), dropped, slipped (questions), waited (a stream). */
    reached: new Counter('limit', 'action'),
    /** Streams that were closed because what came was no DNS. */
    broken: new Counter(),
    /** ICMP refusals, resets, and connections that could not be taken for want of file descriptors. */
    errors: new Counter('proto'),
  }
}

export type LimitCounters = ReturnType<typeof createLimitCounters>
