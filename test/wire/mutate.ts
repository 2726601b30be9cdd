// Mutations that know what a DNS message is made of: counts, lengths, pointers, options, records. Seeded, so that a run
// can be had again.

export interface Random {
  /** [0, below), whole. */
  int(below: number): number
  /** Whether one chance in `of` comes up. */
  chance(of: number): boolean
  pick<T>(list: readonly T[]): T
}

/** mulberry32: small, fast, good enough to choose mutations by. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  const int = (below: number) => (below <= 0 ? 0 : next() % below)
  return { int, chance: (of) => int(of) === 0, pick: (list) => list[int(list.length)]! }
}

const bytes = [0, 1, 0x0c, 0x29, 0x3f, 0x40, 0x61, 0x7f, 0x80, 0xbf, 0xc0, 0xff]
const words = [
  0, 1, 2, 3, 4, 11, 12, 16, 41, 63, 64, 255, 256, 511, 512, 1232, 4096, 0x4000, 0xc00c, 0xfffe, 0xffff,
]
const types = [0, 1, 2, 5, 6, 12, 13, 15, 16, 28, 33, 35, 39, 41, 43, 46, 64, 65, 250, 252, 255, 0xfde9]
const options = [0, 3, 8, 9, 10, 11, 12, 15, 0xfde9]

type Mutation = (packet: Buffer, random: Random, others: readonly Buffer[]) => Buffer

const setWord = (packet: Buffer, at: number, value: number) => {
  if (at >= 0 && at + 2 <= packet.length) packet.writeUInt16BE(value & 0xffff, at)
  return packet
}

const addTo = (packet: Buffer, at: number, more: number) =>
  at + 2 <= packet.length ? setWord(packet, at, packet.readUInt16BE(at) + more) : packet

function cut(packet: Buffer, random: Random): [number, number] {
  const from = random.int(packet.length + 1)
  return [from, Math.min(packet.length, from + random.int(random.chance(8) ? packet.length : 24))]
}

function noise(random: Random, length: number): Buffer {
  const out = Buffer.alloc(length)
  for (let i = 0; i < length; i++) out[i] = random.chance(3) ? random.pick(bytes) : random.int(256)
  return out
}

function record(random: Random): Buffer {
  const owner = random.pick([
    Buffer.of(0),
    Buffer.of(0xc0, 12),
    Buffer.of(0xc0, random.int(64)),
    Buffer.from('\x01a\0'),
  ])
  const length = random.pick([0, 1, 2, 3, 4, 5, 16, 22, random.int(64)])
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(random.pick(types), 0)
  fixed.writeUInt16BE(random.chance(6) ? random.pick(words) : 1, 2)
  fixed.writeUInt32BE(random.pick([0, 60, 0x8000, 0x01000000, 0xffffffff]), 4)
  fixed.writeUInt16BE(random.chance(5) ? random.pick(words) : length, 8)
  return Buffer.concat([owner, fixed, noise(random, length)])
}

function opt(random: Random): Buffer {
  const parts: Buffer[] = []
  for (let n = random.int(4); n > 0; n--) {
    const length = random.pick([0, 1, 2, 4, 7, 8, 9, 15, 16, 24, 40, 41, random.int(300)])
    const head = Buffer.alloc(4)
    head.writeUInt16BE(random.pick(options), 0)
    head.writeUInt16BE(random.chance(8) ? random.pick(words) : length, 2)
    parts.push(head, noise(random, length))
  }
  const data = Buffer.concat(parts)
  const fixed = Buffer.alloc(11)
  fixed.writeUInt16BE(41, 1)
  fixed.writeUInt16BE(random.pick(words), 3)
  fixed.writeUInt32BE(random.pick([0, 0, 0x8000, 0x10000, 0xff0000, 0x01000000, 0x7fff]), 5)
  fixed.writeUInt16BE(random.chance(8) ? random.pick(words) : data.length, 9)
  return Buffer.concat([fixed, data])
}

/** Adds what it makes to the packet's end, and to a section's count. */
const append =
  (make: (random: Random) => Buffer, section: (random: Random) => number): Mutation =>
  (packet, random) =>
    Buffer.concat([addTo(packet, 4 + 2 * section(random), 1), make(random)])

const mutations: readonly Mutation[] = [
  (packet, random) => {
    for (let n = 1 + random.int(4); n > 0 && packet.length > 0; n--) {
      const at = random.int(packet.length)
      packet[at] = packet[at]! ^ (1 << random.int(8))
    }
    return packet
  },
  (packet, random) => {
    if (packet.length > 0) packet[random.int(packet.length)] = random.pick(bytes)
    return packet
  },
  (packet, random) => setWord(packet, 4 + 2 * random.int(4), random.pick(words)),
  (packet, random) => addTo(packet, 4 + 2 * random.int(4), random.chance(2) ? 1 : -1),
  (packet, random) => setWord(packet, random.int(packet.length), random.pick(words)),
  (packet, random) => addTo(packet, random.int(packet.length), random.pick([-1, 1, -12, 12, packet.length])),
  // A pointer: anywhere, to anywhere.
  (packet, random) =>
    setWord(
      packet,
      random.int(packet.length),
      0xc000 | random.int(random.chance(4) ? 0x4000 : packet.length),
    ),
  (packet, random) => packet.subarray(0, random.int(packet.length + 1)),
  (packet, random) => Buffer.concat([packet, noise(random, random.int(random.chance(20) ? 2000 : 24))]),
  (packet, random) => {
    const [from, to] = cut(packet, random)
    return Buffer.concat([packet.subarray(0, from), packet.subarray(to)])
  },
  (packet, random) => {
    const [from, to] = cut(packet, random)
    return Buffer.concat([packet.subarray(0, to), packet.subarray(from)])
  },
  (packet, random) => {
    const at = random.int(packet.length + 1)
    return Buffer.concat([packet.subarray(0, at), noise(random, 1 + random.int(6)), packet.subarray(at)])
  },
  // The start of one, the end of another.
  (packet, random, others) => {
    const other = random.pick(others)
    return Buffer.concat([
      packet.subarray(0, random.int(packet.length + 1)),
      other.subarray(random.int(other.length + 1)),
    ])
  },
  append(record, (random) => 1 + random.int(3)),
  append(record, () => 3),
  append(opt, () => 3),
  append(opt, (random) => random.int(4)),
  // As large as it gets, of one piece.
  (packet, random) => {
    if (!random.chance(50)) return packet
    const [from, to] = cut(packet, random)
    const piece = packet.subarray(from, Math.max(to, from + 1))
    if (piece.length === 0) return packet
    const room = random.pick([4096, 16_384, 65_535]) - packet.length
    const count = Math.max(0, Math.floor(room / piece.length))
    const filled = Buffer.concat([packet, ...Array<Buffer>(count).fill(piece)])
    return setWord(filled, 4 + 2 * (1 + random.int(3)), random.chance(2) ? count : 0xffff)
  },
]

/** One to four mutations, one after the other; `packet` stays as it is. At most 65,535 bytes. */
export function mutate(packet: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let mutated: Buffer = Buffer.from(packet)
  for (let n = random.chance(2) ? 1 : 1 + random.int(4); n > 0; n--)
    mutated = random.pick(mutations)(mutated, random, others)
  return Buffer.from(mutated.subarray(0, 65_535))
}
