// What answering counts. `source`: gate, policy, local, forward, cache.
import { Counter, durationBuckets, Histogram } from '../lib/counters.ts'

export function createDnsCounters() {
  return {
    requests: new Counter('server', 'proto', 'family', 'type'),
    responses: new Counter('server', 'rcode', 'source'),
    duration: new Histogram(durationBuckets, 'server', 'source'),
    /** Packets not worth a reply: shorter than a header, or replies themselves. */
    dropped: new Counter('server'),
    /** Our own mistakes while answering; the asker got SERVFAIL. */
    panics: new Counter(),
    /** Upstream answers kept from the asker, by what they held: an address of a Docker network out of its scope, or a
     * private one for a public name. */
    withheld: { foreign: new Counter(), rebinding: new Counter() },
  }
}

export type DnsCounters = ReturnType<typeof createDnsCounters>
