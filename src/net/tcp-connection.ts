// One TCP connection (RFC 7766): several questions at once, answered as they are ready, with limits on all that a client
// can hold: questions in hand, bytes of incomplete messages and of unread replies, and time.
import type { Socket } from 'node:net'
import { frame, frameBytes, readFrames } from '../dns/frame.ts'
import { gate, rcode } from '../dns/header.ts'
import { writeError } from '../dns/writer.ts'
import type { Timer } from '../lib/clock.ts'
import type { ListenOptions } from './listener.ts'

export interface TcpConnection {
  /** Answers what is in hand, then closes. */
  finish(): void
  /** Answers what is in hand with SERVFAIL and closes. */
  refuse(): void
}

/** Whole questions that wait for their turn; with this many no more is read. */
const maxWaiting = 64
/** Replies of one turn are written together, but no more than this at once, bytes. */
const together = 16 * 1024
/** For the last bytes when the server stops, ms. */
const farewell = 100

/** undefined: there is no room, and it is closed. */
export function serveConnection(
  socket: Socket,
  server: string,
  { at, handle, limits, clock }: ListenOptions,
): TcpConnection | undefined {
  const { counters, settings } = limits
  const frames = readFrames()
  const waiting: Buffer[] = []
  let waitingBytes = 0
  const inHand = new Set<Buffer>()
  let replies: Buffer[] = []
  let repliesBytes = 0
  // remoteAddress is gone once the client is; a question can still be in our buffer then.
  const asker = socket.remoteAddress ?? ''
  let ending = false
  let idleTime = 0
  /** An incomplete message, and unread replies, each have a time limit. */
  let incomplete: Timer | undefined
  let unread: Timer | undefined

  socket.on('error', () => {
    counters.errors.add(1, 'tcp')
    socket.destroy()
  })
  const place = limits.connect(asker, {
    isIdle: () => inHand.size === 0 && waiting.length === 0 && replies.length === 0,
    close: () => socket.destroy(),
  })
  if (place === undefined) {
    socket.destroy()
    return undefined
  }
  const queued = { line: place.line, hasNext, takeNext }
  socket.on('timeout', () => {
    // Questions in hand have a deadline of their own.
    if (inHand.size > 0 || waiting.length > 0 || replies.length > 0) return
    counters.reached.add(1, 'idle', 'closed')
    socket.destroy()
  })
  socket.once('close', () => {
    clock.clearTimeout(incomplete)
    clock.clearTimeout(unread)
    place.leave()
  })
  socket.on('end', () => {
    ending = true
    settle()
  })
  socket.on('drain', settle)
  socket.on('data', (chunk) => {
    const messages = frames.push(chunk)
    if (messages.length > 0) {
      place.used()
      clock.clearTimeout(incomplete)
      incomplete = undefined
      waiting.push(...messages)
      for (const { length } of messages) waitingBytes += length
      limits.queue.join(queued)
    }
    settle()
  })
  settle()

  function hasNext(): boolean {
    return (
      waiting.length > 0 && inHand.size < settings.pipelined && !socket.writableNeedDrain && !socket.destroyed
    )
  }

  function takeNext(): void {
    const message = waiting.shift()!
    waitingBytes -= message.length
    // The stream is not DNS, or out of step: nothing that follows can be trusted.
    if (gate(message) === 'drop') {
      counters.broken.add(1)
      flush()
      socket.destroy()
      return
    }
    const reply = handle({ message, asker, local: at.host, transport: 'tcp', server, idle: idleTime })
    if (reply instanceof Promise) {
      inHand.add(message)
      void reply.then((bytes) => {
        if (inHand.delete(message)) send(bytes)
      })
    } else send(reply)
  }

  function send(reply: Buffer | undefined): void {
    if (reply === undefined) {
      settle()
      return
    }
    if (replies.push(reply) === 1) process.nextTick(flush)
    repliesBytes += frameBytes + reply.length
    if (repliesBytes >= together) flush()
  }

  function flush(): void {
    const ready = replies
    if (ready.length === 0) return
    replies = []
    repliesBytes = 0
    if (socket.writable) socket.write(frame(...ready))
    settle()
  }

  /** Call it after any change: queues what can be done, and sets or clears the client's time limits. */
  function settle(): void {
    if (socket.destroyed) return
    if (!place!.holds(frames.pending() + waitingBytes + repliesBytes + socket.writableLength)) {
      socket.destroy()
      return
    }
    if (hasNext()) limits.queue.join(queued)
    const isFull = waiting.length >= maxWaiting || socket.writableNeedDrain
    if (isFull !== socket.isPaused()) isFull ? socket.pause() : socket.resume()
    // While we do not read, an incomplete message is not the client's fault.
    incomplete = watch(incomplete, frames.pending() > 0 && !isFull)
    unread = watch(unread, socket.writableLength > 0)
    if (idleTime !== limits.idle()) {
      idleTime = limits.idle()
      socket.setTimeout(idleTime)
    }
    const isDone = inHand.size === 0 && waiting.length === 0 && replies.length === 0
    if (ending && isDone && !socket.writableEnded) {
      socket.end(() => socket.destroy())
    }
  }

  /** The timer runs while something is unfinished. */
  function watch(timer: Timer | undefined, isUnfinished: boolean): Timer | undefined {
    if (isUnfinished && timer === undefined) {
      return clock.setTimeout(() => {
        counters.reached.add(1, 'stall', 'closed')
        socket.destroy()
      }, settings.stall)
    }
    if (isUnfinished) return timer
    clock.clearTimeout(timer)
    return undefined
  }

  return {
    finish() {
      ending = true
      settle()
    },
    refuse() {
      for (const message of inHand) send(writeError(message, rcode.SERVFAIL))
      flush()
      inHand.clear()
      waiting.length = 0
      if (!socket.destroyed) socket.end(() => socket.destroy())
      clock.setTimeout(() => socket.destroy(), farewell)
    },
  }
}
