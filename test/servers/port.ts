// Ports for servers that tests start.
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import type { EventEmitter } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port that is free for UDP and TCP right now. Not of those that the system gives to outgoing connections (Linux:
 * 32768 and up): on a busy machine one of them may be taken before the server that it is for has started.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_768)
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
