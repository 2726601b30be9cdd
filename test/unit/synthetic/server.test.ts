// The synthetic engine's API: what berth's own client reads of it, and that its answers are made as recorded ones are.
import { request } from 'node:http'
import { json } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import type { EngineConfig } from '../../../src/config/types.ts'
import { createEngineClient } from '../../../src/docker/api/client.ts'
import {
  type EngineEvent,
  eventFilters,
  parseEvent,
  readEvents,
} from '../../../src/docker/api/event-stream.ts'
import type { ApiContainer } from '../../../src/docker/api/types.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { until } from '../../engine/docker.ts'
import { kindsOf } from '../../tools/synthetic/kinds.ts'
import {
  nanoseconds,
  readFilters,
  type SyntheticEngine,
  type SyntheticOptions,
  startSyntheticEngine,
} from '../../tools/synthetic/server.ts'
import { recorded } from '../docker/recorded.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function open(options: SyntheticOptions) {
  const engine = await startSyntheticEngine(options)
  const address = { kind: 'unix', path: engine.url.slice('unix://'.length), text: engine.url } as const
  const client = createEngineClient({ name: 'e', address } as EngineConfig, systemClock)
  closing.push(client.close, engine.close)
  return { engine, client }
}

/** What berth's client does not read of it as well. */
async function ask(engine: SyntheticEngine, path: string): Promise<unknown> {
  const asked = request({ socketPath: engine.url.slice('unix://'.length), path }).end()
  return new Promise((resolve, reject) => {
    asked.once('response', (response) => json(response).then(resolve, reject)).once('error', reject)
  })
}

async function listen(engine: SyntheticEngine, { client }: Awaited<ReturnType<typeof open>>) {
  const events: EngineEvent[] = []
  const stream = await client.events({
    sinceSeconds: Math.floor(Date.now() / 1000) - 5,
    signal: new AbortController().signal,
  })
  readEvents(stream, { event: (event) => events.push(event), unreadable: () => {}, closed: () => {} })
  expect(engine.answered.get('events')).toBe(1)
  return events
}

describe('the synthetic engine', () => {
  it('tells every container and network, however many, and nothing of those it has not', async () => {
    const { client } = await open({ size: { networks: 30, containers: 350 } })
    const [rows, networks] = await Promise.all([client.listContainers(), client.listNetworks()])
    expect(new Set(rows.map(({ Id }) => Id)).size).toBe(350)
    expect(networks).toHaveLength(30)
    const container = (await client.inspectContainer(rows[349]!.Id)) as ApiContainer
    expect(container.Name).toBe(rows[349]!.Names![0])
    const [[name, place]] = Object.entries(container.NetworkSettings!.Networks!) as [[string, never]]
    const { NetworkID, IPAddress } = place as { NetworkID: string; IPAddress: string }
    const network = (await client.inspectNetwork(NetworkID))!
    expect(network.Name).toBe(name)
    expect(network.Containers![container.Id]!.IPv4Address).toMatch(`${IPAddress}/`)
    expect(await client.inspectContainer('none')).toBeUndefined()
    expect(await client.inspectNetwork('none')).toBeUndefined()
    await client.ping(1000)
  })

  it('streams what is followed, and remembers all of it for a while', async () => {
    const opened = await open({ size: { networks: 2, containers: 4 } })
    const { engine, client } = opened
    const [id] = engine.estate.containers.keys()
    const before = Date.now() - 1
    engine.estate.stop(id!)
    const events = await listen(engine, opened)
    engine.start(id!)
    await until(() => events.some(({ action }) => action === 'start'), { what: 'start is told' })
    const told = events.map(({ action }) => action)
    expect(told.filter((action) => action === 'disconnect' || action === 'connect').length % 2).toBe(0)
    expect(told).not.toContain('kill')
    expect(told).toContain('die')
    const past = await client.pastEvents(before, Date.now() + 1)
    expect(past.map(({ action }) => action)).toEqual(expect.arrayContaining(['kill', 'stop', ...told]))
    expect(engine.events()).toBe(events.length)
  })

  it('answers no inspect of a container that is being started, but has its place', async () => {
    const { engine, client } = await open({ size: { networks: 1, containers: 1 }, startTakes: 50 })
    const [id] = engine.estate.containers.keys() as Iterable<string>
    engine.estate.stop(id!)
    engine.start(id!)
    const inspect = client.inspectContainer(id!) as Promise<ApiContainer | undefined>
    const network = (await client.inspectNetwork(engine.estate.networks[0]!.id))!
    expect(network.Containers![id!]!.IPv4Address).toMatch(/^10\./)
    expect((await inspect)!.State!.Status).toBe('running')
  })
})

