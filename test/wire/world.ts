// Where packets come to: a small estate, who asks in it, and what its upstreams say.
import { readQuestion } from '../../src/dns/name.ts'
import { container, estate, network } from '../unit/resolve/estate.ts'

/**
 * web (172.18.0.2 and fd00:18::2) and 100 tasks of `many` are on `front`, db (172.19.0.3) is on `back` alone. The asker
 * is web: it may not see db, by whatever name.
 */
export const snapshot = estate(
  [
    network('front', ['172.18.0.0/16', 'fd00:18::/64']),
    network('back', ['172.19.0.0/16', 'fd00:19::/64']),
    // Not of a private range, so that nothing else keeps its addresses' names here.
    network('odd', ['11.12.0.0/16']),
  ],
  [
    container('web', { front: { at: ['172.18.0.2', 'fd00:18::2'] } }),
    // A wildcard, and more networks than one, so that names are looked for in many ways.
    container('wild', { front: { at: ['172.18.0.4'] } }, { labels: { 'berth.names': '*.wild.example' } }),
    container('db', { back: { at: ['172.19.0.3', 'fd00:19::3'] } }),
    ...Array.from({ length: 100 }, (_, n) =>
      container(`task${n}`, { front: { at: [`172.18.1.${n}`], names: ['many'] } }),
    ),
  ],
)

export const askers = {
  web: { asker: '172.18.0.2', local: '172.18.0.1' },
  host: { asker: '127.0.0.1', local: '127.0.0.1' },
  stranger: { asker: '203.0.113.9', local: '172.18.0.1' },
} as const

export const upstreams = ['192.0.2.1', '192.0.2.2'].map((host) => ({ host, port: 53, text: `${host}:53` }))

export type From = keyof typeof askers

/** Every question to an upstream has this ID. */
export const upstreamId = 0x1234

/** A name's only address, 198.51.100.1. */
export function honestReply(query: Buffer): Buffer {
  const { end } = readQuestion(query)!
  const opt = query.readUInt16BE(10) > 0 ? Buffer.from('00002904d0000000000000', 'hex') : Buffer.alloc(0)
  if (opt.length > 0) opt[7] = query[end + 7]!
  const record = Buffer.from('c00c000100010000003c0004c6336401', 'hex')
  const reply = Buffer.concat([query.subarray(0, end), record, opt])
  reply.writeUInt16BE(0x8180, 2)
  reply.writeUInt16BE(1, 6)
  return reply
}

export function truncatedReply(query: Buffer): Buffer {
  const reply = Buffer.from(query)
  reply.writeUInt16BE(0x8380, 2)
  return reply
}
