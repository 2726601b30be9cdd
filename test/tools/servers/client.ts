// A DNS client for tests: one question to 127.0.0.1, the reply's bytes and what they say.
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import net from 'node:net'
import { type DecodedPacket, decode } from 'dns-packet'
import { frame, readFrames } from '../../../src/dns/frame.ts'
import { flag, flagsOf, rcodeOf } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'

export interface AskOptions {
  readonly tcp?: boolean
  /** Size offered in OPT; undefined: no EDNS. Default: 1232. */
  readonly udpBytes?: number | undefined
  readonly dnssecOk?: boolean
  readonly checkingDisabled?: boolean
  /** AD in the question: it wants to know whether the answer was validated (RFC 6840, 5.7). */
  readonly authenticData?: boolean
  /** ms; rejects after that. Default: 5000. */
  readonly patience?: number
}

export interface Answer {
  readonly bytes: Buffer
  readonly packet: DecodedPacket
  readonly rcode: number
  readonly truncated: boolean
  /** AD: the upstream has validated it. */
  readonly authentic: boolean
  readonly ms: number
}

/** Types by number (IANA), as far as dns-packet and src/dns don't know them. */
const types: Readonly<Record<string, number>> = {
  DNAME: 39,
  DNSKEY: 48,
  RP: 17,
  AFSDB: 18,
  LOC: 29,
  CERT: 37,
  SSHFP: 44,
  TLSA: 52,
  SPF: 99,
  URI: 256,
}

/** A question with an ID of its own. */
export function encodeAsked(name: string, type: string, options: AskOptions = {}): Buffer {
  const { dnssecOk = false, checkingDisabled = false, authenticData = false } = options
  const edns = 'udpBytes' in options ? options.udpBytes : 1232
  const code = types[type]
  const query = encodeQuery(name, code === undefined ? type : `TYPE${code}`, {
    id: randomInt(0x10000),
    ...(edns === undefined ? {} : { edns }),
  })
  if (edns !== undefined && dnssecOk) query[query.length - 4]! |= 0x80
  if (checkingDisabled) query[3]! |= 0x10
  if (authenticData) query[3]! |= 0x20
  return query
}

export async function ask(
  port: number,
  name: string,
  type: string,
  options: AskOptions = {},
): Promise<Answer> {
  const { tcp = false, patience = 30_000 } = options
  const query = encodeAsked(name, type, options)
  const started = performance.now()
  const bytes = await (tcp ? askTcp : askUdp)(port, query, patience, `${name} ${type}`)
  return {
    bytes,
    packet: decode(bytes),
    rcode: rcodeOf(bytes),
    truncated: (flagsOf(bytes) & flag.TC) !== 0,
    authentic: (flagsOf(bytes) & flag.AD) !== 0,
    ms: performance.now() - started,
  }
}

/** Over UDP, then over TCP where that was truncated. */
export async function askWhole(
  port: number,
  name: string,
  type: string,
  options: AskOptions = {},
): Promise<Answer> {
  const answer = await ask(port, name, type, options)
  return answer.truncated ? ask(port, name, type, { ...options, tcp: true }) : answer
}

function askUdp(port: number, query: Buffer, patience: number, what: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    const end = (settle: () => void) => {
      clearTimeout(timer)
      socket.close()
      settle()
    }
    const timer = setTimeout(() => end(() => reject(new Error(`no reply to ${what}`))), patience)
    socket.on('error', (error) => end(() => reject(error)))
    socket.on('message', (bytes) => end(() => resolve(bytes)))
    socket.connect(port, '127.0.0.1', () => socket.send(query))
  })
}

function askTcp(port: number, query: Buffer, patience: number, what: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(frame(query)))
    const frames = readFrames()
    socket.setTimeout(patience, () => socket.destroy(new Error(`no reply to ${what} over TCP`)))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`closed before the reply to ${what}`)))
    socket.on('data', (chunk) => {
      for (const bytes of frames.push(chunk)) {
        resolve(bytes)
        socket.destroy()
      }
    })
  })
}

/** Records as sorted text without TTLs: sections of two answers can be compared whatever their order. */
export function recordSet(records: DecodedPacket['answers'] = []): string[] {
  return records
    .filter(({ type }) => type !== 'OPT')
    .map((record) => JSON.stringify({ ...record, ttl: undefined }))
    .sort()
}
