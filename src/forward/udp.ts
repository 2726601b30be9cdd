// Questions to upstreams over UDP. Each leaves from a port drawn from a pool that is renewed all the time, with an ID
// drawn anew: a forger has to guess both (RFC 5452, 9.2). A socket is connected, so that it hears its upstream's
// address and port alone, and learns at once where nobody listens there. A socket for each question would be more
// unpredictable by little and cost more than twice as much (42 against 15 µs); with few questions the pool comes to
// just that.
import dgram from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Upstream } from '../config/types.ts'
import { idOf } from '../dns/header.ts'
import { answersQuestion } from '../dns/relay.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { systemCode } from '../lib/errors.ts'
import { type Attempt, type AttemptResult, blameFor, type Cancel, type Carrier } from './attempt.ts'

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
  /** A 16-bit number nobody can guess. */
  readonly randomId: () => number
  /** A packet came that answers nothing we asked. */
  readonly spoofed: (upstream: Upstream) => void
  /** No socket could be opened. */
  readonly exhausted: () => void
  readonly limits?: Partial<UdpLimits>
}

/** 8 wrong packets: far more than a broken server sends, and a chance of 1 in 8000 for who knows the port already. */
const defaultLimits: UdpLimits = { ports: 32, uses: 64, age: 10_000, sockets: 1024, wrong: 8 }

/** Addresses are literal, so no resolver is asked (and no worker thread woken) for them. */
const literal: dgram.SocketOptions['lookup'] = (host, _options, callback) =>
  callback(null, host, isIPv6(host) ? 6 : 4)

/** One socket. IDs that were used stay used while it lives: a late reply is told from a forged one by them. */
interface Port {
  readonly upstream: Upstream
  readonly socket: dgram.Socket
  readonly open: Map<number, Asked>
  readonly over: Map<number, Asked>
  readonly timer: Timer
  connected: boolean
  /** Takes no more questions. */
  retired: boolean
  closed: boolean
  wrong: number
}

/** A question, and where it left from. */
interface Asked {
  readonly attempt: Attempt
  port: Port
  id: number
}

export function createUdp({ clock, randomId, spoofed, exhausted, limits: given }: UdpOptions): Carrier {
  const limits = { ...defaultLimits, ...given }
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
    const asked: Asked = { attempt, port, id: -1 }
    send(asked)
    return () => conclude(asked)
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
      if (port.connected && !port.retired) return port
      if (found === undefined || port.connected) found = port
    }
    return found
  }

  function openPort(upstream: Upstream): Port {
    const socket = dgram.createSocket({ type: isIPv6(upstream.host) ? 'udp6' : 'udp4', lookup: literal! })
    const port: Port = {
      upstream,
      socket,
      open: new Map(),
      over: new Map(),
      timer: clock.setTimeout(() => retire(port), limits.age),
      connected: false,
      retired: false,
      closed: false,
      wrong: 0,
    }
    sockets.add(port)
    // A port that can't be bound is told while `connect` is still running.
    socket.on('error', (error) => process.nextTick(fail, port, systemCode(error) ?? error.message))
    socket.on('message', (message) => hear(port, message))
    socket.on('connect', () => {
      port.connected = true
      for (const asked of port.open.values()) transmit(asked)
    })
    socket.connect(upstream.port, upstream.host)
    socket.unref()
    return port
  }

  function send(asked: Asked): void {
    const { port, attempt } = asked
    let id = randomId()
    while (port.open.has(id) || port.over.has(id)) id = (id + 1) & 0xffff
    asked.id = id
    attempt.message.writeUInt16BE(id, 0)
    port.open.set(id, asked)
    if (port.connected) transmit(asked)
    if (port.open.size + port.over.size >= limits.uses) retire(port)
  }

  function transmit({ port, attempt }: Asked): void {
    port.socket.send(attempt.message, (error) => {
      if (error != null) fail(port, systemCode(error) ?? error.message)
    })
  }

  function hear(port: Port, message: Buffer): void {
    if (port.closed) return
    const id = message.length < 2 ? -1 : idOf(message)
    const asked = port.open.get(id)
    if (asked !== undefined && answers(asked, message)) {
      conclude(asked)
      asked.attempt.done({ reply: message })
      return
    }
    const late = port.over.get(id)
    if (late !== undefined && answers(late, message)) return
    spoofed(port.upstream)
    if (++port.wrong >= limits.wrong) end(port, { error: 'forged replies', blame: 'forger' })
  }

  function conclude(asked: Asked): void {
    const { port, id } = asked
    if (!port.open.delete(id)) return
    port.over.set(id, asked)
    closeIfDone(port)
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
    if (port.closed || !port.retired || port.open.size > 0) return
    port.closed = true
    sockets.delete(port)
    port.socket.close()
  }

  function fail(port: Port, error: string): void {
    if (port.closed) return
    const blame = blameFor(error)
    if (blame === 'us') exhausted()
    const left = [...port.open.values()]
    port.open.clear()
    retire(port)
    // Too many files are open: what was to leave from a new port leaves from one that is there.
    const other = blame === 'us' && !port.connected ? anyOther(port.upstream) : undefined
    for (const asked of left) {
      if (other === undefined) asked.attempt.done({ error, blame })
      else {
        asked.port = other
        send(asked)
      }
    }
  }

  function end(port: Port, result: AttemptResult): void {
    const all = [...port.open.values()]
    port.open.clear()
    retire(port)
    for (const { attempt } of all) attempt.done(result)
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

const answers = ({ attempt }: Asked, reply: Buffer): boolean =>
  answersQuestion(attempt.message, attempt.question, reply)

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
