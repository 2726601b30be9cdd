// Names that exist, by the records upstreams gave of them lately. Some servers deny a name as a whole where only the
// asked type is missing (RFC 4074, 4.2: NXDOMAIN for AAAA beside an A), and some upstreams know less than others: what
// contradicts records that are known is a denial of the asked type alone.
import { LRUCache } from 'lru-cache'
import { isChain, readChain } from '../../dns/chain.ts'
import { flag, flagsOf } from '../../dns/header.ts'
import { readName } from '../../dns/name.ts'
import type { UpstreamReply } from '../../dns/relay.ts'
import { answerTtl } from '../../dns/ttl.ts'
import { type as types } from '../../dns/types.ts'
import {
  hashContext,
  hashName,
  nameOfOwner,
  ownerBeside,
  ownerOf,
  questionBeside,
  wantsSignatures,
} from '../key.ts'
import { apart, type Entry } from './entry.ts'
import { pack, unpack } from './packed.ts'
import type { Store } from './store.ts'

/** What stands against a denial: until when, ms; 0 where nothing does. */
export interface Contradiction {
  /** The denied name has records, or has just had some, of whatever type. */
  readonly name: number
  /** It has some of another type than the denied one: the name is there, and that type is not. */
  readonly others: number
}

/** What a reply is to. */
export interface Subject {
  /** Of its question; hashes of who is asked (key's hashContext), and of that and the name. */
  readonly key: string
  readonly context: number
  readonly hash: number
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

export interface Existence {
  /** What is known against this reply's NXDOMAIN. */
  against(subject: Subject, reply: UpstreamReply, time: number): Contradiction
  /**
   * Takes up what a reply of this time shows, and takes back what was denied against it. `shows`: records of the asked
   * type. `isKept`: the store has it; else
   * it gives what is news, for other caches.
   */
  learn(subject: Subject, reply: UpstreamReply, shows: boolean, at: number, isKept: boolean): readonly Shown[]
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
/** Records of a name that are looked at, and others that share a hash with them. */
const mostLookedAt = 256
/** Other caches hear of a name again when what they know ends this much sooner, ms. */
const toldAgain = grace / 2

type Seen = Omit<Shown, 'owner'>

const nothing: readonly never[] = []

/** `seed`: of hashes. */
export function createExistence(
  store: Pick<Store, 'records' | 'denials' | 'set' | 'delete'>,
  seed: number,
): Existence {
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
  function takeBack(owner: string, hash: number, type: number, until: number): void {
    const denials: Entry[] = []
    for (let entry = store.denials(hash); entry !== undefined; entry = entry.beside) {
      if (isOf(entry, hash, owner)) denials.push(entry)
    }
    for (const entry of denials) {
      store.delete(entry.key)
      if (entry.type !== type) store.set(narrow(entry, mayLead(type) ? 0 : until))
    }
  }

  function learnChain(
    { key, context, name, type }: Subject,
    reply: UpstreamReply,
    until: number,
    shows: boolean,
    isKept: boolean,
  ): readonly Shown[] {
    const owner = ownerOf(key)
    const chain = readChain(reply, name)
    // All along the chain it leads to what was asked for, or to nothing. What was asked for may be the alias itself.
    const names = shows && hasRecords(reply, chain.at(-1)!) ? chain : chain.slice(0, -1)
    const news: Shown[] = []
    for (const each of names) {
      const shown = { owner: ownerBeside(owner, each), type: shows ? type : types.CNAME, until }
      const isInStore = isKept && shows && each === name
      if (!isInStore && note(shown) && !isKept && shows) news.push(shown)
      takeBack(shown.owner, hashName(each, context), shown.type, until)
    }
    if (!shows) forget(ownerBeside(owner, chain.at(-1)!), type)
    return news
  }

  return {
    against({ key, context, hash, name, type: asked }, reply, time) {
      const owner = ownerOf(key)
      const end = isChain(reply) ? readChain(reply, name).at(-1)! : name
      const denied = ownerBeside(owner, end)
      const found = { name: 0, others: 0 }
      const weigh = (type: number, until: number) => {
        if (until <= time) return
        found.name = Math.max(found.name, until)
        if (type !== asked && !mayLead(type)) found.others = Math.max(found.others, until)
      }
      const its = end === name ? hash : hashName(end, context)
      let entry = store.records(its)
      for (let n = 0; entry !== undefined && n < mostLookedAt; n++, entry = entry.beside) {
        if (isOf(entry, its, denied)) weigh(entry.type, entry.validUntil + grace)
      }
      for (const { type, until } of seen.get(denied) ?? nothing) weigh(type, until)
      return found
    },
    learn(subject, reply, shows, at, isKept) {
      const { key, hash, type } = subject
      const isAlias = isChain(reply)
      // As most are.
      if (!isAlias && shows && isKept && store.denials(hash) === undefined) return nothing
      const until = at + answerTtl(reply) * 1000 + grace
      if (isAlias) return learnChain(subject, reply, until, shows, isKept)
      if (!shows) {
        // What was seen of that type is no more.
        if (seen.size > 0) forget(ownerOf(key), type)
        return nothing
      }
      if (store.denials(hash) !== undefined) takeBack(ownerOf(key), hash, type, until)
      if (isKept) return nothing
      const shown = { owner: ownerOf(key), type, until }
      return note(shown) ? [shown] : nothing
    },
    hear(shown) {
      note(shown)
      const { owner, type, until } = shown
      takeBack(owner, hashName(nameOfOwner(owner), hashContext(owner, seed)), type, until)
    },
    flush(matches) {
      for (const owner of [...seen.keys()]) if (matches(nameOfOwner(owner))) seen.delete(owner)
    },
  }
}

/** Records that were asked for by this type may be an alias, which may lead nowhere. */
function mayLead(type: number): boolean {
  return type === types.CNAME || type === types.ANY
}

function isOf(entry: Entry, hash: number, owner: string): boolean {
  return entry.hash === hash && ownerOf(entry.key) === owner
}

/** Whether its answer has records of this name, canonical. */
function hasRecords({ message, records }: UpstreamReply, name: string): boolean {
  return records.some(({ section, start }) => section === 'answer' && readName(message, start) === name)
}

/**
 * A denial of a whole name as one of the asked type. While the name has records of another type, until then, it says
 * NODATA where it may.
 */
export function narrow(entry: Entry, until: number): Entry {
  const narrowed = {
    ...entry,
    ...apart,
    key: entry.forEveryType ? questionBeside(entry.key, entry.type) : entry.key,
    forEveryType: false,
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
