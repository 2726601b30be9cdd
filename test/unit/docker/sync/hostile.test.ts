// An engine, or what answers in its place, that tells nonsense, too much or without end: what can be read is read, the
// rest is left out and told, and nothing is held.
import { mkdtempSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { EngineConfig } from '../../../../src/config/types.ts'
import { createEngineClient, type EngineClient } from '../../../../src/docker/api/client.ts'
import { type EngineEvent, readEvents } from '../../../../src/docker/api/event-stream.ts'
import { createDockerMetrics } from '../../../../src/docker/docker-metrics.ts'
import { createWatch } from '../../../../src/docker/sync/watch.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { until } from '../../../engine/docker.ts'
import { recordingLogger } from '../../forward/recording-logger.ts'
import { bareImage, labelRules } from '../label-rules.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function listen(answer: Answer): Promise<EngineConfig> {
  const server = createServer(answer)
  const path = join(mkdtempSync(join(tmpdir(), 'berth-hostile-')), 'engine.sock')
  await new Promise<void>((resolve) => server.listen(path, resolve))
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return { name: 'e', address: { kind: 'unix', path, text: `unix://${path}` } } as EngineConfig
}

async function open(answer: Answer) {
  const strange: string[] = []
  const client = createEngineClient(await listen(answer), systemClock, (kind, what) => {
    strange.push(`${kind} ${what}`)
  })
  closing.push(client.close)
  return { client, strange }
}

const json =
  (value: unknown): Answer =>
  (_, response) =>
    void response.end(JSON.stringify(value))

/** A body that never ends, written as fast as it is read; `onClose` when the reader has gone. */
const endless =
  (start: string, more: string, onClose: () => void): Answer =>
  (_, response) => {
    const chunk = Buffer.alloc(1 << 20, more)
    response.write(start)
    const go = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response
      .on('drain', go)
      .on('close', onClose)
      .on('error', () => {})
    go()
  }

const id = (text: string) => text.padEnd(64, '0')
const network = (name: string) => ({ Id: id(name), Name: name, Driver: 'bridge' })
const row = (name: string) => ({ Id: id(name), Names: [`/${name}`], State: 'running' })

describe('a list', () => {
  it.each([null, 7, 'x', [], [[]], {}, { Id: 7 }, { Id: '../info' }, { Id: '\ud800' }])(
    'with the row %j is read but for that row, which is told',
    async (odd) => {
      const lists: Record<string, unknown> = {
        '/networks': [network('a'), odd, network('b')],
        '/containers/json?all=true': [row('a'), odd, row('b')],
      }
      const { client, strange } = await open((request, response) =>
        json(lists[request.url!])(request, response),
      )
      expect((await client.listNetworks()).map(({ Name }) => Name)).toEqual(['a', 'b'])
      expect((await client.listContainers()).map(({ Names }) => Names![0])).toEqual(['/a', '/b'])
      expect(strange).toHaveLength(2)
    },
  )

  it('of which no row can be read is none', async () => {
    const { client } = await open(json([7, null]))
    await expect(client.listNetworks()).rejects.toThrow('not Docker')
    await expect(client.listContainers()).rejects.toThrow('not Docker')
  })

  it('with a row longer than berth reads is read but for that', async () => {
    const long = { ...row('long'), Labels: { note: 'x'.repeat(9 << 20) } }
    const { client, strange } = await open(json([row('a'), long, row('b')]))
    expect((await client.listContainers()).map(({ Id }) => Id)).toEqual([id('a'), id('b')])
    expect(strange).toEqual(['size list its containers: a row'])
  })
})

