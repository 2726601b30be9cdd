// UDP to upstreams by system calls: one to send a question; while many replies come, one reads a batch of them.
import { constants } from 'node:os'
import type { DialUdp } from '../../forward/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { systemCode } from '../../lib/errors.ts'
import { createSocket } from '../udp-listener.ts'
import { createBuffers, headerWords, lengthAt, nameLengthAt, vectorLengthAt } from './datagram-buffers.ts'
import { type Libc, systemError } from './libc.ts'
import type { PollLoop } from './poll-loop.ts'

/** Replies read in one call; a port seldom has more than one pollLoop. */
const together = 8
/** No datagram is longer, whatever was offered. Not a page's size, for the reason in batched-listener.ts. */
const slotBytes = 65_536 + 64

const { EAGAIN, EINTR } = constants.errno

export function createBatchedDial(libc: Libc, pollLoop: PollLoop, clock: Clock): DialUdp {
  // All sockets share these, as each uses them within one call.
  const replies = createBuffers(libc, together, slotBytes)
  const question = createBuffers(libc, 1, slotBytes)
  // No address: the socket is connected.
  question.headers[nameLengthAt] = 0

  return (to, { heard, failed }) => {
    const told = (error: unknown) => failed(systemCode(error) ?? String(error))
    let fd: number
    try {
      fd = libc.connect(to)
    } catch (error) {
      process.nextTick(told, error)
      return { isConnected: false, send() {}, close() {} }
    }
    // Node's from here on: it reads while few replies come, and closes it.
    const socket = createSocket(to.host)
    let isOpen = true
    socket.on('error', told)
    socket.on('message', (message) => {
      heard(message)
      if (pollLoop.note(clock.monotonic())) take()
    })
    socket.bind({ fd, exclusive: true })
    // Node sets SO_REUSEADDR on a socket that it takes over, and the last to bind the port would get the replies.
    libc.keepExclusive(fd)
    socket.unref()
    const watched = pollLoop.add(fd, take)

    /** false: what the replies resolve are promises, which need the event loop. */
    function take(): false {
      if (!isOpen) return false
      const count = libc.receive(fd, replies.address, together)
      if (count < 0 && -count !== EAGAIN && -count !== EINTR) told(systemError(-count, 'recvmmsg'))
      for (let i = 0; i < count; i++) {
        const start = i * slotBytes
        const length = replies.headers[i * headerWords + lengthAt]!
        const message = Buffer.allocUnsafe(length)
        replies.data.copy(message, 0, start, start + length)
        heard(message)
      }
      return false
    }

    return {
      isConnected: true,
      send(message) {
        question.data.set(message)
        question.vectors[vectorLengthAt] = message.length
        const result = libc.send(fd, question.address, 1)
        // No room in the send buffer: lost, as it might be on its way.
        if (result < 0 && -result !== EAGAIN && -result !== EINTR) {
          process.nextTick(told, systemError(-result, 'sendmmsg'))
        }
      },
      close() {
        isOpen = false
        watched.end()
        socket.close()
      },
    }
  }
}
