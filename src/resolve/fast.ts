// Fast answers: replies that the slow path made, kept as bytes until the next snapshot. A hit is a scope, a look at
// that scope's shelf, and a copy with the asker's ID, flags, spelling and another order of addresses.

import { countsOf, flag, flagsOf, headerBytes, rcodeName } from '../dns/header.ts'
import { asksTheSame, form, lowerCase, type PlainQuestion, readPlain } from '../dns/plain.ts'
import { readRecords } from '../dns/records.ts'
import { type, typeLabel } from '../dns/types.ts'
import type { Clock } from '../lib/clock.ts'
import type { HistogramCell } from '../lib/counters.ts'
import type { Snapshot } from '../registry/types.ts'
import type { DnsCounters } from './counters.ts'
import type { Decision } from './decision.ts'
import type { Query } from './query.ts'
import type { Resolver } from './resolver.ts'
import type { Scope } from './scope.ts'
import { type Room, Shelf, scopeKey } from './shelf.ts'

export interface FastAnswers {
  /** The whole reply, counted; undefined: ask the slow path. `started`: when the question came, monotonic ms. */
  answer(query: Query, started: number): Buffer | undefined
  /** Keeps what the slow path made, where the same would be made for whoever has this scope, until the next snapshot. */
  keep(query: Query, scope: Scope, decision: Decision & { kind: 'answer' }, reply: Buffer): void
  /** Replies kept, and the bytes they take. */
  held(): { answers: number; bytes: number }
}

export interface FastOptions {
  readonly resolver: Pick<Resolver, 'snapshot' | 'scope'>
  readonly counters: DnsCounters
  readonly clock: Clock
  /** [0, 1) */
  readonly random: () => number
  readonly room?: Room
  /** What of a scope tells answers apart, where it is another than ours. */
  readonly keyOf?: (scope: Scope) => string | undefined
}

const defaultRoom: Room = { total: 32 * 1024 * 1024, each: 8 * 1024 * 1024 }
/** What an answer takes besides its bytes, about. */
const overhead = 250

/** The counters of answers of one kind, as one listener's askers of one family have them. */
interface Cells {
  readonly requests: { value: number }
  readonly responses: { value: number }
  readonly duration: HistogramCell
}

/** What counting needs to know of an answer. */
interface Kind {
  readonly type: string
  readonly rcode: string
  readonly source: string
  /** By listener. */
  readonly v4: Map<string, Cells>
  readonly v6: Map<string, Cells>
}

interface Kept {
  /** The whole reply: ID 0, RD and CD clear, the name in lower case. */
  readonly bytes: Buffer
  readonly form: number
  /** It was made for this many bytes, and nothing larger. */
  readonly limit: number
  /** Addresses in the answer section, of this size, from one to the next `stride` bytes; count 0: nothing to shuffle. */
  readonly addresses: Addresses
  readonly kind: Kind
  readonly cost: number
}

interface Addresses {
  readonly first: number
  readonly stride: number
  readonly size: number
  readonly count: number
}

