// What forwarding counts; `to` is the upstream's text.
import { rcodeName } from '../dns/header.ts'
import { Counter, durationBuckets, Histogram } from '../lib/counters.ts'

export function createForwardCounters() {
  return {
    /** One exchange with one upstream, by its rcode, or "timeout" and "error". */
    duration: new Histogram(durationBuckets, 'to', 'rcode'),
    /** Questions not forwarded because too many were in flight. */
    rejects: new Counter(),
    /** Questions that shared the exchange of an identical one. */
    coalesced: new Counter(),
    /** Packets on an exchange's socket that did not belong to its question. */
    spoofed: new Counter('to'),
    /** Upstreams found to send our questions back to us. */
    loops: new Counter('to'),
    /** 1 while an upstream is not asked for that reason. */
    aside: new Counter('to'),
    /** Questions that went on over TCP, and why: "truncated", "forged", "silent". */
    tcp: new Counter('to', 'why'),
    /** Questions that went on without EDNS and AD, which the upstream had not understood. */
    noEdns: new Counter('to'),
    /** 1 while an upstream is asked without EDNS and AD from the first try on, since it does not take them. */
    plain: new Counter('to'),
    /** Health checks without an answer, or without one that is good enough. */
    healthcheckFailures: new Counter('to'),
    /** 1, or 0 from a failed health check to a good one. */
    healthy: new Counter('to'),
    /** Times that no socket could be opened; the question left from another, or not at all. */
    exhausted: new Counter(),
  }
}

export type ForwardCounters = ReturnType<typeof createForwardCounters>
export type LoopCounters = Pick<ForwardCounters, 'loops' | 'aside'>

/** A server may send any number: what metrics name is a fixed set. */
export function outcomeLabel(code: number): string {
  const name = rcodeName(code)
  return name.startsWith('RCODE') ? 'other' : name
}
