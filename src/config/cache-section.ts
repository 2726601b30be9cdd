// The `cache:` section of the configuration: how many of upstreams' answers are cached, and for how long.
import * as z from 'zod'
import { field, size, text, wholeNumber } from './fields.ts'
import { parseDuration } from './text-values.ts'
import { type Issues, readText } from './yaml-values.ts'

export const cacheSection = z
  .strictObject({
    /** The most answers to keep. 0 to 1000000; 0 for no cache. Default: 10000. */
    entries: wholeNumber(0, 1_000_000, 'answers').prefault(10_000),
    /** The most memory for them. A size, 64KiB to 4GiB. Default: 16MiB. */
    bytes: size('64KiB', '4GiB', '"16MiB"').prefault('16MiB'),
    /** How long an answer is kept at most, whatever its TTL. A duration, 1s to 168h. Default: 1h. */
    maxTtl: text((value) => parseDuration(value, '1s', '168h'), '"1h"').prefault('1h'),
    /** The same for negative answers (NXDOMAIN, no such record). A duration, 1s to 168h. Default: 30m. */
    maxNegativeTtl: text((value) => parseDuration(value, '1s', '168h'), '"30m"').prefault('30m'),
    /**
     * How long an expired answer is still served while no upstream answers. A duration, up to 168h; "off", 0 or false
     * for never. Default: 1h.
     */
    stale: field(readStale).prefault('1h'),
    /**
     * While a stale answer is served because upstreams failed, they are tried again after this (RFC 8767, 5). A
     * duration, 1s to 5m. Default: 30s.
     */
    failureRecheck: text((value) => parseDuration(value, '1s', '5m'), '"30s"').prefault('30s'),
  })
  .prefault({})

function readStale(value: unknown, issues: Issues): number {
  if (value === false || value === 0 || value === 'off' || value === 'false' || value === '0') return 0
  return readText(value, issues, (text) => parseDuration(text, '0s', '168h'), '"1h", or off')
}
