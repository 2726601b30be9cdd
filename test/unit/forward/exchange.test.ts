// One forwarded question: failover, silence, deadline, truncation, and packets that are not the reply.
import dgram from 'node:dgram'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Upstream } from '../../../src/config/types.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import type { Attempt } from '../../../src/forward/attempt.ts'
import { createForwardCounters } from '../../../src/forward/counters.ts'
import { createExchange, type ExchangeOptions } from '../../../src/forward/exchange.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'

/** A clock that stands still until it is turned. */
function createHandClock() {
  let now = 0
  let timers: { at: number; run: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    setTimeout(run, ms) {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return timer as never
    },
    clearTimeout(timer) {
      timers = timers.filter((each) => each !== (timer as never))
    },
  }
  return {
    clock,
    pending: () => timers.length,
    turn(ms: number) {
      const end = now + ms
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        timers = timers.filter((each) => each !== next)
        now = next.at
        next.run()
      }
      now = end
    },
  }
}

const query = encodeQuery('example.com', 'A', { id: 1 })
const question = readQuestion(query)!
const upstreams = ['192.0.2.1', '192.0.2.2'].map((host) => ({ host, port: 53, text: `${host}:53` }))

function answer(message: Buffer, code: number, flags = 0x8180): Buffer {
  const reply = Buffer.from(message)
  reply.writeUInt16BE(flags | code, 2)
  return reply
}

interface Try extends Attempt {
  transport: 'udp' | 'tcp'
  cancelled: boolean
}

function start(list: readonly Upstream[] = upstreams, timeout = 3500, more: Partial<ExchangeOptions> = {}) {
  const hand = createHandClock()
  const counters = createForwardCounters()
  const tries: Try[] = []
  let id = 100
  const ask = (transport: 'udp' | 'tcp') => (attempt: Attempt) => {
    const made: Try = { ...attempt, transport, cancelled: false }
    tries.push(made)
    return () => {
      made.cancelled = true
    }
  }
  const exchange = createExchange({
    clock: hand.clock,
    counters,
    randomId: () => id++,
    askUdp: ask('udp'),
    askTcp: ask('tcp'),
    ...more,
  })
  const result = exchange.ask({
    query,
    question,
    edns: undefined,
    asker: '127.0.0.1',
    upstreams: list,
    timeout,
  })
  const asked = () => tries.map(({ upstream, transport }) => `${transport} ${upstream.host.at(-1)}`)
  const reply = (n: number, code: number, flags?: number) =>
    tries[n]!.done({ reply: answer(tries[n]!.message, code, flags) })
  return { ...hand, exchange, counters, tries, result, asked, reply }
}

