// Fast answers: replies that the slow path made, kept as bytes for as long as it would make the same. A hit is the
// asker's seat, a look at its scope's shelf, and a copy with the asker's ID, flags, spelling and another order of
// addresses: no promise, no closure, nothing allocated.

import { readQuestion } from '../dns/name.ts'
import { form, type PlainQuestion, readPlain } from '../dns/plain.ts'
import { maxMessageBytes, type Transport } from '../dns/writer.ts'
import type { Lease } from '../forward/types.ts'
import type { Clock } from '../lib/clock.ts'
import type { HistogramCell } from '../lib/counters.ts'
import type { EncodedAnswers, Query, ServerAddress } from '../net/handler.ts'
import type { DnsCounters } from '../resolve/counters.ts'
import type { Resolver } from '../resolve/resolver.ts'
import type { Scope } from '../scope/scope.ts'
import { createShelves, type Room, type Shelf } from './answer-store.ts'
import { type CellRow, createCounting } from './counting.ts'
import type { Changes } from './invalidation.ts'
import { age, isReplyTo, type KeptReply, keepReply, writeKept } from './template.ts'

export interface FastAnswers extends EncodedAnswers {
  /** One answer as a handler gives it; undefined: ask the slow path. */
  reply(query: Query): Buffer | undefined
  /** Keeps what the slow path made, where the same would be made for whoever has this scope. */
  keep(query: Query, scope: Scope, reply: Buffer, made: Made): void
  /** Upstreams are others now: what was kept of theirs is not to be given any more. */
  forgetForwarded(): void
  /** Replies kept, the bytes they take, and askers whose answers are at hand. */
  held(): { answers: number; bytes: number; seats: number }
}

/** How a reply came about. */
export interface Made {
  readonly rcode: number
  readonly source: 'local' | 'policy' | 'cache'
  /** It depends on the whole table; else on its scope's networks, and on which networks there are. */
  readonly isWhole: boolean
  /** An upstream's, `age` seconds old. */
  readonly lease?: Lease | undefined
  readonly age?: number | undefined
}

export interface FastOptions {
  readonly resolver: Pick<Resolver, 'snapshot' | 'scope' | 'epoch'>
  readonly counters: DnsCounters
  readonly clock: Clock
  /** The time that leases go by, ms. */
  readonly passing: () => number
  /** [0, 1) */
  readonly random: () => number
  readonly room?: Room
  /** What of a scope tells answers apart, where it is less than all. */
  readonly see?: (scope: Scope) => Scope
}

/** Answers whose time is taken together. */
const maxTogether = 256
/** Seats kept for each of our addresses; then the oldest goes. In all: then those of the address that has most. */
const maxSeats = 10_000
const maxInAll = 20_000
/** After so many changes of the table all seats are found anew, for those left empty hold what was long ago. */
const sweepAfter = 256

/** An answer takes some 400 bytes: 160,000 find room, 10,000 of one scope for sure. */
const defaultRoom: Room = { total: 64 * 1024 * 1024, each: 8 * 1024 * 1024 }

/** Where an asker's answers are. */
interface Seat {
  scope: Scope
  shelf: Shelf<KeptReply>
  /** The resolver's, as of when this was looked at. */
  epoch: number
}

/** One of our addresses, and who asks there. */
interface Desk extends ServerAddress {
  readonly seats: Map<string, Seat>
  readonly cells: CellRow
}

