// The `limits:` section of the configuration: what one client, and all together, may use.
import * as z from 'zod'
import { flag, size, text, wholeNumber } from './fields.ts'
import { parseDuration } from './text-values.ts'

const connections = wholeNumber(1, 100_000, 'connections')
const time = text((value) => parseDuration(value, '100ms', '10m'), '"10s"')
const bytes = size('64KiB', '1GiB', '"32MiB"')
const forwarded = wholeNumber(1, 100_000, 'questions')
const perSecond = wholeNumber(0, 1_000_000, 'questions a second')

export const limitsSection = z
  .strictObject({
    /**
     * TCP connections at once, in total and per client; one more closes the one that has been idle longest. 1 to 100000.
     * Default: 1024, and 128: a client may be a container, or a machine that asks for all of its containers.
     */
    connections: connections.prefault(1024),
    connectionsPerAsker: connections.prefault(128),
    /** How long a connection may be idle. A duration, 100ms to 10m. Default: 10s (RFC 7766, 6.2.3). */
    idle: time.prefault('10s'),
    /** How long a client may take to finish sending a query or to read a reply. A duration, 100ms to 10m. Default: 5s. */
    stall: time.prefault('5s'),
    /** Memory for TCP connections, in total and per connection. A size, 64KiB to 1GiB. Default: 32MiB and 256KiB. */
    bytes: bytes.prefault('32MiB'),
    bytesPerConnection: bytes.prefault('256KiB'),
    /** Queries of one connection forwarded at once. 1 to 10000. Default: 64. */
    pipelined: wholeNumber(1, 10_000, 'questions').prefault(64),
    /** Queries forwarded at once, in total and per client. 1 to 100000. Default: 4096 and 1024. */
    inFlight: forwarded.prefault(4096),
    inFlightPerAsker: forwarded.prefault(1024),
    /** Whether only the most active clients lose queries under overload. Default: true. */
    fairShare: flag.prefault(true),
    /** UDP queries per second, from an address and from its /24 or /56. 0: no limit. Default: 1000 and 8000. */
    rate: perSecond.prefault(1000),
    ratePerPrefix: perSecond.prefault(8000),
    /** Of the queries over the rate, one in so many gets a truncated answer. 0: none does. 0 to 100. Default: 2. */
    slip: wholeNumber(0, 100, 'questions').prefault(2),
    /** Whether the rates also apply to loopback and known containers. true or false. Default: false. */
    rateAll: flag.prefault(false),
  })
  .prefault({})
