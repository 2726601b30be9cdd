// What one process's cache tells another's: plain data, and the entry that is made of it.
import { readQuestion } from '../../dns/name.ts'
import { readRecords } from '../../dns/records.ts'
import type { UpstreamReply } from '../../dns/relay.ts'
import { answerTtl } from '../../dns/ttl.ts'
import type { Transport } from '../../dns/writer.ts'
import { hashContext, hashName, type Keys } from '../key.ts'
import type { Kind } from './cacheability.ts'
import { createEntry, type Entry } from './entry.ts'
import type { Shown, Subject } from './existence.ts'
import { pack, unpack } from './packed.ts'

/** What upstreams said, as other caches of this server take it over: plain data, good for a while after it was told. */
export interface Fill {
  /** Of the question, and of its name whatever the type (see key). */
  readonly question: string
  readonly name: string
  /** The number of the latest flush when it was asked for. Default: 0. */
  readonly since?: number
  /** undefined: what was known does not hold any more, and nothing is kept in its place. */
  readonly kept:
    | {
        readonly kind: Kind
        readonly forEveryType: boolean
        readonly message: Buffer
        readonly upstream: string
        readonly transport?: Transport
        /** ms since it came, and from then to its end. */
        readonly age: number
        readonly ttl: number
      }
    | undefined
  /** Names that turned out to exist, by what is not kept. `left`: for how long that counts, ms. */
  readonly shown: readonly { readonly owner: string; readonly type: number; readonly left: number }[]
}

/** The entry as other caches take it over; undefined: nothing is kept now. */
export function fillOf(keys: Keys, entry: Entry | undefined, shown: readonly Shown[], time: number): Fill {
  const kept = entry && {
    ...{ kind: entry.kind, forEveryType: entry.forEveryType, message: unpack(entry.packed) },
    ...{ upstream: entry.upstream, transport: entry.transport },
    ...{ age: time - entry.storedAt, ttl: entry.expiresAt - entry.storedAt },
  }
  const { question, name, since } = keys
  return {
    ...{ question, name, since },
    kept,
    shown: shown.map(({ owner, type, until }) => ({ owner, type, left: until - time })),
  }
}

/** What is kept by a fill. */
export interface Filled {
  readonly subject: Subject
  readonly reply: UpstreamReply
  readonly entry: Entry
}

/** undefined: nothing is. `seed`: of hashes. */
export function readFill(
  { question, name, since = 0, kept }: Fill,
  time: number,
  seed: number,
): Filled | undefined {
  if (kept === undefined) return undefined
  const { kind, message, upstream, transport = 'udp', age, ttl, forEveryType } = kept
  const asked = readQuestion(message)
  const records = asked && readRecords(message, asked.end)
  if (asked === undefined || records === undefined) return undefined
  const reply = { message, records }
  const context = hashContext(question, seed)
  const hash = hashName(asked.name, context)
  const storedAt = time - age
  const entry = createEntry({
    ...{ key: forEveryType ? name : question, hash, kind, type: asked.type, forEveryType },
    ...{ packed: pack(message), upstream, transport, since },
    ...{ storedAt, expiresAt: storedAt + ttl, validUntil: storedAt + answerTtl(reply) * 1000, usedAt: time },
  })
  return { subject: { key: question, context, hash, name: asked.name, type: asked.type }, reply, entry }
}
