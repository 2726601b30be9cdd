// What is particular to datagrams read and sent many at a time, with real sockets and system calls.
import dgram from 'node:dgram'
import { once } from 'node:events'
import { constants } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { headerOnly, rcodeOf } from '../../../../src/dns/header.ts'
import { encodeQuery } from '../../../../src/dns/message.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { silentLogger } from '../../../../src/lib/log.ts'
import { chooseSockets } from '../../../../src/net/choose-sockets.ts'
import type { EncodedAnswers, Handle } from '../../../../src/net/handler.ts'
import { createBatchedListener } from '../../../../src/net/linux/batched-listener.ts'
import {
  batchSize,
  createAddressReader,
  createBuffers,
  nameWords,
} from '../../../../src/net/linux/datagram-buffers.ts'
import { type Libc, loadLibc } from '../../../../src/net/linux/libc.ts'
import { createPollLoop } from '../../../../src/net/linux/poll-loop.ts'
import type { Listener } from '../../../../src/net/listener.ts'
import { listenUdp } from '../../../../src/net/udp-listener.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { recordingLogger } from '../../forward/recording-logger.ts'
import { createAccounting } from '../limits/accounting.ts'

const { EAGAIN, EPERM, ENOMEM } = constants.errno
const libc = await loadLibc()
const question = (id: number) => encodeQuery('web', 'A', { id })
const idOf = (message: Buffer) => message.readUInt16BE(0)
const echo: Handle = ({ message }) => (message.length < 12 ? undefined : headerOnly(message, 0))

const clients: dgram.Socket[] = []
const listeners: Listener[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const listener of listeners.splice(0)) await listener.close(AbortSignal.abort())
})

/** `largest`: the most that one recvmmsg has brought; `refused`: how many errors were counted. */
async function serve(handle: Handle, changes: Partial<Libc> = {}, encoded?: EncodedAnswers) {
  const { limits, counters } = createAccounting({ rate: 0, ratePerPrefix: 0, fairShare: false })
  let largest = 0
  const calls: Libc = {
    ...libc,
    receive(fd, headers, count) {
      const result = libc.receive(fd, headers, count)
      largest = Math.max(largest, result)
      return result
    },
    ...changes,
  }
  const listen = createBatchedListener(calls, createPollLoop({ libc: calls, clock: systemClock }))
  const { clock } = createHandClock()
  const listener = await listen({
    at: { host: '127.0.0.1', port: 0 },
    handle,
    encoded: () => encoded,
    limits,
    clock,
    log: silentLogger,
  })
  listeners.push(listener)
  return { listener, largest: () => largest, refused: () => counters.errors.cell('udp').value }
}

interface Client {
  readonly socket: dgram.Socket
  readonly replies: Buffer[]
}

async function connect({ port }: Listener, address = '127.0.0.1'): Promise<Client> {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  clients.push(socket)
  socket.bind({ address, port: 0 })
  await once(socket, 'listening')
  const replies: Buffer[] = []
  socket.on('message', (message) => replies.push(message))
  socket.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return { socket, replies }
}

