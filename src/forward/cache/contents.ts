// What the cache holds of a name, for operators. Plain data: it crosses processes.
import { ageReply, staleReply } from '../../dns/ttl.ts'
import type { Transport } from '../../dns/writer.ts'
import { inSlices } from '../../lib/slices.ts'
import { type KeyText, readKey } from '../key.ts'
import type { Kind } from './cacheability.ts'
import type { Entry } from './entry.ts'
import { type Failures, isGiven, type RememberedFailure, type Waiting, waitAfter } from './failures.ts'
import { createMatcher, type Names } from './flush.ts'
import { type Packed, unpackReply } from './packed.ts'
import type { Store } from './store.ts'

/** An answer, as it would be given now. Times are ms. */
export interface HeldAnswer extends KeyText {
  readonly kind: Kind
  /** Its TTLs are those of now. */
  readonly message: Buffer
  readonly upstream: string
  readonly transport: Transport
  /** Since it came. */
  readonly age: number
  /** For how long it held when it came. */
  readonly ttl: number
  /** Until upstreams are asked again; below zero: it is out of date for so long. */
  readonly left: number
  /** Until it is not given any more, though upstreams fail. */
  readonly servable: number
  readonly uses: number
  /** It has been asked for again, before its end. */
  readonly isRenewed: boolean
}

/** A question that upstreams had no answer to. */
export interface HeldFailure extends KeyText {
  readonly kind: 'failure'
  readonly why: string
  readonly age: number
  /** Until upstreams are asked again. */
  readonly left: number
}

export type Holding = HeldAnswer | HeldFailure

/** What is asked about. */
export interface Subject extends Names {
  /** Answers that serve for it; undefined: all. */
  readonly type?: number | undefined
}

export interface Holdings {
  readonly list: readonly Holding[]
  /** Those that the limit left out. */
  readonly more: number
}

export interface Keeping extends Waiting {
  readonly store: Pick<Store, 'keys' | 'peek'>
  readonly failures: Pick<Failures, 'all'>
  /** What is served out of date holds for this, s. */
  readonly staleTtl: number
}

/**
 * `limit`: how many at most, the latest used first. What is not given any more is not told. There may be very many: others
 * have their turn meanwhile.
 */
export async function listHoldings(keeping: Keeping, subject: Subject, limit: number): Promise<Holdings> {
  const isOfNames = createMatcher(subject)
  const matches = (key: string, packed?: Packed) => isOfNames(key, packed) && isOfType(key, subject.type)
  const list: Holding[] = []
  let more = 0
  const add = (holding: () => Holding) => {
    if (list.length < limit) list.push(holding())
    else more++
  }
  await inSlices(keeping.store.keys(), (key) => {
    const entry = keeping.store.peek(key)
    if (!isGiven(entry, keeping)) return
    if (matches(key, entry.packed)) add(() => describeEntry(key, entry, keeping))
  })
  for (const [key, failure] of keeping.failures.all()) {
    const left = waitAfter(key, failure, keeping)
    if (left > 0 && matches(key)) add(() => describeFailure(key, failure, left, keeping))
  }
  return { list, more }
}

function isOfType(key: string, wanted: number | undefined): boolean {
  const { type } = readKey(key)
  return wanted === undefined || type === undefined || type === wanted
}

function describeEntry(key: string, entry: Entry, { time, stale, staleTtl }: Keeping): HeldAnswer {
  const age = time - entry.storedAt
  const left = entry.expiresAt - time
  const reply = unpackReply(entry.packed)
  const seconds = Math.floor(age / 1000)
  const { message } = left > 0 ? ageReply(reply, seconds) : staleReply(reply, seconds, staleTtl)
  return {
    ...readKey(key),
    ...{ kind: entry.kind, message, upstream: entry.upstream, transport: entry.transport },
    ...{ age, ttl: entry.expiresAt - entry.storedAt, left, servable: left + stale },
    ...{ uses: entry.hits, isRenewed: entry.prefetched },
  }
}

function describeFailure(
  key: string,
  { failed, at }: RememberedFailure,
  left: number,
  { time }: Keeping,
): HeldFailure {
  return { ...readKey(key), kind: 'failure', why: failed.failure, age: time - at, left }
}
