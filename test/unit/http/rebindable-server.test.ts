// The HTTP server moves: to an address that is free, to one that is taken, away and back.
import net from 'node:net'
import { describe, expect, it } from 'vitest'
import type { HostPort } from '../../../src/config/types.ts'
import { createRebindableServer } from '../../../src/http/rebindable-server.ts'
import { createHandClock } from '../../hand-clock.ts'
import { freePort } from '../../tools/servers/port.ts'
import { recordingLogger } from '../forward/recording-logger.ts'

function create() {
  const hand = createHandClock()
  const { log, lines } = recordingLogger()
  const routes = [{ path: '/', handle: () => ({ status: 200, type: 'text/plain', body: 'here' }) }]
  return { ...hand, lines, server: createRebindableServer({ routes, clock: hand.clock, log }) }
}

const at = async (host = '127.0.0.1'): Promise<HostPort> => ({ host, port: await freePort() })

const isServed = ({ port }: HostPort) =>
  fetch(`http://127.0.0.1:${port}/`).then(
    async (reply) => (await reply.text()) === 'here',
    () => false,
  )

async function take(port: number): Promise<net.Server> {
  const taker = net.createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => taker.listen(port, '127.0.0.1', resolve))
  return taker
}

async function until(holds: () => boolean) {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

describe('the server', () => {
  it('serves where it is told, and nowhere else', async () => {
    const { server, lines } = create()
    const [one, two] = [await at(), await at()]
    await server.serveAt(one)
    expect(server.address()).toEqual(one)
    await server.serveAt(two)
    expect([await isServed(one), await isServed(two)]).toEqual([false, true])
    await server.serveAt({ host: '*', port: two.port })
    expect(await isServed(two)).toBe(true)
    await server.serveAt(undefined)
    expect(await isServed(two)).toBe(false)
    expect(server.address()).toBeUndefined()
    expect(lines).toEqual([])
  })

  it('goes on at the former address until the new one is free', async () => {
    const { server, lines, turn } = create()
    const [one, two] = [await at(), await at()]
    const taker = await take(two.port)
    await server.serveAt(one)
    await server.serveAt(two)
    expect(await isServed(one)).toBe(true)
    expect(lines).toMatchObject([
      {
        level: 'error',
        still: `127.0.0.1 port ${one.port}`,
        msg: 'metrics and API cannot move yet, will retry',
      },
    ])
    await new Promise((resolve) => taker.close(resolve))
    turn(5_000)
    await until(() => lines.length === 2)
    expect(lines[1]).toMatchObject({ level: 'info', msg: 'metrics and API are now served' })
    expect([await isServed(one), await isServed(two)]).toEqual([false, true])
    await server.stop()
  })

  it('gives up an address that is not wanted any more', async () => {
    const { server, turn, pending } = create()
    const [one, two] = [await at(), await at()]
    const taker = await take(two.port)
    await server.serveAt(one)
    await server.serveAt(two)
    await server.serveAt(one)
    expect(pending()).toBe(0)
    await new Promise((resolve) => taker.close(resolve))
    turn(20_000)
    expect(server.address()).toEqual(one)
    await server.stop()
    await server.serveAt(two)
    expect([await isServed(one), await isServed(two)]).toEqual([false, false])
  })
})
