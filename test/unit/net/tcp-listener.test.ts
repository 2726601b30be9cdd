// Questions over real TCP connections on loopback.
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { frame, readFrames } from '../../../src/dns/frame.ts'
import { flag, headerOnly, rcodeOf } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import type { Handle, Query } from '../../../src/net/handler.ts'
import type { Listener } from '../../../src/net/listener.ts'
import { listenTcp } from '../../../src/net/tcp-listener.ts'
import { createHandClock } from '../../hand-clock.ts'
import { createAccounting } from './limits/accounting.ts'

const question = (id: number) => encodeQuery('web', 'A', { id })
const idOf = (message: Buffer) => message.readUInt16BE(0)
const answered: Handle = ({ message }) => headerOnly(message, 0)

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function serve(
  handle: Handle,
  { limits } = createAccounting(),
  clock: Clock = systemClock,
): Promise<Listener> {
  const at = { host: '127.0.0.1', port: 0 }
  const listener = await listenTcp({ at, handle, limits, clock, log: silentLogger })
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
    const listener = await serve(
      ({ message }) => new Promise((resolve) => ready.push(() => resolve(headerOnly(message, 0)))),
      createAccounting({ pipelined: 2 }),
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
    const accounting = createAccounting()
    const client = await connect(await serve(answered, accounting))
    client.socket.write(bytes)
    await client.ended
    expect(client.replies).toEqual([])
    expect(accounting.counters.broken.cell().value).toBe(1)
  })

  it('is closed when nothing came for long enough', async () => {
    const accounting = createAccounting({ idle: 20 })
    const client = await connect(await serve(answered, accounting))
    await client.ended
    expect(accounting.reached('idle', 'closed')).toBe(1)
  })
})

describe('a TCP client that holds more than it may', () => {
  it('sends byte by byte without end: a question has to be whole in time', async () => {
    const accounting = createAccounting({ stall: 60 })
    const client = await connect(await serve(answered, accounting))
    const dripping = setInterval(() => client.socket.write(Buffer.of(1)), 5)
    closers.push(() => clearInterval(dripping))
    await client.ended
    expect(accounting.reached('stall', 'closed')).toBe(1)
  })

  it('is slow, but whole in time, over and over: the time begins anew with each question', async () => {
    const { clock, pending } = createHandClock()
    const client = await connect(await serve(answered, createAccounting(), clock))
    for (let id = 1; id <= 3; id++) {
      const bytes = frame(question(id))
      client.socket.write(bytes.subarray(0, 5))
      await expect.poll(pending).toBe(1)
      client.socket.write(bytes.subarray(5))
      expect((await client.take(id)).map(idOf).at(-1)).toBe(id)
      expect(pending()).toBe(0)
    }
  })

  it('asks and does not read: no more is answered than fits, then its time is up', async () => {
    const accounting = createAccounting({ stall: 100 })
    let handled = 0
    const listener = await serve(({ message }) => {
      handled++
      return Buffer.concat([headerOnly(message, 0), Buffer.alloc(60_000)])
    }, accounting)
    const client = await connect(listener)
    client.socket.pause()
    for (let id = 1; id <= 2_000; id++) client.socket.write(frame(question(id)))
    await expect.poll(() => accounting.reached('stall', 'closed')).toBe(1)
    expect(handled).toBeLessThan(500)
    await expect.poll(() => accounting.limits.held()).toMatchObject({ connections: 0, bytes: 0 })
  })

  it('keeps half a question longer than what is kept for one', async () => {
    const accounting = createAccounting({ bytesPerConnection: 4_000 })
    const client = await connect(await serve(answered, accounting))
    client.socket.write(Buffer.concat([Buffer.of(0xff, 0xff), Buffer.alloc(5_000)]))
    await client.ended
    expect(accounting.reached('bytesPerConnection', 'closed')).toBe(1)
  })

  it('resets with questions in hand: they are answered to nobody, and nothing is left', async () => {
    const accounting = createAccounting()
    const ready: (() => void)[] = []
    const listener = await serve(
      ({ message }) => new Promise((resolve) => ready.push(() => resolve(headerOnly(message, 0)))),
      accounting,
    )
    const client = await connect(listener)
    client.socket.write(Buffer.concat([1, 2].map((id) => frame(question(id)))))
    await expect.poll(() => ready.length).toBe(2)
    client.socket.resetAndDestroy()
    await expect.poll(() => accounting.limits.held().connections).toBe(0)
    for (const each of ready) each()
    expect(accounting.counters.errors.cell('tcp').value).toBe(1)
  })

  it('closes its half with half a question sent: it is closed', async () => {
    const accounting = createAccounting()
    const client = await connect(await serve(answered, accounting))
    client.socket.end(Buffer.of(0, 40, 1, 2))
    await client.ended
    await expect.poll(() => accounting.limits.held().connections).toBe(0)
  })

  it('opens one connection too many: the longest unused one is closed, the others serve', async () => {
    const accounting = createAccounting({ connectionsPerAsker: 2 })
    const listener = await serve(answered, accounting)
    const [first, second] = [await connect(listener), await connect(listener)]
    first.socket.write(frame(question(1)))
    await first.take(1)
    const third = await connect(listener)
    await second.ended
    for (const client of [first, third]) client.socket.write(frame(question(2)))
    expect((await first.take(2)).map(idOf)).toEqual([1, 2])
    expect((await third.take(1)).map(idOf)).toEqual([2])
  })

  it('asks on all it may open: a further one is closed at once', async () => {
    const accounting = createAccounting({ connections: 1 })
    let inHand = 0
    const listener = await serve(() => {
      inHand++
      return new Promise(() => {})
    }, accounting)
    const client = await connect(listener)
    client.socket.write(frame(question(1)))
    await expect.poll(() => inHand).toBe(1)
    const second = await connect(listener)
    await second.ended
    expect(accounting.reached('connections', 'refused')).toBe(1)
  })

  it('sends thousands of questions at once: each is answered', async () => {
    const client = await connect(await serve(answered))
    client.socket.write(Buffer.concat(Array.from({ length: 5_000 }, (_, id) => frame(question(id)))))
    const ids = (await client.take(5_000)).map(idOf)
    expect(new Set(ids).size).toBe(5_000)
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
    const { limits } = createAccounting()
    const at = { host: '127.0.0.1', port }
    const again = listenTcp({ at, handle: answered, limits, clock: systemClock, log: silentLogger })
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
