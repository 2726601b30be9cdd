// Questions over UDP: one socket for one address, so that replies leave from the address that was asked
// (RFC 2181, 4), and the asked address tells the network.
import dgram from 'node:dgram'
import { isIPv6 } from 'node:net'
import { rcode } from '../dns/header.ts'
import { writeError } from '../dns/writer.ts'
import { explain } from '../lib/errors.ts'
import type { Query } from '../resolve/query.ts'
import { type Listener, type ListenOptions, serverLabel } from './listener.ts'

/**
 * Room for a burst while the event loop is busy or the machine gives us no time, bytes. The kernel doubles it, counts
 * 768 for a small datagram, and caps it at net.core.rmem_max: 55 ms of local answers. More would make everybody's
 * answers later in an overload before anybody is capped.
 */
const receiveBufferBytes = 2 * 1024 * 1024

/** Rejects with the system's error where the address can't be bound. */
export async function listenUdp({ at, handle, limits, log }: ListenOptions): Promise<Listener> {
  const family = isIPv6(at.host) ? 6 : 4
  const socket = dgram.createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    // Addresses are literal: without this each send would go through the system's resolver.
    lookup: (host, _options, callback) => callback(null, host, family),
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: at.host, port: at.port, exclusive: true }, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  const { port } = socket.address()
  const server = serverLabel(at.host, port)
  // ICMP refusals and the like concern one reply; the socket stays good.
  socket.on('error', (error) => {
    limits.counters.errors.add(1, 'udp')
    log.debug({ server, why: explain(error) }, 'udp socket error')
  })
  try {
    socket.setRecvBufferSize(receiveBufferBytes)
  } catch (error) {
    log.debug({ server, why: explain(error) }, 'receive buffer stays at the default')
  }

  let closing = false
  const waiting = new Map<object, () => void>()
  let drained: (() => void) | undefined

  socket.on('message', (message, from) => {
    if (closing) return
    // Before anything is read of it, and before anything is made for it.
    const admission = limits.admit(from.address)
    if (admission === 'over') return
    const send = (reply: Buffer | undefined) => {
      if (reply !== undefined) socket.send(reply, from.port, from.address, ignore)
    }
    const query: Query = { message, asker: from.address, local: at.host, transport: 'udp', server }
    const reply = handle(admission === 'pass' ? query : { ...query, pressed: admission })
    if (!(reply instanceof Promise)) {
      send(reply)
      return
    }
    const token = {}
    waiting.set(token, () => send(writeError(message, rcode.SERVFAIL)))
    void reply.then((bytes) => {
      // Not there any more: it was refused when the server stopped.
      if (!waiting.delete(token)) return
      send(bytes)
      if (waiting.size === 0) drained?.()
    })
  })

  return {
    port,
    async close(abort) {
      closing = true
      if (waiting.size > 0 && !abort.aborted) {
        await new Promise<void>((resolve) => {
          drained = resolve
          abort.addEventListener('abort', () => resolve(), { once: true })
        })
      }
      for (const refuse of waiting.values()) refuse()
      waiting.clear()
      await new Promise<void>((resolve) => socket.close(resolve))
    },
  }
}

/** A reply that can't be sent (the asker is gone, the network is down) is lost; DNS over UDP allows for that. */
function ignore(): void {}
