// What Podman 5.8 tells through its Docker-compatible API, as recorded (engine-podman.json), where that is otherwise than
// Docker's: events of places, lodgers and pods, the default network's two names, errors.
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { EngineConfig } from '../../../../src/config/types.ts'
import { createEngineClient, type EngineClient } from '../../../../src/docker/api/client.ts'
import { type EngineEvent, parseEvent } from '../../../../src/docker/api/event-stream.ts'
import type { ApiContainer, ApiNetwork } from '../../../../src/docker/api/types.ts'
import { containerFrom } from '../../../../src/docker/model/container.ts'
import { handleEvent } from '../../../../src/docker/sync/event-handler.ts'
import { createReconciler } from '../../../../src/docker/sync/reconciler.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { rules } from '../../../engine/proxy-urls.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { labelRules } from '../label-rules.ts'
import { containerNamed, networkNamed, type Recorded } from '../recorded.ts'

const text = readFileSync(new URL('../engine-podman.json', import.meta.url), 'utf8')
const podman = JSON.parse(text) as Recorded & { defaultNetwork: ApiNetwork }
const events = podman.events.map((line) => parseEvent(line)!)
const idOf = (name: string) => containerNamed(podman, name).Id
const web = containerNamed(podman, 'web')
const [front, sealed] = ['front', 'sealed'].map((name) => networkNamed(podman, name).Id) as [string, string]

function eventOf(action: string, id: string): EngineEvent {
  return events.find((event) => event.action === action && event.id === id)!
}

/** An engine that answers as recorded, until it is told otherwise. */
function engine() {
  const containers = new Map(podman.containers.map((raw) => [raw.Id, raw]))
  const inspected: string[] = []
  const state = { isBlocked: false, now: undefined as number | undefined }
  const client = {
    listNetworks: async () => podman.networks,
    listContainers: async () => podman.rows,
    inspectNetwork: async (id: string) =>
      id === podman.defaultNetwork.Id
        ? podman.defaultNetwork
        : podman.networks.find((network) => network.Id === id),
    inspectContainer: async (id: string) => {
      inspected.push(id)
      return state.isBlocked ? new Promise<never>(() => {}) : containers.get(id)
    },
    imageLabels: async () => ({}),
  } as unknown as EngineClient
  const hand = createHandClock()
  const reconcile = createReconciler({
    ...{ engine: 'e', clock: hand.clock, random: () => 0, labelRules: () => labelRules, refused() {} },
    ...{ changed: () => {}, failed: () => {}, late: () => {}, invalidLabels: () => {} },
    engineNow: () => state.now,
  })
  const store = createStore(['e'])
  async function settle() {
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 50; j++) await Promise.resolve()
      await new Promise((resolve) => setImmediate(resolve))
      hand.turn(2)
    }
  }
  const snapshot = () => {
    const { networks, containers } = reconcile.takeChanges()
    store.apply({ kind: 'update', engine: 'e', networks, containers })
    return store.current()
  }
  return {
    ...{ reconcile, inspected, state, settle, containers },
    async list() {
      const listed = reconcile.fullList(client)
      await settle()
      await listed
    },
    hear: (event: EngineEvent) => handleEvent(event, reconcile),
    /** Of each of a container's places that has an address: network, addresses, names. */
    places(name: string): [network: string, v4: readonly string[], names: readonly string[]][] {
      const now = snapshot()
      const found = [...now.containers.values()].find((container) => container.name === name)
      return (found?.endpoints ?? [])
        .filter(({ v4 }) => v4.length > 0)
        .map(({ networkId, v4, names }) => [now.networks.get(networkId)!.network.name, v4, names])
    },
    networks: () => [...snapshot().tables].map(({ network }) => network),
  }
}

/** `now`: the engine's clock meanwhile, where it is known. */
async function listed(now?: number) {
  const all = engine()
  all.state.now = now
  await all.list()
  all.inspected.length = 0
  return all
}

