// Questions that come as datagrams, and what becomes of each: plain and batched sockets both hand them in here.
import type { Socket } from 'node:dgram'
import { rcode } from '../dns/header.ts'
import { writeError } from '../dns/writer.ts'
import { explain } from '../lib/errors.ts'
import type { Reply } from './handler.ts'
import type { Admission } from './limits/limits.ts'
import { type Listener, type ListenOptions, serverLabel } from './listener.ts'

/**
 * Room for a burst while the event loop is busy or the machine gives us no time, bytes. The kernel doubles it, counts
 * 768 for a small datagram, and caps it at net.core.rmem_max: 55 ms of local answers. More would make everybody's
 * answers later in an overload before anybody is capped.
 */
export const receiveBufferBytes = 2 * 1024 * 1024

export interface Datagrams {
  readonly listener: Listener
  readonly server: string
  /**
   * Before anything is read of a datagram, and before anything is made for it. 'over' too where we take no more, and of
   * port 0: nobody can be answered there, and Node throws where it is to send to it.
   */
  admit(address: string, port: number): Admission
  /** The handler's reply if it has one at once; one that comes later is sent by `send`. `isMiss`: as in Query. */
  answer(
    message: Buffer,
    address: string,
    port: number,
    admission: Exclude<Admission, 'over'>,
    isMiss: boolean,
  ): Reply
  /** Takes no more questions. */
  isClosing(): boolean
  /** Counts a failed system call, which concerns one datagram; the socket stays good. */
  fail(error: unknown): void
}

/** Sends one reply. One that can't be sent (the asker is gone, the network is down) is lost; DNS over UDP allows for that. */
export type Send = (reply: Buffer, address: string, port: number) => void

/** Serves a bound socket. `port` is the one in use. */
export function serveDatagrams(
  socket: Socket,
  port: number,
  send: Send,
  { at, handle, limits, log }: ListenOptions,
): Datagrams {
  const server = serverLabel(at.host, port)
  let closing = false
  const waiting = new Map<object, () => void>()
  let drained: (() => void) | undefined

  const fail = (error: unknown) => {
    limits.counters.errors.add(1, 'udp')
    log.debug({ server, why: explain(error) }, 'udp socket error')
  }
  // ICMP refusals and the like.
  socket.on('error', fail)

  function wait(later: Promise<Reply>, message: Buffer, address: string, to: number): void {
    const token = {}
    waiting.set(token, () => send(writeError(message, rcode.SERVFAIL), address, to))
    void later.then((reply) => {
      // Not there any more: it was refused when the server stopped.
      if (!waiting.delete(token)) return
      if (reply !== undefined) send(reply, address, to)
      if (waiting.size === 0) drained?.()
    })
  }

  return {
    server,
    fail,
    isClosing: () => closing,
    admit(address, from) {
      if (closing) return 'over'
      if (from !== 0) return limits.admit(address)
      limits.counters.errors.add(1, 'udp')
      return 'over'
    },
    answer(message, address, from, admission, isMiss) {
      const pressed = admission === 'pass' ? undefined : admission
      const reply = handle({
        message,
        asker: address,
        local: at.host,
        transport: 'udp',
        server,
        pressed,
        isMiss,
      })
      if (!(reply instanceof Promise)) return reply
      wait(reply, message, address, from)
      return undefined
    },
    listener: {
      port,
      async close(abort) {
        closing = true
        // A turn at the least, so that replies of this one still leave.
        await new Promise<void>((resolve) => {
          if (waiting.size === 0 || abort.aborted) return resolve()
          drained = resolve
          abort.addEventListener('abort', () => resolve(), { once: true })
        })
        for (const refuse of waiting.values()) refuse()
        waiting.clear()
        await new Promise<void>((resolve) => socket.close(resolve))
      },
    },
  }
}

/** A socket's own way to send. */
export function sendBy(socket: Socket): Send {
  return (reply, address, port) => {
    try {
      socket.send(reply, port, address, ignore)
    } catch {
      // Lost as any other: whoever sends has more to do than this one reply.
    }
  }
}

function ignore(): void {}
