// Questions over TCP on real sockets: connections kept and shared, ended by the server, half messages, garbage.
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { frame, readFrames } from '../../../src/dns/frame.ts'
import type { AttemptResult, Carrier } from '../../../src/forward/attempt.ts'
import { createTcp, type TcpLimits } from '../../../src/forward/tcp-carrier.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import { createDialTcp } from '../../../src/net/link-local-tcp.ts'
import { loadLibc } from '../../../src/net/linux/libc.ts'
import { createHandClock } from '../../hand-clock.ts'
import { answer, query, question } from './fake-carriers.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

type Respond = (message: Buffer, socket: net.Socket, connection: number) => void

async function startServer(respond: Respond) {
  let connections = 0
  const seen: { id: number; connection: number }[] = []
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    const connection = ++connections
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    const frames = readFrames()
    socket.on('data', (chunk) => {
      for (const message of frames.push(chunk)) {
        seen.push({ id: message.readUInt16BE(0), connection })
        respond(message, socket, connection)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as net.AddressInfo
  const upstream = { host: '127.0.0.1', port, text: `127.0.0.1:${port}` }
  return { upstream, seen, connections: () => connections, open: () => sockets.size }
}

function start(
  limits: Partial<TcpLimits> = {},
  clock: Clock = systemClock,
  dialTcp?: NonNullable<Parameters<typeof createTcp>[0]['dialTcp']>,
) {
  let spoofed = 0
  let exhausted = 0
  const tcp = createTcp({
    clock,
    randomId: () => Math.floor(Math.random() * 0x10000),
    spoofed: () => spoofed++,
    exhausted: () => exhausted++,
    limits,
    dialTcp,
  })
  closing.push(() => tcp.close())
  return { tcp, spoofed: () => spoofed, exhausted: () => exhausted }
}

type Server = Awaited<ReturnType<typeof startServer>>

const askOnce = (tcp: Carrier, { upstream }: Pick<Server, 'upstream'>): Promise<AttemptResult> =>
  new Promise((done) => tcp.ask({ upstream, message: Buffer.from(query), question, done }))

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not come to that within 60 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const echo: Respond = (message, socket) => socket.write(frame(answer(message, 0)))
const isReply = (result: AttemptResult) => 'reply' in result

describe('a connection', () => {
  it('is kept for the next question, and closed when none comes', async () => {
    const server = await startServer(echo)
    const hand = createHandClock()
    const { tcp } = start({ idle: 5000 }, hand.clock)
    for (let n = 0; n < 3; n++) expect(isReply(await askOnce(tcp, server))).toBe(true)
    expect(server.connections()).toBe(1)
    hand.turn(5000)
    await until(() => server.open() === 0)
    expect(tcp.sockets()).toBe(0)
    expect(isReply(await askOnce(tcp, server))).toBe(true)
    expect(server.connections()).toBe(2)
  })

  it('carries many questions at once, answered in any order', async () => {
    const held: Buffer[] = []
    const server = await startServer((message, socket) => {
      held.push(message)
      if (held.length === 40) for (const each of held.reverse()) echo(each, socket, 1)
    })
    const { tcp } = start()
    const results = await Promise.all(Array.from({ length: 40 }, () => askOnce(tcp, server)))
    expect(results.every(isReply)).toBe(true)
    expect(server.connections()).toBe(1)
    expect(new Set(server.seen.map(({ id }) => id)).size).toBe(40)
  })

  it('carries so many, and more go over another one, up to a bound', async () => {
    const server = await startServer(() => {})
    const { tcp, exhausted } = start({ pipelined: 2, connections: 3 })
    for (let n = 0; n < 6; n++) void askOnce(tcp, server)
    await until(() => server.seen.length === 6)
    expect(server.connections()).toBe(3)
    await expect(askOnce(tcp, server)).resolves.toMatchObject({ blame: 'us' })
    expect(exhausted()).toBe(1)
  })

  it('that the server closes after each reply serves many questions all the same', async () => {
    const server = await startServer((message, socket) => {
      if (!socket.writableEnded) socket.end(frame(answer(message, 0)))
    })
    const { tcp } = start()
    const results = await Promise.all(Array.from({ length: 20 }, () => askOnce(tcp, server)))
    expect(results.every(isReply)).toBe(true)
  })

  it('that dies takes its questions to a new one, once', async () => {
    const server = await startServer((message, socket, connection) => {
      if (connection === 1) socket.destroy()
      else echo(message, socket, connection)
    })
    const { tcp } = start()
    expect(isReply(await askOnce(tcp, server))).toBe(true)
    expect(server.connections()).toBe(2)

    const dead = await startServer((_message, socket) => socket.destroy())
    await expect(askOnce(tcp, dead)).resolves.toMatchObject({ blame: 'upstream' })
    expect(dead.connections()).toBe(2)
    expect(tcp.sockets()).toBe(0)
  })

  it('that went silent is not used again', async () => {
    const server = await startServer((message, socket, connection) => {
      if (connection > 1) echo(message, socket, connection)
    })
    const { tcp } = start()
    const cancel = tcp.ask({
      upstream: server.upstream,
      message: Buffer.from(query),
      question,
      done: () => expect.unreachable(),
    })
    await until(() => server.seen.length === 1)
    cancel()
    expect(isReply(await askOnce(tcp, server))).toBe(true)
    expect(server.connections()).toBe(2)
  })

  it('that is refused is not tried again', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    server.close()
    await once(server, 'close')
    const { tcp } = start()
    const gone = { upstream: { host: '127.0.0.1', port, text: 'gone' } }
    await expect(askOnce(tcp, gone)).resolves.toEqual({ error: 'ECONNREFUSED', blame: 'upstream' })
    expect(tcp.sockets()).toBe(0)
  })
})

describe('what a server sends', () => {
  it('may come in single bytes, and as large as messages get', async () => {
    const server = await startServer((message, socket) => {
      const large = Buffer.concat([answer(message, 0), Buffer.alloc(65_535 - message.length)])
      const bytes = frame(large)
      socket.setNoDelay(true)
      for (let n = 0; n < 40; n++) socket.write(bytes.subarray(n, n + 1))
      socket.write(bytes.subarray(40))
    })
    const { tcp } = start()
    const result = await askOnce(tcp, server)
    expect('reply' in result && result.reply.length).toBe(65_535)
  })

  it('for another question is counted and passed over', async () => {
    const server = await startServer((message, socket) => {
      const other = answer(message, 3)
      other.writeUInt16BE(message.readUInt16BE(0) ^ 1, 0)
      const wrong = answer(message, 3)
      wrong[13]! ^= 1
      for (const bytes of [other, wrong, answer(message, 0)]) socket.write(frame(bytes))
    })
    const { tcp, spoofed } = start()
    const result = await askOnce(tcp, server)
    expect('reply' in result && result.reply[3]! & 15).toBe(0)
    expect(spoofed()).toBe(2)
  })

  it.each([
    ['half a message, and closes', (message: Buffer) => frame(answer(message, 0)).subarray(0, 20)],
    ['half a length, and closes', () => Buffer.of(0)],
    ['a length without a message', () => Buffer.of(0xff, 0xff)],
    ['messages shorter than a header', () => Buffer.of(0, 1, 0, 0, 2, 0, 0)],
    ['empty messages', () => Buffer.alloc(64)],
    ['what is not DNS at all', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('%s, ends the try after one more connection', async (_what, made) => {
    const server = await startServer((message, socket) => socket.end(made(message)))
    const { tcp } = start()
    await expect(askOnce(tcp, server)).resolves.toMatchObject({ blame: 'upstream' })
    expect(server.connections()).toBe(2)
    expect(tcp.sockets()).toBe(0)
  })

  it('without end, shorter than a header, closes the connection', async () => {
    const server = await startServer((_message, socket) => socket.write(Buffer.alloc(64)))
    const { tcp } = start()
    await expect(askOnce(tcp, server)).resolves.toEqual({ error: 'not DNS', blame: 'upstream' })
    await until(() => server.open() === 0)
  })
})

it('when it is closed, so are its connections, and what is open ends', async () => {
  const server = await startServer(() => {})
  const { tcp } = start()
  const results = Array.from({ length: 10 }, () => askOnce(tcp, server))
  await until(() => server.seen.length === 10)
  tcp.close()
  for (const result of await Promise.all(results)) expect(result).toEqual({ error: 'stopped', blame: 'us' })
  await until(() => server.open() === 0)
  await expect(askOnce(tcp, server)).resolves.toEqual({ error: 'stopped', blame: 'us' })
})

it('asks where Node can’t be told the address over a connection of system calls, again when it ended', async () => {
  const server = await startServer((message, socket) => {
    if (!socket.writableEnded) socket.end(frame(answer(message, 0)))
  })
  const libc = await loadLibc()
  const dialled: string[] = []
  const { tcp } = start({}, systemClock, ({ host }) => {
    dialled.push(host)
    return createDialTcp(libc)(server.upstream)
  })
  const upstream = { ...server.upstream, host: 'fe80::1%up_link', text: '[fe80::1%up_link]:53' }
  const results = await Promise.all([1, 2].map(() => askOnce(tcp, { upstream })))
  expect(results.map((result) => 'reply' in result)).toEqual([true, true])
  expect(dialled).toEqual(['fe80::1%up_link', 'fe80::1%up_link'])
})
