// What an operator takes out of the cache: one name, it and all below it, or everything. What was asked for before that,
// here or in another process, does not come back by it. Pure.
import { namesInAnswer } from '../../dns/chain.ts'
import { encodeName, isWithin } from '../../dns/name.ts'
import type { UpstreamReply } from '../../dns/relay.ts'
import { inSlices } from '../../lib/slices.ts'
import { nameOf } from '../key.ts'
import type { Existence } from './existence.ts'
import { type Failures, type Waiting, waitAfter } from './failures.ts'
import { type Packed, unpackReply } from './packed.ts'
import type { Store } from './store.ts'

/** A name, canonical; `below`: with all names below it. */
export interface Names {
  readonly name: string
  readonly below: boolean
}

/** Plain data: it is sent to all processes. */
export interface Flush {
  /** One more than that of the flush before. */
  readonly number: number
  /** undefined: everything. */
  readonly names: Names | undefined
}

/** What there was. */
export interface Flushed {
  readonly answers: number
  readonly failures: number
}

/** The flushes that there were, as far as what is under way may have been asked for before them. */
export interface Flushes {
  /** The number of the latest. */
  last(): number
  note(flush: Flush): void
  /** Whether what was asked for when `since` was the latest, and has to do with these names, has been flushed by now. */
  hit(since: number, names: () => readonly string[]): boolean
}

/** What is under way when there were more flushes than this meanwhile counts as flushed. */
const mostRemembered = 64

/** `first`: the latest before we began. */
export function createFlushes(first = 0): Flushes {
  let last = first
  /** All that was asked for before this one has been flushed. */
  let floor = first
  let recent: readonly (Flush & { readonly names: Names })[] = []
  return {
    last: () => last,
    note({ number, names }) {
      last = number
      if (names === undefined) {
        floor = number
        recent = []
        return
      }
      recent = [...recent, { number, names }]
      if (recent.length <= mostRemembered) return
      floor = recent[0]!.number
      recent = recent.slice(1)
    },
    hit(since, names) {
      if (since >= last) return false
      if (since < floor) return true
      const list = names()
      return recent.some(({ number, names }) => number > since && list.some((name) => covers(names, name)))
    },
  }
}

export function covers({ name, below }: Names, other: string): boolean {
  return below ? isWithin(other, name) : other === name
}

/** The names that an answer to a question of this one has to do with. */
export function namesIn(name: string, reply: UpstreamReply | undefined): readonly string[] {
  return reply === undefined ? [name] : [name, ...namesInAnswer(reply)]
}

/**
 * Tells of what is kept, by its key, whether it is of these names: asked for by one of them, or an answer that leads over
 * one (www.example.org is an alias of cdn.example.net: who flushes that wants the address gone).
 */
export function createMatcher(names: Names | undefined): (key: string, packed?: Packed) => boolean {
  if (names === undefined) return () => true
  const isMentioned = createMention(names.name)
  return (key, packed) => {
    if (covers(names, nameOf(key))) return true
    if (packed === undefined || !isMentioned(packed)) return false
    return namesInAnswer(unpackReply(packed)).some((name) => covers(names, name))
  }
}

export interface Memories extends Waiting {
  readonly store: Store
  readonly existence: Pick<Existence, 'flush'>
  readonly failures: Failures
}

/**
 * Takes out all of it that was asked for before, whether or not it is still given; failures count as far as they are.
 * `time`: ms, the cache's own. There may be very many answers: others have their turn meanwhile.
 */
export async function removeFrom(memories: Memories, { number, names }: Flush): Promise<Flushed> {
  const { store, existence, failures } = memories
  const matches = createMatcher(names)
  let remembered = 0
  for (const [key, failure] of [...failures.all()]) {
    if (!matches(key)) continue
    if (waitAfter(key, failure, memories) > 0) remembered++
    failures.forget(key)
  }
  existence.flush((name) => names === undefined || covers(names, name))
  let answers = 0
  await inSlices(store.keys(), (key) => {
    const entry = store.peek(key)
    if (entry === undefined || entry.since >= number || !matches(key, entry.packed)) return
    store.delete(key)
    answers++
  })
  return { answers, failures: remembered }
}

/** Whether a message has all of a name's labels somewhere, in any case: few have, and only those are worth reading. */
function createMention(name: string): (packed: Packed) => boolean {
  const wire = encodeName(name)!
  const labels: string[] = []
  for (let at = 0; wire[at]! > 0; at += 1 + wire[at]!) {
    labels.push(wire.toString('latin1', at, at + 1 + wire[at]!))
  }
  // Those that rule out most go first.
  const patterns = labels
    .sort((a, b) => b.length - a.length)
    .map((label) => new RegExp(label.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'i'))
  return (packed) => patterns.every((pattern) => pattern.test(packed))
}
