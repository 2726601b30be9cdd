// Checks that an address is free before its sockets are shared: the system would let them in beside another program's of
// the same user that are shared too, and split the questions between both.
import { once } from 'node:events'
import net from 'node:net'
import { placeFor } from './link-local-tcp.ts'
import type { Bindable } from './listener.ts'
import { bindSocket, createSocket } from './udp-listener.ts'

/** Binds it exclusively and releases it. Rejects with the system's error if it is not free. */
export async function checkFree({ host, port }: Bindable): Promise<void> {
  // The system will choose a free one.
  if (port === 0) return
  const socket = createSocket(host)
  await bindSocket(socket, { address: host, port }).finally(
    () => new Promise<void>((resolve) => socket.close(resolve)),
  )
  const place = await placeFor({ host, port }, false)
  const server = net.createServer()
  server.listen({ ...place, exclusive: true })
  await once(server, 'listening')
  await new Promise((resolve) => server.close(resolve))
}
