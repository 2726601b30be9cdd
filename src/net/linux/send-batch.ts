// Replies that one sendmmsg sends: each is written straight into the memory that the call reads. All sockets share one, as
// each fills and flushes it within one call.
import { constants } from 'node:os'
import { udpPayloadBytes } from '../../dns/edns.ts'
import type { Send } from '../datagrams.ts'
import {
  type AddressReader,
  batchSize,
  createBuffers,
  type DatagramBuffers,
  headerWords,
  nameLengthAt,
  nameWords,
  vectorLengthAt,
  vectorWords,
} from './datagram-buffers.ts'
import { type Libc, systemError, writeSockaddr } from './libc.ts'

export interface SendBatch {
  readonly data: Buffer
  isFull(): boolean
  /** Where in `data` the next reply goes; there is room for `udpPayloadBytes`. */
  at(): number
  /** Sets whom the next reply is for, if not full; false: the address can't be written here. */
  address(address: string, port: number): boolean
  /** The same: the sender of this datagram. */
  addressAs(from: DatagramBuffers, index: number): void
  /** The next reply is written, in so many bytes, and addressed. */
  add(length: number): void
  /** Adds a whole reply that is addressed; false: it has no room here. */
  put(reply: Buffer): boolean
  /** Sends all. A reply that the system refuses is lost; those it has no room for are sent by Node. */
  flush(socket: SendingSocket): void
}

export interface SendingSocket {
  readonly fd: number
  readonly byNode: Send
  /** A failed system call, which concerns one datagram. */
  fail(error: unknown): void
}

const { EAGAIN, EINTR } = constants.errno
/** Addresses whose sockaddr is cached. */
const cached = 4096
/** Those of a batch of questions, and the one before them that Node has read. */
const mostReplies = batchSize + 1

export function createSendBatch(libc: Pick<Libc, 'send' | 'addressOf'>, reader: AddressReader): SendBatch {
  // What does not fit a slot is sent alone.
  const replies = createBuffers(libc, mostReplies, udpPayloadBytes)
  const { data, names, headers, vectors, slotBytes } = replies
  let ready = 0
  let sockaddrs = new Map<string, Uint32Array | undefined>()

  /** A sockaddr without port; undefined: link-local, where the zone's number may change. */
  function wordsOf(address: string): Uint32Array | undefined {
    let words = sockaddrs.get(address)
    if (words === undefined && !sockaddrs.has(address)) {
      if (sockaddrs.size >= cached) sockaddrs = new Map()
      words = address.includes('%') ? undefined : writeSockaddr(address)
      sockaddrs.set(address, words)
    }
    return words
  }

  function addressTo(address: string, port: number): boolean {
    const words = wordsOf(address)
    if (words === undefined) return false
    const at = ready * nameWords
    for (let word = 0; word < words.length; word++) names[at + word] = words[word]!
    // In network order, behind the family.
    names[at] = (words[0]! & 0xffff) | ((port >> 8) << 16) | ((port & 0xff) << 24)
    headers[ready * headerWords + nameLengthAt] = words.length * 4
    return true
  }

  function addressAs(from: DatagramBuffers, index: number): void {
    const length = from.headers[index * headerWords + nameLengthAt]!
    const to = ready * nameWords
    const start = index * nameWords
    for (let word = 0; word * 4 < length; word++) names[to + word] = from.names[start + word]!
    headers[ready * headerWords + nameLengthAt] = length
  }

  function add(length: number): void {
    vectors[ready * vectorWords + vectorLengthAt] = length
    ready++
  }

  return {
    data,
    isFull: () => ready === mostReplies,
    at: () => ready * slotBytes,
    address: addressTo,
    addressAs,
    add,
    put(reply) {
      if (reply.length > slotBytes) return false
      reply.copy(data, ready * slotBytes)
      add(reply.length)
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
          reader.address(replies, sent),
          reader.port(replies, sent),
        )
      }
      ready = 0
    },
  }
}
