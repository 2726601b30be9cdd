// Runs inside a network namespace: asks servers without pause over UDP and TCP, and says what came back from where.
// Orders come on standard input, a JSON line each; the sum leaves on standard output when it is asked for.
import dgram from 'node:dgram'
import { connect, isIPv6, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { frame, readFrames } from '../../../src/dns/frame.ts'
import { rcodeName, rcodeOf } from '../../../src/dns/header.ts'
import { encodeQuery, readMessage } from '../../../src/dns/message.ts'

export type Order =
  | { readonly do: 'ask'; readonly server: string; readonly names: readonly string[] }
  | { readonly do: 'stop'; readonly server: string }
  | { readonly do: 'tell' }

export interface Sum {
  readonly udp: Told
  readonly tcp: Told
}

interface Told {
  answered: number
  /** Unanswered, or another answer than the one there is, once the first had come: what, when, and what came of it. */
  lost: string[]
  /** Replies that came from another address than was asked. */
  strays: string[]
  /** When the first answer came, ms since 1970. */
  firstAt: number | undefined
}

const port = 53
/**
 * Of a question before the first answer, twice as long each time, and after it, ms: what is lost never comes, and all else
 * does, however busy the machine is.
 */
const impatience = 25
const mostImpatience = 5000
const patience = 30_000
/** Between an answer and the next question, ms: without pause, but not a flood. */
const breath = 10

const asking = new Map<string, { stopped: boolean; sum: Sum }>()
const sockets = { 4: open('udp4'), 6: open('udp6') }
const waiting = new Map<number, { server: string; settle: (reply: Buffer | undefined) => void }>()
let lastId = 0

function open(type: 'udp4' | 'udp6'): dgram.Socket {
  const socket = dgram.createSocket({ type, ipv6Only: type === 'udp6' })
  socket.on('error', () => {})
  socket.on('message', (message, from) => {
    const waiter = waiting.get(message.readUInt16BE(0))
    if (waiter === undefined) return
    if (from.address === waiter.server && from.port === port) waiter.settle(message)
    else asking.get(waiter.server)!.sum.udp.strays.push(from.address)
  })
  socket.bind(0)
  return socket
}

/** One question over UDP, from a socket that takes replies from anywhere. */
function overUdp(server: string, name: string, ms: number): Promise<Buffer | undefined> {
  const id = nextId()
  return new Promise((resolve) => {
    const settle = (reply: Buffer | undefined) => {
      clearTimeout(timer)
      waiting.delete(id)
      resolve(reply)
    }
    const timer = setTimeout(settle, ms, undefined)
    waiting.set(id, { server, settle })
    sockets[isIPv6(server) ? 6 : 4].send(encodeQuery(name, 'A', { id }), port, server, () => {})
  })
}

/** One question after another over one connection; a new one where it was closed. */
function overTcp() {
  let socket: Socket | undefined
  return (server: string, name: string, ms: number): Promise<Buffer | undefined> =>
    new Promise((resolve) => {
      if (socket === undefined || socket.destroyed || !socket.readable) socket = connect(port, server)
      const used = socket
      const frames = readFrames()
      const settle = (reply: Buffer | undefined) => {
        clearTimeout(timer)
        used.removeAllListeners()
        used.on('error', () => {})
        if (reply === undefined) used.destroy()
        resolve(reply)
      }
      const timer = setTimeout(settle, ms, undefined)
      used.on('data', (chunk) => {
        const [reply] = frames.push(chunk)
        if (reply !== undefined) settle(Buffer.from(reply))
      })
      for (const event of ['error', 'close']) used.on(event, () => settle(undefined))
      used.write(frame(encodeQuery(name, 'A', { id: nextId() })))
    })
}

function nextId(): number {
  lastId = (lastId + 1) & 0xffff
  return lastId
}

async function keepAsking(
  server: string,
  names: readonly string[],
  told: Told,
  isStopped: () => boolean,
  ask: (server: string, name: string, ms: number) => Promise<Buffer | undefined>,
): Promise<void> {
  let wait = impatience
  for (let i = 0; !isStopped(); i++) {
    const name = names[i % names.length]!
    const askedAt = performance.timeOrigin + performance.now()
    const reply = await ask(server, name, told.firstAt === undefined ? wait : patience)
    wait = Math.min(mostImpatience, 2 * wait)
    const isGood = reply !== undefined && readMessage(reply).answers.length > 0
    // Of one under way when the order to stop came nobody can say whether it was owed an answer.
    if (isStopped()) return
    if (isGood) {
      told.firstAt ??= performance.timeOrigin + performance.now()
      told.answered++
    } else if (told.firstAt !== undefined) {
      const what = reply === undefined ? 'silence' : rcodeName(rcodeOf(reply))
      told.lost.push(`${name} at ${new Date(askedAt).toISOString()}: ${what}`)
    }
    await new Promise((resolve) => setTimeout(resolve, breath))
  }
}

const nothing = (): Told => ({ answered: 0, lost: [], strays: [], firstAt: undefined })

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line) as Order
    if (order.do === 'ask') {
      const one = { stopped: false, sum: { udp: nothing(), tcp: nothing() } }
      asking.set(order.server, one)
      void keepAsking(order.server, order.names, one.sum.udp, () => one.stopped, overUdp)
      void keepAsking(order.server, order.names, one.sum.tcp, () => one.stopped, overTcp())
    } else if (order.do === 'stop') {
      const one = asking.get(order.server)
      if (one !== undefined) one.stopped = true
    } else {
      const sums = Object.fromEntries([...asking].map(([server, { sum }]) => [server, sum]))
      process.stdout.write(`${JSON.stringify(sums)}\n`)
    }
  })
  .on('close', () => process.exit(0))
