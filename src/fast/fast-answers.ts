// Fast answers: replies that the slow path made, kept as templates for as long as it would make the same. A hit is one
// look at the client, one at its scope's store, and a copy of the template: no promise, no closure, nothing allocated.
//
// What makes a template invalid, and where that is noticed. Nothing is pushed: each is looked at when a question comes.
//
// | stamp | compared with | changes when | then |
// | --- | --- | --- | --- |
// | `Client.cached` (scope/clients) | the snapshot the scope was checked against | the client's scope, or the set of projects, is another | the client goes to its scope's store |
// | `AnswerStore.networks`, `subnets`, `projects` | the snapshot's | a container, network or project comes, goes or changes | the changed names are logged; the store is emptied if they may be any |
// | `AnswerTemplate.change` | the number of the store's last change | a change is logged | the template stays if the change does not affect its name |
// | `AnswerTemplate.version` | the table's version | anything in the table changes; only for answers from the whole table | the answer is made anew |
// | `AnswerTemplate.upstreams` | the number of the set of upstreams | the upstreams change; only for upstreams' answers | the answer is made anew |
// | `AnswerTemplate.aging` | the lease of the forwarding cache | the TTL passes, or the cache drops or renews its entry | TTLs are written anew, or the answer is |
//
// A change of the configuration replaces all of it. Answers that depend on the moment (`isPassing`) are not kept.

import { readQuestion } from '../dns/name.ts'
import { form, type PlainQuestion, readPlain } from '../dns/plain.ts'
import { maxMessageBytes, type Transport } from '../dns/writer.ts'
import type { Lease } from '../forward/types.ts'
import type { Clock } from '../lib/clock.ts'
import type { HistogramCell } from '../lib/metrics.ts'
import type { EncodedAnswers, Query } from '../net/handler.ts'
import type { Snapshot } from '../registry/types.ts'
import type { DnsMetrics } from '../resolve/dns-metrics.ts'
import type { Client, Clients } from '../scope/clients.ts'
import type { Scope } from '../scope/scope.ts'
import { type AnswerStore, createAnswerStores, type Room } from './answer-store.ts'
import { type CellRow, createHitCounter } from './fast-metrics.ts'
import type { ChangeLog } from './invalidation.ts'
import { type AnswerTemplate, ageTo, isAnswerTo, makeTemplate, writeTemplate } from './template.ts'

export interface FastAnswers extends EncodedAnswers {
  /** One whole reply; undefined: take the slow path. */
  reply(query: Query): Buffer | undefined
  /** Keeps the slow path's reply, for whoever has the same scope as the client. */
  keep(query: Query, reply: Buffer, origin: Origin): void
  /** Upstreams have changed: invalidates answers cached from the old ones. */
  forgetForwarded(): void
  /** Templates, the bytes they take, and clients remembered. */
  held(): { answers: number; bytes: number; seats: number }
}

/** How a reply came about. */
export interface Origin {
  readonly rcode: number
  readonly source: 'local' | 'policy' | 'cache'
  /** It depends on the whole table, not on its scope's networks and the sets of networks and projects alone. */
  readonly isWhole: boolean
  /** Of an upstream's answer, `age` seconds old. */
  readonly lease?: Lease | undefined
  readonly age?: number | undefined
}

export interface FastOptions {
  readonly resolver: { snapshot(): Snapshot; readonly clients: Clients }
  readonly counters: DnsMetrics
  readonly clock: Clock
  /** The time that leases go by, ms. */
  readonly passing: () => number
  /** [0, 1) */
  readonly random: () => number
  readonly room?: Room
  /** What of a scope tells answers apart, where it is less than all. */
  readonly see?: (scope: Scope) => Scope
}

/** Answers whose time is measured together. */
const maxTogether = 256

/** An answer takes some 400 bytes: 160,000 find room, 10,000 of one scope for sure. */
const defaultRoom: Room = { total: 64 * 1024 * 1024, each: 8 * 1024 * 1024 }