describe('a burst', () => {
  it('of 500 questions from 50 sources is answered to each of them', async () => {
    const seen = new Map<number, string>()
    const { listener, largest } = await serve(({ message, asker }) => {
      seen.set(idOf(message), asker)
      return headerOnly(message, 0)
    })
    const sources = await Promise.all(
      Array.from({ length: 50 }, (_, i) => connect(listener, `127.0.1.${i + 1}`)),
    )
    for (let n = 0; n < 10; n++)
      for (const [i, { socket }] of sources.entries()) socket.send(question(100 * i + n))
    await expect.poll(() => sources.flatMap(({ replies }) => replies).length).toBe(500)
    for (const [i, { replies }] of sources.entries()) {
      expect(replies.map(idOf).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 10 }, (_, n) => 100 * i + n),
      )
      for (let n = 0; n < 10; n++) expect(seen.get(100 * i + n)).toBe(`127.0.1.${i + 1}`)
    }
    expect(largest()).toBe(batchSize)
  })

  it('holds what is no question, and what has no answer', async () => {
    const lengths: number[] = []
    const { listener, largest } = await serve((query) => {
      lengths.push(query.message.length)
      return echo(query)
    })
    const { socket, replies } = await connect(listener)
    for (const message of [
      question(1),
      Buffer.of(1, 2),
      Buffer.alloc(0),
      Buffer.alloc(9000),
      question(2),
      question(3),
    ])
      socket.send(message)
    await expect.poll(() => replies.map(idOf)).toContain(2)
    // That one is longer than any question may be is seen, and not how much longer.
    expect(lengths.sort((a, b) => a - b).slice(0, 2)).toEqual([0, 2])
    expect(Math.max(...lengths)).toBeGreaterThan(4096)
    expect(largest()).toBeGreaterThan(1)
  })

  it('has answers of any size, and such as come later', async () => {
    const large = (id: number) => Buffer.concat([headerOnly(question(id), 0), Buffer.alloc(3000, id)])
    const { listener } = await serve(({ message }) => {
      const id = idOf(message)
      if (id % 3 === 0) return large(id)
      return id % 3 === 1 ? headerOnly(message, 0) : Promise.resolve(headerOnly(message, 3))
    })
    const { socket, replies } = await connect(listener)
    for (let id = 0; id < 30; id++) socket.send(question(id))
    await expect.poll(() => replies.length).toBe(30)
    for (const reply of replies) {
      const id = idOf(reply)
      if (id % 3 === 0) expect(reply.equals(large(id))).toBe(true)
      else expect(rcodeOf(reply)).toBe(id % 3 === 1 ? 0 : 3)
    }
  })

  it('is looked up once: the handler is told of what was not found', async () => {
    const looked: number[] = []
    const misses: (boolean | undefined)[] = []
    const { listener } = await serve(
      (query) => {
        misses.push(query.isMiss)
        return echo(query) as Buffer
      },
      {},
      { begin: () => 0, end: () => 0, answer: (_data, start, stop) => Number(looked.push(stop - start) < 0) },
    )
    const { socket, replies } = await connect(listener)
    for (let i = 0; i < 20; i++) socket.send(question(i))
    await expect.poll(() => replies.length).toBe(20)
    expect([looked.length, misses]).toEqual([20, Array(20).fill(true)])
  })

  it('may be kept by the handler: questions are not overwritten by later ones', async () => {
    const kept: Buffer[] = []
    const { listener } = await serve((query) => {
      kept.push(query.message)
      return echo(query)
    })
    const { socket, replies } = await connect(listener)
    for (let id = 0; id < 200; id++) socket.send(question(id))
    await expect.poll(() => replies.length).toBe(200)
    expect(kept.map(idOf)).toEqual(Array.from({ length: 200 }, (_, id) => id))
    for (const message of kept) expect(message.equals(question(idOf(message)))).toBe(true)
  })

  it('stops where the listener is closed in its middle; what was answered leaves', async () => {
    let closed: Promise<void> | undefined
    let answered = 0
    const { listener, refused } = await serve(({ message }) => {
      if (++answered === 20) closed = listener.close(new AbortController().signal)
      return headerOnly(message, 0)
    })
    const { socket, replies } = await connect(listener)
    for (let id = 0; id < 60; id++) socket.send(question(id))
    await expect.poll(() => closed !== undefined).toBe(true)
    await closed
    await expect.poll(() => replies.length).toBe(20)
    expect([answered, refused()]).toEqual([20, 0])
    listeners.length = 0
  })
})

describe('a system call that fails', () => {
  async function burst(changes: Partial<Libc>) {
    const served = await serve(echo, changes)
    const { socket, replies } = await connect(served.listener)
    for (let id = 0; id < 40; id++) socket.send(question(id))
    return { ...served, replies }
  }

  it('while sending loses the one reply it is about', async () => {
    let calls = 0
    const { replies, refused } = await burst({
      send: (...args) => (++calls === 1 ? -EPERM : libc.send(...args)),
    })
    await expect.poll(() => replies.length).toBe(39)
    expect(refused()).toBe(1)
  })

  it('for want of room leaves the rest to Node, and loses nothing', async () => {
    let calls = 0
    const { replies, refused } = await burst({
      send: (fd, headers, count) =>
        ++calls % 2 === 1 ? libc.send(fd, headers, Math.min(count, 3)) : -EAGAIN,
    })
    await expect
      .poll(() => replies.map(idOf).sort((a, b) => a - b))
      .toEqual(Array.from({ length: 40 }, (_, id) => id))
    expect([calls > 1, refused()]).toEqual([true, 0])
  })

  it('while reading is counted, and the socket goes on', async () => {
    const { replies, refused } = await burst({ receive: () => -ENOMEM })
    await expect.poll(() => replies.length).toBe(40)
    expect(refused()).toBeGreaterThan(0)
  })
})

