// Questions over UDP, many in one system call while there are many: a socket like that of udp-listener.ts, from which a
// burst is read with recvmmsg and answered with one sendmmsg. Encoded answers are copied from one to the other; nothing is
// allocated for them.
import type { Socket } from 'node:dgram'
import { constants } from 'node:os'
import { maxQueryBytes } from '../../dns/header.ts'
import { receiveBufferBytes, type Send, sendBy, serveDatagrams } from '../datagrams.ts'
import type { EncodedAnswers } from '../handler.ts'
import type { Listener, ListenOptions } from '../listener.ts'
import { bindSocket, createSocket } from '../udp-listener.ts'
import {
  type AddressReader,
  batchSize,
  createAddressReader,
  createBuffers,
  type DatagramBuffers,
  headerWords,
  lengthAt,
  nameLengthAt,
} from './datagram-buffers.ts'
import { type Libc, sockaddrBytes, systemError } from './libc.ts'
import type { PollLoop } from './poll-loop.ts'
import { createSendBatch, type SendBatch } from './send-batch.ts'

const { EAGAIN, EINTR } = constants.errno

/**
 * At least one byte more than the longest question, so that the gate sees that one is too long. Not a page's size: the first
 * bytes of all slots would fall on the same few lines of the processor's cache.
 */
const questionBytes = maxQueryBytes + 64

/** What all sockets share, as each uses it within one call. */
interface Shared {
  readonly libc: Libc
  readonly pollLoop: PollLoop
  readonly questions: DatagramBuffers
  readonly reader: AddressReader
  readonly replies: SendBatch
}

/** A listenUdp that reads and sends in batches. */
export function createBatchedListener(
  libc: Libc,
  pollLoop: PollLoop,
): (options: ListenOptions) => Promise<Listener> {
  const reader = createAddressReader(libc)
  const questions = createBuffers(libc, batchSize, questionBytes)
  const shared = { libc, pollLoop, questions, reader, replies: createSendBatch(libc, reader) }
  return async (options) => {
    const { at, sharing } = options
    const fd = libc.bind(at, {
      kind: 'udp',
      receiveBuffer: receiveBufferBytes,
      shared: sharing !== undefined,
    })
    const socket = createSocket(at.host)
    try {
      await bindSocket(socket, { fd })
    } catch (error) {
      // From then on it is Node's, which closes it.
      libc.close(fd)
      throw error
    }
    // Node sets SO_REUSEADDR on a socket that it takes over.
    libc.keepExclusive(fd)
    return serve(shared, socket, fd, options)
  }
}

function serve(
  { libc, pollLoop, questions, reader, replies }: Shared,
  socket: Socket,
  fd: number,
  options: ListenOptions,
): Listener {
  const { at, clock } = options
  const sending = { fd, byNode: sendBy(socket), fail: (error: unknown) => datagrams.fail(error) }
  const datagrams = serveDatagrams(socket, socket.address().port, sendLater, options)
  const here = { local: at.host, server: datagrams.server }
  let late: Parameters<Send>[] = []
  /** Whether all that was read is answered or dropped. */
  let isDone = true

  /** For replies that are ready after their batch was sent: those of one turn of the event loop are sent together. */
  function sendLater(reply: Buffer, address: string, port: number): void {
    // Once the socket is Node's to close, its number may be another's.
    if (datagrams.isClosing()) sending.byNode(reply, address, port)
    else if (late.push([reply, address, port]) === 1) pollLoop.soon(sendLate)
  }

  function sendLate(): void {
    const ready = late
    late = []
    for (const [reply, address, port] of ready) {
      if (replies.isFull()) replies.flush(sending)
      if (!replies.address(address, port) || !replies.put(reply)) sending.byNode(reply, address, port)
    }
    replies.flush(sending)
  }

  function takeOne(
    encoded: EncodedAnswers | undefined,
    message: Buffer,
    address: string,
    port: number,
  ): void {
    const admission = datagrams.admit(address, port)
    if (admission === 'over') return
    const isAddressed = replies.address(address, port)
    const isTried = isAddressed && admission === 'pass' && encoded !== undefined
    if (isTried) {
      const { length } = message
      const written = encoded.answer(message, 0, length, address, here, replies.data, replies.at())
      if (written > 0) {
        replies.add(written)
        return
      }
    }
    const reply = datagrams.answer(message, address, port, admission, isTried)
    if (reply === undefined) isDone = false
    else if (!isAddressed || !replies.put(reply)) sending.byNode(reply, address, port)
  }

  /** The one at `index` of a batch. */
  function takeNext(encoded: EncodedAnswers | undefined, index: number): void {
    const address = reader.address(questions, index)
    const port = reader.port(questions, index)
    const admission = datagrams.admit(address, port)
    if (admission === 'over') return
    const start = index * questions.slotBytes
    const stop = start + questions.headers[index * headerWords + lengthAt]!
    replies.addressAs(questions, index)
    const isTried = admission === 'pass' && encoded !== undefined
    if (isTried) {
      const written = encoded.answer(questions.data, start, stop, address, here, replies.data, replies.at())
      if (written > 0) {
        replies.add(written)
        return
      }
    }
    // The handler may keep it; the slot is needed for the next one.
    const message = Buffer.allocUnsafe(stop - start)
    questions.data.copy(message, 0, start, stop)
    const reply = datagrams.answer(message, address, port, admission, isTried)
    if (reply === undefined) isDone = false
    else if (!replies.put(reply)) sending.byNode(reply, address, port)
  }

  /** Answers one batch of what waits. */
  function drain(encoded: EncodedAnswers | undefined): void {
    if (datagrams.isClosing()) return
    const count = libc.receive(fd, questions.address, batchSize)
    if (count < 0) {
      if (-count !== EAGAIN && -count !== EINTR) datagrams.fail(systemError(-count, 'recvmmsg'))
      return
    }
    try {
      for (let i = 0; i < count; i++) takeNext(encoded, i)
    } finally {
      // The system has written each address's length over its room.
      for (let i = 0; i < count; i++) questions.headers[i * headerWords + nameLengthAt] = sockaddrBytes
    }
  }

  /** Also after an error: the next socket needs the batch empty. */
  function leave(encoded: EncodedAnswers | undefined): void {
    replies.flush(sending)
    encoded?.end()
  }

  socket.on('message', (message, from) => {
    const encoded = options.encoded?.()
    const began = encoded?.begin() ?? clock.monotonic()
    try {
      takeOne(encoded, message, from.address, from.port)
      if (pollLoop.note(began)) drain(encoded)
    } finally {
      leave(encoded)
    }
  })
  const watched = pollLoop.add(fd, () => {
    const encoded = options.encoded?.()
    encoded?.begin()
    isDone = true
    try {
      drain(encoded)
    } finally {
      leave(encoded)
    }
    return isDone
  })
  const { listener } = datagrams
  return {
    ...listener,
    close(abort) {
      watched.end()
      sendLate()
      return listener.close(abort)
    },
  }
}
