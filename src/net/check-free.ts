// Whether an address is free, before its sockets are shared: the system would let them in beside those of another
// program of the same user that are shared as well, and give each a part of the questions.
import net from 'node:net'
import { placeFor } from './link-local-tcp.ts'
import type { Bindable } from './listener.ts'
import { bindSocket, createSocket } from './udp-listener.ts'

/** Binds it for nobody else, and leaves it again. Rejects with the system's error where it can't be had. */
export async function probe({ host, port }: Bindable): Promise<void> {
  // Whatever the system then chooses is free.
  if (port === 0) return
  const socket = createSocket(host)
  await bindSocket(socket, { address: host, port }).finally(
    () => new Promise<void>((resolve) => socket.close(resolve)),
  )
  const place = await placeFor({ host, port }, false)
  const server = net.createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...place, exclusive: true }, () => server.close(() => resolve()))
  })
}
