// Questions over real UDP sockets on loopback, by both kinds of them.
import dgram from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { headerOnly, rcodeOf } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { sendBy } from '../../../src/net/datagrams.ts'
import type { Handle, Query } from '../../../src/net/handler.ts'
import { createBatchedListener } from '../../../src/net/linux/batched-listener.ts'
import { loadLibc } from '../../../src/net/linux/libc.ts'
import { createPollLoop } from '../../../src/net/linux/poll-loop.ts'
import type { Listener, ListenOptions } from '../../../src/net/listener.ts'
import { createSocket, listenUdp } from '../../../src/net/udp-listener.ts'
import { createHandClock } from '../../hand-clock.ts'
import { isRoot } from '../../tools/net/namespace.ts'
import { sendRaw } from '../../tools/net/raw.ts'
import { createAccounting } from './limits/accounting.ts'

const question = (id: number) => encodeQuery('web', 'A', { id })
const idOf = (message: Buffer) => message.readUInt16BE(0)

const clients: dgram.Socket[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.close()
})

async function connect({ port }: Listener): Promise<dgram.Socket> {
  const client = dgram.createSocket('udp4')
  clients.push(client)
  client.connect(port, '127.0.0.1')
  await once(client, 'connect')
  return client
}

async function ask(client: dgram.Socket, message: Buffer): Promise<Buffer> {
  const reply = once(client, 'message')
  client.send(message)
  return (await reply)[0]
}

type Kind = readonly [what: string, listen: (options: ListenOptions) => Promise<Listener>, clock: Clock]

const libc = await loadLibc()
const listenInBatches = () => createBatchedListener(libc, createPollLoop({ libc, clock: systemClock }))
const kinds: readonly Kind[] = [
  ['plain', listenUdp, systemClock],
  ['in batches', listenInBatches(), systemClock],
  // Time stands still: from the fourth on, whatever comes is one of many.
  ['in batches, waited for without the event loop', listenInBatches(), createHandClock().clock],
]

