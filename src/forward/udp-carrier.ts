// Questions to upstreams over UDP. Each leaves from a port drawn from a pool that is renewed all the time, with an ID
// drawn anew: a forger has to guess both (RFC 5452, 9.2). A socket is connected, so that it hears its upstream's
// address and port alone, and learns at once when no server listens there. A socket for each question would be more
// unpredictable by little and cost more than twice as much (42 against 15 µs); with few questions the pool comes to
// just that.
import type { Upstream } from '../config/types.ts'
import { idOf } from '../dns/header.ts'
import type { Question } from '../dns/name.ts'
import { answersQuestion } from '../dns/relay.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { type Attempt, type AttemptResult, blameFor, type Cancel, type Carrier } from './attempt.ts'
import { dialPlain } from './dial.ts'
import type { DialUdp, UpstreamSocket } from './types.ts'

export interface UdpLimits {
  /** Ports to one upstream, a power of 2; each question draws one of them. */
  readonly ports: number
  /** Questions from one port. */
  readonly uses: number
  /** How long a port takes new questions, ms. */
  readonly age: number
  /** Sockets in all, those included that only wait for late replies. */
  readonly sockets: number
  /** Packets that are no reply to anything asked from this port; then its questions go over TCP. */
  readonly wrong: number
}

export interface UdpOptions {
  readonly clock: Clock
  /** An unpredictable 16-bit number. */
  readonly randomId: () => number
  /** A packet came that answers nothing we asked. */
  readonly spoofed: (upstream: Upstream) => void
  /** No socket could be opened. */
  readonly exhausted: () => void
  /** Default: Node's sockets. */
  readonly dial?: DialUdp
  readonly limits?: Partial<UdpLimits>
}

/** 8 wrong packets: far more than a broken server sends, and a chance of 1 in 8000 for who knows the port already. */
const defaultLimits: UdpLimits = { ports: 32, uses: 64, age: 10_000, sockets: 1024, wrong: 8 }

/** Where there is no other, a port has so many times its share of questions: IDs have to stay hard to guess. */
const mostShares = 16

/** One socket. Used IDs are remembered while it lives: they tell a late reply from a forged one. */
interface Port {
  readonly upstream: Upstream
  socket: UpstreamSocket
  /** What left from here, by ID, and how many of these wait for a reply. */
  readonly asked: Map<number, Asked>
  open: number
  readonly timer: Timer
  connected: boolean
  /** Takes no more questions. */
  retired: boolean
  closed: boolean
  wrong: number
}

/** A question, and where it left from. */
interface Asked {
  /** undefined: it waits for no reply any more, and nothing of it is held but what tells a late one. */
  attempt: Attempt | undefined
  readonly message: Buffer
  readonly question: Question
  port: Port
  id: number
}

