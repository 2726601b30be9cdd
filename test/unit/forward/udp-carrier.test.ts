// Questions over UDP on real sockets: ports and IDs, replies that are not ours, errors, bounds.
import dgram from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeQuery } from '../../../src/dns/message.ts'
import type { AttemptResult, Carrier } from '../../../src/forward/attempt.ts'
import { dialPlain } from '../../../src/forward/dial.ts'
import type { DialUdp } from '../../../src/forward/types.ts'
import { createUdp, type UdpLimits } from '../../../src/forward/udp-carrier.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import { createBatchedDial } from '../../../src/net/linux/batched-client.ts'
import { loadLibc } from '../../../src/net/linux/libc.ts'
import { createPollLoop } from '../../../src/net/linux/poll-loop.ts'
import { createHandClock } from '../../hand-clock.ts'
import { answer, query, question } from './fake-carriers.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

type Respond = (message: Buffer, reply: (bytes: Buffer) => void, port: number) => void

async function startServer(respond: Respond, address = '127.0.0.1') {
  const server = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const seen: { id: number; port: number }[] = []
  server.on('message', (message, from) => {
    seen.push({ id: message.readUInt16BE(0), port: from.port })
    respond(message, (bytes) => server.send(bytes, from.port, from.address), from.port)
  })
  server.bind(0, address)
  await once(server, 'listening')
  closing.push(() => server.close())
  const { port } = server.address()
  return { upstream: { host: address, port, text: `${address}:${port}` }, seen }
}

const random16 = () => Math.floor(Math.random() * 0x10000)

type Server = Awaited<ReturnType<typeof startServer>>

