// A way out of the private engine's network for builds: connections to package registries, and to nothing else. Its
// one end is a proxy beside the launcher, the other one inside; a unix socket, a file both see, joins them.
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Listens at `path` for HTTP CONNECT to port 443. Gives what ends it. */
export async function offerWayOut(path: string): Promise<() => void> {
  const proxy = createHttpServer((_, reply) => reply.writeHead(405).end())
  const open = new Set<{ destroy(): void }>()
  proxy.on('connect', ({ url = '' }, asker: Socket) => {
    const [host, port] = url.split(':')
    if (port !== '443') return void asker.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    const server = connect({ host: host!, port: 443 }, () => {
      asker.write('HTTP/1.1 200 Connection established\r\n\r\n')
      join(asker, server)
    })
    server.once('error', () => asker.destroy())
    for (const socket of [asker, server]) {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    }
  })
  await new Promise<void>((resolve) => proxy.listen(path, resolve))
  proxy.unref()
  return () => {
    proxy.close()
    for (const socket of open) socket.destroy()
  }
}

export interface Bridge {
  readonly url: string
  close(): void
}

/** Leads from a TCP port at `address` to the proxy at `path`. */
export async function bridgeTo(path: string, address: string): Promise<Bridge> {
  const server = createServer((asker) => join(asker, connect(path)))
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://${address}:${port}`, close: () => void server.close() }
}

function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to)
    from.once('error', () => to.destroy())
    from.once('close', () => to.destroy())
  }
}
