// Facts → snapshot: what is shared, what is rebuilt, and which names a table has.
import { describe, expect, it } from 'vitest'
import { createStore } from '../../../src/registry/store.ts'
import type { Container, Network, StoreChange } from '../../../src/registry/types.ts'
import { container, estate, network } from '../resolve/estate.ts'

const front = network('front', ['172.18.0.0/16'])
const back = network('back', ['172.19.0.0/16'])
const web = container('web', { front: { at: ['172.18.0.2'] } })
const db = container('db', { back: { at: ['172.19.0.2'] } })

describe('a new snapshot', () => {
  const before = estate([front, back], [web, db])

  it('keeps the tables of networks on which nothing changed', () => {
    const more = container('more', { back: { at: ['172.19.0.3'] } })
    const after = estate([front, back], [web, db, more], {}, before)
    expect(after.networks.get('front')).toBe(before.networks.get('front'))
    expect(after.networks.get('back')).not.toBe(before.networks.get('back'))
    expect(after.version).toBe(before.version + 1)
  })

  it('rebuilds a table when the network itself changed', () => {
    const after = estate([front, { ...back, internal: true }], [web, db], {}, before)
    expect(after.networks.get('back')!.network.internal).toBe(true)
    expect(after.networks.get('front')).toBe(before.networks.get('front'))
  })

  it('forgets what is gone', () => {
    const after = estate([front], [web], {}, before)
    expect([...after.networks.keys()]).toEqual(['front'])
    expect(after.owners.has('172.19.0.2')).toBe(false)
    expect(after.known.has('db')).toBe(false)
  })

  it('leaves the one before as it was', () => {
    expect([...before.networks.keys()]).toEqual(['front', 'back'])
    expect(before.owners.has('172.19.0.2')).toBe(true)
  })
})

describe('a table', () => {
  it('holds names that differ by case once, with each endpoint once', () => {
    const shouting = container('API', { front: { at: ['172.18.0.3'], names: ['api', 'Api'] } })
    const quiet = container('other', { front: { at: ['172.18.0.4'], names: ['api'] } })
    const { names } = estate([front], [shouting, quiet]).networks.get('front')!
    expect([...names.keys()]).toEqual(['api', 'other'])
    expect(names.get('api')!.map(({ containerId }) => containerId)).toEqual(['API', 'other'])
  })

  it('leaves out what can not be a DNS name, keeping underscores and dots', () => {
    const odd = container('my_web.1', { front: { at: ['172.18.0.3'], names: ['x'.repeat(64), 'a..b', ''] } })
    const table = estate([front], [odd]).networks.get('front')!
    expect([...table.names.keys()]).toEqual(['my_web.1'])
    expect([...table.parents.keys()]).toEqual(['1'])
  })

  it('knows a stopped container’s names, and answers none of them', () => {
    const stopped = container('old', { front: { at: [], names: ['idle'] } }, { running: false })
    const snapshot = estate([front], [stopped])
    const table = snapshot.networks.get('front')!
    expect(table.names.size).toBe(0)
    expect([...snapshot.known.keys()]).toEqual(['old', 'idle'])
  })

  it('of the routing mesh holds no names, though its addresses have owners', () => {
    const mesh = { ...front, ingress: true }
    const table = estate([mesh], [web]).networks.get('front')!
    expect(table.names.size).toBe(0)
    expect(table.owners.has('172.18.0.2')).toBe(true)
  })
})

describe('several engines', () => {
  it('make one table for a network that both tell, with the containers of both', () => {
    const swarm = network('mesh', ['10.0.1.0/24'])
    const here = container('a', { mesh: { at: ['10.0.1.2'] } })
    const there = container('b', { mesh: { at: ['10.0.1.3'] } }, { engine: 'other' })
    const second = { ...network('only', ['10.0.2.0/24']), engine: 'other' }
    const snapshot = estate([swarm, second], [here, there])
    expect([...snapshot.networks.get('mesh')!.names.keys()]).toEqual(['a', 'b'])
    expect(snapshot.networks.get('mesh')!.network.engine).toBe('local')
  })

  it('may have networks of one name and containers of one address', () => {
    const other = { ...network('front', ['172.18.0.0/16']), id: 'front-2', engine: 'other' }
    const twin = container('twin', { 'front-2': { at: ['172.18.0.2'] } }, { engine: 'other' })
    const snapshot = estate([front, other], [web, twin])
    expect(snapshot.networksByName.get('front')).toHaveLength(2)
    // By their ids, whoever was told first.
    expect(snapshot.owners.get('172.18.0.2')!.map(({ containerId }) => containerId)).toEqual(['twin', 'web'])
  })
})

const told = (engine: string, networks: Network[], containers: Container[]): StoreChange => ({
  ...{ kind: 'update', engine },
  networks: networks.map((each) => [each.id, each]),
  containers: containers.map((each) => [each.id, each]),
})

