// The API version that is asked for: which one, what becomes of it where an engine or a proxy refuses it, and that nothing
// waits for /version or /info. Edges of other versions and proxies stand before a synthetic engine.
import { afterEach, describe, expect, it } from 'vitest'
import type { EngineConfig } from '../../../../src/config/types.ts'
import { createEngineClient } from '../../../../src/docker/api/client.ts'
import {
  createVersionedPaths,
  isApiVersion,
  isAtLeast,
  pathPrefix,
  versionFromHeaders,
} from '../../../../src/docker/api/versions.ts'
import { createDockerMetrics } from '../../../../src/docker/docker-metrics.ts'
import { createWatch } from '../../../../src/docker/sync/watch.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { until } from '../../../engine/docker.ts'
import { type EdgeOptions, startEdge } from '../../../engine/edge.ts'
import { startSyntheticEngine } from '../../../tools/synthetic/server.ts'
import { recordingLogger } from '../../forward/recording-logger.ts'
import { labelRules } from '../label-rules.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** 26.1, of API 1.45, behind an edge. */
async function open(options: EdgeOptions) {
  const synthetic = await startSyntheticEngine({ size: { networks: 2, containers: 4 } })
  const edge = await startEdge(synthetic.url.slice('unix://'.length), options)
  closing.push(synthetic.close, edge.close)
  const engine = {
    name: 'e',
    address: { kind: 'unix', path: edge.path, text: `unix://${edge.path}` },
  } as EngineConfig
  const id = [...synthetic.estate.containers.keys()][0]!
  return { synthetic, edge, engine, id }
}

async function ask(options: EdgeOptions) {
  const { edge, engine, id } = await open(options)
  const refused: string[] = []
  const client = createEngineClient(engine, systemClock, undefined, (path) => refused.push(path))
  closing.push(client.close)
  return { client, edge, refused, id }
}

async function watchOf(options: EdgeOptions) {
  const { edge, engine } = await open(options)
  const { log, lines } = recordingLogger()
  const store = createStore(['e'])
  const watch = createWatch({
    ...{ engine, resync: 60_000, store, clock: systemClock, log, random: () => 0.5, labelRules },
    counters: createDockerMetrics(),
  })
  closing.push(watch.stop)
  watch.start()
  await watch.firstSync
  return { edge, watch, store, lines }
}

const wide = { min: '1.24', max: '1.45' }

describe('the version', () => {
  it.each([
    ['1.24', '/v1.24'],
    ['1.41', '/v1.41'],
    ['1.51', '/v1.51'],
    ['1.52', '/v1.52'],
    ['1.53', '/v1.52'],
    ['1.100', '/v1.52'],
    ['2.0', '/v1.52'],
  ])('of an engine up to %s is asked for as %s', (api, prefix) => {
    expect(pathPrefix(api)).toBe(prefix)
  })

  it.each([
    '',
    '1',
    'v1.45',
    '1.45.0',
    '1.45 ',
    '1.4567',
    '../x',
    '1.-1',
    '1e1.2',
    undefined,
    7,
    ['1.45', '1.46'],
  ])('%j is none', (told) => {
    expect(isApiVersion(told)).toBe(false)
    expect(isAtLeast(told as string, '0.0')).toBe(false)
    expect(versionFromHeaders({ 'api-version': told as string })).toBeUndefined()
  })

  it.each([
    ['Docker/28.5.2+dfsg4 (linux)', { version: '28.5.2+dfsg4', product: 'Docker' }],
    ['Libpod/5.8.6 (linux)', { version: '5.8.6', product: 'Podman' }],
    ['Docker/26.1.5', { version: '26.1.5', product: 'Docker' }],
    ['nginx/1.25', {}],
    [`Docker/${'1'.repeat(65)} (linux)`, {}],
    ['Docker/1\n2 (linux)', {}],
    [undefined, {}],
  ])('of the engine itself is read from a server that calls itself %j', (server, told) => {
    expect(versionFromHeaders({ 'api-version': '1.45', server })).toEqual({ apiVersion: '1.45', ...told })
  })

  it('comes with the engine’s clock, where that can be read', () => {
    const headers = { 'api-version': '1.45', date: 'Tue, 01 Dec 2026 00:44:33 GMT' }
    expect(versionFromHeaders(headers)?.second).toBe(Date.UTC(2026, 11, 1, 0, 44, 33))
    expect(versionFromHeaders({ ...headers, date: 'soon' })?.second).toBeUndefined()
  })

  it('is taken from a ping, and is in every path from then on', async () => {
    const { client, edge, id } = await ask(wide)
    expect(await client.version()).toMatchObject({ version: '29.0.0', apiVersion: '1.45' })
    await client.info()
    await client.listNetworks()
    await client.listContainers()
    await client.inspectContainer(id)
    await client.pastEvents(0, 1000)
    const paths = ['/info', '/networks', '/containers/json', `/containers/${id}/json`, '/events']
    expect(edge.asked).toEqual(['/_ping', ...paths.map((path) => `/v1.45${path}`)])
  })

  it.each([
    ['is told by no header of a ping', { ...wide, without: ['api-version'] }],
    ['is told by no header at all', { ...wide, without: ['api-version', 'server', 'date'] }],
  ])('that %s is taken from /version', async (_, options) => {
    const { client, edge } = await ask(options)
    expect(await client.version()).toEqual({ version: '29.0.0', apiVersion: '1.45' })
    await client.listNetworks()
    expect(edge.asked).toEqual(['/_ping', '/version', '/v1.45/networks'])
  })
})

