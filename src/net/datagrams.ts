// Serves questions that come as datagrams, for plain and batched sockets alike: admission, the handler, late replies.
import type { Socket } from 'node:dgram'
import { rcode } from '../dns/header.ts'
import { writeError } from '../dns/writer.ts'
import { explain } from '../lib/errors.ts'
import type { Reply } from './handler.ts'
import type { Admission } from './limits/limits.ts'
import { type Listener, type ListenOptions, serverLabel } from './listener.ts'

/**
 * Room for a burst while the event loop is busy or the process is not scheduled, bytes. The kernel doubles it, counts 768
 * for a small datagram, and caps it at net.core.rmem_max: 55 ms of local answers. With more, an overload would delay all
 * answers before any asker is capped.
 */
export const receiveBufferBytes = 2 * 1024 * 1024

export interface Datagrams {
  readonly listener: Listener
  readonly server: string
  /**
   * Call it before anything is read from a datagram or allocated for it. 'over' also while closing, and for source port 0:
   * no answer can reach it, and Node throws if it is to send there.
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

/** Sends one reply. If that fails (the asker is gone, the network is down) it is lost; DNS over UDP allows for that. */
export type Send = (reply: Buffer, address: string, port: number) => void

/** Serves a bound socket. `port` is the one in use. */
export function serveDatagrams(
  socket: Socket,
  port: number,
  send: Send,
  { at, handle, limits, log }: ListenOptions,
): Datagrams {
  const local = at.host
  const server = serverLabel(local, port)
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
      // It was refused when the server stopped.
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
    answer(message, asker, from, admission, isMiss) {
      const pressed = admission === 'pass' ? undefined : admission
      const reply = handle({ message, asker, local, transport: 'udp', server, pressed, isMiss })
      if (!(reply instanceof Promise)) return reply
      wait(reply, message, asker, from)
      return undefined
    },
    listener: {
      port,
      async close(abort) {
        closing = true
        // At least one turn, so that replies of this one are still sent.
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
      // Lost as any other: the caller has more to send than this one.
    }
  }
}

function ignore(): void {}