describe('what Podman lists', () => {
  it('has the names that aardvark-dns answers to', async () => {
    const { places } = await listed()
    const short = web.Id.slice(0, 12)
    expect(places('web').sort()).toEqual([
      ['front', ['198.18.0.2'], ['web', 'www', short, 'web-host']],
      ['sealed', [web.NetworkSettings!.Networks!.sealed!.IPAddress], ['web', 'data', short, 'web-host']],
    ])
    expect(places('gone')).toEqual([])
    expect(places('never')).toEqual([])
    expect(places('hostly')).toEqual([])
    expect(places('paused')).toHaveLength(1)
  })

  it('has its default network once, under the name of lists, whatever an inspect calls it', async () => {
    const { reconcile, places, networks, settle } = await listed()
    expect(podman.defaultNetwork.Name).toBe('podman')
    const before = networks().find(({ id }) => id === podman.defaultNetwork.Id)!
    expect(before).toMatchObject({ name: 'bridge', hasResolver: false })
    reconcile.queueNetwork(podman.defaultNetwork.Id)
    await settle()
    expect(networks().find(({ id }) => id === before.id)).toBe(before)
    expect(places('plain').map(([network]) => network)).toEqual(['bridge'])
  })

  it('tells of no bridge’s name, so that none is made up', async () => {
    const { networks } = await listed()
    expect(networks().map(({ bridge }) => bridge)).toEqual(networks().map(() => undefined))
  })

  it('has lodgers and members of a pod at their host’s addresses, under names of their own', async () => {
    const { places } = await listed()
    const at = (name: string) => places(name).map(([network, v4]) => [network, v4])
    const infra = podman.containers.find(({ Name }) => Name.endsWith('-infra'))!
    expect(at('lodger')).toEqual(at('web'))
    const alone = containerFrom(containerNamed(podman, 'lodger'), 'e', () => undefined)
    expect(alone.container.endpoints).toEqual([])
    expect(places('lodger')[0]![2]).toEqual(['lodger', idOf('lodger').slice(0, 12)])
    expect(at('m1')).toHaveLength(2)
    for (const member of ['m1', 'm2']) {
      expect(at(member)).toEqual(at(infra.Name.slice(1)))
      expect(places(member)[0]![2]).toEqual([member, idOf(member).slice(0, 12)])
    }
    // The pod's own name is its host name, unless it was given another.
    expect(places(infra.Name.slice(1)).flatMap(([, , names]) => names)).toContain('pod1')
  })

  it('is found the same by the next list, of lodgers too', async () => {
    const { list, places, networks } = await listed()
    const told = () => ['web', 'lodger', 'm1', 'm2', 'plain', 'six'].map(places)
    const before = [told(), networks()]
    await list()
    expect([told(), networks()]).toEqual(before)
  })
})