describe('an edge like that of Docker 29', () => {
  const ranges = [
    ['1.44', '1.52'],
    ['1.44', '1.55'],
    ['1.40', '1.45'],
    ['1.51', '1.51'],
    ['1.52', '1.60'],
  ] as const

  it.each(ranges.flatMap(([min, max]) => [false, true].map((strict) => ({ min, max, strict }))))(
    'is followed: %j',
    async (options) => {
      const { edge, watch, store, lines } = await watchOf(options)
      expect(watch.info()).toMatchObject({ connected: true, version: '29.0.0', apiVersion: options.max })
      expect(store.current().containers.size).toBe(4)
      const prefix = pathPrefix(options.max)
      expect(edge.asked.filter((path) => !path.startsWith(`${prefix}/`))).toEqual(['/_ping'])
      expect(lines.filter(({ level }) => level !== 'info')).toEqual([])
    },
  )

  it.each([false, true])(
    'from a minimum above ours on is told of in one sentence: strict %s',
    async (strict) => {
      const { edge, watch, lines } = await watchOf({ min: '1.60', max: '1.70', strict })
      const problem = `the engine at unix://${edge.path} speaks Docker's API from 1.60 on, and this berth up to 1.52: update berth`
      expect(watch.info()).toMatchObject({ connected: false, problem })
      // It goes on trying, for the engine may be another by then.
      await until(() => edge.asked.filter((path) => path === '/_ping').length > 3, { what: 'more tries' })
      expect(lines.filter(({ level }) => level !== 'info')).toHaveLength(1)
      edge.become({ min: '1.44', max: '1.52', strict })
      await until(() => watch.info().connected, { what: 'it follows' })
    },
  )

  it('is asked anew where the engine is another one after it was away', async () => {
    const { edge, watch, lines } = await watchOf(wide)
    edge.become({ min: '1.46', max: '1.52' })
    await until(() => watch.info().connected && watch.info().apiVersion === '1.52', {
      what: 'the new version',
    })
    const before = edge.asked.length
    watch.setResync(50_000)
    await until(() => edge.asked.slice(before).includes('/v1.52/networks'), { what: 'a list' })
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([])
  })
})

