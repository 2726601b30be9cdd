// The attacks by name: what is sent, by how many addresses, how fast it goes round.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { frame } from '../../../../src/dns/frame.ts'
import * as packets from './packets.ts'

interface Common {
  readonly name: string
  /** Loopback addresses that it comes from. */
  readonly sources: number
}

export interface UdpAttack extends Common {
  readonly transport: 'udp'
  readonly make: (n: number) => Buffer
}

/** What one session of an attack on TCP is given. */
export interface Ground {
  /** A new connection; rejects where there is none. */
  connect(): Promise<Socket>
  /** Counts one more act, and waits until it may be done; false: time is up. */
  pace(): Promise<boolean>
  readonly n: number
}

export interface TcpAttack extends Common {
  readonly transport: 'tcp'
  /** Sessions side by side. */
  readonly sessions: number
  readonly act: (ground: Ground) => Promise<void>
}

export type Attack = UdpAttack | TcpAttack

const udp = (name: string, make: (n: number) => Buffer, sources = 4): UdpAttack => ({
  ...{ name, make, sources },
  transport: 'udp',
})

const tcp = (name: string, sessions: number, act: TcpAttack['act'], sources = 8): TcpAttack => ({
  ...{ name, sessions, act, sources },
  transport: 'tcp',
})

/** Half of an honest question, behind its length. */
const half = (n: number) => frame(packets.question(n)).subarray(0, 12)

export const attacks: readonly Attack[] = [
  udp('flood from one address', packets.questionFast, 1),
  udp('floods of distinct names', packets.distinctName),
  udp('count bombs', packets.countBomb),
  udp('pointer chains and loops', packets.pointers),
  udp('lying lengths', packets.lyingLength),
  udp('64-byte labels', packets.longLabel),
  udp('largest datagrams', packets.largest),
  udp('replies sent as questions', packets.replyAsQuestion),

  tcp('TCP: 65,535-byte messages', 8, async ({ connect, pace, n }) => {
    const socket = await connect()
    while (!socket.destroyed && (await pace())) {
      if (!socket.write(packets.largestMessage(n)))
        await Promise.race([once(socket, 'drain'), closed(socket)])
    }
    socket.destroy()
  }),
  tcp('TCP: byte by byte', 64, async ({ connect, pace, n }) => {
    const socket = await connect()
    while (!socket.destroyed && (await pace())) {
      for (const byte of frame(packets.question(n))) {
        socket.write(Buffer.of(byte))
        await turn()
      }
    }
    socket.destroy()
  }),
  tcp('TCP: opened and left', 16, async ({ connect, pace }) => {
    // It is the server's to close them.
    while (await pace()) await connect()
  }),
  tcp('TCP: half-closed', 16, async ({ connect, pace, n }) => {
    while (await pace()) {
      const socket = await connect()
      socket.end(half(n))
      await closed(socket)
    }
  }),
  tcp('TCP: reset in the middle', 16, async ({ connect, pace, n }) => {
    while (await pace()) {
      const socket = await connect()
      socket.write(half(n))
      socket.resetAndDestroy()
      await closed(socket)
    }
  }),
  tcp('TCP: thousands at once', 1, async ({ connect, pace }) => {
    const opening: Promise<Socket | undefined>[] = []
    for (let i = 0; i < 3_000 && (await pace()); i++) opening.push(connect().catch(() => undefined))
    const open = await Promise.all(opening)
    await sleep(300)
    for (const socket of open) socket?.destroy()
  }),
  tcp('TCP: asks and never reads', 8, async ({ connect, pace, n }) => {
    const socket = await connect()
    socket.pause()
    while (!socket.destroyed && (await pace())) {
      const many = Buffer.concat(Array.from({ length: 100 }, () => frame(packets.questionFast(n))))
      if (!socket.write(many)) await Promise.race([once(socket, 'drain'), closed(socket), sleep(1_000)])
    }
    socket.destroy()
  }),
  tcp('TCP: thousands of questions in a row', 4, async ({ connect, pace, n }) => {
    const socket = await connect()
    while (!socket.destroyed && (await pace())) {
      if (!socket.write(frame(packets.questionFast(n)))) {
        await Promise.race([once(socket, 'drain'), closed(socket)])
      }
    }
    socket.destroy()
  }),
]

function closed(socket: Socket): Promise<unknown> {
  return socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once('close', resolve))
}
