// Ports for servers that tests start.
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import type { EventEmitter } from 'node:events'
import { createServer } from 'node:net'

/** Of all ports each of Vitest's workers has its own: between this and the server's start nobody else gets the same. */
const lanes = 16
const lane = Number(process.env.VITEST_POOL_ID ?? 0) % lanes
const perLane = 12_768 / lanes
/** One after the other, so that a port is not given again before the server that it is for has taken it. */
let next = randomInt(perLane)

/**
 * A port that is free for UDP and TCP right now. Not of those that the system gives to outgoing connections (Linux:
 * 32768 and up): on a busy machine one of them may be taken before the server that it is for has started.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    next = (next + 1) % perLane
    const port = 20_000 + lane + lanes * next
    const udp = createSocket('udp4')
    const tcp = createServer()
    const [udpIsFree, tcpIsFree] = await Promise.all([
      bound(udp, () => udp.bind(port, '127.0.0.1')),
      bound(tcp, () => tcp.listen(port, '127.0.0.1')),
    ])
    if (udpIsFree) await new Promise<void>((resolve) => udp.close(resolve))
    if (tcpIsFree) await new Promise((resolve) => tcp.close(resolve))
    if (udpIsFree && tcpIsFree) return port
  }
}

function bound(socket: EventEmitter, bind: () => void): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false))
    socket.once('listening', () => resolve(true))
    bind()
  })
}
