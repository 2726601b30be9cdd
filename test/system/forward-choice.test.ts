// Upstreams in trouble: dead, slow, lossy, truncating, refusing. What askers get, how many of them wait, what is told.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../tools/servers/client.ts'
import { startDnsdist } from '../tools/servers/dnsdist.ts'
import { freePort } from '../tools/servers/port.ts'
import type { Server } from '../tools/servers/process.ts'
import { replyTo, startScripted } from '../tools/servers/scripted.ts'
import { startUnbound } from '../tools/servers/unbound.ts'
import { type Forwarding, startForwarding } from './forwarding.ts'

let resolver: Server
let other: Server
const stopping: { stop(): Promise<void> }[] = []

/** Whatever is asked below names.example is there, with an address that tells who answered. */
const data = (address: string) => [
  'local-zone: "names.example." redirect',
  `local-data: "names.example. 300 A ${address}"`,
]

beforeAll(async () => {
  resolver = await startUnbound({ extra: data('192.0.2.1') })
  other = await startUnbound({ extra: data('192.0.2.2') })
})

afterAll(async () => {
  for (const each of [...stopping.splice(0), resolver, other]) await each.stop()
})

async function start(
  upstreams: readonly string[],
  forward: object = {},
  more: object = {},
): Promise<Forwarding> {
  const berth = await startForwarding(upstreams, forward, more)
  stopping.push(berth)
  return berth
}

async function startBad(...rules: string[]): Promise<Server> {
  const bad = await startDnsdist({ behind: resolver.port, rules })
  stopping.push(bad)
  return bad
}

let asked = 0
/** Which of the two resolvers a new name's answer comes from. */
async function whoAnswers(berth: Forwarding): Promise<{ who: string; ms: number; name: string }> {
  const name = `n${asked++}.names.example`
  const { packet, ms } = await ask(berth.port, name, 'A')
  const [answer] = packet.answers ?? []
  return { who: answer?.type === 'A' ? answer.data : 'nobody', ms, name }
}

/** What became of the tries for a name, as its line in the log says; the server alone where the first try answered. */
async function wayOf(berth: Forwarding, { name }: { name: string }): Promise<string> {
  const line = () => berth.said('query').find((said) => said.name === name)
  await until(() => line() !== undefined)
  return String(line()!.rule)
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it did not come to that within 60 s')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe('the first of two upstreams dies', () => {
  it('one question waits, the next ones do not; it is told once; when it is back, it is first again', async () => {
    const berth = await start([resolver.address, other.address], {}, { log: { queries: true } })
    const healthy = (server: Server) => berth.metric('berth_forward_healthy', `to="${server.address}"`)
    expect((await whoAnswers(berth)).who).toBe('192.0.2.1')
    expect(await healthy(resolver)).toBe(1)
    resolver.freeze()
    try {
      const first = await whoAnswers(berth)
      expect(first.who).toBe('192.0.2.2')
      expect(first.ms).toBeGreaterThan(150)
      const next = []
      for (let n = 0; n < 20; n++) next.push(await whoAnswers(berth))
      expect(next.every(({ who }) => who === '192.0.2.2')).toBe(true)
      // None of them met it: the second server alone was asked.
      const ways = await Promise.all(next.map((each) => wayOf(berth, each)))
      expect(ways.filter((way) => way.includes(resolver.address))).toEqual([])
      expect(await wayOf(berth, first)).toContain(`${resolver.address} `)
      await until(async () => (await healthy(resolver)) === 0)
      await until(async () => (await berth.metric('berth_forward_healthcheck_failures_total')) > 1)
    } finally {
      resolver.thaw()
    }
    await until(async () => (await healthy(resolver)) === 1)
    expect((await whoAnswers(berth)).who).toBe('192.0.2.1')
    expect(berth.said('an upstream is down, others go before it')).toHaveLength(1)
    expect(berth.said('an upstream is back')).toHaveLength(1)
  })

  it('a port where nobody listens costs nobody a wait', async () => {
    const closed = `127.0.0.1:${await freePort()}`
    const berth = await start([closed, other.address], {}, { log: { queries: true } })
    for (let n = 0; n < 5; n++) {
      const answer = await whoAnswers(berth)
      expect(answer.who).toBe('192.0.2.2')
      // It was told that nobody listens, where it was asked at all; it did not wait for a reply.
      const way = await wayOf(berth, answer)
      if (way.includes(closed)) expect(way).toContain(`${closed} ECONNREFUSED`)
    }
  })
})

