// Questions over TCP (RFC 7766): several on one connection, answered as they are ready, with bounds on everything a
// client can hold: connections, questions in flight, unread replies, time.
import net, { isIPv6 } from 'node:net'
import { frame, readFrames } from '../dns/frame.ts'
import { gate, rcode } from '../dns/header.ts'
import { writeError } from '../dns/writer.ts'
import { explain } from '../lib/errors.ts'
import type { Handle } from '../resolve/query.ts'
import { type Listener, type ListenOptions, serverLabel } from './listener.ts'

export interface TcpLimits {
  /** At once, per listening address. */
  readonly connections: number
  /** Questions being answered on one connection; more are read when some are done. */
  readonly pipelined: number
  /** Nothing whole came, and nothing is being answered: ms until the connection is closed (RFC 7766, 6.2.3). */
  readonly idle: number
  /** Unsent replies a client may leave unread, bytes. */
  readonly unread: number
}

const defaultLimits: TcpLimits = { connections: 1024, pipelined: 64, idle: 10_000, unread: 256 * 1024 }

/** Rejects with the system's error where the address can't be bound. */
export async function listenTcp(
  { at, handle, log }: ListenOptions,
  limits = defaultLimits,
): Promise<Listener> {
  const connections = new Set<Connection>()
  const server = net.createServer({ noDelay: true, allowHalfOpen: true })
  server.maxConnections = limits.connections
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: at.host, port: at.port, ipv6Only: isIPv6(at.host), exclusive: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as net.AddressInfo
  const label = serverLabel(at.host, port)
  server.on('error', (error) => log.debug({ server: label, why: explain(error) }, 'tcp server error'))
  server.on('connection', (socket) => {
    const connection = serveConnection(socket, at.host, label, handle, limits)
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

interface Connection {
  /** Answers what is in hand, then closes. */
  finish(): void
  /** Answers what is in hand with SERVFAIL and closes. */
  refuse(): void
}

function serveConnection(
  socket: net.Socket,
  local: string,
  server: string,
  handle: Handle,
  limits: TcpLimits,
): Connection {
  const frames = readFrames()
  const waiting: Buffer[] = []
  const inHand = new Set<Buffer>()
  // remoteAddress is gone once the client is; a question can still be in our buffer then.
  const asker = socket.remoteAddress ?? ''
  let ending = false

  socket.setTimeout(limits.idle, () => {
    // Questions in hand have a deadline of their own.
    if (inHand.size === 0 || socket.writableLength > 0) socket.destroy()
  })
  socket.on('error', () => socket.destroy())
  socket.on('end', () => {
    ending = true
    endWhenDone()
  })
  socket.on('drain', () => {
    socket.resume()
    next()
  })
  socket.on('data', (chunk) => {
    waiting.push(...frames.push(chunk))
    next()
  })

  function next(): void {
    while (waiting.length > 0 && inHand.size < limits.pipelined && !socket.destroyed) {
      const message = waiting.shift()!
      // What is no question at all on a stream means that the stream is not DNS, or out of step: nothing behind it
      // can be trusted.
      if (gate(message) === 'drop') {
        socket.destroy()
        return
      }
      ask(message)
    }
    if (waiting.length > 0) socket.pause()
    else if (!socket.destroyed) socket.resume()
    endWhenDone()
  }

  function ask(message: Buffer): void {
    const reply = handle({ message, asker, local, transport: 'tcp', server, idle: limits.idle })
    if (!(reply instanceof Promise)) {
      send(reply)
      return
    }
    inHand.add(message)
    void reply.then((bytes) => {
      if (!inHand.delete(message)) return
      send(bytes)
      next()
    })
  }

  function send(reply: Buffer | undefined): void {
    if (reply === undefined || socket.destroyed) return
    socket.write(frame(reply))
    // A client that asks and never reads is not owed memory.
    if (socket.writableLength > limits.unread) socket.destroy()
  }

  function endWhenDone(): void {
    if (ending && inHand.size === 0 && waiting.length === 0 && !socket.destroyed)
      socket.end(() => socket.destroy())
  }

  return {
    finish() {
      ending = true
      endWhenDone()
    },
    refuse() {
      for (const message of inHand) send(writeError(message, rcode.SERVFAIL))
      inHand.clear()
      waiting.length = 0
      if (!socket.destroyed) socket.end(() => socket.destroy())
      socket.setTimeout(100, () => socket.destroy())
    },
  }
}