describe('its answers', () => {
  const real = recorded.find(({ engine }) => engine === '26')!

  it('are made as those of a real engine are, in every field that was recorded', async () => {
    const { engine } = await open({ size: { networks: 2, containers: 5 } })
    const [running, stopped] = engine.estate.containers.keys()
    engine.estate.stop(stopped!)
    const created = engine.estate.create()
    const ids = [running!, stopped!, created]
    const inspects = await Promise.all(ids.map((id) => ask(engine, `/containers/${id}/json`)))
    const networks = await Promise.all(engine.estate.networks.map(({ id }) => ask(engine, `/networks/${id}`)))
    const compare = (ours: readonly unknown[], theirs: readonly unknown[], without: readonly string[]) => {
      const kinds = kindsOf(ours)
      for (const [path, allowed] of kindsOf(theirs)) {
        if (without.some((prefix) => path.startsWith(prefix))) continue
        expect(
          [...(kinds.get(path) ?? ['missing'])].filter((kind) => !allowed.has(kind)),
          path,
        ).toEqual([])
      }
    }
    // The recorded ones are on other networks, some checked and linked, as these are not.
    compare(inspects, real.containers, ['State.Health', 'HostConfig.Links', 'Config.Healthcheck'])
    compare((await ask(engine, '/containers/json?all=true')) as unknown[], real.rows, [])
    compare(networks, real.networks, ['IPAM.Config.*.IPRange', 'Options.*', 'Containers'])
  })

  it('are events with the fields of recorded ones, and are read as those', async () => {
    const opened = await open({ size: { networks: 1, containers: 2 } })
    const events = await listen(opened.engine, opened)
    const [id] = opened.engine.estate.containers.keys()
    opened.engine.estate.stop(id!)
    await until(() => events.length === 2, { what: 'events' })
    const [disconnect, die] = events as [EngineEvent, EngineEvent]
    const theirs = real.events.map((line) => parseEvent(line)!)
    const like = theirs.find(({ action }) => action === 'connect')!
    expect(Object.keys(disconnect.attributes).sort()).toEqual(Object.keys(like.attributes).sort())
    expect(die.attributes).toMatchObject({ exitCode: '0', name: 'p0-svc0-1' })
    expect(die.time).toBeGreaterThan(disconnect.time)
    expect(Math.abs(die.time - Date.now())).toBeLessThan(5000)
  })
})

describe('what is asked of events', () => {
  it.each([
    [null, 'image', 'pull', true],
    [JSON.stringify(eventFilters), 'container', 'start', true],
    [JSON.stringify(eventFilters), 'container', 'health_status: healthy', true],
    [JSON.stringify(eventFilters), 'container', 'kill', false],
    [JSON.stringify(eventFilters), 'image', 'create', false],
    ['{"type":{"network":true}}', 'network', 'kill', true],
    ['{"type":{"network":true}}', 'container', 'start', false],
  ])('%s lets %s %s through: %s', (filters, type, action, passes) => {
    expect(readFilters(filters)({ type, action })).toBe(passes)
  })

  it.each([
    [null, undefined],
    ['', undefined],
    ['1795479965', 1795479965000000000n],
    ['1795479965.110357135', 1795479965110357135n],
    ['1795479965.5', 1795479965500000000n],
  ])('%s is %s', (text, time) => {
    expect(nanoseconds(text)).toBe(time)
  })
})
