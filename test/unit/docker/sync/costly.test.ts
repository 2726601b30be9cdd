// What one thing that an engine tells may cost, and that it takes nothing from the others.
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { EngineConfig } from '../../../../src/config/types.ts'
import { createEngineClient, type EngineClient } from '../../../../src/docker/api/client.ts'
import { parseEvent } from '../../../../src/docker/api/event-stream.ts'
import { bareEndpoint } from '../../../../src/docker/model/container.ts'
import { findLabelOwnership, grantingLabels } from '../../../../src/docker/model/grants.ts'
import { parseLabels } from '../../../../src/docker/model/labels.ts'
import { countLateNames } from '../../../../src/docker/model/pending-endpoints.ts'
import { handleEvent } from '../../../../src/docker/sync/event-handler.ts'
import type { Reconciler } from '../../../../src/docker/sync/reconciler.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { suggestion } from '../../../../src/lib/suggest.ts'
import type { Container } from '../../../../src/registry/types.ts'
import { rules } from '../../../engine/proxy-urls.ts'

vi.mock('../../../../src/lib/suggest.ts', async (original) => {
  const { suggestion } = await original<typeof import('../../../../src/lib/suggest.ts')>()
  return { suggestion: vi.fn(suggestion) }
})

const closing: (() => void)[] = []
afterEach(() => {
  vi.restoreAllMocks()
  for (const close of closing.splice(0)) close()
})

/** A client of what answers each URL so. */
async function open(answer: (url: string) => { status?: number; body: string }) {
  const urls: string[] = []
  const server = createServer(({ url = '' }, response) => {
    urls.push(url)
    const { status = 200, body } = answer(url)
    response.writeHead(status).end(body)
  })
  const path = join(mkdtempSync(join(tmpdir(), 'berth-costly-')), 'engine.sock')
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const strange: string[] = []
  const address = { kind: 'unix', path, text: `unix://${path}` } as const
  const config = { name: 'e', address } as EngineConfig
  const client: EngineClient = createEngineClient(config, systemClock, (kind, what) => {
    strange.push(`${kind} ${what}`)
  })
  closing.push(client.close, () => server.close())
  return { client, strange, urls }
}

const id = 'a'.repeat(64)

describe('a list', () => {
  it('with nothing but a row that is too long is a list', async () => {
    const body = JSON.stringify([{ Id: id, Name: 'x', Labels: { note: 'x'.repeat(9 << 20) } }])
    const { client, strange } = await open(() => ({ body }))
    expect(await client.listContainers()).toEqual([])
    expect(await client.listNetworks()).toEqual([])
    expect(strange).toHaveLength(2)
  })

  it('of networks with megabytes of labels is read past those', async () => {
    const Labels = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`label${i}`, '']))
    const network = { Name: 'x', Id: id, Driver: 'bridge', Options: { parent: 'eth0' }, Labels }
    const body = JSON.stringify([network])
    const { client } = await open(() => ({ body }))
    const parse = vi.spyOn(JSON, 'parse')
    expect(await client.listNetworks()).toMatchObject([{ Name: 'x', Options: { parent: 'eth0' } }])
    expect(Math.max(...parse.mock.calls.map(([text]) => text.length))).toBeLessThan(1000)
  })
})

describe('an image', () => {
  const image = { id: `sha256:${id}`, platform: '{"os":"linux","architecture":"it\'s(*)!"}' }

  it.each([400, 404, 409, 422])(
    'that the engine does not like (%i) is one image, not a refusal',
    async (status) => {
      const { client } = await open(() => ({ status, body: '{"message":"invalid platform"}' }))
      expect(await client.imageLabels(image)).toBe('gone')
    },
  )

  it.each([
    [403, '{"message":"not allowed"}'],
    [401, '{"message":"who are you"}'],
    [405, '{"message":"no"}'],
    [404, 'Not Found'],
    [400, '<html>'],
  ])('that may not be asked for (%i %s) is a refusal', async (status, body) => {
    const { client } = await open(() => ({ status, body }))
    expect(await client.imageLabels(image)).toBe('refused')
  })

  it('can not have a platform that the proxy refuses', async () => {
    const { client, urls } = await open(() => ({ body: '{"Config":{}}' }))
    await client.imageLabels(image)
    expect(rules.filter(({ matches }) => matches(urls[0]!)).map(({ name }) => name)).toEqual(['image'])
    expect(new URL(urls[0]!, 'http://x').searchParams.get('platform')).toBe(image.platform)
  })
})

