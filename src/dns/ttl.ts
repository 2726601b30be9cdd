// TTLs in raw messages: how long a reply is valid, and ageing a reply in place. Changes nothing else.
import type { RawRecord } from './records.ts'
import type { UpstreamReply } from './relay.ts'
import { type } from './types.ts'

/** Seconds. A TTL with its top bit set means zero (RFC 2181, 8). */
export function readTtl(message: Buffer, at: number): number {
  const ttl = message.readUInt32BE(at)
  return ttl > 0x7fffffff ? 0 : ttl
}

/**
 * How long a whole reply is valid, seconds: its lowest TTL, since records of one set should share one anyway (RFC 2181,
 * 5.2). 0 without records.
 */
export function leastTtl({ message, records }: UpstreamReply): number {
  let least = Number.POSITIVE_INFINITY
  for (const record of records) {
    if (hasTtl(record)) least = Math.min(least, readTtl(message, record.ttlAt))
  }
  return Number.isFinite(least) ? least : 0
}

/** How long the answer section is valid, seconds: its lowest TTL; 0 if it is empty. */
export function answerTtl({ message, records }: UpstreamReply): number {
  let least = Number.POSITIVE_INFINITY
  for (const { section, ttlAt } of records) {
    if (section === 'answer') least = Math.min(least, readTtl(message, ttlAt))
  }
  return Number.isFinite(least) ? least : 0
}

/** Writes zero for every TTL that means zero. */
export function capTtls(reply: UpstreamReply): void {
  for (const record of reply.records) {
    if (hasTtl(record) && reply.message[record.ttlAt]! > 0x7f) reply.message.writeUInt32BE(0, record.ttlAt)
  }
}

/** Ages the reply by `age` seconds: lowers every TTL, to zero at least. */
export function ageReply(reply: UpstreamReply, age: number): UpstreamReply {
  return changeTtls(reply, (ttl) => Math.max(0, ttl - age))
}

/**
 * Ages a stale reply by `age` seconds: expired records get a TTL of `ttl` seconds (RFC 8767, 4), and none a longer one.
 */
export function staleReply(reply: UpstreamReply, age: number, ttl: number): UpstreamReply {
  return changeTtls(reply, (original) => (original > age ? Math.min(original - age, ttl) : ttl))
}

function changeTtls(reply: UpstreamReply, change: (ttl: number) => number): UpstreamReply {
  const { message, records } = reply
  for (const record of records) {
    if (hasTtl(record)) message.writeUInt32BE(change(readTtl(message, record.ttlAt)), record.ttlAt)
  }
  return reply
}

/** OPT has flags in place of a TTL (RFC 6891, 6.1.3). */
const hasTtl = (record: RawRecord): boolean => record.type !== type.OPT