it('both are dead: SERVFAIL within the deadline, with what became of each, and both are tried all the same', async () => {
  const silent = [await startScripted(() => {}), await startScripted(() => {})]
  stopping.push(...silent)
  const berth = await start(
    silent.map(({ address }) => address),
    { timeout: '1s' },
  )
  for (let n = 0; n < 2; n++) {
    const { bytes, rcode } = await ask(berth.port, `dead${n}.names.example`, 'A')
    expect(rcode).toBe(2)
    const text = bytes.toString('latin1')
    for (const { address } of silent) expect(text).toContain(`${address} timeout`)
  }
  for (const { asked: questions } of silent) {
    const names = questions.map(({ message }) => message.toString('latin1'))
    expect(names.some((name) => name.includes('dead1'))).toBe(true)
  }
})

it('a company’s server that refuses all but its own names is asked first for them, whatever it refused before', async () => {
  const company = await startUnbound({
    extra: [
      'local-zone: "." refuse',
      'local-zone: "corp.example." redirect',
      'local-data: "corp.example. A 192.0.2.1"',
    ],
  })
  const open = await startUnbound({
    extra: [...data('192.0.2.2'), 'local-zone: "corp.example." always_nxdomain'],
  })
  stopping.push(company, open)
  const berth = await start([company.address, open.address])
  for (let n = 0; n < 8; n++) expect((await whoAnswers(berth)).who).toBe('192.0.2.2')
  const { packet } = await ask(berth.port, 'intra.corp.example', 'A')
  expect(packet.answers).toMatchObject([{ data: '192.0.2.1' }])
  expect(await berth.metric('berth_forward_healthcheck_failures_total')).toBe(0)
})

describe('an upstream that', () => {
  const triesAt = (berth: Forwarding, server: Server) =>
    berth.metric('berth_forward_request_duration_seconds_count', `to="${server.address}"`)

  async function meet(code: string): Promise<{ berth: Forwarding; bad: Server }> {
    const bad = await startBad(`addAction(AllRule(), RCodeAction(DNSRCode.${code}))`)
    const berth = await start([bad.address, other.address], {}, { log: { queries: true } })
    const told = await fetch(`http://${berth.http}/api/query?name=told.names.example&type=A`)
    expect(await told.json()).toMatchObject({
      tries: `${bad.address} ${code}, ${other.address} answered`,
      ms: expect.any(Number),
    })
    return { berth, bad }
  }

  async function askSix(berth: Forwarding): Promise<void> {
    for (let n = 0; n < 6; n++) {
      const answer = await whoAnswers(berth)
      expect(answer.who).toBe('192.0.2.2')
      // Nobody waited for it, nor for the other.
      expect(await wayOf(berth, answer)).not.toContain('timeout')
    }
  }

  it('says SERVFAIL is passed over at once, which the API tells, and goes behind', async () => {
    const { berth, bad } = await meet('SERVFAIL')
    const failures = () => berth.metric('berth_forward_healthcheck_failures_total', `to="${bad.address}"`)
    // It is checked after three.
    for (let n = 0; n < 2; n++) expect((await whoAnswers(berth)).who).toBe('192.0.2.2')
    await until(async () => (await failures()) > 0)
    const met = await triesAt(berth, bad)
    // Three questions and the probe for loops, each asked again without EDNS, which SERVFAIL may be about.
    expect(met).toBeLessThanOrEqual(8)
    await askSix(berth)
    expect(await triesAt(berth, bad)).toBe(met)
  })

  it.each(['REFUSED', 'NOTIMP'])(
    'says %s is passed over at once, which the API tells, and keeps its place: that is about the question',
    async (code) => {
      const { berth, bad } = await meet(code)
      const met = await triesAt(berth, bad)
      await askSix(berth)
      expect(await triesAt(berth, bad)).toBeGreaterThanOrEqual(met + 6)
      expect(await berth.metric('berth_forward_healthy', `to="${bad.address}"`)).toBe(1)
      expect(await berth.metric('berth_forward_healthcheck_failures_total')).toBe(0)
    },
  )

  it.each([
    ['SERVFAIL', 'addAction(AllRule(), RCodeAction(DNSRCode.SERVFAIL))'],
    ['REFUSED', 'addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))'],
  ])(
    'says %s and is the only one: SERVFAIL, extended error 23, and the API tells who said what',
    async (code, rule) => {
      const bad = await startBad(rule)
      const berth = await start([bad.address])
      const { bytes, rcode } = await ask(berth.port, 'a.names.example', 'A')
      expect(rcode).toBe(2)
      expect(bytes.toString('latin1')).toContain(`\u0000\u0017${bad.address} ${code}`)
      const reply = await fetch(`http://${berth.http}/api/query?name=a.names.example&type=A`)
      expect(await reply.json()).toMatchObject({
        rcode: 'SERVFAIL',
        rule: expect.stringContaining(`${bad.address} ${code}`),
      })
    },
  )

  it('truncates everything over UDP is asked over TCP', async () => {
    const bad = await startBad('addAction(AndRule{AllRule(), TCPRule(false)}, TCAction())')
    const berth = await start([bad.address])
    for (let n = 0; n < 20; n++) expect((await whoAnswers(berth)).who).toBe('192.0.2.1')
    // They, and the probe for loops.
    expect(await berth.metric('berth_forward_tcp_total', 'why="truncated"')).toBe(21)
  })

  it('drops all UDP is asked over TCP in the end', async () => {
    const bad = await startBad('addAction(AndRule{AllRule(), TCPRule(false)}, DropAction())')
    const berth = await start([bad.address])
    expect((await whoAnswers(berth)).who).toBe('192.0.2.1')
    expect(await berth.metric('berth_forward_tcp_total', 'why="silent"')).toBeGreaterThan(0)
  })

  it('drops three packets in ten leaves no question without an answer', async () => {
    const bad = await startBad('addAction(AndRule{ProbaRule(0.3), TCPRule(false)}, DropAction())')
    const berth = await start([bad.address])
    const answers = await Promise.all(Array.from({ length: 200 }, () => whoAnswers(berth)))
    expect(answers.filter(({ who }) => who !== '192.0.2.1')).toEqual([])
  })

  it('is slow is waited for, and "fastest" goes to the quicker one', async () => {
    const slow = await startBad('addAction(AllRule(), DelayAction(300))')
    const patient = await start([slow.address, other.address])
    expect((await whoAnswers(patient)).who).toBe('192.0.2.1')
    const hasty = await start([slow.address, other.address], { order: 'fastest' })
    const tally = new Map<string, number>()
    for (let n = 0; n < 30; n++) {
      const { who } = await whoAnswers(hasty)
      tally.set(who, (tally.get(who) ?? 0) + 1)
    }
    expect(tally.get('192.0.2.2')).toBeGreaterThan(20)
  })
})

