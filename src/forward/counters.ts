// What forwarding counts; `to` is the upstream's text.
import { Counter, durationBuckets, Histogram } from '../lib/counters.ts'

export function createForwardCounters() {
  return {
    /** One exchange with one upstream, by its rcode, or "timeout" and "error". */
    duration: new Histogram(durationBuckets, 'to', 'rcode'),
    /** Questions not forwarded because too many were in flight. */
    rejects: new Counter(),
    /** Packets on an exchange's socket that did not belong to its question. */
    spoofed: new Counter('to'),
    /** Upstreams found to send our questions back to us. */
    loops: new Counter('to'),
    /** 1 while an upstream is not asked for that reason. */
    aside: new Counter('to'),
  }
}

export type ForwardCounters = ReturnType<typeof createForwardCounters>
export type LoopCounters = Pick<ForwardCounters, 'loops' | 'aside'>
