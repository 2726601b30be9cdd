// TTLs in raw messages: how long a reply holds, and the same reply some seconds later. Nothing else in it changes.
import type { RawRecord } from './records.ts'
import type { UpstreamReply } from './relay.ts'
import { type } from './types.ts'

/** Seconds. One with its top bit set means zero (RFC 2181, 8). */
export function readTtl(message: Buffer, at: number): number {
  const ttl = message.readUInt32BE(at)
  return ttl > 0x7fffffff ? 0 : ttl
}

/**
 * How long a whole reply holds, seconds: the least of its TTLs, as records of one set are to have one TTL anyway
 * (RFC 2181, 5.2). 0 for one without records.
 */
export function leastTtl({ message, records }: UpstreamReply): number {
  let least = Number.POSITIVE_INFINITY
  for (const record of records) {
    if (hasTtl(record)) least = Math.min(least, readTtl(message, record.ttlAt))
  }
  return Number.isFinite(least) ? least : 0
}

/** A copy, `age` seconds later: every TTL that much lower, none below zero. */
export function ageReply(reply: UpstreamReply, age: number): UpstreamReply {
  return withTtls(reply, (ttl) => Math.max(0, ttl - age))
}

/**
 * A copy to serve `age` seconds later though it is out of date: what is expired holds for `ttl` seconds
 * (RFC 8767, 4), and nothing for longer.
 */
export function staleReply(reply: UpstreamReply, age: number, ttl: number): UpstreamReply {
  return withTtls(reply, (original) => (original > age ? Math.min(original - age, ttl) : ttl))
}

function withTtls({ message, records }: UpstreamReply, change: (ttl: number) => number): UpstreamReply {
  const copy = Buffer.allocUnsafe(message.length)
  message.copy(copy)
  for (const record of records) {
    if (hasTtl(record)) copy.writeUInt32BE(change(readTtl(message, record.ttlAt)), record.ttlAt)
  }
  return { message: copy, records }
}

/** Where other records have their TTL, OPT has flags (RFC 6891, 6.1.3). */
const hasTtl = (record: RawRecord): boolean => record.type !== type.OPT