describe('an upstream that sends nonsense is passed over:', () => {
  it.each<[string, (message: Buffer) => Buffer]>([
    ['counts that the bytes do not bear out', (message) => withCounts(replyTo(message), 9)],
    ['two OPT records', (message) => twice(replyTo(message))],
    ['an rcode nobody knows', (message) => replyTo(message, 12)],
  ])('%s', async (_what, made) => {
    const bad = await startScripted(({ message, send }) => send(made(message)))
    stopping.push(bad)
    const berth = await start([bad.address, other.address])
    expect((await whoAnswers(berth)).who).toBe('192.0.2.2')
  })

  it.each<[string, Buffer]>([
    ['half a message', Buffer.from('00ff0102', 'hex')],
    ['another protocol', Buffer.from('SSH-2.0-OpenSSH\r\n')],
    ['nothing', Buffer.alloc(0)],
  ])('over TCP, %s', async (_what, bytes) => {
    const bad = await startScripted(({ message, transport, send, write, end }) => {
      if (transport === 'udp') return send(replyTo(message, 0, 0x8380))
      write(bytes)
      end()
    })
    stopping.push(bad)
    const berth = await start([bad.address, other.address])
    expect((await whoAnswers(berth)).who).toBe('192.0.2.2')
  })
})

it('when no more sockets can be opened, questions leave from those that are there, and it lives on', async () => {
  const slow = await startScripted(({ message, send }) => {
    setTimeout(() => void send(replyTo(message)), 100)
  })
  stopping.push(slow)
  const berth = await start([slow.address])
  const { pid } = berth.serving.child
  // Room for 4 more, fewer than the ports to one upstream.
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let files = 0
  for (let free = 0; free < 4; files++) if (!open.has(files)) free++
  const allow = (most: number) => execFileSync('prlimit', ['--pid', String(pid), `--nofile=${most}:`])
  allow(files)
  for (let round = 0; round < 3; round++) {
    const names = Array.from({ length: 150 }, () => `n${asked++}.names.example`)
    const answers = await Promise.all(names.map((name) => ask(berth.port, name, 'A')))
    const failed = answers.filter(({ rcode }) => rcode !== 0)
    expect(failed.map(({ bytes }) => bytes.toString('latin1'))).toEqual([])
  }
  allow(files + 100)
  await until(async () => (await berth.metric('berth_forward_socket_errors_total')) > 0)
})

/** As if there were so many answers. */
function withCounts(reply: Buffer, answers: number): Buffer {
  reply.writeUInt16BE(answers, 6)
  return reply
}

function twice(reply: Buffer): Buffer {
  reply.writeUInt16BE(2, 10)
  return Buffer.concat([reply, reply.subarray(-11)])
}