describe('a proxy that refuses paths with a version', () => {
  const refusals = [
    { status: 403, body: '<html>403 Forbidden</html>' },
    { status: 403, body: '{"message":"not allowed"}' },
    { status: 404, body: '404 page not found' },
    { status: 404, body: '{"message":"page not found"}' },
    {
      status: 400,
      body: '{"message":"client version 1.45 is too new. Maximum supported API version is 1.41"}',
    },
    { status: 405, body: '' },
  ]

  it.each(refusals)('gets plain ones, and that is said once: %j', async (plainOnly) => {
    const { edge, watch, store, lines } = await watchOf({ ...wide, plainOnly })
    expect(watch.info().connected).toBe(true)
    expect(store.current().containers.size).toBe(4)
    // All else comes after the first refusal.
    expect(edge.asked.filter((path) => path.startsWith('/v1'))).toEqual(['/v1.45/events'])
    edge.become({ ...wide, plainOnly })
    const tries = () => edge.asked.filter((path) => path === '/events').length
    const before = tries()
    await until(() => tries() > before && watch.info().connected, { what: 'another connection' })
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      {
        engine: 'e',
        refused: '/v1.45/events',
        msg: expect.stringContaining('socket proxy'),
      },
    ])
  })

  it('and takes the least that it knows of an engine that wants another one', async () => {
    // The header tells a lower version than the engine's lowest, which is not above ours.
    const plainOnly = {
      status: 400,
      body: '{"message":"client version 1.40 is too old. Minimum supported API version is 1.44, please upgrade"}',
    }
    const { client, refused } = await ask({ min: '1.24', max: '1.40', plainOnly })
    await client.version()
    expect(await client.listNetworks()).toHaveLength(2)
    expect(refused).toEqual(['/v1.40/networks'])
  })

  it('is found out by many calls at once, each of which is answered', async () => {
    const { client, refused, edge } = await ask({ ...wide, plainOnly: refusals[0]! })
    await client.version()
    const lists = await Promise.all(Array.from({ length: 5 }, () => client.listNetworks()))
    expect(lists.map(({ length }) => length)).toEqual([2, 2, 2, 2, 2])
    expect(refused).toEqual(['/v1.45/networks'])
    const before = edge.asked.length
    await client.listContainers()
    expect(edge.asked.slice(before)).toEqual(['/containers/json'])
  })
})

describe('what is refused with and without a version', () => {
  it('is tried both ways once for each kind of call, and the version stays', async () => {
    const refused: string[] = []
    const asked: string[] = []
    const paths = createVersionedPaths({ kind: 'unix', path: '/p', text: 'unix:///p' }, (path) =>
      refused.push(path),
    )
    paths.useVersion('1.45')
    const refusal = (of: string) => Object.assign(new Error(of), { statusCode: 403, json: '' })
    const ask = (path: string) => {
      asked.push(path)
      return path.endsWith('/networks') ? Promise.resolve(path) : Promise.reject(refusal(path))
    }
    for (let n = 0; n < 2; n++) {
      await expect(paths.request('/images/x/json', 'inspect an image', ask)).rejects.toThrow('/v1.45/images')
    }
    await expect(paths.request('/info', 'report its clock', ask)).rejects.toThrow('/v1.45/info')
    expect(await paths.request('/networks', 'list its networks', ask)).toBe('/v1.45/networks')
    const images = ['/v1.45/images/x/json', '/images/x/json', '/v1.45/images/x/json']
    expect(asked).toEqual([...images, '/v1.45/info', '/info', '/v1.45/networks'])
    expect(refused).toEqual([])
  })

  it.each([408, 429, 500, 503])('for now alone (%i) is not asked for without', async (statusCode) => {
    const asked: string[] = []
    const paths = createVersionedPaths({ kind: 'unix', path: '/p', text: 'unix:///p' }, () => {})
    paths.useVersion('1.45')
    const ask = (path: string) => {
      asked.push(path)
      return Promise.reject(Object.assign(new Error('later'), { statusCode, json: '' }))
    }
    await expect(paths.request('/networks', 'list its networks', ask)).rejects.toThrow('later')
    expect(asked).toEqual(['/v1.45/networks'])
  })

  it('of a container that is gone says so at once', async () => {
    const { client, edge, refused } = await ask(wide)
    await client.version()
    expect(await client.inspectContainer('f'.repeat(64))).toBeUndefined()
    expect(await client.inspectNetwork('f'.repeat(64))).toBeUndefined()
    expect(edge.asked).toHaveLength(3)
    expect(refused).toEqual([])
  })
})

describe('a connection is live', () => {
  it.each([
    ['/version, where the ping tells all', ['version'], []],
    ['/version, where the ping does not tell the engine’s own version', ['version'], ['server']],
    ['/info, where the ping tells the clock', ['info'], []],
    ['both', ['info', 'version'], ['server']],
  ])('without an answer to %s', async (_, mute, without) => {
    const { edge, watch, store } = await watchOf({ ...wide, mute, without })
    expect(watch.info()).toMatchObject({ connected: true, apiVersion: '1.45' })
    expect(store.current().containers.size).toBe(4)
    expect(edge.asked.includes('/version')).toBe(without.length > 0)
  })

  it('and its engine’s own version is told once it comes', async () => {
    const { watch } = await watchOf({ ...wide, without: ['server'] })
    await until(() => watch.info().version === '29.0.0', { what: 'it is told' })
    expect(watch.info()).toMatchObject({ connected: true, apiVersion: '1.45' })
  })
})