describe('an event of Podman', () => {
  it('disconnect takes the address at once, and has the container looked at', async () => {
    const { hear, places, inspected, settle, state } = await listed()
    state.isBlocked = true
    hear(eventOf('disconnect', web.Id))
    expect(places('web').map(([network]) => network)).toEqual(['front'])
    expect(places('lodger').map(([network]) => network)).toEqual(['front'])
    await settle()
    expect(inspected).toEqual([web.Id])
  })

  it('connect has the container looked at, not a network of its id', async () => {
    const { hear, places, inspected, settle, containers } = await listed()
    const { front: there, sealed: other } = web.NetworkSettings!.Networks!
    const told = { ...other!, IPAddress: '198.18.1.77' }
    containers.set(web.Id, { ...web, NetworkSettings: { Networks: { front: there!, sealed: told } } })
    expect(hear(eventOf('connect', web.Id))).toBe(false)
    await settle()
    expect(inspected).toEqual([web.Id])
    expect(places('web').find(([network]) => network === 'sealed')![1]).toEqual(['198.18.1.77'])
  })

  it('disconnect of the default network, which it calls otherwise, has the container looked at', async () => {
    const { hear, inspected, settle } = await listed()
    const plain = idOf('plain')
    const attributes = { network: 'podman', name: 'plain' }
    hear({ type: 'network', action: 'disconnect', id: plain, attributes, time: Date.now() })
    await settle()
    expect(inspected).toEqual([plain])
  })

  it('rename, without the old name, has the new one read', async () => {
    const { hear, places, settle, containers } = await listed()
    expect(eventOf('rename', web.Id).attributes.oldName).toBeUndefined()
    containers.set(web.Id, { ...web, Name: '/web2' })
    hear(eventOf('rename', web.Id))
    await settle()
    expect(places('web')).toEqual([])
    expect(places('web2')[0]![2]).toContain('web2')
  })

  it('rename, without the old name, is taken at once where nothing later is known', async () => {
    const { time } = eventOf('rename', web.Id)
    const { hear, places, state } = await listed(time - 10)
    state.isBlocked = true
    hear(eventOf('rename', web.Id))
    expect(places('web')).toEqual([])
    const names = places('web2').map(([, , names]) => names)
    expect(names).toEqual([
      ['web2', 'www', web.Id.slice(0, 12), 'web-host'],
      ['web2', 'data', web.Id.slice(0, 12), 'web-host'],
    ])
    expect(places('lodger')).toHaveLength(2)
    // Told late, both at once: each is of after the one before.
    state.now = time + 240
    for (const [after, name] of [
      [20, 'web3'],
      [21, 'web4'],
    ] as const) {
      hear({ ...eventOf('rename', web.Id), attributes: { name }, time: time + after })
      expect(places(name)).toHaveLength(2)
    }
  })

  it.each([
    ['before it was read', -1],
    ['within the millisecond in which it was read', 0.9],
  ])('rename of %s is not taken for the name that it has', async (_what, after) => {
    const now = 1_796_000_000_000
    const { hear, places, state, containers, settle } = await listed(now)
    state.isBlocked = true
    hear({ ...eventOf('rename', web.Id), attributes: { name: 'former' }, time: now + after })
    expect(places('former')).toEqual([])
    expect(places('web')).toHaveLength(2)
    // It is looked at all the same.
    state.isBlocked = false
    containers.set(web.Id, { ...web, Name: '/web5' })
    await settle()
    expect(places('web5')).toHaveLength(2)
  })

  it('rename is news though a disconnect was told with it, late', async () => {
    const { time } = eventOf('rename', web.Id)
    const { hear, places, state } = await listed(time - 10)
    state.isBlocked = true
    state.now = time + 200
    hear(eventOf('disconnect', web.Id))
    hear(eventOf('rename', web.Id))
    expect(places('web2').map(([network]) => network)).toEqual(['front'])
  })

  it.each(['die', 'remove'])('%s takes the addresses at once', async (action) => {
    const { hear, places, state } = await listed()
    state.isBlocked = true
    const id = idOf('paused')
    hear({ type: 'container', action, id, attributes: { name: 'paused' }, time: Date.now() })
    expect(places('paused')).toEqual([])
  })

  it('a hundred connects in a row are a hundred looks, none a list', async () => {
    const { hear, inspected, settle } = await listed()
    for (let i = 0; i < 100; i++) {
      const attributes = { network: i % 2 === 0 ? 'sealed' : 'front', name: 'web' }
      expect(hear({ type: 'network', action: 'connect', id: web.Id, attributes, time: i })).toBe(false)
      await settle()
    }
    expect(inspected).toEqual(Array(100).fill(web.Id))
  })

  it('all of them leave networks what they were, and know no container for one', async () => {
    const { hear, networks, settle } = await listed()
    for (const event of events) hear(event)
    await settle()
    expect(networks().map(({ id }) => id)).toEqual(
      expect.arrayContaining([front, sealed, podman.defaultNetwork.Id]),
    )
    expect(networks()).toHaveLength(4)
  })
})

