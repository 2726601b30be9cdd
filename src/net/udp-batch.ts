// Questions over UDP, many for one system call while there are many: a socket like that of udp.ts, of which a burst
// is read with recvmmsg and answered with one sendmmsg. Answers at hand go from one to the other without anything
// being made for them.
import type { Socket } from 'node:dgram'
import { constants } from 'node:os'
import { type Batch, batchSize, createBatch, headerWords, lengthAt, nameLengthAt } from './batch.ts'
import { receiveBufferBytes, type Send, sendBy, serveDatagrams } from './datagrams.ts'
import type { EncodedAnswers } from './handler.ts'
import { type Libc, sockaddrBytes, systemError } from './libc.ts'
import type { Listener, ListenOptions } from './listener.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { bindSocket, createSocket } from './udp.ts'
import type { Waiting } from './waiting.ts'

const { EAGAIN, EINTR } = constants.errno

/** A listenUdp that reads and sends in batches. */
export function createBatchUdp(libc: Libc, waiting: Waiting): (options: ListenOptions) => Promise<Listener> {
  const batch = createBatch(libc)
  const outbox = createOutbox(libc, batch)
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
    // Node lets others have what it takes over.
    libc.keepExclusive(fd)
    return serve(libc, waiting, batch, outbox, socket, fd, options)
  }
}

function serve(
  libc: Libc,
  waiting: Waiting,
  { questions, addressIn, portIn }: Batch,
  outbox: Outbox,
  socket: Socket,
  fd: number,
  options: ListenOptions,
): Listener {
  const { at, clock } = options
  const exit = { fd, byNode: sendBy(socket), fail: (error: unknown) => datagrams.fail(error) }
  const datagrams = serveDatagrams(socket, socket.address().port, sendLater, options)
  const here = { local: at.host, server: datagrams.server }
  let late: Parameters<Send>[] = []
  /** All that was taken is answered or dropped. */
  let isDone = true

  /** What comes after its batch has left: those of one turn of the event loop leave together. */
  function sendLater(reply: Buffer, address: string, port: number): void {
    // Once the socket is Node's to close, its number may be another's.
    if (datagrams.isClosing()) exit.byNode(reply, address, port)
    else if (late.push([reply, address, port]) === 1) waiting.soon(sendLate)
  }

  function sendLate(): void {
    const ready = late
    late = []
    for (const [reply, address, port] of ready) {
      if (outbox.isFull()) outbox.flush(exit)
      if (!outbox.put(reply, address, port)) exit.byNode(reply, address, port)
    }
    outbox.flush(exit)
  }

  function takeOne(
    encoded: EncodedAnswers | undefined,
    message: Buffer,
    address: string,
    port: number,
  ): void {
    const admission = datagrams.admit(address, port)
    if (admission === 'over') return
    let isMiss = false
    if (admission === 'pass' && encoded !== undefined && outbox.name(address, port)) {
      const { length } = message
      const written = encoded.answer(message, 0, length, address, here, outbox.data, outbox.at())
      if (written > 0) {
        outbox.take(written)
        return
      }
      isMiss = true
    }
    const reply = datagrams.answer(message, address, port, admission, isMiss)
    if (reply === undefined) isDone = false
    else if (!outbox.put(reply, address, port)) exit.byNode(reply, address, port)
  }

  /** The one at `index` of a batch. */
  function takeNext(encoded: EncodedAnswers | undefined, index: number): void {
    const address = addressIn(questions, index)
    const port = portIn(questions, index)
    const admission = datagrams.admit(address, port)
    if (admission === 'over') return
    const start = index * questions.slotBytes
    const stop = start + questions.headers[index * headerWords + lengthAt]!
    if (admission === 'pass' && encoded !== undefined) {
      const written = encoded.answer(questions.data, start, stop, address, here, outbox.data, outbox.at())
      if (written > 0) {
        outbox.nameAs(questions, index)
        outbox.take(written)
        return
      }
    }
    // Handlers may keep it, and the slot is for the next one.
    const message = Buffer.allocUnsafe(stop - start)
    questions.data.copy(message, 0, start, stop)
    const isMiss = admission === 'pass' && encoded !== undefined
    const reply = datagrams.answer(message, address, port, admission, isMiss)
    if (reply === undefined) isDone = false
    else if (!outbox.putAs(reply, questions, index)) exit.byNode(reply, address, port)
  }

  /** Answers what waits, one batch at the most. */
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
      // The system wrote how long each address is; before the next call it is how much room there is.
      for (let i = 0; i < count; i++) questions.headers[i * headerWords + nameLengthAt] = sockaddrBytes
    }
  }

  /** Whatever became of the rest: the outbox is for the next socket, and has to be empty. */
  function leave(encoded: EncodedAnswers | undefined): void {
    outbox.flush(exit)
    encoded?.end()
  }

  socket.on('message', (message, from) => {
    const encoded = options.encoded?.()
    const began = encoded?.begin() ?? clock.monotonic()
    try {
      takeOne(encoded, message, from.address, from.port)
      if (waiting.note(began)) drain(encoded)
    } finally {
      leave(encoded)
    }
  })
  const watched = waiting.add(fd, () => {
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
