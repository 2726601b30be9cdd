// SipHash-2-4 (Aumasson and Bernstein, 2012), the keyed hash of server cookies (RFC 9018, 4.4). In 32-bit halves:
// BigInt would allocate on every step.

/** The 8 bytes of the hash as SipHash's authors write them, the least significant first. `key` has 16 bytes. */
export function sipHash24(key: Uint8Array, input: Uint8Array): Uint8Array {
  const state = new Int32Array(8)
  const [k0, k0High, k1, k1High] = [word(key, 0), word(key, 4), word(key, 8), word(key, 12)]
  // v0 to v3, low half before high half.
  state[0] = k0 ^ 0x70736575
  state[1] = k0High ^ 0x736f6d65
  state[2] = k1 ^ 0x6e646f6d
  state[3] = k1High ^ 0x646f7261
  state[4] = k0 ^ 0x6e657261
  state[5] = k0High ^ 0x6c796765
  state[6] = k1 ^ 0x79746573
  state[7] = k1High ^ 0x74656462

  const whole = input.length & ~7
  for (let at = 0; at < whole; at += 8) absorb(state, word(input, at), word(input, at + 4))
  // The rest, with the length modulo 256 as the last byte.
  const rest = new Uint8Array(8)
  rest.set(input.subarray(whole))
  rest[7] = input.length & 0xff
  absorb(state, word(rest, 0), word(rest, 4))

  state[4]! ^= 0xff
  for (let i = 0; i < 4; i++) round(state)
  const hash = new Uint8Array(8)
  for (let i = 0; i < 8; i++) {
    const half = i >> 2
    const bits = state[half]! ^ state[2 + half]! ^ state[4 + half]! ^ state[6 + half]!
    hash[i] = bits >>> (8 * (i & 3))
  }
  return hash
}

/** 32 bits, the least significant byte first. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function absorb(state: Int32Array, low: number, high: number): void {
  state[6]! ^= low
  state[7]! ^= high
  round(state)
  round(state)
  state[0]! ^= low
  state[1]! ^= high
}

function round(state: Int32Array): void {
  add(state, 0, 2)
  rotate(state, 2, 13)
  xor(state, 2, 0)
  swap(state, 0)
  add(state, 4, 6)
  rotate(state, 6, 16)
  xor(state, 6, 4)
  add(state, 0, 6)
  rotate(state, 6, 21)
  xor(state, 6, 0)
  add(state, 4, 2)
  rotate(state, 2, 17)
  xor(state, 2, 4)
  swap(state, 4)
}

/** state[to] += state[from], both 64 bits wide. */
function add(state: Int32Array, to: number, from: number): void {
  const low = (state[to]! >>> 0) + (state[from]! >>> 0)
  state[to] = low
  state[to + 1]! += state[from + 1]! + (low > 0xffffffff ? 1 : 0)
}

/** To the left, by less than 32 bits. */
function rotate(state: Int32Array, at: number, by: number): void {
  const low = state[at]!
  const high = state[at + 1]!
  state[at] = (low << by) | (high >>> (32 - by))
  state[at + 1] = (high << by) | (low >>> (32 - by))
}

function xor(state: Int32Array, to: number, from: number): void {
  state[to]! ^= state[from]!
  state[to + 1]! ^= state[from + 1]!
}

/** To the left by 32 bits. */
function swap(state: Int32Array, at: number): void {
  const low = state[at]!
  state[at] = state[at + 1]!
  state[at + 1] = low
}

/** Two unpredictable words of 32 bits. */
export type HalfKey = readonly [number, number]

/**
 * HalfSipHash-2-4 (the same authors) of ASCII text, cut from 64 to 53 bits, which a number holds. For tables in memory:
 * several times as fast, and collisions cannot be found without the key.
 */
export function halfSipHash24([k0, k1]: HalfKey, text: string): number {
  let v0 = k0
  let v1 = k1 ^ 0xee
  let v2 = k0 ^ 0x6c796765
  let v3 = k1 ^ 0x74656462
  let low = 0
  const words = (text.length >> 2) + 1
  // Two rounds per word, four before the low half of the result, and four before the high one. Allocates nothing.
  for (let turn = 0; turn < words + 4; turn++) {
    const part = turn < words ? wordOf(text, turn * 4) : 0
    v3 ^= part
    if (turn === words) v2 ^= 0xee
    if (turn === words + 2) {
      low = v1 ^ v3
      v1 ^= 0xdd
    }
    for (let round = 0; round < 2; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    v0 ^= part
  }
  return ((v1 ^ v3) >>> 11) * 2 ** 32 + (low >>> 0)
}

/** 4 characters, the first one lowest; the last word has the rest, and the length modulo 256 as its highest byte. */
function wordOf(text: string, at: number): number {
  const { length } = text
  let word = at + 4 > length ? length << 24 : text.charCodeAt(at + 3) << 24
  for (let i = Math.min(3, length - at) - 1; i >= 0; i--) word |= text.charCodeAt(at + i) << (8 * i)
  return word
}