describe('an answer without end', () => {
  const calls: {
    [call in keyof Omit<EngineClient, 'close' | 'events'>]?: (client: EngineClient) => Promise<unknown>
  } = {
    version: (client) => client.version(),
    info: (client) => client.info(),
    ping: (client) => client.ping(5000),
    listNetworks: (client) => client.listNetworks(),
    inspectNetwork: (client) => client.inspectNetwork('x'),
    inspectContainer: (client) => client.inspectContainer('x'),
    pastEvents: (client) => client.pastEvents(0, 1),
  }

  it.each(Object.entries(calls))('to %s is given up, and so is its connection', async (_, call) => {
    let hasClosed = () => {}
    const closed = new Promise<void>((resolve) => {
      hasClosed = resolve
    })
    const { client } = await open(endless('["', 'x', hasClosed))
    await expect(call(client)).rejects.toThrow(/answered with more than \d+ MiB/)
    await closed
  })

  it('that says what is wrong is cut', async () => {
    let hasClosed = () => {}
    const closed = new Promise<void>((resolve) => {
      hasClosed = resolve
    })
    const body = endless('{', ' ', hasClosed)
    const { client } = await open((request, response) => {
      response.statusCode = 500
      body(request, response)
    })
    await expect(client.inspectContainer('x')).rejects.toThrow('HTTP 500')
    await closed
  })

  it.each([
    ['headers without end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(100_000)}`],
    ['one header without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(1 << 20)}`],
    ['chunks of nonsense', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nhello'],
    ['no HTTP', '\u0000\u0001\u0002\r\n\r\n'],
  ])('of %s is an error', async (_, bytes) => {
    const { client } = await open((request) => {
      request.socket.on('error', () => {})
      request.socket.end(bytes)
    })
    for (const call of [client.version, client.info, client.listNetworks, client.listContainers]) {
      await expect(call()).rejects.toMatchObject({ code: 'ENGINE' })
    }
    await expect(client.inspectContainer('x')).rejects.toMatchObject({ code: 'ENGINE' })
  })

  it('is not looked for elsewhere', async () => {
    const asked: string[] = []
    const { client } = await open((request, response) => {
      asked.push(request.url!)
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    for (const call of [client.version, client.listNetworks, client.listContainers]) {
      await expect(call()).rejects.toThrow('HTTP 302')
    }
    await expect(client.inspectNetwork('x')).rejects.toThrow('HTTP 302')
    expect(asked).not.toContain('/elsewhere')
  })
})

describe('an id', () => {
  it.each(['', '..', 'a/b', '\ud800', 'x'.repeat(200), '?a=b'])(
    '%j is none, and is not asked for',
    async (odd) => {
      const asked: string[] = []
      const { client } = await open((request, response) => {
        asked.push(request.url!)
        response.end('{}')
      })
      expect(await client.inspectContainer(odd)).toBeUndefined()
      expect(await client.inspectNetwork(odd)).toBeUndefined()
      expect(asked).toEqual([])
    },
  )
})

describe('an event with megabytes of labels', () => {
  const labels = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`a"\\${i}`, 'ü'.repeat(10)]))
  const line = (action: string, time: number, attributes: object = labels) =>
    `${JSON.stringify({
      ...{ status: action, id: id('c'), from: 'x', Type: 'container', Action: action },
      ...{ Actor: { ID: id('c'), Attributes: { ...attributes, name: 'web' } } },
      ...{ scope: 'local', time: Math.floor(time) },
    }).slice(0, -1)},"timeNano":${time}110357135}\n`

  it('is the same on the stream and among those that are past', async () => {
    const lines = line('create', 1795479965) + line('start', 1795479966) + line('die', 1795479967, {})
    expect(lines.length).toBeGreaterThan(2_000_000)
    const { client } = await open((_, response) => void response.end(lines))
    const events: EngineEvent[] = []
    let unreadable = 0
    const stream = await client.events({ sinceSeconds: 0, signal: new AbortController().signal })
    await new Promise<unknown>((closed) =>
      readEvents(stream, { event: (event) => events.push(event), unreadable: () => unreadable++, closed }),
    )
    expect(events.map(({ action, id }) => [action, id])).toEqual([
      ['create', id('c')],
      ['start', id('c')],
      ['die', id('c')],
    ])
    expect(events[0]!.time).toBeCloseTo(1795479965110.357, 3)
    expect(events.map(({ attributes }) => attributes)).toEqual([{}, {}, { name: 'web' }])
    expect(unreadable).toBe(0)
    expect(await client.pastEvents(0, 1)).toEqual(events)
  })
})

/** An engine of one network and these containers; `tell` sends a line to its event stream. */
async function follow(containers: readonly object[], answers: (url: string) => unknown = () => undefined) {
  let events: ServerResponse | undefined
  const front = { ...network('front'), IPAM: { Config: [{ Subnet: '10.0.0.0/24', Gateway: '10.0.0.1' }] } }
  const engine = await listen((request, response) => {
    const url = request.url!.replace(/^\/v1.45/, '')
    const other = answers(url)
    if (other !== undefined) return response.end(typeof other === 'string' ? other : JSON.stringify(other))
    if (url.startsWith('/events') && url.includes('until')) return response.end()
    if (url.startsWith('/events')) {
      events = response
      return response.flushHeaders()
    }
    if (url === '/version') return response.end('{"ApiVersion":"1.45"}')
    if (url === '/info') return response.end('{}')
    if (url === '/_ping') return response.end('OK')
    if (url === '/networks') return response.end(JSON.stringify([front]))
    if (url.startsWith('/networks')) return response.end(JSON.stringify(front))
    if (url.startsWith('/images')) return response.end('{"Config":{"Labels":null}}')
    if (url.startsWith('/containers/json')) return response.end(JSON.stringify(containers))
    const found = containers.find((each) => url.includes((each as { Id: string }).Id))
    if (found !== undefined)
      return response.end(JSON.stringify(inspectOf(found as ReturnType<typeof running>)))
    response.writeHead(404).end('{"message":"no such container"}')
  })
  const store = createStore(['e'])
  const counters = createDockerMetrics()
  const { log, lines } = recordingLogger()
  const watch = createWatch({
    ...{ engine, resync: 60_000, store, clock: systemClock, log, counters, random: () => 0.5 },
    labelRules,
  })
  closing.push(watch.stop)
  watch.start()
  await watch.firstSync
  const names = () =>
    store.current().tables.flatMap(({ names, labelled }) => [...names.keys(), ...labelled.keys()])
  const errors = (kind: string) => counters.errors.cell('e', kind).value
  return { watch, store, lines, names, errors, tell: (line: string) => events!.write(line), counters }
}

let last = 1
const running = (name: string, labels: Record<string, string> = {}) => ({
  ...row(name),
  Labels: labels,
  NetworkSettings: { Networks: { front: { NetworkID: id('front'), IPAddress: `10.0.0.${++last}` } } },
})

const inspectOf = ({ Id, Names, Labels, NetworkSettings }: ReturnType<typeof running>) => ({
  ...{ Id, Name: Names[0], State: { Running: true, Status: 'running' }, Config: { Labels }, NetworkSettings },
  Image: bareImage,
})

describe('a watch', () => {
  it('reads all beside an inspect, a row and a network that are wrong', async () => {
    const { names, errors, lines, watch } = await follow(
      [running('web'), { ...running('odd'), Names: 7, State: [] }, running('db')],
      (url) => (url.includes(id('odd')) ? { Id: 5, Name: null } : undefined),
    )
    expect(watch.info().connected).toBe(true)
    expect(names()).toEqual(expect.arrayContaining(['web', 'db']))
    expect(errors('shape')).toBeGreaterThan(2)
    const told = lines.filter(({ msg }) => `${msg}`.startsWith('ignored a value from a Docker engine'))
    expect(new Set(told.map(({ what }) => what)).size).toBe(told.length)
  })

  it.each([
    ['longer than anything', `{"x":"${'y'.repeat(2 << 20)}"}`],
    ['no JSON', '<html>'],
    ['a list', '[]'],
  ])('reads all without a clock that is %s', async (_, info) => {
    const { names, watch } = await follow([running('web')], (url) => (url === '/info' ? info : undefined))
    expect(watch.info().connected).toBe(true)
    expect(names()).toContain('web')
  })

  it('survives events of every kind of nonsense, and follows those that come behind', async () => {
    const { tell, names, watch, counters, errors } = await follow([running('web')])
    const odd = [7, null, [], {}, true, '\ud800', '__proto__']
    for (const action of ['create', 'rename', 'connect', 'die', 'start', 'prune']) {
      for (const value of odd) {
        for (const Type of ['container', 'network']) {
          const Attributes = { name: value, oldName: value, container: value, image: value }
          tell(`${JSON.stringify({ Type, Action: action, Actor: { ID: id('z'), Attributes }, time: 'x' })}\n`)
          tell(`${JSON.stringify({ Type, Action: action, Actor: { ID: value, Attributes: value } })}\n`)
        }
      }
    }
    const Attributes = { name: 'new' }
    tell(`${JSON.stringify({ Type: 'container', Action: 'create', Actor: { ID: id('n'), Attributes } })}\n`)
    await until(() => counters.events.cell('e').value >= 85 && errors('line') === 84, {
      what: 'all are read',
    })
    expect(watch.info().connected).toBe(true)
    expect(names()).toContain('web')
  })

  it('has a container with more than a megabyte of labels, and its events', async () => {
    const labels = Object.fromEntries(
      Array.from({ length: 11_000 }, (_, i) => [`note.${i}`, 'x'.repeat(100)]),
    )
    const big = running('big', { ...labels, 'berth.names': 'big.test' })
    const { names, tell, watch, counters, errors } = await follow([running('web'), big])
    await until(() => names().includes('big.test'), { what: 'its name' })
    expect(names()).toEqual(expect.arrayContaining(['web', 'big', 'big.test']))
    const Attributes = { ...labels, name: 'big' }
    const before = counters.events.cell('e').value
    tell(`${JSON.stringify({ Type: 'container', Action: 'start', Actor: { ID: big.Id, Attributes } })}\n`)
    await until(() => counters.events.cell('e').value > before, { what: 'its event' })
    expect([errors('line'), watch.info().connected]).toEqual([0, true])
  })

  it('says once, and shortly, what is wrong with megabytes of names', async () => {
    const bad = running('bad', { 'berth.names': 'a..b,'.repeat(200_000), 'berth.ttl': 'x'.repeat(2000) })
    const { lines, tell, counters } = await follow([
      bad,
      running('worse', { 'berth.names': 'a..b,'.repeat(5000) }),
    ])
    const said = () => lines.filter(({ msg }) => msg === 'labels not understood')
    await until(() => said().length >= 2, { what: 'both are said' })
    for (let i = 0; i < 20; i++) {
      tell(`${JSON.stringify({ Type: 'container', Action: 'start', Actor: { ID: bad.Id }, time: i })}\n`)
    }
    await until(() => counters.events.cell('e').value >= 20, { what: 'events' })
    expect(said().length).toBeLessThan(5)
    expect(JSON.stringify(said()).length).toBeLessThan(10_000)
  })
})

describe('an image’s inspect', () => {
  const platform = '{"os":"linux","architecture":"arm64","variant":"v8"}'
  const id = `sha256:${'a'.repeat(64)}`
  it.each([
    [{ Os: 'linux', Architecture: 'amd64' }, 'gone'],
    [{ Os: 'windows', Architecture: 'arm64' }, 'gone'],
    [{ Os: 'linux', Architecture: 'arm64', Variant: 'v9' }, 'gone'],
    [{ Os: 'linux', Architecture: 'arm64', Variant: 'v8' }, { 'berth.names': 'x' }],
    [{ Os: 'linux', Architecture: 'arm64', Variant: '' }, { 'berth.names': 'x' }],
    [{}, { 'berth.names': 'x' }],
  ])(
    'of another platform than was asked for, as engines before API 1.49 tell it, is none: %j',
    async (of, is) => {
      const body = { ...of, Config: { Labels: { 'berth.names': 'x' } } }
      for (const Author of ['', 'a'.repeat(20_000)]) {
        const { client } = await open((_, response) => response.end(JSON.stringify({ ...body, Author })))
        expect(await client.imageLabels({ id, platform })).toEqual(is)
        expect(await client.imageLabels({ id, platform: undefined })).toEqual({ 'berth.names': 'x' })
      }
    },
  )

  it.each([
    [400, '{"message":"invalid platform"}', 'gone'],
    [404, '{"message":"no such image"}', 'gone'],
    [403, '{"message":"authorization denied by plugin"}', 'refused'],
    [403, '<html>', 'refused'],
    [404, '<html>', 'refused'],
  ])('that is answered by %i %s is %s', async (status, body, is) => {
    const { client } = await open((_, response) => response.writeHead(status).end(body))
    expect(await client.imageLabels({ id, platform })).toBe(is)
  })
})
