// Questions over UDP: one socket for one address, so that replies leave from the address that was asked
// (RFC 2181, 4), and the asked address tells the network.
import dgram from 'node:dgram'
import { explain } from '../lib/errors.ts'
import { familyOf } from '../lib/ip.ts'
import { receiveBufferBytes, sendBy, serveDatagrams } from './datagrams.ts'
import type { Listener, ListenOptions } from './listener.ts'

/** Rejects with the system's error where the address can't be bound. */
export async function listenUdp(options: ListenOptions): Promise<Listener> {
  const { at, log, sharing } = options
  const socket = createSocket(at.host, sharing !== undefined)
  await bindSocket(socket, { address: at.host, port: at.port })
  const send = sendBy(socket)
  const { listener, server, admit, answer } = serveDatagrams(socket, socket.address().port, send, options)
  try {
    socket.setRecvBufferSize(receiveBufferBytes)
  } catch (error) {
    log.debug({ server, why: explain(error) }, 'receive buffer stays at the default')
  }
  socket.on('message', (message, from) => {
    const admission = admit(from.address, from.port)
    if (admission === 'over') return
    const reply = answer(message, from.address, from.port, admission, false)
    if (reply !== undefined) send(reply, from.address, from.port)
  })
  return listener
}

export function createSocket(host: string, reusePort = false): dgram.Socket {
  const family = familyOf(host)
  const options: dgram.SocketOptions & { reusePort: boolean } = {
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    reusePort,
    // Addresses are literal: without this each send would go through the system's resolver.
    lookup: (literal, _options, callback) => callback(null, literal, family),
  }
  return dgram.createSocket(options)
}

/** Binds it to an address, or takes over a bound file descriptor. */
export async function bindSocket(
  socket: dgram.Socket,
  to: { address: string; port: number } | { fd: number },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ ...to, exclusive: true }, () => {
      socket.off('error', reject)
      resolve()
    })
  })
}