describe('a call of Podman’s', () => {
  const id = 'c'.repeat(64)

  async function clientOf(answer: (url: string, response: ServerResponse) => void) {
    const path = join(mkdtempSync(join(tmpdir(), 'berth-podman-')), 'podman.sock')
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(request.url!)
      answer(request.url!, response)
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    const address = { kind: 'unix', path, text: `unix://${path}` } as const
    const client = createEngineClient({ name: 'local', address } as EngineConfig, systemClock)
    onTestFinished(() => {
      client.close()
      server.close()
    })
    return { client, asked }
  }

  it.each([
    ['no such container', 'inspectContainer'],
    ['container has already been removed', 'inspectContainer'],
    ['network not found', 'inspectNetwork'],
  ] as const)('500 with "%s" is no fault, but gone', async (cause, call) => {
    const { client } = await clientOf((_, response) => {
      response.statusCode = 500
      response.end(JSON.stringify({ cause, message: `${id}: ${cause}`, response: 500 }))
    })
    expect(await client[call](id)).toBeUndefined()
  })

  it('500 with anything else is a fault', async () => {
    const { client } = await clientOf((_, response) => {
      response.statusCode = 500
      response.end(JSON.stringify({ cause: 'disk is full', message: 'x', response: 500 }))
    })
    await expect(client.inspectContainer(id)).rejects.toThrow(/HTTP 500/)
  })

  const pod = 'd'.repeat(12)
  const infra = { Id: id, Name: `/${pod}-infra`, Config: { Hostname: 'given' }, State: { Running: true } }
  const place = { NetworkID: 'n', IPAddress: '198.18.0.2', Aliases: ['alias'] }

  async function namesOfInfra(told: object, status = 200, Name = infra.Name) {
    const { client, asked } = await clientOf((url, response) => {
      if (url.endsWith('/version')) return response.end(JSON.stringify(podman.version))
      const raw = { ...infra, Name, NetworkSettings: { Networks: { front: place } } }
      response.statusCode = url.includes('/pods/') ? status : 200
      response.end(JSON.stringify(url.includes('/pods/') ? told : raw))
    })
    await client.version()
    const raw = (await client.inspectContainer(id)) as ApiContainer
    return { names: containerFrom(raw, 'e', () => undefined).container.endpoints[0]!.names, asked }
  }

  it('a pod’s name is that of the container that holds its namespaces, before all others', async () => {
    const { names, asked } = await namesOfInfra({ Name: 'shop', InfraContainerID: id })
    expect(names).toEqual(['shop', 'alias', id.slice(0, 12), 'given', `${pod}-infra`])
    expect(asked.at(-1)).toBe(`/v4.0.0/libpod/pods/${pod}/json`)
    expect(rules.filter((rule) => rule.matches(asked.at(-1)!)).map(({ name }) => name)).toEqual(['pod'])
  })

  it.each([
    ['another container’s', { Name: 'shop', InfraContainerID: 'e'.repeat(64) }, 200],
    ['not told', { cause: 'no such pod', message: 'no such pod', response: 404 }, 404],
    ['refused', {}, 403],
    ['no text', { Name: ['shop'], InfraContainerID: id }, 200],
    ['no object', [], 200],
  ])('a pod’s name that is %s is left out', async (_, told, status) => {
    const own = [`${pod}-infra`, 'alias', id.slice(0, 12), 'given']
    expect((await namesOfInfra(told, status)).names).toEqual(own)
  })

  it('no pod is asked for of any other container', async () => {
    const { asked } = await namesOfInfra({ Name: 'shop', InfraContainerID: id }, 200, '/web')
    expect(asked.filter((url) => url.includes('pods'))).toEqual([])
  })

  it('past events are asked for by a time to come, for of one that is over Podman may tell none; later ones are left out', async () => {
    const { client, asked } = await clientOf((url, response) => {
      response.end(url.endsWith('/version') ? JSON.stringify(podman.version) : podman.events.join('\n'))
    })
    await client.version()
    const times = events.map(({ time }) => time)
    const [from, to] = [Math.min(...times), times[Math.floor(times.length / 2)]!]
    expect(await client.pastEvents(from, to)).toEqual(events.filter(({ time }) => time <= to))
    const [, until] = /&until=([\d.]+)&stream=false$/.exec(asked.at(-1)!)!
    expect(Number(until) * 1000).toBeCloseTo(to + 10_000, 0)
  })
})
