// TTLs in raw messages: how long a reply holds, and the same reply some seconds later, written in its place. Nothing else
// in it changes.
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

/** How long the answer itself holds, seconds: the least of its section's TTLs; 0 where that is empty. */
export function answerTtl({ message, records }: UpstreamReply): number {
  let least = Number.POSITIVE_INFINITY
  for (const { section, ttlAt } of records) {
    if (section === 'answer') least = Math.min(least, readTtl(message, ttlAt))
  }
  return Number.isFinite(least) ? least : 0
}

/** Writes zero for every TTL that means it. */
export function capTtls(reply: UpstreamReply): void {
  for (const record of reply.records) {
    if (hasTtl(record) && reply.message[record.ttlAt]! > 0x7f) reply.message.writeUInt32BE(0, record.ttlAt)
  }
}

/** Makes it what it is `age` seconds later: every TTL that much lower, none below zero. */
export function ageReply(reply: UpstreamReply, age: number): UpstreamReply {
  return changeTtls(reply, (ttl) => Math.max(0, ttl - age))
}

/**
 * Makes it what is served `age` seconds later though it is out of date: what is expired holds for `ttl` seconds
 * (RFC 8767, 4), and nothing for longer.
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

/** Where other records have their TTL, OPT has flags (RFC 6891, 6.1.3). */
const hasTtl = (record: RawRecord): boolean => record.type !== type.OPT