describe('the store', () => {
  it('swaps whole snapshots and tells who listens', () => {
    const store = createStore(['local'])
    const seen: number[] = []
    store.onSwap(({ version }) => seen.push(version))
    const first = store.current()
    expect(first.engines.get('local')).toEqual({ synced: false, away: false })
    store.apply(told('local', [front], [web]))
    expect(store.current()).not.toBe(first)
    expect(store.current().engines.get('local')).toEqual({ synced: true, away: false })
    store.apply({ kind: 'away', engine: 'local', away: true })
    store.apply({ kind: 'away', engine: 'local', away: true })
    store.apply({ kind: 'away', engine: 'unheard of', away: true })
    expect(store.current().engines.get('local')).toEqual({ synced: true, away: true })
    expect(store.current().networks.get('front')!.names.has('web')).toBe(true)
    expect(seen).toEqual([first.version + 1, first.version + 2])
  })

  it('follows other engines: new ones are not synced, names of gone ones go, the rest stays', () => {
    const store = createStore(['local', 'gone'])
    store.apply(told('local', [front], [web]))
    const back = { ...network('back', ['172.19.0.0/16']), engine: 'gone' }
    store.apply(told('gone', [back], []))
    const before = store.current()
    store.apply({ kind: 'engines', engines: ['gone', 'local'], remote: [] })
    expect(store.current()).toBe(before)
    store.apply({ kind: 'engines', engines: ['local', 'new'], remote: [] })
    expect([...store.current().networks.keys()]).toEqual(['front'])
    expect(store.current().networks.get('front')).toBe(before.networks.get('front'))
    expect([...store.current().engines]).toEqual([
      ['local', { synced: true, away: false }],
      ['new', { synced: false, away: false }],
    ])
  })

  it('tells each change that said something new, and all of it to a replica that begins', () => {
    const store = createStore(['local', 'other'])
    const heard: StoreChange[] = []
    let swaps = 0
    store.onChange((change) => heard.push(change))
    store.onSwap(() => swaps++)
    const changes: StoreChange[] = [
      told('local', [front, back], [web, db]),
      { kind: 'away', engine: 'local', away: true },
      told('other', [], []),
      { ...told('local', [], []), containers: [['db', undefined]] } as StoreChange,
      { kind: 'engines', engines: ['other', 'local', 'third'], remote: [] },
    ]
    for (const change of changes) {
      store.apply(change)
      // A telling of the same facts, though in other objects.
      store.apply(structuredClone(change))
    }
    expect(heard).toEqual(changes)
    expect(swaps).toBe(changes.length)
    const replica = createStore([])
    for (const change of store.asChanges()) replica.apply(structuredClone(change))
    expect({ ...replica.current(), version: 0, subnets: 0 }).toEqual({
      ...store.current(),
      version: 0,
      subnets: 0,
    })
    expect(replica.asChanges()).toEqual(store.asChanges())
  })
})

describe('a network’s table', () => {
  it('has its members, and is another one when anything about one of them is another', () => {
    const store = createStore(['local'])
    const on = (name: string, at: string) => container(name, { front: { at: [at] }, back: { at: [] } })
    const [one, two] = [on('one', '172.18.0.2'), on('two', '172.18.0.3')]
    store.apply(told('local', [front, back, network('far', [])], [one, two]))
    const tables = () => [...store.current().networks.values()]
    expect([...tables()[0]!.containers]).toEqual([
      ['one', one],
      ['two', two],
    ])
    const others: Partial<Container>[] = [
      { health: 'unhealthy' },
      { running: false },
      { name: 'uno' },
      { ports: [{ number: 80, protocol: 'tcp', name: undefined }] },
      { settings: { ...one.settings, ttl: 7 } },
    ]
    for (const other of others) {
      const before = tables()
      const changed = { ...one, ...other }
      store.apply(told('local', [], [changed]))
      const byName = new Map(tables().map((table) => [table.name, table]))
      expect(byName.get('front')!.containers.get('one')).toEqual(changed)
      expect(before.filter((table) => byName.get(table.name) === table).map(({ name }) => name)).toEqual([
        'far',
      ])
    }
  })
})

it('the set of projects is another one where a project comes or goes, not where it is on another network', () => {
  const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
  const networks = [network('front', ['10.0.0.0/24']), network('back', ['10.1.0.0/24'])]
  const web = (places: Parameters<typeof container>[1], extra: object = labels) =>
    container('web', places, { labels: extra as Record<string, string> })
  const first = estate(networks, [web({ front: { at: ['10.0.0.2'] } })])
  const more = estate(networks, [web({ front: { at: ['10.0.0.2'] }, back: { at: ['10.1.0.2'] } })], {}, first)
  const moved = estate(networks, [web({ back: { at: ['10.1.0.2'] } })], {}, more)
  expect(more.projects.byName.get('shop')).toEqual(['back', 'front'])
  expect(moved.projects.byName.get('shop')).toEqual(['back'])
  expect(more.projects.set).toBe(first.projects.set)
  expect(moved.projects.set).toBe(first.projects.set)
  const renamed = { ...labels, 'com.docker.compose.project': 'other' }
  const other = estate(networks, [web({ back: { at: ['10.1.0.2'] } }, renamed)], {}, moved)
  expect(other.projects.set).not.toBe(moved.projects.set)
  const none = estate(networks, [], {}, other)
  expect(none.projects.set).not.toBe(other.projects.set)
})
