// Questions over real TCP connections on loopback.
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { frame, readFrames } from '../../../src/dns/frame.ts'
import { flag, headerOnly, rcodeOf } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import type { Listener } from '../../../src/net/listener.ts'
import { listenTcp } from '../../../src/net/tcp.ts'
import type { Handle, Query } from '../../../src/resolve/query.ts'

const question = (id: number) => encodeQuery('web', 'A', { id })
const idOf = (message: Buffer) => message.readUInt16BE(0)
const answered: Handle = ({ message }) => headerOnly(message, 0)

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function serve(handle: Handle, limits?: Parameters<typeof listenTcp>[1]): Promise<Listener> {
  const at = { host: '127.0.0.1', port: 0 }
  const listener = await listenTcp({ at, handle, log: silentLogger }, limits)
  closers.push(() => listener.close(AbortSignal.abort()))
  return listener
}

async function connect({ port }: Listener) {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
  closers.push(() => socket.destroy())
  const replies: Buffer[] = []
  const frames = readFrames()
  let more: (() => void) | undefined
  socket.on('data', (chunk) => {
    replies.push(...frames.push(chunk))
    more?.()
  })
  socket.on('error', () => {})
  const ended = new Promise<void>((resolve) => {
    socket.once('end', resolve)
    socket.once('close', () => resolve())
  })
  await once(socket, 'connect')
  return {
    socket,
    ended,
    replies,
    async take(count: number) {
      while (replies.length < count) {
        await new Promise<void>((resolve) => {
          more = resolve
        })
      }
      return replies
    },
  }
}

describe('a TCP connection', () => {
  it('takes several questions in one segment', async () => {
    const client = await connect(await serve(answered))
    client.socket.write(Buffer.concat([1, 2, 3].map((id) => frame(question(id)))))
    expect((await client.take(3)).map(idOf)).toEqual([1, 2, 3])
  })

  it('takes a question byte by byte', async () => {
    const client = await connect(await serve(answered))
    for (const byte of frame(question(7))) {
      await new Promise((resolve) => client.socket.write(Buffer.of(byte), resolve))
    }
    expect((await client.take(1)).map(idOf)).toEqual([7])
  })

  it('tells who asks, where, and how', async () => {
    const seen: Query[] = []
    const listener = await serve((query) => {
      seen.push(query)
      return headerOnly(query.message, 0)
    })
    const client = await connect(listener)
    client.socket.write(frame(question(1)))
    await client.take(1)
    // How long it may be idle is what the connection is really given: see below.
    expect(seen[0]!.idle).toBe(10_000)
    expect(seen).toMatchObject([
      {
        asker: '127.0.0.1',
        local: '127.0.0.1',
        transport: 'tcp',
        server: `dns://127.0.0.1:${listener.port}`,
      },
    ])
  })

  it('answers as replies are ready, not in the order of questions', async () => {
    const ready = new Map<number, () => void>()
    const listener = await serve(
      ({ message }) =>
        new Promise((resolve) => ready.set(idOf(message), () => resolve(headerOnly(message, 0)))),
    )
    const client = await connect(listener)
    client.socket.write(Buffer.concat([1, 2].map((id) => frame(question(id)))))
    await expect.poll(() => ready.size).toBe(2)
    ready.get(2)!()
    expect((await client.take(1)).map(idOf)).toEqual([2])
    ready.get(1)!()
    expect((await client.take(2)).map(idOf)).toEqual([2, 1])
  })

  it('answers no more at once than it may, and the rest after', async () => {
    const ready: (() => void)[] = []
    const limits = { connections: 8, pipelined: 2, idle: 10_000, unread: 65_536 }
    const listener = await serve(
      ({ message }) => new Promise((resolve) => ready.push(() => resolve(headerOnly(message, 0)))),
      limits,
    )
    const client = await connect(listener)
    client.socket.write(Buffer.concat([1, 2, 3].map((id) => frame(question(id)))))
    await expect.poll(() => ready.length).toBe(2)
    ready[0]!()
    await expect.poll(() => ready.length).toBe(3)
    for (const each of ready) each()
    expect((await client.take(3)).map(idOf).sort()).toEqual([1, 2, 3])
  })

  it('gets what it asked for after it has said that it asks no more', async () => {
    const ready: (() => void)[] = []
    const listener = await serve(
      ({ message }) => new Promise((resolve) => ready.push(() => resolve(headerOnly(message, 0)))),
    )
    const client = await connect(listener)
    client.socket.end(frame(question(9)))
    await once(client.socket, 'finish')
    await expect.poll(() => ready.length).toBe(1)
    ready[0]!()
    expect((await client.take(1)).map(idOf)).toEqual([9])
    await client.ended
  })

  it.each([
    ['garbage', Buffer.from('\0\x05hello')],
    ['an empty message', Buffer.of(0, 0)],
    ['a reply', frame(headerOnly(question(1), 0))],
  ])('is closed on %s', async (_what, bytes) => {
    const client = await connect(await serve(answered))
    client.socket.write(bytes)
    await client.ended
    expect(client.replies).toEqual([])
  })

  it('is closed when nothing came for long enough', async () => {
    const limits = { connections: 8, pipelined: 2, idle: 20, unread: 65_536 }
    const client = await connect(await serve(answered, limits))
    await client.ended
  })
})

describe('closing a TCP listener', () => {
  it('waits for what is in hand', async () => {
    const ready: (() => void)[] = []
    const listener = await serve(
      ({ message }) => new Promise((resolve) => ready.push(() => resolve(headerOnly(message, 0)))),
    )
    const client = await connect(listener)
    client.socket.write(frame(question(1)))
    await expect.poll(() => ready.length).toBe(1)
    client.socket.once('end', () => client.socket.end())
    const closed = listener.close(new AbortController().signal)
    ready[0]!()
    expect((await client.take(1)).map(rcodeOf)).toEqual([0])
    await closed
  })

  it('answers SERVFAIL to what is open when time is up', async () => {
    const open: Query[] = []
    const listener = await serve((query) => {
      open.push(query)
      return new Promise(() => {})
    })
    const client = await connect(listener)
    client.socket.write(frame(question(5)))
    await expect.poll(() => open.length).toBe(1)
    client.socket.once('end', () => client.socket.end())
    const time = new AbortController()
    const closed = listener.close(time.signal)
    time.abort()
    const [reply] = await client.take(1)
    expect([idOf(reply!), rcodeOf(reply!)]).toEqual([5, 2])
    expect(reply!.readUInt16BE(2) & flag.QR).toBe(flag.QR)
    await closed
  })

  it('an address that is taken rejects with the system’s error', async () => {
    const { port } = await serve(answered)
    const again = listenTcp({ at: { host: '127.0.0.1', port }, handle: answered, log: silentLogger })
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
