// Replies on their way out: written one after the other into memory that one sendmmsg reads. One for all sockets, as
// each fills and empties it within one call.
import { constants } from 'node:os'
import type { Send } from '../datagrams.ts'
import {
  type Batch,
  headerWords,
  mostReplies,
  nameLengthAt,
  nameWords,
  type Row,
  vectorLengthAt,
  vectorWords,
} from './datagram-buffers.ts'
import { type Libc, systemError, writeSockaddr } from './libc.ts'

export interface Outbox {
  readonly data: Buffer
  isFull(): boolean
  /** Where in `data` the next reply goes: there is room for one of `replyBytes`. */
  at(): number
  /** Whom the next reply is for; false: the address can't be written here. */
  name(address: string, port: number): boolean
  /** The same: for whoever is named in this row. */
  nameAs(row: Row, index: number): void
  /** The next reply is written, in so many bytes, and named. */
  take(length: number): void
  /** A whole reply; false: it has no room here. */
  put(reply: Buffer, address: string, port: number): boolean
  putAs(reply: Buffer, row: Row, index: number): boolean
  /** Sends all. One that the system refuses is lost; what it has no room for goes through Node. */
  flush(exit: Exit): void
}

/** A socket. */
export interface Exit {
  readonly fd: number
  readonly byNode: Send
  /** A failed system call, which concerns one datagram. */
  fail(error: unknown): void
}

const { EAGAIN, EINTR } = constants.errno
/** Addresses remembered as the system wants them. */
const remembered = 4096

export function createOutbox(libc: Pick<Libc, 'send'>, { replies, addressIn, portIn }: Batch): Outbox {
  const { data, names, headers, vectors, slotBytes } = replies
  let ready = 0
  let written = new Map<string, Uint32Array | undefined>()

  /** Without port; undefined: link-local, where the zone's number may change. */
  function wordsOf(address: string): Uint32Array | undefined {
    let words = written.get(address)
    if (words === undefined && !written.has(address)) {
      if (written.size >= remembered) written = new Map()
      words = address.includes('%') ? undefined : writeSockaddr(address)
      written.set(address, words)
    }
    return words
  }

  function name(address: string, port: number): boolean {
    const words = wordsOf(address)
    if (words === undefined) return false
    const at = ready * nameWords
    for (let word = 0; word < words.length; word++) names[at + word] = words[word]!
    // In network order, behind the family.
    names[at] = (words[0]! & 0xffff) | ((port >> 8) << 16) | ((port & 0xff) << 24)
    headers[ready * headerWords + nameLengthAt] = words.length * 4
    return true
  }

  function nameAs(row: Row, index: number): void {
    const length = row.headers[index * headerWords + nameLengthAt]!
    const to = ready * nameWords
    const from = index * nameWords
    for (let word = 0; word * 4 < length; word++) names[to + word] = row.names[from + word]!
    headers[ready * headerWords + nameLengthAt] = length
  }

  function take(length: number): void {
    vectors[ready * vectorWords + vectorLengthAt] = length
    ready++
  }

  function write(reply: Buffer): boolean {
    if (ready === mostReplies || reply.length > slotBytes) return false
    reply.copy(data, ready * slotBytes)
    return true
  }

  return {
    data,
    isFull: () => ready === mostReplies,
    at: () => ready * slotBytes,
    name,
    nameAs,
    take,
    put(reply, address, port) {
      if (!write(reply) || !name(address, port)) return false
      take(reply.length)
      return true
    },
    putAs(reply, row, index) {
      if (!write(reply)) return false
      nameAs(row, index)
      take(reply.length)
      return true
    },
    flush({ fd, byNode, fail }) {
      let sent = 0
      while (sent < ready) {
        const result = libc.send(fd, replies.address + sent * headerWords * 4, ready - sent)
        if (result > 0) sent += result
        else if (-result === EAGAIN) break
        else if (-result !== EINTR) {
          fail(systemError(-result, 'sendmmsg'))
          sent++
        }
      }
      for (; sent < ready; sent++) {
        const start = sent * slotBytes
        const length = vectors[sent * vectorWords + vectorLengthAt]!
        byNode(
          Buffer.from(data.subarray(start, start + length)),
          addressIn(replies, sent),
          portIn(replies, sent),
        )
      }
      ready = 0
    },
  }
}