export function createFastAnswers(options: FastOptions): FastAnswers {
  const { counters, clock, random, room = defaultRoom } = options
  const { snapshot, clients } = options.resolver
  const seed = Math.floor(random() * 2 ** 32) | 0
  const hits = createHitCounter(counters)
  const stores = createAnswerStores(room, options.see)
  let sweeps = 0
  let upstreams = 1

  /** The question at hand: one at a time is read, within one call. */
  const asked: PlainQuestion = { end: 0, hash: 0, form: form.bare, limit: 0 }
  /** The cells of each listener, and of the one at hand. */
  const rows = new Map<string, CellRow>()
  let row = hits.row('')

  const together: HistogramCell[] = []
  let answered = 0
  let begun = 0
  /** When the first answer of these asked for it. */
  let passing = 0
  let knowsPassing = false

  function cellsOf(server: string): CellRow {
    if (row.server === server) return row
    const known = rows.get(server)
    row = known ?? hits.row(server)
    if (known === undefined) rows.set(server, row)
    return row
  }

  function storeOf(client: Client): AnswerStore | undefined {
    if (client.cached !== undefined) return client.cached as AnswerStore
    if (sweeps !== clients.sweeps()) {
      sweeps = clients.sweeps()
      rows.clear()
      stores.sweep(snapshot())
    }
    const store = stores.of(client.scope, snapshot())
    client.cached = store
    return store
  }

  function find(
    data: Uint8Array,
    start: number,
    stop: number,
    asker: string,
    local: string,
    transport: Transport,
  ): AnswerTemplate | undefined {
    if (!read(data, start, stop, transport)) return undefined
    const store = storeOf(clients.of(asker, local))
    const template = store?.answers.get(asked.hash)
    if (template === undefined || !isAnswerTo(template, data, start, asked)) return undefined
    return isValid(template, store!) ? template : undefined
  }

  /** The transport's limit is part of the question: what was made for TCP serves UDP as far as it fits. */
  function read(data: Uint8Array, start: number, stop: number, transport: Transport): boolean {
    if (!readPlain(data, start, stop, seed, asked)) return false
    if (transport === 'tcp') asked.limit = maxMessageBytes
    return true
  }

  function isValid(template: AnswerTemplate, { changes }: AnswerStore): boolean {
    if (template.change !== changes.last && !outlives(template, changes)) return false
    if (template.version !== 0 && template.version !== snapshot().version) return false
    const { aging } = template
    if (aging === undefined) return true
    if (template.upstreams !== upstreams) return false
    if (!knowsPassing) {
      passing = options.passing()
      knowsPassing = true
    }
    return ageTo(passing, template.bytes, aging)
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
      const template = find(data, start, stop, asker, local, 'udp')
      if (template === undefined) return 0
      if (answered === maxTogether) end()
      together[answered++] = hits.count(cellsOf(server), template.kind, 'udp', asker)
      return writeTemplate(template, data, start, asked.end, snapshot().version, random, into, at)
    },
    reply({ message, asker, local, server, transport, pressed }) {
      if (pressed !== undefined) return undefined
      const started = clock.monotonic()
      knowsPassing = false
      const template = find(message, 0, message.length, asker, local, transport)
      if (template === undefined) return undefined
      const reply = Buffer.allocUnsafe(template.bytes.length)
      writeTemplate(template, message, 0, asked.end, snapshot().version, random, reply, 0)
      const duration = hits.count(cellsOf(server), template.kind, transport, asker)
      duration.observe((clock.monotonic() - started) / 1000)
      return reply
    },
    keep({ message, asker, local, transport, pressed }, reply, origin) {
      // Read again, for meanwhile others may have been: 0.1 µs of a slow path of several.
      if (pressed !== undefined || !read(message, 0, message.length, transport)) return
      const store = storeOf(clients.of(asker, local))
      if (store === undefined) return
      const { isWhole, lease, age } = origin
      const validity = {
        version: isWhole ? snapshot().version : 0,
        change: store.changes.last,
        upstreams: lease === undefined ? 0 : upstreams,
      }
      const kind = hits.kindOf(message.readUInt16BE(asked.end - 4), origin)
      const template = makeTemplate(reply, asked, kind, validity, lease, age)
      if (template !== undefined) store.answers.set(asked.hash, template)
    },
    forgetForwarded() {
      upstreams++
    },
    held: () => ({ ...stores.held(), seats: clients.held() }),
  }
}

/** Whether what has changed since does not affect its name. */
function outlives(template: AnswerTemplate, changes: ChangeLog): boolean {
  const { name } = readQuestion(template.bytes)!
  // Names do not tell who has an address.
  if (name.endsWith('.arpa') || !changes.isUnaffected(name, template.change)) return false
  template.change = changes.last
  return true
}
