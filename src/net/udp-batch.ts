// Questions over UDP, many for one system call while there are many: a socket like that of udp.ts, of which a burst
// is read with recvmmsg and answered with one sendmmsg. At low load it is an ordinary socket.
import { constants } from 'node:os'
import {
  type Batch,
  batchSize,
  createBatch,
  headerWords,
  lengthAt,
  nameLengthAt,
  nameWords,
  vectorLengthAt,
  vectorWords,
} from './batch.ts'
import { type Datagrams, receiveBufferBytes, serveDatagrams } from './datagrams.ts'
import { type Libc, sockaddrBytes, systemError } from './libc.ts'
import type { Listener, ListenOptions } from './listener.ts'
import { bindSocket, createSocket } from './udp.ts'

const { EAGAIN, EINTR } = constants.errno

/** What comes this soon after the last one was waiting in line, and so may more be, ms. */
const burstGap = 0.02

/** A listenUdp that reads and sends in batches. */
export function createBatchUdp(libc: Libc): (options: ListenOptions) => Promise<Listener> {
  const batch = createBatch(libc)
  return async (options) => {
    const { at, clock } = options
    const fd = libc.bind(at, receiveBufferBytes)
    const socket = createSocket(at.host)
    try {
      await bindSocket(socket, { fd })
    } catch (error) {
      // From then on it is Node's, which closes it.
      libc.close(fd)
      throw error
    }
    // Node allows it on what it takes over.
    libc.keepExclusive(fd)
    const datagrams = serveDatagrams(socket, socket.address().port, options)
    let inBurst = false
    let endedAt = Number.NEGATIVE_INFINITY
    socket.on('message', (message, from) => {
      if (!inBurst) inBurst = clock.monotonic() - endedAt < burstGap
      const reply = datagrams.answer(message, from.address, from.port)
      if (reply !== undefined) datagrams.send(reply, from.address, from.port)
      if (inBurst) inBurst = drain(libc, batch, fd, datagrams) > 0
      endedAt = clock.monotonic()
    })
    return datagrams.listener
  }
}

/** Answers what waits, one batch at the most; how many that were. */
function drain(libc: Libc, batch: Batch, fd: number, datagrams: Datagrams): number {
  if (datagrams.isClosing()) return 0
  const { questions } = batch
  const count = libc.receive(fd, questions.address, batchSize)
  if (count < 0) {
    if (-count !== EAGAIN && -count !== EINTR) datagrams.fail(systemError(-count, 'recvmmsg'))
    return 0
  }
  let ready = 0
  for (let i = 0; i < count; i++) {
    const length = questions.headers[i * headerWords + lengthAt]!
    const start = i * questions.slotBytes
    // Handlers may keep it, and the slot is for the next one.
    const message = Buffer.allocUnsafe(length)
    questions.data.copy(message, 0, start, start + length)
    const reply = datagrams.answer(message, batch.addressIn(questions, i), batch.portIn(questions, i))
    if (reply !== undefined) {
      if (reply.length > batch.replies.slotBytes)
        datagrams.send(reply, batch.addressIn(questions, i), batch.portIn(questions, i))
      else put(batch, ready++, i, reply)
    }
    // The system wrote how long the address is; before the next call it is how much room there is.
    questions.headers[i * headerWords + nameLengthAt] = sockaddrBytes
  }
  flush(libc, batch, fd, datagrams, ready)
  return count
}

/** A reply into its slot, for the source of question `from`. */
function put({ questions, replies }: Batch, slot: number, from: number, reply: Buffer): void {
  reply.copy(replies.data, slot * replies.slotBytes)
  replies.vectors[slot * vectorWords + vectorLengthAt] = reply.length
  for (let word = 0; word < nameWords; word++) {
    replies.names[slot * nameWords + word] = questions.names[from * nameWords + word]!
  }
  replies.headers[slot * headerWords + nameLengthAt] = questions.headers[from * headerWords + nameLengthAt]!
}

/** Sends the first `ready` replies. One that the system refuses is lost; what it has no room for goes through Node. */
function flush(libc: Libc, batch: Batch, fd: number, datagrams: Datagrams, ready: number): void {
  const { replies } = batch
  let sent = 0
  while (sent < ready) {
    const result = libc.send(fd, replies.address + sent * headerWords * 4, ready - sent)
    if (result > 0) sent += result
    else if (-result === EAGAIN) break
    else if (-result !== EINTR) {
      datagrams.fail(systemError(-result, 'sendmmsg'))
      sent++
    }
  }
  for (; sent < ready; sent++) {
    const start = sent * replies.slotBytes
    const length = replies.vectors[sent * vectorWords + vectorLengthAt]!
    const reply = Buffer.from(replies.data.subarray(start, start + length))
    datagrams.send(reply, batch.addressIn(replies, sent), batch.portIn(replies, sent))
  }
}