describe.each(kinds)('a UDP listener, %s', (_, listen, clock) => {
  const serve = (handle: Handle, { limits } = createAccounting(), port = 0, host = '127.0.0.1') =>
    listen({ at: { host, port }, handle, limits, clock, log: silentLogger })

  it.runIf(isRoot)('passes over what comes from port 0, counts it, and goes on', async () => {
    const accounting = createAccounting()
    const asked: number[] = []
    const listener = await serve(async ({ message }) => {
      asked.push(idOf(message))
      return headerOnly(message, 0)
    }, accounting)
    const client = await connect(listener)
    for (let id = 1; id <= 20; id++) sendRaw(0, listener.port, question(id))
    expect(idOf(await ask(client, question(21)))).toBe(21)
    expect(asked).toEqual([21])
    expect(accounting.counters.errors.cell('udp').value).toBe(20)
    await listener.close(AbortSignal.abort())
  })

  it('answers from the address that was asked, and tells who asked', async () => {
    const seen: Query[] = []
    const listener = await serve((query) => {
      seen.push(query)
      return headerOnly(query.message, 0)
    })
    const client = await connect(listener)
    expect(idOf(await ask(client, question(3)))).toBe(3)
    const server = `dns://127.0.0.1:${listener.port}`
    expect(seen).toMatchObject([{ asker: '127.0.0.1', local: '127.0.0.1', transport: 'udp', server }])
    await listener.close(AbortSignal.abort())
  })

  it('serves IPv6 and nothing else on an IPv6 address', async () => {
    const seen: string[] = []
    const handle: Handle = ({ message, asker }) => {
      seen.push(asker)
      return headerOnly(message, 0)
    }
    const listener = await serve(handle, createAccounting(), 0, '::1')
    const client = dgram.createSocket('udp6')
    clients.push(client)
    client.connect(listener.port, '::1')
    await once(client, 'connect')
    expect(idOf(await ask(client, question(5)))).toBe(5)
    expect(idOf(await ask(client, question(6)))).toBe(6)
    expect(seen).toEqual(['::1', '::1'])
    await listener.close(AbortSignal.abort())
  })

  it('says nothing where there is no reply, and goes on', async () => {
    const listener = await serve(({ message }) => (message.length < 12 ? undefined : headerOnly(message, 0)))
    const client = await connect(listener)
    client.send(Buffer.of(1, 2, 3))
    client.send(Buffer.alloc(0))
    expect(idOf(await ask(client, question(4)))).toBe(4)
    await listener.close(AbortSignal.abort())
  })

  it('answers local names while another question is being forwarded', async () => {
    let forwarded = () => {}
    const listener = await serve(({ message }) => {
      if (idOf(message) !== 1) return headerOnly(message, 0)
      return new Promise((resolve) => {
        forwarded = () => resolve(headerOnly(message, 3))
      })
    })
    const client = await connect(listener)
    client.send(question(1))
    expect(idOf(await ask(client, question(2)))).toBe(2)
    const late = once(client, 'message')
    forwarded()
    expect(rcodeOf((await late)[0])).toBe(3)
    await listener.close(AbortSignal.abort())
  })

  it('tells of a question over the rate', async () => {
    const seen: (string | undefined)[] = []
    const accounting = createAccounting({ rate: 2, slip: 2 })
    const listener = await serve((query) => {
      seen.push(query.pressed)
      return headerOnly(query.message, 0)
    }, accounting)
    const client = await connect(listener)
    for (let id = 1; id <= 4; id++) await ask(client, question(id))
    expect(seen).toEqual([undefined, undefined, 'drop', 'slip'])
    await listener.close(AbortSignal.abort())
  })

  it('reads nothing of a question over the fair share', async () => {
    const accounting = createAccounting()
    const admissions = ['over', 'pass'] as const
    let came = 0
    const limits = { ...accounting.limits, admit: () => admissions[came++]! }
    const seen: number[] = []
    const listener = await serve(
      ({ message }) => {
        seen.push(idOf(message))
        return headerOnly(message, 0)
      },
      { ...accounting, limits },
    )
    const client = await connect(listener)
    client.send(question(1))
    expect(idOf(await ask(client, question(2)))).toBe(2)
    expect(seen).toEqual([2])
    await listener.close(AbortSignal.abort())
  })

  it('waits for what is in hand when it is closed', async () => {
    const ready: (() => void)[] = []
    const listener = await serve(
      ({ message }) => new Promise((resolve) => ready.push(() => resolve(headerOnly(message, 0)))),
    )
    const client = await connect(listener)
    const reply = ask(client, question(6))
    await expect.poll(() => ready.length).toBe(1)
    const closed = listener.close(new AbortController().signal)
    ready[0]!()
    expect(rcodeOf(await reply)).toBe(0)
    await closed
  })

  it('answers SERVFAIL to what is open when time is up', async () => {
    let open = 0
    const listener = await serve(() => {
      open++
      return new Promise(() => {})
    })
    const client = await connect(listener)
    const reply = ask(client, question(8))
    await expect.poll(() => open).toBe(1)
    const time = new AbortController()
    const closed = listener.close(time.signal)
    time.abort()
    await closed
    expect([idOf(await reply), rcodeOf(await reply)]).toEqual([8, 2])
  })

  it('rejects with the system’s error where the address is taken', async () => {
    const listener = await serve(() => undefined)
    const again = serve(() => undefined, createAccounting(), listener.port)
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await listener.close(AbortSignal.abort())
  })

  it('gives the address back when it is closed', async () => {
    const listener = await serve(() => undefined)
    await listener.close(AbortSignal.abort())
    const again = await serve(() => undefined, createAccounting(), listener.port)
    expect(again.port).toBe(listener.port)
    await again.close(AbortSignal.abort())
  })
})

it('a reply that Node will not send is lost, and nobody is told', async () => {
  const socket = createSocket('127.0.0.1')
  const send = sendBy(socket)
  send(question(1), '127.0.0.1', 0)
  socket.close()
  await once(socket, 'close')
  send(question(2), '127.0.0.1', 53)
})
