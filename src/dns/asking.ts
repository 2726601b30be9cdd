// Encodes a question as a client sends it.
import { BerthError } from '../lib/errors.ts'
import { flag, headerBytes } from './header.ts'
import { encodeName } from './name.ts'
import { classIN, type, typeCode } from './types.ts'

export interface QueryOptions {
  readonly id: number
  /** The UDP size offered in an OPT record; undefined: no EDNS. */
  readonly edns?: number
}

/** One question, recursion desired. Throws a BerthError (WIRE) if the name or the type is invalid. */
export function encodeQuery(name: string, typeText: string, { id, edns }: QueryOptions): Buffer {
  const code = typeCode(typeText)
  if (code === undefined)
    throw new BerthError('WIRE', `"${typeText}" is not a record type; write A, AAAA or TYPE65`)
  const wireName = encodeName(name)
  if (wireName === undefined) {
    throw new BerthError(
      'WIRE',
      `"${name}" is not a domain name: a label is empty or longer than 63 bytes, or the name is longer than 253`,
    )
  }
  const tail = Buffer.alloc(edns === undefined ? 4 : 15)
  tail.writeUInt16BE(code, 0)
  tail.writeUInt16BE(classIN, 2)
  // The root, OPT, the size, and no options (RFC 6891, 6.1.2).
  if (edns !== undefined) {
    tail.writeUInt16BE(type.OPT, 5)
    tail.writeUInt16BE(edns, 7)
  }
  const header = Buffer.alloc(headerBytes)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(flag.RD, 2)
  header.writeUInt16BE(1, 4)
  if (edns !== undefined) header.writeUInt16BE(1, 10)
  return Buffer.concat([header, wireName, tail])
}
