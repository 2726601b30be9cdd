// A DNS client on one UDP socket for tests that ask without pause; clocks in ms since 1970 with fraction.
import dgram from 'node:dgram'
import { rcodeName, rcodeOf } from '../../../src/dns/header.ts'
import { encodeQuery, readMessage } from '../../../src/dns/message.ts'

export interface Asked {
  readonly name: string
  /** NOERROR, NXDOMAIN …; NONE: no reply within the client's patience, a second unless told. */
  readonly rcode: string
  readonly addresses: readonly string[]
  readonly sentAt: number
  readonly cameAt: number
}

export interface Client {
  ask(name: string): Promise<Asked>
  close(): void
}

/** The wall clock, finer than Date.now. */
export const wallClock = (): number => performance.timeOrigin + performance.now()

/** `patience`: how long a reply may take, ms. */
export async function createClient(server: { host: string; port: number }, patience = 1000): Promise<Client> {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  const waiting = new Map<number, (reply: Buffer | undefined) => void>()
  let id = 0
  socket.on('message', (message) => waiting.get(message.readUInt16BE(0))?.(message))
  socket.on('error', () => {})
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    ask(name) {
      id = (id + 1) & 0xffff
      const own = id
      const query = encodeQuery(name, 'A', { id: own, edns: 1232 })
      const sentAt = wallClock()
      return new Promise((resolve) => {
        const settle = (reply: Buffer | undefined) => {
          clearTimeout(timer)
          waiting.delete(own)
          const cameAt = wallClock()
          if (reply === undefined) resolve({ name, rcode: 'NONE', addresses: [], sentAt, cameAt })
          else {
            const addresses = readMessage(reply)
              .answers.filter(({ type }) => type === 'A')
              .map(({ data }) => data)
            resolve({ name, rcode: rcodeName(rcodeOf(reply)), addresses: addresses.sort(), sentAt, cameAt })
          }
        }
        const timer = setTimeout(settle, patience, undefined)
        waiting.set(own, settle)
        socket.send(query, server.port, server.host)
      })
    },
    close: () => socket.close(),
  }
}
