// A forger sends 100,000 wrong replies while questions are open: from the right address and port with wrong IDs or wrong
// questions, and from elsewhere. None is believed, none is kept, and the right one still comes.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeQuery } from '../../src/dns/message.ts'
import { readQuestion } from '../../src/dns/name.ts'
import type { AttemptResult } from '../../src/forward/attempt.ts'
import { createUdp } from '../../src/forward/udp-carrier.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { ask } from '../tools/servers/client.ts'
import { seededRandom } from '../tools/servers/random.ts'
import { type Asked, replyTo, startScripted } from '../tools/servers/scripted.ts'
import { startForwarding } from './forwarding.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const trueAddress = Buffer.of(192, 0, 2, 1)
const falseAddress = Buffer.of(203, 0, 113, 66)

/** `message` answered with one address, TTL 300. */
function answerWith(message: Buffer, address: Buffer): Buffer {
  const end = readQuestion(message)!.end
  const reply = replyTo(message.subarray(0, end))
  reply.writeUInt16BE(1, 6)
  reply.writeUInt16BE(0, 10)
  return Buffer.concat([reply, Buffer.from('c00c000100010000012c0004', 'hex'), address])
}

/** Forged replies to a question, of every kind; never right, whatever the ID drawn. */
function createForger(random: () => number) {
  return (message: Buffer): { bytes: Buffer; elsewhere: boolean } => {
    const kind = Math.floor(random() * 3)
    const bytes = answerWith(message, falseAddress)
    if (kind === 0)
      bytes.writeUInt16BE((message.readUInt16BE(0) + 1 + Math.floor(random() * 0xffff)) & 0xffff, 0)
    // Another letter in the name's first label.
    if (kind === 1) bytes[13] = 'z'.charCodeAt(0)
    return { bytes, elsewhere: kind === 2 }
  }
}

async function openSocket(address: string) {
  const socket = createSocket('udp4')
  socket.on('error', () => {})
  socket.bind(0, address)
  await once(socket, 'listening')
  closing.push(() => socket.close())
  return socket
}

/** Sends forged replies as fast as the system takes them. */
async function createFlood(seed: number) {
  const forge = createForger(seededRandom(seed))
  const elsewhere = [await openSocket('127.0.0.2'), await openSocket('127.0.0.1')]
  let sent = 0
  let aimed = 0
  return {
    sent: () => sent,
    /** Those from the right address and port. */
    aimed: () => aimed,
    async run({ message, port, send }: Asked, count: number) {
      for (let n = 0; n < count; n++) {
        const forged = forge(message)
        const socket = elsewhere[n % 2]!
        if (forged.elsewhere) {
          await new Promise<void>((resolve) => socket.send(forged.bytes, port, '127.0.0.1', () => resolve()))
        } else {
          await send(forged.bytes)
          aimed++
        }
        sent++
      }
    },
  }
}

describe('berth behind an upstream whose address and port a forger uses', () => {
  it('answers rightly, and from memory as well', async () => {
    const flood = await createFlood(1)
    const server = await startScripted(async (asked) => {
      if (asked.transport === 'udp') await flood.run(asked, 2500)
      await asked.send(answerWith(asked.message, trueAddress))
    })
    // A minute, for the forger's own time is none of what is looked at.
    const berth = await startForwarding([server.address], { timeout: '60s' })
    closing.push(server.stop, berth.stop)
    const names = Array.from({ length: 40 }, (_, n) => `a${n}.forged.example`)
    const answersOf = (name: string) =>
      ask(berth.port, name, 'A', { patience: 70_000 }).then(({ packet }) =>
        packet.answers?.map((each) => 'data' in each && each.data),
      )
    // Ten at a time, so that there are always open ones.
    for (let n = 0; n < names.length; n += 10) {
      const answers = await Promise.all(names.slice(n, n + 10).map(answersOf))
      for (const answer of answers) expect(answer).toEqual(['192.0.2.1'])
    }
    while (flood.sent() < 100_000) await new Promise((resolve) => setTimeout(resolve, 20))
    for (const name of names) expect(await answersOf(name)).toEqual(['192.0.2.1'])
    expect(await berth.metric('berth_forward_spoofed_total')).toBeGreaterThan(100)
    expect(await berth.metric('berth_forward_tcp_total', 'why="forged"')).toBeGreaterThan(0)
    expect(berth.said('a question could not be answered')).toEqual([])
  }, 240_000)
})

describe('the matching alone, with every one of them let in', () => {
  it('believes none, and takes the right one that comes last', async () => {
    const flood = await createFlood(2)
    let heard = 0
    const server = await startScripted(async (asked) => {
      for (let n = 0; n < 200; n++) {
        await flood.run(asked, 50)
        // What overflows the other side's buffer proves nothing: it is given time to read each one.
        while (heard < flood.aimed()) await new Promise((resolve) => setImmediate(resolve))
      }
      await asked.send(answerWith(asked.message, trueAddress))
    })
    closing.push(server.stop)
    const udp = createUdp({
      clock: systemClock,
      randomId: () => Math.floor(Math.random() * 0x10000),
      spoofed: () => heard++,
      exhausted: () => {},
      limits: { wrong: Number.POSITIVE_INFINITY },
    })
    closing.push(udp.close)
    const upstream = { host: '127.0.0.1', port: server.port, text: server.address }
    for (let n = 0; n < 10; n++) {
      const message = encodeQuery(`b${n}.forged.example`, 'A', { id: 0 })
      const result = await new Promise<AttemptResult>((done) =>
        udp.ask({ upstream, message, question: readQuestion(message)!, done }),
      )
      expect('reply' in result && result.reply.subarray(-4)).toEqual(trueAddress)
    }
    expect(flood.sent()).toBe(100_000)
    expect(heard).toBe(flood.aimed())
    expect(heard).toBeGreaterThan(60_000)
  }, 240_000)
})
