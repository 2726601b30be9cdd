// Hostile datagrams, one maker for each kind. `n` counts the packets of an attacker, so that none is like the last.
import { encodeQuery } from '../../../../src/dns/message.ts'

export const localName = 'web.abuse.test'
export const foreignZone = 'foreign.test'

/** ID, RD, one question: the header of an honest question. */
function header(n: number, counts: readonly number[] = [1, 0, 0, 0], flags = 0x0100): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt16BE(n & 0xffff, 0)
  bytes.writeUInt16BE(flags, 2)
  for (const [i, count] of counts.entries()) bytes.writeUInt16BE(count, 4 + 2 * i)
  return bytes
}

const typeA = Buffer.of(0, 1, 0, 1)
const label = (text: string, length = text.length) => Buffer.concat([Buffer.of(length), Buffer.from(text)])

export const question = (n: number): Buffer => encodeQuery(localName, 'A', { id: n & 0xffff, edns: 1232 })

const honest = question(0)

/** The honest question with another ID; made without an encoder, for floods. */
export function questionFast(n: number): Buffer {
  const bytes = Buffer.from(honest)
  bytes.writeUInt16BE(n & 0xffff, 0)
  return bytes
}

export function countBomb(n: number): Buffer {
  const counts = [0xffff, 0xffff, 0xffff, 0xffff].map((count, i) => ((n >> i) % 2 === 0 ? count : 1))
  return Buffer.concat([header(n, counts), label('web'), Buffer.of(0), typeA])
}

/** A name made of pointers: each to the one before it, or one to itself. */
export function pointers(n: number): Buffer {
  if (n % 2 === 0) return Buffer.concat([header(n), Buffer.of(0xc0, 12), typeA])
  const chain = Buffer.alloc(2 * 120)
  for (let i = 0; i < 120; i++) chain.writeUInt16BE(0xc000 | (12 + 2 * (i + 1)), 2 * i)
  return Buffer.concat([header(n), chain, Buffer.of(0), typeA])
}

/** A label, or an OPT's data, longer than what follows. */
export function lyingLength(n: number): Buffer {
  if (n % 2 === 0) return Buffer.concat([header(n), label('web', 60), Buffer.of(0), typeA])
  const opt = Buffer.of(0, 0, 41, 4, 208, 0, 0, 0, 0, 0xff, 0xff, 0, 10)
  return Buffer.concat([header(n, [1, 0, 0, 1]), label('web'), Buffer.of(0), typeA, opt])
}

/** 64 is no length of a label: the two bits above 63 say what kind of label it is (RFC 1035, 4.1.4; RFC 6891, 5). */
export function longLabel(n: number): Buffer {
  return Buffer.concat([header(n), label('x'.repeat(64)), Buffer.of(0), typeA])
}

const filling = Buffer.alloc(65_535, 'x')

/** The largest datagram that IPv4 carries has 65,507 bytes of data. */
export function largest(n: number): Buffer {
  return Buffer.concat([header(n), filling.subarray(0, 65_507 - 12)])
}

export function largestMessage(n: number): Buffer {
  return Buffer.concat([Buffer.of(0xff, 0xff), header(n), filling.subarray(0, 65_535 - 12)])
}

/** A question for a name that nobody asked for before, to be forwarded. */
export function distinctName(n: number): Buffer {
  const own = `x${process.pid.toString(36)}-${n.toString(36)}`
  const names = [own, ...foreignZone.split('.')].map((part) => label(part))
  return Buffer.concat([header(n), ...names, Buffer.of(0), typeA])
}

export function replyAsQuestion(n: number): Buffer {
  const bytes = questionFast(n)
  bytes.writeUInt16BE(0x8180, 2)
  return bytes
}
