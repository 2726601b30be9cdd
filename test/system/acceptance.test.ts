// What moby's unit tests assert of its resolver's forwarding, asked of a running berth. docs/acceptance.md has the list.
import dgram from 'node:dgram'
import net from 'node:net'
import { type Answer, decode, encode, type Packet } from 'dns-packet'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort, type Serving, serve } from './serve.ts'

const nameError = 3
const serverFailure = 2
const soa = {
  ...{ type: 'SOA' as const, name: 'example.org', ttl: 1799 },
  data: {
    mname: 'ns.example.org',
    rname: 'host.example.org',
    serial: 7,
    refresh: 1,
    retry: 2,
    expire: 3,
    minimum: 60,
  },
}

/** Answers by name: `many` has 32 addresses in a datagram that nobody allowed to be so long. */
function reply(query: Packet): Packet {
  const { name } = query.questions![0]!
  const base: Packet = { type: 'response', id: query.id!, flags: 0x0180, questions: query.questions! }
  if (name === 'none.example.org') return { ...base, flags: 0x0180 | nameError, authorities: [soa] }
  const count = name === 'many.example.org' ? 32 : 1
  const answers = Array.from(
    { length: count },
    (_, i): Answer => ({ type: 'A', name, ttl: 60, data: `192.0.2.${i + 1}` }),
  )
  return { ...base, answers }
}

interface Upstream {
  readonly address: string
  readonly asked: string[]
  close(): void
}

async function startUpstream(respond: (query: Packet) => Packet | undefined): Promise<Upstream> {
  const asked: string[] = []
  const udp = dgram.createSocket('udp4')
  const take = (message: Buffer) => {
    const query = decode(message)
    asked.push(query.questions![0]!.name)
    return respond(query)
  }
  udp.on('message', (message, from) => {
    const told = take(message)
    if (told !== undefined) udp.send(encode(told), from.port, from.address)
  })
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve))
  return { address: `127.0.0.1:${udp.address().port}`, asked, close: () => udp.close() }
}

let good: Upstream
let failing: Upstream
let dead: Upstream
const running: Serving[] = []

async function start(upstreams: readonly string[], hosts: Record<string, string[]> = {}) {
  const port = await freePort()
  const serving = serve({
    listen: [`127.0.0.1:${port}`, `[::1]:${port}`],
    ...{ http: false, docker: { engines: [] }, hosts, forward: { upstreams } },
  })
  running.push(serving)
  await serving.logged('ready')
  return port
}

type Server = { port: number; host?: string; tcp?: boolean }

function ask({ port, host = '127.0.0.1', tcp = false }: Server, name: string, type: 'A' | 'MX' = 'A') {
  const query = encode({ type: 'query', id: 77, flags: 0x0100, questions: [{ type, name, class: 'IN' }] })
  return new Promise<Packet & { flags: number }>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no reply to ${name} within 30 s`)), 30_000)
    const done = (message: Buffer) => {
      clearTimeout(timer)
      resolve(decode(message) as Packet & { flags: number })
    }
    if (!tcp) {
      const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4')
      socket.once('message', (message) => {
        socket.close()
        done(message)
      })
      return socket.send(query, port, host)
    }
    const socket = net.connect(port, host, () => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(query.length)
      socket.write(Buffer.concat([length, query]))
    })
    let all = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      all = Buffer.concat([all, chunk])
      if (all.length < 2 || all.length < 2 + all.readUInt16BE(0)) return
      socket.destroy()
      done(all.subarray(2))
    })
  })
}

const rcodeOf = ({ flags }: { flags: number }) => flags & 15
const dataOf = ({ answers }: Packet) => answers!.map((answer) => 'data' in answer && answer.data)

beforeAll(async () => {
  good = await startUpstream(reply)
  // It is a server that is known to answer what berth sends: else the question would be asked again without EDNS.
  failing = await startUpstream((query) =>
    query.questions![0]!.name === 'known.example.org'
      ? reply(query)
      : { ...reply(query), answers: [], flags: 0x0180 | serverFailure },
  )
  dead = await startUpstream(() => undefined)
})

afterAll(async () => {
  for (const { child } of running) child.kill('SIGTERM')
  for (const { exited } of running) expect(await exited).toBe(0)
  for (const upstream of [good, failing, dead]) upstream.close()
})

it('an upstream’s UDP answer of over 512 bytes comes through: cut with TC over UDP, whole over TCP', async () => {
  const port = await start([good.address])
  const cut = await ask({ port }, 'many.example.org')
  expect(rcodeOf(cut)).toBe(0)
  expect(cut.flags & 0x0200).toBe(0x0200)
  const whole = await ask({ port, tcp: true }, 'many.example.org')
  expect(whole.answers).toHaveLength(32)
  expect(rcodeOf(whole)).toBe(0)
})

it('without upstreams a foreign name is SERVFAIL, and a single label NXDOMAIN', async () => {
  const port = await start([])
  expect(rcodeOf(await ask({ port }, 'www.example.org'))).toBe(serverFailure)
  expect(rcodeOf(await ask({ port }, 'nonexistent', 'MX'))).toBe(nameError)
})

it('an upstream’s NXDOMAIN keeps its SOA as it came, its TTL lowered to the MINIMUM', async () => {
  const port = await start([good.address])
  const told = await ask({ port }, 'none.example.org')
  expect(rcodeOf(told)).toBe(nameError)
  expect(told.answers).toEqual([])
  expect(told.authorities).toMatchObject([{ ...soa, ttl: soa.data.minimum }])
})

it('a name of one address is exactly that, in any case, and NODATA for MX', async () => {
  const port = await start([], { 'name1.example': ['192.168.0.1'] })
  for (const name of ['name1.example', 'NaMe1.eXample']) {
    const told = await ask({ port }, name)
    expect([rcodeOf(told), dataOf(told)]).toEqual([0, ['192.168.0.1']])
  }
  const mail = await ask({ port }, 'name1.example', 'MX')
  expect([rcodeOf(mail), mail.answers]).toEqual([0, []])
})

it('the second upstream is asked when the first says SERVFAIL, each of them once', async () => {
  const port = await start([failing.address, good.address])
  await ask({ port }, 'known.example.org')
  expect(dataOf(await ask({ port }, 'first.example.org'))).toEqual(['192.0.2.1'])
  const times = ({ asked }: Upstream) =>
    asked.filter((name) => name.toLowerCase() === 'first.example.org').length
  expect([times(failing), times(good)]).toEqual([1, 1])
})

it('the second upstream answers when the first is dead', async () => {
  const port = await start([dead.address, good.address])
  expect(dataOf(await ask({ port }, 'second.example.org'))).toEqual(['192.0.2.1'])
})

it('a question over IPv6 is forwarded to an upstream with IPv4', async () => {
  const port = await start([good.address])
  expect(dataOf(await ask({ port, host: '::1' }, 'six.example.org'))).toEqual(['192.0.2.1'])
})

it('garbage over UDP does not stop the server', async () => {
  const port = await start([good.address])
  const socket = dgram.createSocket('udp4')
  const zeros = Buffer.alloc(600)
  const all = Buffer.alloc(512, 0xff)
  const halves = [
    Buffer.from('invalid'),
    Buffer.alloc(0),
    Buffer.alloc(11),
    Buffer.from([0, 1, 1, 0, 0, 1]),
    zeros,
    all,
  ]
  for (const packet of halves) {
    await new Promise((resolve) => socket.send(packet, port, '127.0.0.1', resolve))
  }
  socket.close()
  expect(dataOf(await ask({ port }, 'after.example.org'))).toEqual(['192.0.2.1'])
})
