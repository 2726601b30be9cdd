// The `limits:` section of the configuration: what askers may hold and spend.
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
     * TCP connections at once, in all and of one asker; over that, the one unused for longest is closed. 1 to 100000.
     * Default: 1024, and 128: each container is an asker, but so is a machine that asks for all of its containers.
     */
    connections: connections.prefault(1024),
    connectionsPerAsker: connections.prefault(128),
    /** How long a connection may be without a question. A duration, 100ms to 10m. Default: 10s (RFC 7766, 6.2.3). */
    idle: time.prefault('10s'),
    /** How long a question may be half sent, and a reply not taken. A duration, 100ms to 10m. Default: 5s. */
    stall: time.prefault('5s'),
    /** Bytes kept for TCP connections, in all and for one. A size, 64KiB to 1GiB. Default: 32MiB and 256KiB. */
    bytes: bytes.prefault('32MiB'),
    bytesPerConnection: bytes.prefault('256KiB'),
    /** Questions of one connection being forwarded at once. 1 to 10000. Default: 64. */
    pipelined: wholeNumber(1, 10_000, 'questions').prefault(64),
    /** Questions being forwarded at once, in all and for one asker. 1 to 100000. Default: 4096 and 1024. */
    inFlight: forwarded.prefault(4096),
    inFlightPerAsker: forwarded.prefault(1024),
    /** Whether the most active askers lose questions while more comes than can be answered. Default: true. */
    fairShare: flag.prefault(true),
    /** Questions a second over UDP, of an address and of its /24 or /56. 0: any number. Default: 1000 and 8000. */
    rate: perSecond.prefault(1000),
    ratePerPrefix: perSecond.prefault(8000),
    /** Of the questions over the rate, every so many get a truncated answer. 0: none does. 0 to 100. Default: 2. */
    slip: wholeNumber(0, 100, 'questions').prefault(2),
    /** Whether the rates are for loopback and known containers as well. true or false. Default: false. */
    rateAll: flag.prefault(false),
  })
  .prefault({})