describe('an exchange', () => {
  it('gives the first server’s reply, and asks no other', async () => {
    const run = start()
    run.reply(0, 0)
    await expect(run.result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
    run.turn(10_000)
    expect(run.asked()).toEqual(['udp 1'])
    expect(run.pending()).toBe(0)
    expect(run.exchange.inFlight()).toBe(0)
  })

  it('takes NXDOMAIN for final', async () => {
    const run = start()
    run.reply(0, 3)
    await expect(run.result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
  })

  it.each([
    [2, 'SERVFAIL'],
    [5, 'REFUSED'],
  ])('goes to the next server at once on rcode %i (%s)', async (code) => {
    const run = start()
    run.reply(0, code)
    expect(run.asked()).toEqual(['udp 1', 'udp 2'])
    run.reply(1, 0)
    await expect(run.result).resolves.toMatchObject({ upstream: '192.0.2.2:53' })
  })

  it('goes to the next server at once on an error', async () => {
    const run = start()
    run.tries[0]!.done({ error: 'ECONNREFUSED' })
    run.reply(1, 0)
    await expect(run.result).resolves.toMatchObject({ upstream: '192.0.2.2:53' })
  })

  it('goes to the next server on a reply that can not be read to its end', async () => {
    const run = start()
    const broken = answer(run.tries[0]!.message, 0)
    broken.writeUInt16BE(1, 6)
    run.tries[0]!.done({ reply: broken })
    expect(run.asked()).toEqual(['udp 1', 'udp 2'])
  })

  it('says what each server said where all said no', async () => {
    const run = start()
    run.reply(0, 2)
    run.tries[1]!.done({ error: 'ECONNREFUSED' })
    const failure = '192.0.2.1:53 SERVFAIL, 192.0.2.2:53 ECONNREFUSED'
    await expect(run.result).resolves.toEqual({ failure, reason: 'failed' })
    expect(run.pending()).toBe(0)
  })

  it('asks the second server by 1 s of silence, and still hears the first', async () => {
    const run = start()
    run.turn(999)
    expect(run.asked()).toEqual(['udp 1'])
    run.turn(1)
    expect(run.asked()).toEqual(['udp 1', 'udp 2'])
    expect(run.tries[0]!.cancelled).toBe(false)
    run.reply(0, 0)
    await expect(run.result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
    expect(run.tries[1]!.cancelled).toBe(true)
  })

  it('asks a lone silent server again, with another ID', () => {
    const run = start(upstreams.slice(0, 1))
    run.turn(1000)
    expect(run.asked()).toEqual(['udp 1', 'udp 1'])
    expect(run.tries[0]!.message.readUInt16BE(0)).not.toBe(run.tries[1]!.message.readUInt16BE(0))
  })

  it('does not ask a server again that said no', () => {
    const run = start()
    run.reply(0, 5)
    run.turn(2500)
    expect(run.asked()).toEqual(['udp 1', 'udp 2', 'udp 2', 'udp 2'])
  })

  it('ends at its deadline, whatever is still open', async () => {
    const run = start()
    run.turn(3499)
    expect(run.exchange.inFlight()).toBe(1)
    run.turn(1)
    const failure = '192.0.2.1:53 timeout, 192.0.2.2:53 timeout'
    await expect(run.result).resolves.toEqual({ failure, reason: 'unreachable' })
    expect(run.tries.every(({ cancelled }) => cancelled)).toBe(true)
    expect(run.pending()).toBe(0)
  })

  it('gives each server its turn within a short deadline', () => {
    const run = start(upstreams, 300)
    run.turn(299)
    expect(run.asked().slice(0, 2)).toEqual(['udp 1', 'udp 2'])
  })

  it('asks again over TCP where the reply is truncated', async () => {
    const run = start()
    run.reply(0, 0, 0x8380)
    expect(run.asked()).toEqual(['udp 1', 'tcp 1'])
    run.reply(1, 0)
    await expect(run.result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
  })

  it('goes on to the next server where TCP fails', () => {
    const run = start()
    run.reply(0, 0, 0x8380)
    run.tries[1]!.done({ error: 'ECONNREFUSED' })
    expect(run.asked()).toEqual(['udp 1', 'tcp 1', 'udp 2'])
  })

  it('gives the truncated reply where no server takes TCP', async () => {
    const run = start(upstreams.slice(0, 1))
    run.reply(0, 0, 0x8380)
    run.tries[1]!.done({ error: 'ECONNREFUSED' })
    await expect(run.result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
  })

  it('ends at once without upstreams', async () => {
    await expect(start([]).result).resolves.toMatchObject({ reason: 'none' })
  })

  it('refuses more questions than may be in flight, and takes them again later', async () => {
    const run = start(upstreams, 3500, { maxInFlight: 1 })
    const more = () =>
      run.exchange.ask({ query, question, edns: undefined, asker: '127.0.0.1', upstreams, timeout: 3500 })
    await expect(more()).resolves.toMatchObject({ reason: 'busy' })
    expect(run.counters.rejects.cell().value).toBe(1)
    run.reply(0, 0)
    await run.result
    void more()
    expect(run.exchange.inFlight()).toBe(1)
  })

  it('counts each try by what came of it', async () => {
    const run = start()
    run.reply(0, 2)
    run.turn(20)
    run.reply(1, 0)
    await run.result
    const { duration } = run.counters
    expect(duration.cell('192.0.2.1:53', 'SERVFAIL')).toMatchObject({ count: 1 })
    expect(duration.cell('192.0.2.2:53', 'NOERROR')).toMatchObject({ count: 1, sum: 0.02 })
  })
})

describe('over a real socket', () => {
  it('packets of another ID or question are counted and passed over', async () => {
    const server = dgram.createSocket('udp4')
    server.bind(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    server.on('message', (message, from) => {
      const other = answer(message, 3)
      other.writeUInt16BE(message.readUInt16BE(0) ^ 1, 0)
      const wrong = answer(encodeQuery('example.net', 'A', { id: message.readUInt16BE(0) }), 3)
      for (const reply of [other, wrong, Buffer.of(1), answer(message, 0)])
        server.send(reply, from.port, from.address)
    })
    const counters = createForwardCounters()
    const exchange = createExchange({ clock: systemClock, counters, randomId: () => 0x4242 })
    const text = `127.0.0.1:${port}`
    const result = await exchange.ask({
      query,
      question,
      edns: undefined,
      asker: '127.0.0.1',
      upstreams: [{ host: '127.0.0.1', port, text }],
      timeout: 3500,
    })
    server.close()
    expect(result).toMatchObject({ upstream: text })
    expect('reply' in result && result.reply.message[3]! & 15).toBe(0)
    expect(counters.spoofed.cell(text).value).toBe(3)
  })
})
