// Inspects over HTTP: what an engine, a proxy or something else may answer, and what comes of it.
import { mkdtempSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { EngineAddress, EngineConfig } from '../../../../src/config/types.ts'
import { createEngineClient } from '../../../../src/docker/api/client.ts'
import { createHttpClient } from '../../../../src/docker/api/http-client.ts'
import { systemClock } from '../../../../src/lib/clock.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function listen(answer: Answer, at: 'unix' | string): Promise<EngineAddress> {
  const server = createServer(answer)
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const path = join(mkdtempSync(join(tmpdir(), 'berth-get-')), 'engine.sock')
  if (at === 'unix') {
    await new Promise<void>((resolve) => server.listen(path, resolve))
    return { kind: 'unix', path, text: `unix://${path}` } as EngineAddress
  }
  await new Promise<void>((resolve) => server.listen(0, at, resolve))
  const { port } = server.address() as AddressInfo
  return { kind: 'tcp', host: at, port, text: `tcp://${at}:${port}` } as EngineAddress
}

function getterOf(address: EngineAddress, most = 2) {
  const { object, close } = createHttpClient({ address, clock: systemClock, most })
  closing.push(close)
  return { get: (path: string, ms = 5000) => object(path, 'look', ms), close }
}

async function clientOf(answer: Answer) {
  const address = await listen(answer, 'unix')
  const client = createEngineClient({ name: 'e', address } as EngineConfig, systemClock)
  closing.push(client.close)
  return client
}

const json =
  (status: number, body: string): Answer =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(body)
  }

describe('an inspect', () => {
  it.each(['unix', '127.0.0.1', '::1'])('comes from %s, in pieces, over one connection', async (at) => {
    const sockets = new Set<unknown>()
    const asked: string[] = []
    const address = await listen((request, response) => {
      sockets.add(request.socket)
      asked.push(`${request.method} ${request.url}`)
      response.write('{"Id":"ü')
      setImmediate(() => response.end('"}\n'))
    }, at)
    const { get } = getterOf(address, 1)
    for (let i = 0; i < 3; i++) expect(await get('/networks/a%2Fb')).toEqual({ Id: 'ü' })
    expect(asked).toEqual(Array(3).fill('GET /networks/a%2Fb'))
    expect(sockets.size).toBe(1)
  })

  it('of what there is not is nothing, where it is the API that says so', async () => {
    const client = await clientOf(json(404, '{"message":"No such container: x"}'))
    expect(await client.inspectContainer('x')).toBeUndefined()
  })

  it.each([
    ['a proxy’s own page', json(404, '<html>'), 'not Docker'],
    ['a refusal', json(403, 'Forbidden'), 'refuses to inspect a container'],
    ['a failure', json(500, '{"message":"layer is gone"}'), 'HTTP 500: layer is gone'],
    ['no JSON', json(200, 'hello'), 'not Docker'],
    ['no object', json(200, '7'), 'not Docker'],
    ['half an answer', cutShort, 'closed the connection'],
    [
      'another protocol',
      (request: IncomingMessage) => request.socket.end('220 mail\r\n'),
      'does not speak HTTP',
    ],
    ['nothing', (request: IncomingMessage) => request.socket.destroy(), 'closed the connection'],
  ])('that comes to %s is an error that says so', async (_, answer, sentence) => {
    const client = await clientOf(answer)
    await expect(client.inspectContainer('x')).rejects.toThrow(sentence)
    await expect(client.inspectNetwork('x')).rejects.toMatchObject({ code: 'ENGINE' })
  })

  it('ends with the client, whatever is under way', async () => {
    const closed: Promise<void>[] = []
    let hasAsked = () => {}
    const asked = new Promise<void>((resolve) => {
      hasAsked = resolve
    })
    const client = await clientOf((request) => {
      closed.push(new Promise((resolve) => request.socket.once('close', () => resolve())))
      hasAsked()
    })
    const inspect = client.inspectContainer('x')
    const failed = expect(inspect).rejects.toMatchObject({ code: 'ENGINE' })
    await asked
    client.close()
    await failed
    await Promise.all(closed)
  })

  it('waits for a connection where as many as may be are busy, and each gets its own', async () => {
    const open: ServerResponse[] = []
    const sockets = new Set<unknown>()
    const address = await listen((request, response) => {
      sockets.add(request.socket)
      open.push(response)
      response.setHeader('x-of', request.url!)
      setTimeout(() => response.end(JSON.stringify({ Id: request.url })), 5)
    }, 'unix')
    const { get } = getterOf(address)
    const ids = ['/a', '/b', '/c', '/d', '/e']
    const told = await Promise.all(ids.map((id) => get(id)))
    expect(told).toEqual(ids.map((Id) => ({ Id })))
    expect([open.length, sockets.size]).toEqual([5, 2])
  })

  it('is asked for on another connection where the engine has closed the last', async () => {
    const sockets = new Set<unknown>()
    const address = await listen((request, response) => {
      sockets.add(request.socket)
      response.setHeader('connection', 'close')
      response.end('{"Id":"x"}')
    }, 'unix')
    const { get } = getterOf(address, 1)
    for (let i = 0; i < 3; i++) expect(await get('/x')).toEqual({ Id: 'x' })
    expect(sockets.size).toBe(3)
  })

  it('that does not come is an error in time, and frees its connection', async () => {
    const address = await listen((request, response) => {
      if (request.url !== '/never') response.end('{"Id":"x"}')
    }, 'unix')
    const { get } = getterOf(address, 1)
    const [first, second] = [get('/never', 50), get('/never', 50)]
    await expect(first).rejects.toThrow('gave no answer in 0.05 s (look)')
    await expect(second).rejects.toThrow('gave no answer')
    expect(await get('/x')).toEqual({ Id: 'x' })
  })

  it('after the end is none', async () => {
    const { get, close } = getterOf(await listen(json(200, '{}'), 'unix'))
    close()
    await expect(get('/x')).rejects.toThrow('destroyed')
  })
})

function cutShort(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': 100 })
  response.write('{"Id":')
  setImmediate(() => response.destroy())
}
