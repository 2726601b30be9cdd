// Questions to upstreams over TCP (RFC 7766): connections are kept for a while, many questions go over one, replies
// come in any order. Servers may close a connection whenever they like (6.2.3), and some do so after one reply: what
// was open then is asked once more, on a connection of its own.
import net, { isIP } from 'node:net'
import type { Upstream } from '../config/types.ts'
import { frame, readFrames } from '../dns/frame.ts'
import { headerBytes, idOf } from '../dns/header.ts'
import { answersQuestion } from '../dns/relay.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { systemCode } from '../lib/errors.ts'
import { type Attempt, type AttemptResult, blameFor, type Cancel, type Carrier } from './attempt.ts'
import type { DialTcp } from './types.ts'
import { later } from './udp-carrier.ts'

export interface TcpLimits {
  /** To one upstream. */
  readonly connections: number
  /** Questions open on one connection. */
  readonly pipelined: number
  /** How long a connection stays without a question, ms. */
  readonly idle: number
}

export interface TcpOptions {
  readonly clock: Clock
  /** An unpredictable 16-bit number. */
  readonly randomId: () => number
  /** A message came that answers nothing we asked. */
  readonly spoofed: (upstream: Upstream) => void
  /** No socket could be opened. */
  readonly exhausted: () => void
  /** Connects where Node can't; there is no "connect" event then. */
  readonly dialTcp?: DialTcp | undefined
  readonly limits?: Partial<TcpLimits>
}

const defaultLimits: TcpLimits = { connections: 64, pipelined: 64, idle: 5000 }

interface Connection {
  readonly upstream: Upstream
  readonly socket: net.Socket
  readonly open: Map<number, Asked>
  /** Questions given up on whose replies may still come. */
  readonly over: Map<number, Attempt>
  connected: boolean
  /** Takes no more questions. */
  retired: boolean
  closed: boolean
  /** Replies so far. */
  heard: number
  idle: Timer | undefined
}

interface Asked {
  readonly attempt: Attempt
  connection: Connection
  id: number
  /** What the connection had heard when this was asked. */
  heard: number
  /** It was open on a connection that ended. */
  again: boolean
}

export function createTcp(options: TcpOptions): Carrier {
  const { clock, randomId, spoofed, exhausted, dialTcp, limits: given } = options
  const limits = { ...defaultLimits, ...given }
  const connections = new Map<string, Set<Connection>>()
  let stopped = false

  function ask(attempt: Attempt): Cancel {
    const connection = stopped ? undefined : (findConnection(attempt.upstream) ?? open(attempt.upstream))
    if (connection === undefined) {
      const error = stopped ? 'stopped' : 'too many TCP connections'
      return later(attempt, { error, blame: 'us' })
    }
    const asked: Asked = { attempt, connection, id: -1, heard: 0, again: false }
    send(asked)
    return () => abandon(asked)
  }

  function findConnection(upstream: Upstream): Connection | undefined {
    for (const connection of connections.get(upstream.text) ?? []) {
      if (!connection.retired && connection.open.size < limits.pipelined) return connection
    }
    return undefined
  }

  function open(upstream: Upstream): Connection | undefined {
    let all = connections.get(upstream.text)
    if (all === undefined) {
      all = new Set()
      connections.set(upstream.text, all)
    }
    if (all.size >= limits.connections) {
      exhausted()
      return undefined
    }
    const isOdd = dialTcp !== undefined && isIP(upstream.host) === 0
    const socket = isOdd
      ? dialTcp(upstream).setNoDelay()
      : net.connect({ host: upstream.host, port: upstream.port, noDelay: true })
    const connection: Connection = {
      upstream,
      socket,
      open: new Map(),
      over: new Map(),
      connected: false,
      retired: false,
      closed: false,
      heard: 0,
      idle: undefined,
    }
    all.add(connection)
    const frames = readFrames()
    let problem: string | undefined
    socket.unref()
    socket.on('connect', () => {
      connection.connected = true
    })
    socket.on('data', (chunk) => {
      connection.connected = true
      for (const message of frames.push(chunk)) {
        // Shorter than a header: the stream is out of step, or no DNS. Nothing behind it can be trusted.
        if (message.length < headerBytes) problem = 'not DNS'
        if (problem !== undefined) break
        hear(connection, message)
      }
      if (problem !== undefined) socket.destroy()
    })
    socket.on('error', (error) => {
      problem ??= systemCode(error) ?? error.message
    })
    // A server that has said its last will not answer what is still open.
    socket.on('end', () => socket.destroy())
    socket.on('close', () => end(connection, problem ?? 'closed before the reply'))
    return connection
  }

  function send(asked: Asked): void {
    const { connection, attempt } = asked
    let id = randomId()
    while (connection.open.has(id) || connection.over.has(id)) id = (id + 1) & 0xffff
    asked.id = id
    asked.heard = connection.heard
    attempt.message.writeUInt16BE(id, 0)
    clock.clearTimeout(connection.idle)
    connection.open.set(id, asked)
    // Before it is connected, Node holds what is written.
    connection.socket.write(frame(attempt.message))
  }

  function hear(connection: Connection, message: Buffer): void {
    const id = idOf(message)
    const asked = connection.open.get(id)
    if (asked !== undefined && answersQuestion(asked.attempt.message, asked.attempt.question, message)) {
      connection.heard++
      connection.open.delete(id)
      rest(connection)
      // Its own memory: a small reply must not keep what it came with.
      asked.attempt.done({ reply: Buffer.from(message) })
      return
    }
    const late = connection.over.get(id)
    if (late !== undefined && answersQuestion(late.message, late.question, message)) {
      connection.heard++
      connection.over.delete(id)
    } else spoofed(connection.upstream)
  }

  /** Its reply is no longer waited for. */
  function abandon(asked: Asked): void {
    const { connection, id, attempt } = asked
    if (connection.open.get(id) !== asked) return
    connection.open.delete(id)
    connection.over.set(id, attempt)
    // Nothing at all came meanwhile: the connection may be dead without knowing.
    if (connection.heard === asked.heard || connection.over.size >= limits.pipelined) retire(connection)
    rest(connection)
  }

  function rest(connection: Connection): void {
    if (connection.open.size > 0 || connection.closed) return
    if (connection.retired) connection.socket.destroy()
    else connection.idle = clock.setTimeout(() => connection.socket.destroy(), limits.idle)
  }

  function retire(connection: Connection): void {
    connection.retired = true
  }

  function end(connection: Connection, error: string): void {
    if (connection.closed) return
    connection.closed = true
    retire(connection)
    clock.clearTimeout(connection.idle)
    const all = connections.get(connection.upstream.text)
    all?.delete(connection)
    if (all?.size === 0) connections.delete(connection.upstream.text)
    const left = [...connection.open.values()]
    connection.open.clear()
    const blame = stopped ? 'us' : blameFor(error)
    if (blame === 'us' && !stopped) exhausted()
    for (const asked of left) {
      if (!connection.connected || asked.again || stopped || !askAgain(asked)) {
        const result: AttemptResult = { error: stopped ? 'stopped' : error, blame }
        asked.attempt.done(result)
      }
    }
  }

  function askAgain(asked: Asked): boolean {
    const connection = open(asked.attempt.upstream)
    if (connection === undefined) return false
    retire(connection)
    asked.connection = connection
    asked.again = true
    send(asked)
    return true
  }

  return {
    ask,
    sockets: () => [...connections.values()].reduce((sum, { size }) => sum + size, 0),
    close() {
      stopped = true
      for (const all of connections.values()) for (const { socket } of all) socket.destroy()
    },
  }
}