describe('an event', () => {
  const long = 'x'.repeat(60_000)
  const told = (Type: string, Action: string, Attributes: Record<string, string>, ID = id) =>
    parseEvent(JSON.stringify({ Type, Action, Actor: { ID, Attributes }, time: 1 }))!

  function record() {
    const calls: unknown[][] = []
    const reconcile = new Proxy({} as Reconciler, {
      get:
        (_, name) =>
        (...args: unknown[]) => {
          calls.push([name, ...args])
          return true
        },
    })
    return { calls, reconcile }
  }

  it('of a create hands on its name, and of its labels whether it is left out', () => {
    const { calls, reconcile } = record()
    const labels = { 'berth.names': long.slice(0, 9000), 'berth.ignore': 'true', 'berth.port.x': '80' }
    handleEvent(told('container', 'create', { name: 'web', image: 'i', ...labels }), reconcile)
    expect(calls).toContainEqual(['create', id, 'web', { 'berth.ignore': 'true' }, 1000])
  })

  it.each([
    ['container', 'create', { name: long }],
    ['container', 'create', { name: 'web', 'berth.ignore': long }],
    ['container', 'rename', { name: long, oldName: 'web' }],
    ['container', 'rename', { name: 'web', oldName: long }],
    ['network', 'connect', { container: long }],
    ['network', 'disconnect', { container: long }],
    ['network', 'connect', { container: '../../info' }],
  ])('of a %s, %s, hands on no text that is too long or no id', (type, action, attributes) => {
    const { calls, reconcile } = record()
    handleEvent(told(type, action, attributes), reconcile)
    expect(calls.length).toBeGreaterThan(0)
    expect(JSON.stringify(calls).length).toBeLessThan(1000)
    expect(JSON.stringify(calls)).not.toContain('/info')
  })
})

it('a container’s late names are counted without looking each up among all', () => {
  let reads = 0
  const names = (start: string, count: number) => Array.from({ length: count }, (_, i) => `${start}${i}`)
  const before = new Proxy(names('a', 1000), {
    get(list, key, receiver) {
      reads++
      return Reflect.get(list, key, receiver)
    },
  })
  const container = (own: string[]) =>
    ({ endpoints: [{ ...bareEndpoint(id, 'n', own), v4: ['10.0.0.2'] }] }) as unknown as Container
  expect(countLateNames(container(before), container([...names('a', 1000), ...names('b', 1000)]))).toBe(1000)
  expect(reads).toBeLessThan(10_000)
})

it('labels that only begin like ours are not kept', () => {
  const ours = { 'berth.names': 'a', 'berth.ttl': '1', 'com.docker.compose.x': '', 'com.docker.swarm.x': '' }
  expect(grantingLabels({ ...ours, 'berth.names2': 'b', 'berth.ttl.x': '1', other: '' })).toEqual(ours)
})

describe('of labels that may grant something, megabytes', () => {
  const junk = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`com.docker.compose.a${i}`, value]))
  const told = (labels: Record<string, string>) => ({
    declared: grantingLabels(labels),
    asked: { names: [], wildcards: [], ignored: false, ttl: undefined },
    image: undefined,
  })
  const names = { 'berth.names': 'web' }

  it.each([
    ['many', junk(20_000, '')],
    ['long ones', junk(50, 'x'.repeat(100_000))],
    ['a list of names', { 'berth.names': 'x,'.repeat(1 << 20) }],
  ])('are not kept: %s', (_, labels) => {
    expect(JSON.stringify(grantingLabels(labels)).length).toBeLessThan(10_000)
  })

  it.each([50, 90, 100, 150, 20_000])(
    'of an image (%i) are no operator’s, whatever the operator adds',
    (count) => {
      const image = { ...junk(count, ''), ...names, 'com.docker.compose.service': 'db' }
      const own = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`com.docker.compose.${i}`, '']))
      expect(findLabelOwnership(told(image), grantingLabels(image))).toEqual({
        compose: false,
        swarm: false,
        berth: [],
      })
      expect(findLabelOwnership(told({ ...image, ...own }), grantingLabels(image))).toMatchObject({
        ...{ compose: true, berth: [] },
      })
      const written = { ...image, 'berth.names': 'db' }
      expect(findLabelOwnership(told(written), grantingLabels(image))).toMatchObject({
        berth: ['berth.names'],
      })
    },
  )

  it('an operator’s short label goes before an image’s that is too long', () => {
    const image = { 'berth.names': 'x,'.repeat(1 << 20) }
    expect(findLabelOwnership(told(names), grantingLabels(image))).toMatchObject({ berth: ['berth.names'] })
  })
})

it('of thousands of labels that there are not, a few are compared with those that there are', () => {
  const labels = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`berth.nmaes${i}`, '']))
  const { problems } = parseLabels(labels)
  expect(problems).toHaveLength(11)
  expect(problems[10]).toBe('4990 more like these')
  expect(vi.mocked(suggestion).mock.calls).toHaveLength(10)
})
