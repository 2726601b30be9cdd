// Names that exist, by the records upstreams gave of them lately. Some servers deny a name as a whole where only the
// asked type is missing (RFC 4074, 4.2: NXDOMAIN for AAAA beside an A), and some upstreams know less than others: what
// contradicts records that are known is a denial of the asked type alone.
import { LRUCache } from 'lru-cache'
import { isChain, readChain } from '../../dns/chain.ts'
import { flag, flagsOf } from '../../dns/header.ts'
import type { UpstreamReply } from '../../dns/relay.ts'
import { answerTtl } from '../../dns/ttl.ts'
import { type as types } from '../../dns/types.ts'
import { nameOfOwner, ownerBeside, questionBeside, wantsSignatures } from '../key.ts'
import { showsRecords } from './keepable.ts'
import { pack, unpack } from './packed.ts'
import type { Entry, Store } from './store.ts'

/** What stands against a denial: until when, ms; 0 where nothing does. */
export interface Contradiction {
  /** The denied name has records, or has just had some, of whatever type. */
  readonly name: number
  /** It has some of another type than the denied one: the name is there, and that type is not. */
  readonly others: number
}

/** What a reply is to. */
export interface Subject {
  /** Of the key of its question. */
  readonly owner: string
  /** The asked name. */
  readonly name: string
  readonly type: number
}

/** A name (key's ownerOf) has records of this type, or had until a moment ago; ms. */
export interface Shown {
  readonly owner: string
  readonly type: number
  readonly until: number
}

export interface Existing {
  /** What is known against this reply's NXDOMAIN. */
  against(subject: Subject, reply: UpstreamReply, time: number): Contradiction
  /**
   * Takes up what a reply of this time shows, and takes back what was denied against it. `isKept`: the store has it; else
   * it gives what is news, for other caches.
   */
  learn(subject: Subject, reply: UpstreamReply, at: number, isKept: boolean): readonly Shown[]
  /** What another cache has learned. */
  hear(shown: Shown): void
  /** Forgets the names that match, as far as the store does not have their records. */
  flush(matches: (name: string) => boolean): void
}

/** So long after the end of its last record a name still counts as one that exists, ms. */
export const grace = 60_000
/** Names beside those whose records are kept: at the end of a CNAME, with TTL 0, not to be kept. Askers choose them. */
const mostSeen = 4096
const mostTypes = 4
/** Others are told again when what they know ends so much sooner, ms. */
const toldAgain = grace / 2

type Seen = Omit<Shown, 'owner'>

const nothing: readonly never[] = []

export function createExisting(store: Store): Existing {
  const seen = new LRUCache<string, readonly Seen[]>({ max: mostSeen })

  /** Whether that is news. */
  function note({ owner, type, until }: Shown): boolean {
    const known: readonly Seen[] = seen.get(owner) ?? nothing
    const before = known.find((each) => each.type === type)
    const others = known.filter((each) => each !== before)
    seen.set(owner, [...others.slice(1 - mostTypes), { type, until: Math.max(until, before?.until ?? 0) }])
    return before === undefined || until - before.until > toldAgain
  }

  function forget(owner: string, type: number): void {
    const left = seen.get(owner)?.filter((each) => each.type !== type)
    if (left === undefined) return
    if (left.length === 0) seen.delete(owner)
    else seen.set(owner, left)
  }

  /** The name turns out to have records of this type: what denied all of it denies what was asked then alone. */
  function takeBack(owner: string, type: number, until: number): void {
    for (let entry = store.of(owner), next = entry?.beside; entry !== undefined; entry = next) {
      next = entry.beside
      if (!entry.forEveryType) continue
      store.delete(entry.key)
      if (entry.type !== type) store.set(narrow(entry, type === types.CNAME ? 0 : until))
    }
  }

  function learnChain(
    { owner, name, type }: Subject,
    chain: readonly string[],
    until: number,
    shows: boolean,
    isKept: boolean,
  ): readonly Shown[] {
    // All along the chain it leads to what was asked for, or to nothing.
    const names = shows ? chain : chain.slice(0, -1)
    const news: Shown[] = []
    for (const each of names) {
      const shown = { owner: ownerBeside(owner, each), type: shows ? type : types.CNAME, until }
      const isInStore = isKept && shows && each === name
      if (!isInStore && note(shown) && !isKept && shows) news.push(shown)
      takeBack(shown.owner, shown.type, until)
    }
    if (!shows) forget(ownerBeside(owner, chain.at(-1)!), type)
    return news
  }

  return {
    against({ owner, name, type: asked }, reply, time) {
      const denied = isChain(reply) ? ownerBeside(owner, readChain(reply, name).at(-1)!) : owner
      const found = { name: 0, others: 0 }
      const weigh = (type: number, until: number) => {
        if (until <= time) return
        found.name = Math.max(found.name, until)
        // A CNAME may lead nowhere.
        if (type !== asked && type !== types.CNAME) found.others = Math.max(found.others, until)
      }
      for (let entry = store.of(denied); entry !== undefined; entry = entry.beside) {
        if (entry.kind === 'success') weigh(entry.type, entry.validUntil + grace)
      }
      for (const { type, until } of seen.get(denied) ?? nothing) weigh(type, until)
      return found
    },
    learn(subject, reply, at, isKept) {
      const { owner, name, type } = subject
      const shows = showsRecords(reply, type)
      const until = at + answerTtl(reply) * 1000 + grace
      if (isChain(reply)) return learnChain(subject, readChain(reply, name), until, shows, isKept)
      if (!shows) {
        // What was seen of that type is no more.
        forget(owner, type)
        return nothing
      }
      takeBack(owner, type, until)
      if (isKept) return nothing
      const shown = { owner, type, until }
      return note(shown) ? [shown] : nothing
    },
    hear(shown) {
      note(shown)
      takeBack(shown.owner, shown.type, shown.until)
    },
    flush(matches) {
      for (const owner of [...seen.keys()]) if (matches(nameOfOwner(owner))) seen.delete(owner)
    },
  }
}

/**
 * A denial of a whole name as one of the asked type. While the name has records of another type, until then, it says
 * NODATA where it may.
 */
export function narrow(entry: Entry, until: number): Entry {
  const narrowed = {
    ...entry,
    key: questionBeside(entry.key, entry.type),
    forEveryType: false,
    isGone: true,
    beside: undefined,
  }
  const message = unpack(entry.packed)
  if (until === 0 || !maySayNodata(message, entry.key)) return narrowed
  sayNodata(message)
  return { ...narrowed, packed: pack(message), expiresAt: Math.min(entry.expiresAt, until) }
}

/**
 * Whether NXDOMAIN may be turned into NODATA: not with signatures, which prove the one and not the other, and not what
 * the upstream has found proven.
 */
export function maySayNodata(message: Buffer, key: string): boolean {
  return !wantsSignatures(key) && (flagsOf(message) & flag.AD) === 0
}

/** The name exists, the type does not (RFC 2308, 2.2): stubs that give up the whole name at NXDOMAIN go on then. */
export function sayNodata(message: Buffer): void {
  message[3] = message[3]! & 0xf0
}
