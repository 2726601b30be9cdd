// The TCP socket at one address (RFC 7766): accepts connections, and ends them when the server stops.
import { once } from 'node:events'
import net from 'node:net'
import { explain } from '../lib/errors.ts'
import { placeFor } from './link-local-tcp.ts'
import { type Listener, type ListenOptions, serverLabel } from './listener.ts'
import { serveConnection, type TcpConnection } from './tcp-connection.ts'

/** Connections that the kernel holds until they are accepted, one in each turn of the event loop. */
const backlog = 1024

/** Rejects with the system's error where the address can't be bound. */
export async function listenTcp(options: ListenOptions): Promise<Listener> {
  const { at, limits, log, sharing } = options
  const connections = new Set<TcpConnection>()
  const server = net.createServer({ noDelay: true, allowHalfOpen: true })
  const where =
    sharing?.bindTcp === undefined ? await placeFor(at, sharing !== undefined) : { fd: sharing.bindTcp(at) }
  server.listen({ ...where, exclusive: true, backlog })
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const label = serverLabel(at.host, port)
  // No file descriptor for a connection: the next one may get one.
  server.on('error', (error) => {
    limits.counters.errors.add(1, 'tcp')
    log.debug({ server: label, why: explain(error) }, 'tcp server error')
  })
  server.on('connection', (socket) => {
    const connection = serveConnection(socket, label, options)
    if (connection === undefined) return
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
  })

  return {
    port,
    async close(abort) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const refuseAll = () => {
        for (const connection of connections) connection.refuse()
      }
      for (const connection of connections) connection.finish()
      if (abort.aborted) refuseAll()
      else abort.addEventListener('abort', refuseAll, { once: true })
      await closed
    },
  }
}
