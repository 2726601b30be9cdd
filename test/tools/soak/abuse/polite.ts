// The polite asker: a steady trickle of questions over UDP and one TCP connection, and what became of them.
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { frame, readFrames } from '../../../../src/dns/frame.ts'
import { rcodeOf } from '../../../../src/dns/header.ts'
import { createClient } from '../client.ts'
import { localName, question } from './packets.ts'

export interface Experience {
  readonly asked: number
  readonly lost: number
  /** ms; of the answers over UDP. */
  readonly median: number
  readonly p99: number
}

/** Questions a second over UDP and over TCP. */
const udpRate = 400
const tcpRate = 50
/** No answer by then: it is lost, ms. */
const patience = 1_000

export interface Polite {
  /** What it was like since the last call; waits for what is still open. */
  tell(): Promise<Experience>
  stop(): Promise<void>
}

export async function createPolite(server: { host: string; port: number }): Promise<Polite> {
  const udp = await createClient(server)
  const tcp = createStream(server)
  let took: number[] = []
  let asked = 0
  let lost = 0
  let isOver = false
  const open = new Set<Promise<void>>()

  function count(ask: () => Promise<number | undefined>, ofUdp: boolean): void {
    asked++
    const asking = ask().then((ms) => {
      open.delete(asking)
      if (ms === undefined) lost++
      else if (ofUdp) took.push(ms)
    })
    open.add(asking)
  }

  async function every(rate: number, ask: () => void): Promise<void> {
    let due = performance.now()
    while (!isOver) {
      ask()
      due += 1000 / rate
      await sleep(Math.max(0, due - performance.now()))
    }
  }

  const asking = [
    every(udpRate, () =>
      count(async () => {
        const { rcode, sentAt, cameAt } = await udp.ask(localName)
        return rcode === 'NOERROR' ? cameAt - sentAt : undefined
      }, true),
    ),
    every(tcpRate, () => count(tcp.ask, false)),
  ]

  return {
    async tell() {
      await Promise.all([...open])
      const sorted = took.sort((a, b) => a - b)
      const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
      const told = { asked, lost, median: at(0.5), p99: at(0.99) }
      took = []
      asked = 0
      lost = 0
      return told
    },
    async stop() {
      isOver = true
      await Promise.all([...asking, ...open])
      udp.close()
      tcp.close()
    },
  }
}

/** One connection, opened anew when it was closed; ms until the answer, or undefined. */
function createStream({ host, port }: { host: string; port: number }) {
  let socket: net.Socket | undefined
  let id = 0
  const waiting = new Map<number, (reply: Buffer | undefined) => void>()

  function connect(): net.Socket {
    const frames = readFrames()
    const own = net.connect({ host, port, noDelay: true })
    own.on('error', () => {})
    own.on('data', (chunk) => {
      for (const reply of frames.push(chunk)) waiting.get(reply.readUInt16BE(0))?.(reply)
    })
    own.on('close', () => {
      if (socket !== own) return
      socket = undefined
      for (const settle of waiting.values()) settle(undefined)
    })
    return own
  }

  return {
    ask(): Promise<number | undefined> {
      id = (id + 1) & 0xffff
      const own = id
      const sentAt = performance.now()
      socket ??= connect()
      socket.write(frame(question(own)))
      return new Promise((resolve) => {
        const settle = (reply: Buffer | undefined) => {
          clearTimeout(timer)
          waiting.delete(own)
          const isGood = reply !== undefined && rcodeOf(reply) === 0
          resolve(isGood ? performance.now() - sentAt : undefined)
        }
        const timer = setTimeout(settle, patience, undefined)
        waiting.set(own, settle)
      })
    },
    close: () => socket?.destroy(),
  }
}
