// Inspects over HTTP: what an engine, a proxy or something else may answer, and what comes of it.
import { mkdtempSync } from 'node:fs'
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { EngineAddress, EngineConfig } from '../../../src/config/types.ts'
import { createEngineClient } from '../../../src/docker/client.ts'
import { createGet } from '../../../src/docker/get.ts'
import { systemClock } from '../../../src/lib/clock.ts'

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
    const agent = new Agent({ keepAlive: true })
    closing.push(() => agent.destroy())
    const get = createGet(address, agent)
    const { signal } = new AbortController()
    for (let i = 0; i < 3; i++) expect(await get('/networks/a%2Fb', signal)).toEqual({ Id: 'ü' })
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
})

function cutShort(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': 100 })
  response.write('{"Id":')
  setImmediate(() => response.destroy())
}