export function createFastAnswers(options: FastOptions): FastAnswers {
  const { resolver, counters, clock, random, room = defaultRoom, keyOf = scopeKey } = options
  const seed = Math.floor(random() * 2 ** 32) | 0
  const kinds = new Map<string, Kind>()
  /** One at a time is read, within one call. */
  const asked: PlainQuestion = { end: 0, hash: 0, form: form.bare, limit: 0 }
  let snapshot: Snapshot | undefined
  let held = { bytes: 0 }
  let shelves = new Map<string, Shelf<Kept>>()
  let shelvesOf = new WeakMap<Scope, Shelf<Kept>>()

  /** undefined: nothing is kept for that scope. */
  function shelfFor(scope: Scope): Shelf<Kept> | undefined {
    const now = resolver.snapshot()
    if (now !== snapshot) {
      snapshot = now
      held = { bytes: 0 }
      shelves = new Map()
      shelvesOf = new WeakMap()
    }
    return shelvesOf.get(scope) ?? findShelf(scope)
  }

  function findShelf(scope: Scope): Shelf<Kept> | undefined {
    const key = keyOf(scope)
    if (key === undefined) return undefined
    let shelf = shelves.get(key)
    if (shelf === undefined) {
      shelf = new Shelf(room, held)
      shelves.set(key, shelf)
    }
    shelvesOf.set(scope, shelf)
    return shelf
  }

  function isPlain({ message, transport, pressed }: Query): boolean {
    return transport === 'udp' && pressed === undefined && readPlain(message, seed, asked)
  }

  /** What was kept for the question in `asked`, whatever its limit. */
  function find(shelf: Shelf<Kept>, message: Buffer): Kept | undefined {
    const kept = shelf.get(asked.hash)
    if (kept === undefined || kept.form !== asked.form) return undefined
    return asksTheSame(message, asked.end, kept.bytes) ? kept : undefined
  }

  function kindOf(message: Buffer, decision: Decision & { kind: 'answer' }): Kind {
    const parts = [
      typeLabel(message.readUInt16BE(asked.end - 4)),
      rcodeName(decision.rcode),
      decision.source,
    ] as const
    const key = parts.join(' ')
    let kind = kinds.get(key)
    if (kind === undefined) {
      kind = { type: parts[0], rcode: parts[1], source: parts[2], v4: new Map(), v6: new Map() }
      kinds.set(key, kind)
    }
    return kind
  }

  function cellsOf(kind: Kind, { server, transport, asker }: Query): Cells {
    const isV6 = asker.includes(':')
    const byServer = isV6 ? kind.v6 : kind.v4
    let cells = byServer.get(server)
    if (cells === undefined) {
      cells = {
        requests: counters.requests.cell(server, transport, isV6 ? '2' : '1', kind.type),
        responses: counters.responses.cell(server, kind.rcode, kind.source),
        duration: counters.duration.cell(server, kind.source),
      }
      byServer.set(server, cells)
    }
    return cells
  }

  return {
    answer(query, started) {
      if (!isPlain(query)) return undefined
      const shelf = shelfFor(resolver.scope(query.asker, query.local))
      const kept = shelf && find(shelf, query.message)
      // For a smaller limit it would be the same as long as it fits; for a larger one it might hold more.
      if (kept === undefined || kept.bytes.length > asked.limit || kept.limit < asked.limit) return undefined
      const reply = copyFor(query.message, asked.end, kept.bytes)
      shuffle(reply, kept.addresses, random)
      const cells = cellsOf(kept.kind, query)
      cells.requests.value++
      cells.responses.value++
      cells.duration.observe((clock.monotonic() - started) / 1000)
      return reply
    },
    keep(query, scope, decision, reply) {
      if (decision.isPassing || !isPlain(query)) return
      const addresses = addressesOf(reply, asked.end)
      if (addresses === undefined) return
      const shelf = shelfFor(scope)
      const before = shelf && find(shelf, query.message)
      if (shelf === undefined || (before !== undefined && before.limit > asked.limit)) return
      const kind = kindOf(query.message, decision)
      const { form, limit } = asked
      const bytes = withoutAsker(reply, asked.end)
      shelf.set(asked.hash, { bytes, form, limit, addresses, kind, cost: bytes.length + overhead })
    },
    held: () => ({
      answers: [...shelves.values()].reduce((total, { size }) => total + size, 0),
      bytes: held.bytes,
    }),
  }
}

/** A reply without what is one asker's: ID, RD, CD and the name's case. */
function withoutAsker(reply: Buffer, end: number): Buffer {
  // Memory of its own: a slice of a shared block would hold all of that.
  const bytes = Buffer.alloc(reply.length)
  reply.copy(bytes)
  bytes.writeUInt16BE(0, 0)
  bytes.writeUInt16BE(flagsOf(reply) & ~(flag.RD | flag.CD), 2)
  for (let at = headerBytes; at < end - 4; at++) bytes[at] = lowerCase(bytes[at]!)
  return bytes
}

function copyFor(message: Buffer, end: number, kept: Buffer): Buffer {
  const reply = Buffer.allocUnsafe(kept.length)
  kept.copy(reply)
  reply[0] = message[0]!
  reply[1] = message[1]!
  reply[2] = kept[2]! | (message[2]! & (flag.RD >> 8))
  reply[3] = kept[3]! | (message[3]! & flag.CD)
  for (let at = headerBytes; at < end; at++) reply[at] = message[at]!
  return reply
}

const none: Addresses = { first: 0, stride: 0, size: 0, count: 0 }

/**
 * What of a reply is to be in another order each time. undefined: that it can't be kept, for it was cut (what is left
 * would always be the same part), or has several records that are not addresses alone.
 */
function addressesOf(reply: Buffer, end: number): Addresses | undefined {
  if ((flagsOf(reply) & flag.TC) !== 0) return undefined
  const records = readRecords(reply, end)
  if (records === undefined) return undefined
  const [, answers] = countsOf(reply)
  const others = records.slice(answers).filter(({ type: code }) => code !== type.OPT)
  if (others.length > 1) return undefined
  if (answers < 2) return none
  const [first, second] = records as [(typeof records)[0], (typeof records)[0]]
  const addresses = {
    first: first.dataAt,
    stride: second.start - first.start,
    size: first.end - first.dataAt,
  }
  const isAlike = records
    .slice(0, answers)
    .every(
      ({ type: code, start, dataAt }, i) =>
        (code === type.A || code === type.AAAA) &&
        dataAt === addresses.first + i * addresses.stride &&
        reply.subarray(start, dataAt).equals(reply.subarray(first.start, first.dataAt)),
    )
  return isAlike ? { ...addresses, count: answers } : undefined
}

function shuffle(reply: Buffer, { first, stride, size, count }: Addresses, random: () => number): void {
  for (let i = count - 1; i > 0; i--) {
    const a = first + i * stride
    const b = first + Math.floor(random() * (i + 1)) * stride
    for (let n = 0; n < size; n++) {
      const byte = reply[a + n]!
      reply[a + n] = reply[b + n]!
      reply[b + n] = byte
    }
  }
}
