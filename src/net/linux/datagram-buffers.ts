// Memory for many datagrams: what recvmmsg fills and sendmmsg reads, and the addresses in it as text.
import { formatAddress } from '../../lib/ip.ts'
import { AF_INET6, type Libc, sockaddrBytes } from './libc.ts'

/** Questions read in one call. */
export const batchSize = 64

/** struct mmsghdr and struct iovec on 64-bit machines. */
const headerBytes = 64
const vectorBytes = 16

/** Headers, the vectors and addresses that they point to, and the data that those point to; one of each for a datagram. */
export interface DatagramBuffers {
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

/** The result must stay referenced while the system uses its memory. */
export function createBuffers(
  { addressOf }: Pick<Libc, 'addressOf'>,
  slots: number,
  slotBytes: number,
): DatagramBuffers {
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

export interface AddressReader {
  /** The other end's address, as Node's sockets give it: with zone if link-local. */
  address(buffers: DatagramBuffers, index: number): string
  port(buffers: DatagramBuffers, index: number): number
}

export function createAddressReader(libc: Pick<Libc, 'interfaceName'>): AddressReader {
  const v4 = createTexts(1)
  const v6 = createTexts(4)
  return {
    address({ names }, index) {
      const at = index * nameWords
      if ((names[at]! & 0xffff) !== AF_INET6) return v4.get(names, at + 1) ?? v4.set(text(names, at + 1, 1))
      const zone = names[at + 6]!
      if (zone !== 0) return `${text(names, at + 2, 4)}%${libc.interfaceName(zone) ?? zone}`
      return v6.get(names, at + 2) ?? v6.set(text(names, at + 2, 4))
    },
    port({ names }, index) {
      const port = names[index * nameWords]! >>> 16
      return ((port & 0xff) << 8) | (port >>> 8)
    },
  }
}

function text(names: Uint32Array, at: number, words: number): string {
  return formatAddress(new Uint8Array(names.buffer, at * 4, words * 4))
}

/** Addresses whose text is cached: each has two slots, by its hash, and a new one replaces one of the two. */
const remembered = 4096

/** Caches the texts of addresses of so many words: to make one for each question costs more. */
function createTexts(words: number) {
  // One array: an array for each address would be three more places to fetch from.
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
      // Alternate: of three that collide, two are found most of the time.
      second ^= 1
      slot += second
      for (let i = 0; i < words; i++) known[slot * words + i] = names[at + i]!
      return undefined
    },
    /** For the address that `get` has just not found. */
    set(text: string): string {
      texts[slot] = text
      return text
    },
  }
}