describe('the text of a source', () => {
  const questions = createBuffers(libc, 2, 512)
  const { address, port } = createAddressReader({
    interfaceName: (index) => (index === 7 ? 'br-0123456789ab' : undefined),
  })

  function put(family: number, bytes: readonly number[], scope = 0) {
    const sockaddr = new DataView(questions.names.buffer, nameWords * 4)
    sockaddr.setUint16(0, family, true)
    sockaddr.setUint16(2, 53_211)
    const at = family === 10 ? 8 : 4
    for (const [i, byte] of bytes.entries()) sockaddr.setUint8(at + i, byte)
    sockaddr.setUint32(24, scope, true)
    return [address(questions, 1), address(questions, 1), port(questions, 1)]
  }
  const twice = (text: string) => [text, text, 53_211]
  const v6 = (...groups: number[]) => groups.flatMap((group) => [group >> 8, group & 0xff])

  it('is what a socket of Node’s tells', () => {
    expect(put(2, [192, 0, 2, 7])).toEqual(twice('192.0.2.7'))
    expect(put(10, v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x1f))).toEqual(twice('2001:db8::1f'))
    expect(put(10, v6(0xfe80, 0, 0, 0, 0, 0, 0, 1), 7)).toEqual(twice('fe80::1%br-0123456789ab'))
    expect(put(10, v6(0xfe80, 0, 0, 0, 0, 0, 0, 1), 8)).toEqual(twice('fe80::1%8'))
  })

  it('is right for more addresses than are remembered', () => {
    for (let n = 0; n < 3 * 65_536; n += 13) {
      const bytes = [10, n >> 16, (n >> 8) & 0xff, n & 0xff]
      expect(put(2, bytes)[0]).toBe(bytes.join('.'))
    }
  })
})

describe('the choice of sockets', () => {
  const missing = () => Promise.reject(new Error('no such package'))

  it('is in batches where that can be had, and plain where that is asked for', async () => {
    const chosen = async (udp: 'auto' | 'batch' | 'plain') =>
      (await chooseSockets({ udp, workers: 1 }, { log: silentLogger, clock: systemClock })).listenUdp
    expect(await chosen('auto')).not.toBe(listenUdp)
    expect(await chosen('batch')).not.toBe(listenUdp)
    expect(await chosen('plain')).toBe(listenUdp)
  })

  it('is plain elsewhere, which one line tells', async () => {
    const { log, lines } = recordingLogger()
    const { listenUdp: chosen } = await chooseSockets(
      { udp: 'auto', workers: 1 },
      { log, clock: systemClock },
      missing,
    )
    expect(chosen).toBe(listenUdp)
    expect(lines).toHaveLength(1)
  })

  it.each([
    ['koffi', missing],
    ['epoll', async () => ({ ...libc, createPoll: () => expect.unreachable() })],
  ])('is plain without %s', async (_what, load) => {
    const rim = { log: silentLogger, clock: systemClock }
    expect((await chooseSockets({ udp: 'auto', workers: 1 }, rim, load)).listenUdp).toBe(listenUdp)
    await expect(chooseSockets({ udp: 'batch', workers: 1 }, rim, load)).rejects.toThrow('udp: batch')
  })

  it('is refused where batches are demanded and can’t be had', async () => {
    await expect(
      chooseSockets({ udp: 'batch', workers: 1 }, { log: silentLogger, clock: systemClock }, missing),
    ).rejects.toMatchObject({
      code: 'LISTEN',
      message: expect.stringContaining('udp: batch'),
    })
  })
})