export function createUdp(options: UdpOptions): Carrier {
  const { clock, randomId, spoofed, exhausted, dial = dialPlain } = options
  const limits = { ...defaultLimits, ...options.limits }
  /** By upstream and slot, those that take questions. */
  const pools = new Map<string, (Port | undefined)[]>()
  const sockets = new Set<Port>()
  let stopped = false

  function ask(attempt: Attempt): Cancel {
    const port = stopped ? undefined : drawPort(attempt.upstream)
    if (port === undefined) {
      const error = stopped ? 'stopped' : 'no socket to ask from'
      return later(attempt, { error, blame: 'us' })
    }
    const { message, question } = attempt
    const asked: Asked = { attempt, message, question, port, id: -1 }
    send(asked)
    return () => void conclude(asked)
  }

  function drawPort(upstream: Upstream): Port | undefined {
    let pool = pools.get(upstream.text)
    if (pool === undefined) {
      pool = []
      pools.set(upstream.text, pool)
    }
    const slot = randomId() & (limits.ports - 1)
    const drawn = pool[slot]
    if (drawn !== undefined) return drawn
    if (sockets.size < limits.sockets) {
      const port = openPort(upstream)
      pool[slot] = port
      return port
    }
    exhausted()
    return anyOther(upstream)
  }

  /** Where no socket can be opened: one that is there, though it may have had its share of questions. */
  function anyOther(upstream: Upstream): Port | undefined {
    let found: Port | undefined
    for (const port of sockets) {
      if (port.upstream.text !== upstream.text || port.closed) continue
      if (port.asked.size >= mostShares * limits.uses) continue
      if (port.connected && !port.retired) return port
      if (found === undefined || port.connected) found = port
    }
    return found
  }

  function openPort(upstream: Upstream): Port {
    const port: Port = {
      upstream,
      socket: closedSocket,
      asked: new Map(),
      open: 0,
      timer: clock.setTimeout(() => retire(port), limits.age),
      connected: false,
      retired: false,
      closed: false,
      wrong: 0,
    }
    port.socket = dial(upstream, {
      connected() {
        port.connected = true
      },
      heard: (message) => hear(port, message),
      failed: (code) => fail(port, code),
    })
    port.connected = port.socket.isConnected
    sockets.add(port)
    return port
  }

  function send(asked: Asked): void {
    const { port, message } = asked
    let id = randomId()
    while (port.asked.has(id)) id = (id + 1) & 0xffff
    asked.id = id
    message.writeUInt16BE(id, 0)
    port.asked.set(id, asked)
    port.open++
    port.socket.send(message)
    if (port.asked.size >= limits.uses) retire(port)
  }

  function hear(port: Port, message: Buffer): void {
    if (port.closed) return
    const asked = message.length < 2 ? undefined : port.asked.get(idOf(message))
    if (asked !== undefined && answersQuestion(asked.message, asked.question, message)) {
      // One that is late, or comes twice, is no forgery.
      conclude(asked)?.done({ reply: message })
      return
    }
    spoofed(port.upstream)
    if (++port.wrong >= limits.wrong) end(port, { error: 'forged replies', blame: 'forger' })
  }

  /** Whose it was, where it was open. */
  function conclude(asked: Asked): Attempt | undefined {
    const { attempt, port } = asked
    if (attempt === undefined) return undefined
    asked.attempt = undefined
    if (!port.closed) {
      port.open--
      closeIfDone(port)
    }
    return attempt
  }

  /** Closes it, whoever waits; gives those that do. */
  function abandon(port: Port): Asked[] {
    port.open = 0
    retire(port)
    closeIfDone(port)
    return [...port.asked.values()].filter(({ attempt }) => attempt !== undefined)
  }

  function retire(port: Port): void {
    if (port.retired) return
    port.retired = true
    clock.clearTimeout(port.timer)
    const pool = pools.get(port.upstream.text)
    const slot = pool?.indexOf(port) ?? -1
    if (pool !== undefined && slot >= 0) {
      pool[slot] = undefined
      if (pool.every((each) => each === undefined)) pools.delete(port.upstream.text)
    }
    closeIfDone(port)
  }

  function closeIfDone(port: Port): void {
    if (port.closed || !port.retired || port.open > 0) return
    port.closed = true
    sockets.delete(port)
    port.socket.close()
  }

  function fail(port: Port, error: string): void {
    if (port.closed) return
    const blame = blameFor(error)
    if (blame === 'us') exhausted()
    const left = abandon(port)
    // Too many files are open: what was to leave from a new port leaves from one that is there.
    const other = blame === 'us' && !port.connected ? anyOther(port.upstream) : undefined
    for (const asked of left) {
      if (other === undefined) conclude(asked)?.done({ error, blame })
      else if (asked.attempt !== undefined) {
        asked.port = other
        send(asked)
      }
    }
  }

  function end(port: Port, result: AttemptResult): void {
    for (const asked of abandon(port)) conclude(asked)?.done(result)
  }

  return {
    ask,
    sockets: () => sockets.size,
    close() {
      stopped = true
      for (const port of [...sockets]) end(port, { error: 'stopped', blame: 'us' })
    },
  }
}

/** Before there is one. */
const closedSocket: UpstreamSocket = { isConnected: false, send() {}, close() {} }

/** An attempt's end after the caller has its cancel. */
export function later(attempt: Attempt, result: AttemptResult): Cancel {
  let over = false
  process.nextTick(() => {
    if (!over) attempt.done(result)
  })
  return () => {
    over = true
  }
}
