// A server in this process that does what a test says, over UDP and TCP on one port: wrong IDs, wrong questions, garbage,
// half messages, floods.
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { frame, readFrames } from '../../../src/dns/frame.ts'

export interface Asked {
  readonly message: Buffer
  readonly transport: 'udp' | 'tcp'
  /** The asker's. */
  readonly port: number
  /** Sends a message, framed over TCP. Over UDP it resolves once the system has taken it. */
  send(message: Buffer): Promise<void>
  /** Over TCP: bytes as they are. */
  write(bytes: Buffer): void
  /** Over TCP: no more will come. */
  end(): void
}

export interface Scripted {
  readonly port: number
  readonly address: string
  /** All questions so far. */
  readonly asked: readonly Asked[]
  stop(): Promise<void>
}

export async function startScripted(act: (asked: Asked) => unknown): Promise<Scripted> {
  const asked: Asked[] = []
  const connections = new Set<net.Socket>()
  const take = (question: Asked) => {
    asked.push(question)
    act(question)
  }
  const tcp = net.createServer((socket) => {
    connections.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => connections.delete(socket))
    const frames = readFrames()
    socket.on('data', (chunk) => {
      for (const message of frames.push(chunk)) {
        take({
          message,
          transport: 'tcp',
          port: socket.remotePort ?? 0,
          send: async (bytes) => void socket.write(frame(bytes)),
          write: (bytes) => void socket.write(bytes),
          end: () => socket.end(),
        })
      }
    })
  })
  const { udp, port } = await bindBoth(tcp)
  let isStopped = false
  udp.on('error', () => {})
  udp.on('message', (message, from) =>
    take({
      message,
      transport: 'udp',
      port: from.port,
      // A reply that takes its time may be ready when nobody waits for it any more.
      send: async (bytes) => {
        if (isStopped) return
        await new Promise<void>((resolve) => udp.send(bytes, from.port, from.address, () => resolve()))
      },
      write: () => {},
      end: () => {},
    }),
  )
  return {
    port,
    address: `127.0.0.1:${port}`,
    asked,
    async stop() {
      isStopped = true
      for (const socket of connections) socket.destroy()
      await Promise.all([
        new Promise((resolve) => tcp.close(resolve)),
        new Promise<void>((resolve) => udp.close(resolve)),
      ])
    },
  }
}

/** The number that TCP gets may be taken for UDP: then both try again. */
async function bindBoth(tcp: net.Server): Promise<{ udp: Socket; port: number }> {
  for (;;) {
    tcp.listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const { port } = tcp.address() as net.AddressInfo
    const udp = createSocket('udp4')
    const bound = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false))
      udp.bind(port, '127.0.0.1', () => resolve(true))
    })
    if (bound) return { udp, port }
    udp.close()
    await new Promise((resolve) => tcp.close(resolve))
  }
}

/** `message` as its own reply. */
export function replyTo(message: Buffer, code = 0, flags = 0x8180): Buffer {
  const reply = Buffer.from(message)
  reply.writeUInt16BE(flags | code, 2)
  return reply
}
