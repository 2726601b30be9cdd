// The 12-byte header of every DNS message (RFC 1035, 4.1.1), and the gate: which messages may reach a decoder.

export const headerBytes = 12

/** RFC 1035, 4.1.1; RFC 6895, 2.3. Codes above 15 need an OPT for their upper bits. */
export const rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const
export type Rcode = number

const rcodeNames: Record<number, string> = {
  ...Object.fromEntries(Object.entries(rcode).map(([name, code]) => [code, name])),
  6: 'YXDOMAIN',
  7: 'YXRRSET',
  8: 'NXRRSET',
  9: 'NOTAUTH',
  10: 'NOTZONE',
}

export function rcodeName(code: Rcode): string {
  return rcodeNames[code] ?? `RCODE${code}`
}

/** Bits of the second 16-bit word. */
export const flag = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const

/** No client sends larger questions: a name and an OPT with cookies and padding stay far below. */
export const maxQueryBytes = 4096

export const idOf = (message: Buffer): number => message.readUInt16BE(0)
export const flagsOf = (message: Buffer): number => message.readUInt16BE(2)
export const opcodeOf = (message: Buffer): number => (message[2]! >> 3) & 0x0f
export const rcodeOf = (message: Buffer): Rcode => message[3]! & 0x0f
export const countsOf = (message: Buffer): [qd: number, an: number, ns: number, ar: number] => [
  message.readUInt16BE(4),
  message.readUInt16BE(6),
  message.readUInt16BE(8),
  message.readUInt16BE(10),
]

/** 'drop': no reply. A number: reply with that rcode. 'bare': no question, but maybe a COOKIE. 'pass': go on. */
export type Verdict = 'drop' | 'pass' | 'bare' | typeof rcode.FORMERR | typeof rcode.NOTIMP

/**
 * Looks at the header's bytes only. Drops replies, so that two servers cannot be made to talk to each other; everything
 * else with a whole header gets a reply (RFC 8906, 3). Admits one question (RFC 9619), no answers, and an OPT and a TSIG
 * at most, so that no inflated count reaches the decoder. A message without a question may ask for a cookie (RFC 7873, 5.4).
 */
export function gate(message: Buffer): Verdict {
  if (message.length < headerBytes) return 'drop'
  if ((message[2]! & 0x80) !== 0) return 'drop'
  if (opcodeOf(message) !== 0) return rcode.NOTIMP
  if (message.length > maxQueryBytes) return rcode.FORMERR
  const [qd, an, ns, ar] = countsOf(message)
  if (qd > 1 || an > 0 || ns > 0 || ar > 2) return rcode.FORMERR
  if (qd === 1) return 'pass'
  return ar > 0 ? 'bare' : rcode.FORMERR
}

/** A reply of a header alone, to a message that is not read further. Opcode, RD and CD as asked. */
export function headerOnly(query: Buffer, code: Rcode): Buffer {
  const reply = Buffer.alloc(headerBytes)
  query.copy(reply, 0, 0, 2)
  reply.writeUInt16BE(replyFlags(flagsOf(query), code), 2)
  return reply
}

/** QR and RA set, opcode, RD and CD from the question, AA, TC, AD and Z clear. */
export function replyFlags(queryFlags: number, code: Rcode): number {
  return flag.QR | flag.RA | (queryFlags & (0x7800 | flag.RD | flag.CD)) | (code & 0x0f)
}
