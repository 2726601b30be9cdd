// One question to a DNS socket over UDP or TCP, as an ordinary client would ask it.
import { createSocket, type SocketOptions } from 'node:dgram'
import { connect } from 'node:net'
import type { HostPort } from '../config/types.ts'
import { formatHostPort } from '../config/values.ts'
import { encodeQuery } from '../dns/asking.ts'
import { flag, idOf, rcodeName } from '../dns/header.ts'
import { type Message, readSimple } from '../dns/simple.ts'
import { BerthError, explain } from '../lib/errors.ts'
import { familyOf, isOddlyScoped } from '../lib/ip.ts'
import { columns } from './io.ts'

export interface WireOptions {
  readonly tcp: boolean
  /** Milliseconds a try may take; default: 1000, so that two are 2 s. */
  readonly patience?: number
}

const tries = 2

/** The reply and its text for a person. Throws a BerthError (WIRE) where there is none. */
export async function queryWire(
  server: HostPort,
  name: string,
  type: string,
  { tcp, patience = 1000 }: WireOptions,
): Promise<{ message: Message; text: string }> {
  // As a stub's: to load node:crypto takes longer than all of this.
  const id = Math.floor(Math.random() * 0x10000)
  const query = encodeQuery(name, type, { id, edns: 1232 })
  const exchange = tcp ? exchangeTcp : exchangeUdp
  let failure: unknown
  for (let attempt = 0; attempt < tries; attempt++) {
    try {
      const message = await read(await exchange(server, query, patience))
      return { message, text: describe(message) }
    } catch (error) {
      failure = error
    }
  }
  const where = `${formatHostPort(server.host, server.port)} (${tcp ? 'TCP' : 'UDP'})`
  throw new BerthError(
    'WIRE',
    `no DNS reply from ${where}: ${explain(failure)}; is berth running, and is it there?`,
  )
}

async function read(reply: Buffer): Promise<Message> {
  return readSimple(reply) ?? (await import('../dns/message.ts')).readMessage(reply)
}

function exchangeUdp({ host, port }: HostPort, query: Buffer, patience: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const family = familyOf(host)
    // Literal: the system's resolver would lose some zones.
    const lookup: SocketOptions['lookup'] = (literal, _options, callback) => callback(null, literal, family)
    const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup: lookup! })
    const timer = setTimeout(() => end(new Error(`no answer within ${patience} ms`)), patience)
    function end(error: Error | undefined, reply?: Buffer) {
      clearTimeout(timer)
      socket.close()
      if (reply === undefined) reject(error)
      else resolve(reply)
    }
    socket.once('error', end)
    // A connected socket takes datagrams from the server only, and hears that its port is closed. Node hands an error to
    // what it calls then (no such interface, no way there), which its types do not say.
    socket.connect(port, host, (error?: Error | null) => {
      if (error) return end(error)
      socket.on('message', (reply) => {
        if (answers(reply, query)) end(undefined, reply)
      })
      socket.send(query)
    })
  })
}

async function exchangeTcp({ host, port }: HostPort, query: Buffer, patience: number): Promise<Buffer> {
  const socket = isOddlyScoped(host)
    ? await (await import('../net/link-local-tcp.ts')).dialTcp({ host, port })
    : connect({ host, port })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${patience} ms`)), patience)
    let received = Buffer.alloc(0)
    const prefix = Buffer.alloc(2)
    prefix.writeUInt16BE(query.length)
    // It waits for the connection.
    socket.write(Buffer.concat([prefix, query]))
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
      const length = received.length < 2 ? Number.POSITIVE_INFINITY : received.readUInt16BE(0)
      if (received.length - 2 < length) return
      const reply = received.subarray(2, 2 + length)
      if (answers(reply, query)) resolve(reply)
      socket.destroy(answers(reply, query) ? undefined : new Error('a reply to something else came'))
    })
    socket.once('error', reject)
    socket.once('close', () => {
      clearTimeout(timer)
      reject(new Error('the connection was closed without an answer'))
    })
  })
}

function answers(reply: Buffer, query: Buffer): boolean {
  return reply.length >= 12 && idOf(reply) === idOf(query) && (reply[2]! & 0x80) !== 0
}

function describe({ rcode, flags, answers, authorities, additionals }: Message): string {
  const bits = (['AA', 'TC', 'RD', 'RA', 'AD', 'CD'] as const).filter((bit) => (flags & flag[bit]) !== 0)
  const records = [...answers, ...authorities, ...additionals]
  const rows = records.map(({ name, type, ttl, data }) => [name, String(ttl), type, data])
  const counts = `${answers.length} answer${answers.length === 1 ? '' : 's'}`
  return `${rcodeName(rcode)}, ${counts}, flags ${bits.join(' ').toLowerCase()}\n${columns(rows)}`
}
