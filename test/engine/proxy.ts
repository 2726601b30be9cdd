// Stands between berth and an engine's socket, and is as bad as networks and socket proxies can be.
import { rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * `pass`: as if it were not there. `delay`: what the engine says comes late, in order. `split`: it comes in pieces of
 * a few bytes. `drop`: connections are cut, new ones too. `half-open`: event streams open now stay open and deliver
 * nothing more, whatever the mode after it; new ones pass. `deaf`: new event streams do so too, after their headers.
 */
export type ProxyMode = 'pass' | 'delay' | 'split' | 'drop' | 'half-open' | 'deaf'

export interface EngineProxy {
  /** Its socket. */
  readonly path: string
  /** Event streams opened so far; bounded reads of events are none. */
  readonly streams: number
  /** Bounded reads of events so far. */
  readonly looks: number
  setMode(mode: ProxyMode): void
  close(): void
}

interface Connection {
  readonly asker: Socket
  isStream: boolean
  isDeaf: boolean
}

/** How late bytes are in the mode `delay`, ms. */
const lateness = 150

export async function createProxy(socketPath: string): Promise<EngineProxy> {
  const path = `${socketPath}.${Math.random().toString(36).slice(2, 8)}.proxy`
  const connections = new Set<Connection>()
  let mode: ProxyMode = 'pass'
  let streams = 0
  let looks = 0

  const server = createServer((asker) => {
    if (mode === 'drop') return void asker.destroy()
    const engine = createConnection(socketPath)
    const connection: Connection = { asker, isStream: false, isDeaf: false }
    connections.add(connection)
    // Nothing overtakes: what comes waits for what came before it.
    let before = Promise.resolve()
    const inTurn = (run: () => void | Promise<void>) => {
      before = before.then(run)
    }
    asker.on('data', (chunk: Buffer) => {
      const request = /^GET (?:\/v[\d.]+)?\/events(\S*)/.exec(chunk.toString('latin1'))
      if (request !== null && /[?&]until=/.test(request[1]!)) looks++
      else if (request !== null) {
        connection.isStream = true
        streams++
      }
      engine.write(chunk)
    })
    engine.on('data', (chunk: Buffer) => {
      const cameAt = Date.now()
      inTurn(() => deliver(connection, chunk, cameAt))
    })
    for (const socket of [asker, engine]) socket.on('error', () => {})
    asker.on('close', () => {
      connections.delete(connection)
      engine.destroy()
    })
    engine.on('close', () => inTurn(() => void asker.end()))
  })

  async function deliver(connection: Connection, chunk: Buffer, cameAt: number): Promise<void> {
    const { asker } = connection
    const isAnswer = chunk.subarray(0, 5).toString('latin1') === 'HTTP/'
    const isDeaf = connection.isDeaf || (mode === 'deaf' && connection.isStream && !isAnswer)
    if (asker.destroyed || isDeaf) return
    if (mode === 'delay') await sleep(Math.max(0, cameAt + lateness - Date.now()))
    if (mode !== 'split') return void asker.write(chunk)
    // Few enough pieces that a long list does not take for ever.
    const size = Math.max(3, Math.ceil(chunk.length / 500))
    for (let start = 0; start < chunk.length; start += size) {
      asker.write(chunk.subarray(start, start + size))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    path,
    get streams() {
      return streams
    },
    get looks() {
      return looks
    },
    setMode(next) {
      mode = next
      for (const connection of connections) {
        if (next === 'drop') connection.asker.destroy()
        if (next === 'half-open' && connection.isStream) connection.isDeaf = true
      }
    },
    close() {
      server.close()
      for (const { asker } of connections) asker.destroy()
      rmSync(path, { force: true })
    },
  }
}