function askOnce(udp: Carrier, upstream: Server['upstream']): Promise<AttemptResult> {
  return new Promise((done) => udp.ask({ upstream, message: Buffer.from(query), question, done }))
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not come to that within 60 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const echo: Respond = (message, reply) => reply(answer(message, 0))

const libc = await loadLibc()
const createWait = () => createPollLoop({ libc, clock: systemClock })
const waiting = createWait()
/** From the first datagram on it waits without the event loop. */
const alwaysWaiting = { ...createWait(), note: () => true }
const kinds: readonly [kind: string, dial: DialUdp][] = [
  ['by Node', dialPlain],
  ['by system calls', createBatchedDial(libc, waiting, systemClock)],
  ['by system calls, in batches', createBatchedDial(libc, alwaysWaiting, systemClock)],
]

describe.each(kinds)('%s:', (_kind, dial) => {
  function start(limits: Partial<UdpLimits> = {}, clock: Clock = systemClock, randomId = random16) {
    let spoofed = 0
    let exhausted = 0
    const udp = createUdp({
      clock,
      randomId,
      spoofed: () => spoofed++,
      exhausted: () => exhausted++,
      dial,
      limits,
    })
    closing.push(() => udp.close())
    return { udp, spoofed: () => spoofed, exhausted: () => exhausted }
  }

  describe('ports and IDs', () => {
    it('differ from question to question', async () => {
      const server = await startServer(echo)
      const { udp } = start()
      for (let n = 0; n < 400; n++) await askOnce(udp, server.upstream)
      const ports = new Set(server.seen.map(({ port }) => port))
      const ids = new Set(server.seen.map(({ id }) => id))
      expect(ports.size).toBeGreaterThan(20)
      expect(ids.size).toBeGreaterThan(380)
      // Neighbours: a port known from one question does not tell the next one's.
      const same = server.seen.filter(({ port }, n) => server.seen[n - 1]?.port === port).length
      expect(same).toBeLessThan(60)
    })

    it('are nobody else’s, whoever shares his own', async () => {
      const server = await startServer(() => {})
      const { udp } = start()
      void askOnce(udp, server.upstream)
      await until(() => server.seen.length === 1)
      const thief = dgram.createSocket({ type: 'udp4', reuseAddr: true })
      closing.push(() => thief.close())
      thief.bind(server.seen[0]!.port, '127.0.0.1')
      expect((await once(thief, 'error'))[0]).toMatchObject({ code: 'EADDRINUSE' })
    })

    it('are renewed after so many questions, and sockets stay bounded', async () => {
      const server = await startServer(echo)
      const { udp } = start({ ports: 4, uses: 8 })
      for (let n = 0; n < 400; n++) {
        await askOnce(udp, server.upstream)
        expect(udp.sockets()).toBeLessThanOrEqual(4)
      }
      const uses = new Map<number, number>()
      for (const { port } of server.seen) uses.set(port, (uses.get(port) ?? 0) + 1)
      // The kernel may give out a number again.
      expect(uses.size).toBeGreaterThan(40)
    })

    it('are renewed after some time', async () => {
      const server = await startServer(echo)
      const hand = createHandClock()
      const { udp } = start({ ports: 1, age: 10_000 }, hand.clock)
      await askOnce(udp, server.upstream)
      await askOnce(udp, server.upstream)
      hand.turn(10_000)
      expect(udp.sockets()).toBe(0)
      await askOnce(udp, server.upstream)
      const ports = server.seen.map(({ port }) => port)
      expect(ports[1]).toBe(ports[0])
      expect(ports[2]).not.toBe(ports[0])
    })

    it('an ID is never used twice on one port, though drawn again', async () => {
      const server = await startServer(echo)
      const { udp } = start({ ports: 1 }, systemClock, () => 0x4242)
      for (let n = 0; n < 20; n++) await askOnce(udp, server.upstream)
      expect(new Set(server.seen.map(({ id, port }) => `${id} ${port}`)).size).toBe(20)
    })
  })

  describe('packets that are not the reply', () => {
    it('of another ID or question are counted and passed over', async () => {
      const server = await startServer((message, reply) => {
        const other = answer(message, 3)
        other.writeUInt16BE(message.readUInt16BE(0) ^ 1, 0)
        const wrong = answer(encodeQuery('example.net', 'A', { id: message.readUInt16BE(0) }), 3)
        for (const bytes of [other, wrong, Buffer.of(1), Buffer.alloc(0), answer(message, 0)]) reply(bytes)
      })
      const { udp, spoofed } = start()
      const result = await askOnce(udp, server.upstream)
      expect('reply' in result && result.reply[3]! & 15).toBe(0)
      expect(spoofed()).toBe(4)
    })

    it('from another address or port are never heard', async () => {
      const forger = dgram.createSocket('udp4')
      forger.bind(0, '127.0.0.2')
      await once(forger, 'listening')
      closing.push(() => forger.close())
      const server = await startServer((message, reply, port) => {
        forger.send(answer(message, 3), port, '127.0.0.1', () =>
          setTimeout(() => reply(answer(message, 0)), 20),
        )
      })
      const { udp, spoofed } = start()
      const result = await askOnce(udp, server.upstream)
      expect('reply' in result && result.reply[3]! & 15).toBe(0)
      expect(spoofed()).toBe(0)
    })

    it('end the wait when they are many, and the port is given up', async () => {
      const server = await startServer((message, reply) => {
        for (let n = 1; n <= 8; n++) {
          const wrong = answer(message, 0)
          wrong.writeUInt16BE(message.readUInt16BE(0) ^ n, 0)
          reply(wrong)
        }
      })
      const { udp, spoofed } = start()
      await expect(askOnce(udp, server.upstream)).resolves.toEqual({
        error: 'forged replies',
        blame: 'forger',
      })
      expect(spoofed()).toBe(8)
      expect(udp.sockets()).toBe(0)
    })

    it('are not what comes late or twice', async () => {
      const held: (() => void)[] = []
      const server = await startServer((message, reply) => {
        for (let n = 0; n < 20; n++) held.push(() => reply(answer(message, 0)))
      })
      const { udp, spoofed } = start({ ports: 1 })
      const cancel = udp.ask({
        upstream: server.upstream,
        message: Buffer.from(query),
        question,
        done: () => expect.unreachable(),
      })
      await until(() => held.length === 20)
      cancel()
      for (const send of held.splice(0)) send()
      const result = askOnce(udp, server.upstream)
      await until(() => held.length === 20)
      for (const send of held.splice(0)) send()
      await expect(result).resolves.toHaveProperty('reply')
      expect(spoofed()).toBe(0)
    })
  })

  describe('errors', () => {
    it('of an address where nobody listens come at once', async () => {
      const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1')
      await once(socket, 'listening')
      const { port } = socket.address()
      socket.close()
      await once(socket, 'close')
      const { udp } = start()
      const result = await askOnce(udp, { host: '127.0.0.1', port, text: 'gone' })
      expect(result).toEqual({ error: 'ECONNREFUSED', blame: 'upstream' })
      expect(udp.sockets()).toBe(0)
    })

    it.each(['fe80::1%nothere0', '255.255.255.255'])('of %s, out of reach, come at once', async (host) => {
      const { udp } = start()
      await expect(askOnce(udp, { host, port: 9, text: host })).resolves.toMatchObject({ blame: 'upstream' })
      expect(udp.sockets()).toBe(0)
    })

    it('of a full house: what can not have a port of its own leaves from one that is open', async () => {
      const server = await startServer(echo)
      let slot = 0
      const { udp, exhausted } = start({ ports: 8, sockets: 1 }, systemClock, () => slot++)
      for (let n = 0; n < 5; n++) await expect(askOnce(udp, server.upstream)).resolves.toHaveProperty('reply')
      expect(udp.sockets()).toBe(1)
      expect(exhausted()).toBeGreaterThan(0)
      const other = await askOnce(udp, { ...server.upstream, text: 'another' })
      expect(other).toMatchObject({ blame: 'us' })
    })

    it('of a full house that lasts: a port has so many questions, and no more until it is renewed', async () => {
      const held: (() => void)[] = []
      let isHolding = true
      const server = await startServer((message, reply) => {
        const send = () => reply(answer(message, 0))
        if (isHolding) held.push(send)
        else send()
      })
      const { udp } = start({ ports: 1, sockets: 1, uses: 2 })
      const first = askOnce(udp, server.upstream)
      await until(() => held.length === 1)
      isHolding = false
      const results: AttemptResult[] = []
      for (let n = 0; n < 40; n++) results.push(await askOnce(udp, server.upstream))
      expect(results.filter((result) => 'reply' in result)).toHaveLength(31)
      expect(results.at(-1)).toEqual({ error: 'no socket to ask from', blame: 'us' })
      for (const send of held) send()
      await expect(first).resolves.toHaveProperty('reply')
      await expect(askOnce(udp, server.upstream)).resolves.toHaveProperty('reply')
    })
  })

  it('IPv6 upstreams are asked as well', async () => {
    const server = await startServer(echo, '::1')
    const { udp } = start()
    await expect(askOnce(udp, server.upstream)).resolves.toHaveProperty('reply')
  })

  it('when it is closed, so are its sockets, and what is open ends', async () => {
    const server = await startServer(() => {})
    const { udp } = start()
    const results = Array.from({ length: 50 }, () => askOnce(udp, server.upstream))
    await until(() => server.seen.length === 50)
    udp.close()
    for (const result of await Promise.all(results)) expect(result).toEqual({ error: 'stopped', blame: 'us' })
    expect(udp.sockets()).toBe(0)
    await expect(askOnce(udp, server.upstream)).resolves.toEqual({ error: 'stopped', blame: 'us' })
  })
})
