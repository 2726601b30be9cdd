// Sends one question to a DNS socket over UDP or TCP, as an ordinary client would.
import { createSocket, type SocketOptions } from 'node:dgram'
import { connect } from 'node:net'
import { formatHostPort } from '../config/text-values.ts'
import type { HostPort } from '../config/types.ts'
import { encodeQuery } from '../dns/asking.ts'
import { frame, readFrames } from '../dns/frame.ts'
import { flag, idOf, rcodeName } from '../dns/header.ts'
import { type Message, readSimple } from '../dns/simple.ts'
import { BerthError, explain } from '../lib/errors.ts'
import { familyOf, isOddlyScoped } from '../lib/ip.ts'
import { columns } from './io.ts'

export interface WireOptions {
  readonly tcp: boolean
  /** ms for each of two tries. Default: 1000. */
  readonly patience?: number
}

const tries = 2

/** The reply, and its text for people. Throws a BerthError (WIRE) if there is none. */
export async function queryWire(
  server: HostPort,
  name: string,
  type: string,
  { tcp, patience = 1000 }: WireOptions,
): Promise<{ message: Message; text: string }> {
  // Loading node:crypto would take longer than everything else here.
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
    `no DNS reply from ${where}: ${explain(failure)}; is berth running and listening there?`,
  )
}

async function read(reply: Buffer): Promise<Message> {
  return readSimple(reply) ?? (await import('../dns/message.ts')).readMessage(reply)
}

function exchangeUdp({ host, port }: HostPort, query: Buffer, patience: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const family = familyOf(host)
    // Taken literally: the system's resolver would lose some zones.
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
    // A connected socket only receives datagrams from the server, and learns when its port is closed. The callback gets
    // an error (no such interface, no route), which Node's types leave out.
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
    const frames = readFrames()
    // Node sends it once the connection is up.
    socket.write(frame(query))
    socket.on('data', (bytes) => {
      const [reply] = frames.push(bytes)
      if (reply === undefined) return
      const isOurs = answers(reply, query)
      if (isOurs) resolve(reply)
      socket.destroy(isOurs ? undefined : new Error('the reply was to another question'))
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
