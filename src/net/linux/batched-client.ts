// UDP to upstreams through system calls of our own: a question leaves in one, and while many replies come they are read
// as questions are, a batch for one call.
import { constants } from 'node:os'
import type { DialUdp } from '../../forward/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { systemCode } from '../../lib/errors.ts'
import { createSocket } from '../udp-listener.ts'
import { createRow, headerWords, lengthAt, nameLengthAt, vectorLengthAt } from './datagram-buffers.ts'
import { type Libc, systemError } from './libc.ts'
import type { Waiting } from './poll-loop.ts'

/** Replies read in one call; a port seldom has more than one waiting. */
const together = 8
/** No datagram is longer, whatever was offered. Not a page's size, as in batch.ts. */
const slotBytes = 65_536 + 64

const { EAGAIN, EINTR } = constants.errno

export function createBatchDial(libc: Libc, waiting: Waiting, clock: Clock): DialUdp {
  // One for all sockets, as each uses it within one call.
  const replies = createRow(libc, together, slotBytes)
  const question = createRow(libc, 1, slotBytes)
  // To whom the socket is connected.
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
    // Node's from here on: it waits while few replies come, and closes it.
    const socket = createSocket(to.host)
    let isOpen = true
    socket.on('error', told)
    socket.on('message', (message) => {
      heard(message)
      if (waiting.note(clock.monotonic())) take()
    })
    socket.bind({ fd, exclusive: true })
    // Node lets others have what it takes over, and whoever came last would hear the replies.
    libc.keepExclusive(fd)
    socket.unref()
    const watched = waiting.add(fd, take)

    /** What becomes of replies waits for promises: it is for the event loop to go on with. */
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
        // For want of room it is lost, as it might be on its way.
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