export function createFastAnswers(options: FastOptions): FastAnswers {
  const { resolver, counters, clock, random, room = defaultRoom } = options
  const seed = Math.floor(random() * 2 ** 32) | 0
  const counting = createCounting(counters)
  /** One at a time is read, within one call. */
  const asked: PlainQuestion = { end: 0, hash: 0, form: form.bare, limit: 0 }
  const shelves = createShelves<KeptReply>(room, options.see)
  /** By our address; there are several where more than one listener has it, as with another port. */
  const desks = new Map<string, Desk[]>()
  let desk: Desk = { local: '', server: '', seats: new Map(), cells: counting.row('') }
  /** Seats in all. */
  let seated = 0
  let sweptAt = 0
  let upstreams = 1

  const together: HistogramCell[] = []
  let answered = 0
  let begun = 0
  /** As of the first answer that asked for it. */
  let passing = 0
  let knowsPassing = false

  function goTo(local: string, server: string): void {
    if (desk.local === local && desk.server === server) return
    let here = desks.get(local)
    if (here === undefined) {
      here = []
      desks.set(local, here)
    }
    for (let i = 0; i < here.length; i++) {
      desk = here[i]!
      if (desk.server === server) return
    }
    desk = { local, server, seats: new Map(), cells: counting.row(server) }
    here.push(desk)
  }

  /** undefined: nothing is kept for that asker. */
  function seatOf(asker: string): Seat | undefined {
    const epoch = resolver.epoch()
    const seat = desk.seats.get(asker)
    return seat !== undefined && seat.epoch === epoch ? seat : takeSeat(asker, epoch, seat)
  }

  function takeSeat(asker: string, epoch: number, before: Seat | undefined): Seat | undefined {
    if (epoch - sweptAt > sweepAfter) sweep(epoch)
    const scope = resolver.scope(asker, desk.local)
    // The same scope has the same networks, as they were.
    if (before?.scope === scope) {
      before.epoch = epoch
      return before
    }
    const shelf = shelves.of(scope, resolver.snapshot())
    if (shelf === undefined) {
      if (desk.seats.delete(asker)) seated--
      return undefined
    }
    if (before !== undefined) {
      before.scope = scope
      before.shelf = shelf
      before.epoch = epoch
      return before
    }
    const { seats } = desk
    if (seats.size >= maxSeats) seats.delete(seats.keys().next().value!)
    else if (++seated > maxInAll) clearFullest()
    const seat = { scope, shelf, epoch }
    seats.set(asker, seat)
    return seat
  }

  function clearFullest(): void {
    const all = [...desks.values()].flat().map(({ seats }) => seats)
    const fullest = all.reduce((a, b) => (b.size > a.size ? b : a))
    seated -= fullest.size
    fullest.clear()
  }

  function sweep(epoch: number): void {
    sweptAt = epoch
    // With addresses that are no longer ours.
    desks.clear()
    desk.seats.clear()
    seated = 0
    desks.set(desk.local, [desk])
    shelves.sweep(resolver.snapshot())
  }

  function find(
    data: Uint8Array,
    start: number,
    stop: number,
    asker: string,
    transport: Transport = 'udp',
  ): KeptReply | undefined {
    if (!read(data, start, stop, transport)) return undefined
    const shelf = seatOf(asker)?.shelf
    const kept = shelf?.get(asked.hash)
    if (kept === undefined || !isReplyTo(kept, data, start, asked)) return undefined
    if (kept.changes !== shelf!.changes.last && !outlives(kept, shelf!.changes)) return undefined
    if (kept.version !== 0 && kept.version !== resolver.snapshot().version) return undefined
    return kept.aging === undefined || isFresh(kept as KeptReply & Aged) ? kept : undefined
  }

  /** What is kept of an answer over TCP does for UDP as far as it fits, so the limit alone tells them apart. */
  function read(data: Uint8Array, start: number, stop: number, transport: Transport): boolean {
    if (!readPlain(data, start, stop, seed, asked)) return false
    if (transport === 'tcp') asked.limit = maxMessageBytes
    return true
  }

  function isFresh(kept: KeptReply & Aged): boolean {
    if (kept.upstreams !== upstreams) return false
    if (!knowsPassing) {
      passing = options.passing()
      knowsPassing = true
    }
    return age(kept, passing)
  }

  function begin(): number {
    begun = clock.monotonic()
    knowsPassing = false
    return begun
  }

  function end(): number {
    const now = clock.monotonic()
    const seconds = (now - begun) / 1000
    for (let i = 0; i < answered; i++) together[i]!.observe(seconds)
    answered = 0
    return now
  }

  return {
    begin,
    end,
    answer(data, start, stop, asker, { local, server }, into, at) {
      goTo(local, server)
      const kept = find(data, start, stop, asker)
      if (kept === undefined) return 0
      if (answered === maxTogether) end()
      together[answered++] = counting.count(desk.cells, kept.kind, 'udp', asker)
      return writeKept(kept, data, start, asked.end, resolver.snapshot().version, random, into, at)
    },
    reply({ message, asker, local, server, transport, pressed }) {
      if (pressed !== undefined) return undefined
      const started = clock.monotonic()
      knowsPassing = false
      goTo(local, server)
      const kept = find(message, 0, message.length, asker, transport)
      if (kept === undefined) return undefined
      const reply = Buffer.allocUnsafe(kept.bytes.length)
      writeKept(kept, message, 0, asked.end, resolver.snapshot().version, random, reply, 0)
      counting.count(desk.cells, kept.kind, transport, asker).observe((clock.monotonic() - started) / 1000)
      return reply
    },
    keep({ message, transport, pressed }, scope, reply, made) {
      if (pressed !== undefined || !read(message, 0, message.length, transport)) return
      const { hash } = asked
      const snapshot = resolver.snapshot()
      const shelf = shelves.of(scope, snapshot)
      if (shelf === undefined) return
      const notes = {
        kind: counting.kindOf(message.readUInt16BE(asked.end - 4), made),
        version: made.isWhole ? snapshot.version : 0,
        changes: shelf.changes.last,
        upstreams: made.lease === undefined ? 0 : upstreams,
      }
      const kept = keepReply(reply, asked, notes, made.lease, made.age)
      if (kept !== undefined) shelf.set(hash, kept)
    },
    forgetForwarded() {
      upstreams++
    },
    held: () => ({ ...shelves.held(), seats: seated }),
  }
}

/** Whether what has changed since has nothing to do with its name. */
function outlives(kept: KeptReply, changes: Changes): boolean {
  const { name } = readQuestion(kept.bytes)!
  // Who has an address is no matter of names.
  if (name.endsWith('.arpa') || !changes.spare(name, kept.changes)) return false
  kept.changes = changes.last
  return true
}

type Aged = { readonly aging: NonNullable<KeptReply['aging']> }
