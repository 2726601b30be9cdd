// Memory for many datagrams at once: what recvmmsg fills and sendmmsg reads. One for all sockets, as each uses it
// within one call.
import { udpPayloadBytes } from '../../dns/edns.ts'
import { maxQueryBytes } from '../../dns/header.ts'
import { formatAddress } from '../../lib/ip.ts'
import { AF_INET6, type Libc, sockaddrBytes } from './libc.ts'

/** Datagrams read in one call. */
export const batchSize = 64
/** Those and the one before them, which Node has read. */
export const mostReplies = batchSize + 1

/**
 * At least one byte more than any question may have, so that the gate sees that one is too long. Not a page's size: the
 * first bytes of all would fall on the same few lines of the processor's cache.
 */
const questionBytes = maxQueryBytes + 64
/** What fits no slot goes alone. */
export const replyBytes = udpPayloadBytes

/** struct mmsghdr and struct iovec on 64-bit machines. */
const headerBytes = 64
const vectorBytes = 16

/** A row of datagrams: headers, the vectors and addresses they point to, and the data those point to. */
export interface Row {
  /** Where the headers lie, for the system call. */
  readonly address: number
  readonly data: Buffer
  readonly slotBytes: number
  /** 32-bit words of headers, vectors and addresses. */
  readonly headers: Uint32Array
  readonly vectors: Uint32Array
  readonly names: Uint32Array
}

/** In 32-bit words. */
export const headerWords = headerBytes / 4
export const vectorWords = vectorBytes / 4
export const nameWords = sockaddrBytes / 4
/** Words of a header and of a vector: msg_namelen, msg_len, iov_len. */
export const nameLengthAt = 2
export const lengthAt = 14
export const vectorLengthAt = 2

export interface Batch {
  readonly questions: Row
  readonly replies: Row
  /** The other end's address in a row, as Node's sockets tell it: with zone where link-local. */
  addressIn(row: Row, index: number): string
  portIn(row: Row, index: number): number
}

export function createBatch(libc: Pick<Libc, 'addressOf' | 'interfaceName'>): Batch {
  const questions = createRow(libc, batchSize, questionBytes)
  const replies = createRow(libc, mostReplies, replyBytes)
  const v4 = createTexts(1)
  const v6 = createTexts(4)

  return {
    questions,
    replies,
    addressIn({ names }, index) {
      const at = index * nameWords
      if ((names[at]! & 0xffff) !== AF_INET6) return v4.get(names, at + 1) ?? v4.set(text(names, at + 1, 1))
      const zone = names[at + 6]!
      if (zone !== 0) return `${text(names, at + 2, 4)}%${libc.interfaceName(zone) ?? zone}`
      return v6.get(names, at + 2) ?? v6.set(text(names, at + 2, 4))
    },
    portIn({ names }, index) {
      const port = names[index * nameWords]! >>> 16
      return ((port & 0xff) << 8) | (port >>> 8)
    },
  }
}

function text(names: Uint32Array, at: number, words: number): string {
  return formatAddress(new Uint8Array(names.buffer, at * 4, words * 4))
}

/** Its buffers are referenced by the row, or the system would read and write what is no longer ours. */
export function createRow({ addressOf }: Pick<Libc, 'addressOf'>, slots: number, slotBytes: number): Row {
  const memory = (bytes: number) => new ArrayBuffer(slots * bytes)
  const [headers, vectors, names, data] = [headerBytes, vectorBytes, sockaddrBytes, slotBytes].map(memory)
  const at = (part: ArrayBuffer) => BigInt(addressOf(new Uint8Array(part)))
  const headerView = new DataView(headers!)
  const vectorView = new DataView(vectors!)
  for (let i = 0; i < slots; i++) {
    vectorView.setBigUint64(i * vectorBytes, at(data!) + BigInt(i * slotBytes), true)
    vectorView.setBigUint64(i * vectorBytes + 8, BigInt(slotBytes), true)
    // msg_name, msg_namelen, msg_iov, msg_iovlen; no control data, no flags.
    headerView.setBigUint64(i * headerBytes, at(names!) + BigInt(i * sockaddrBytes), true)
    headerView.setUint32(i * headerBytes + 8, sockaddrBytes, true)
    headerView.setBigUint64(i * headerBytes + 16, at(vectors!) + BigInt(i * vectorBytes), true)
    headerView.setBigUint64(i * headerBytes + 24, 1n, true)
  }
  return {
    address: addressOf(new Uint8Array(headers!)),
    data: Buffer.from(data!),
    slotBytes,
    headers: new Uint32Array(headers!),
    vectors: new Uint32Array(vectors!),
    names: new Uint32Array(names!),
  }
}

/** Addresses whose text is remembered: by their hash there are two places for each, and another one takes one of them. */
const remembered = 4096

/** Remembers the texts of addresses of so many words, which saves making one for each question. */
function createTexts(words: number) {
  // One row of memory: an array for each would be three places more to fetch from.
  const known = new Uint32Array(remembered * words)
  const texts: (string | undefined)[] = Array(remembered).fill(undefined)
  let slot = 0
  let second = 0

  function isAt(place: number, names: Uint32Array, at: number): boolean {
    for (let i = 0; i < words; i++) if (known[place * words + i] !== names[at + i]) return false
    return true
  }

  return {
    get(names: Uint32Array, at: number): string | undefined {
      slot = 0
      for (let i = 0; i < words; i++) slot = Math.imul(slot ^ names[at + i]!, 0x9e3779b1)
      slot = (slot ^ (slot >>> 15)) & (remembered - 2)
      if (isAt(slot, names, at)) return texts[slot]
      if (isAt(slot + 1, names, at)) return texts[slot + 1]
      // In turns: two that meet a third have a place most of the time.
      second ^= 1
      slot += second
      for (let i = 0; i < words; i++) known[slot * words + i] = names[at + i]!
      return undefined
    },
    /** For what was just asked for in vain. */
    set(text: string): string {
      texts[slot] = text
      return text
    },
  }
}
