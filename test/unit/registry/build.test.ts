// Facts → snapshot: what is shared, what is rebuilt, and which names a table has.
import { describe, expect, it } from 'vitest'
import { createStore } from '../../../src/registry/store.ts'
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
    expect([...table.parents]).toEqual(['1'])
  })

  it('knows a stopped container’s names, and answers none of them', () => {
    const stopped = container('old', { front: { at: [], names: ['idle'] } }, { running: false })
    const snapshot = estate([front], [stopped])
    const table = snapshot.networks.get('front')!
    expect(table.names.size).toBe(0)
    expect([...snapshot.known]).toEqual(['old', 'idle'])
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
    expect(snapshot.owners.get('172.18.0.2')!.map(({ containerId }) => containerId)).toEqual(['web', 'twin'])
  })
})

describe('the store', () => {
  it('swaps whole snapshots and tells who listens', () => {
    const store = createStore(['local'])
    const seen: number[] = []
    store.onSwap(({ version }) => seen.push(version))
    const first = store.current()
    expect(first.engines.get('local')).toEqual({ synced: false, away: false })
    store.update('local', { networks: new Map([['front', front]]), containers: new Map([['web', web]]) })
    expect(store.current()).not.toBe(first)
    expect(store.current().engines.get('local')).toEqual({ synced: true, away: false })
    store.markAway('local', true)
    store.markAway('local', true)
    store.markAway('unheard of', true)
    expect(store.current().engines.get('local')).toEqual({ synced: true, away: true })
    expect(store.current().networks.get('front')!.names.has('web')).toBe(true)
    expect(seen).toEqual([first.version + 1, first.version + 2])
  })

  it('follows other engines: new ones are not synced, names of gone ones go, the rest stays', () => {
    const store = createStore(['local', 'gone'])
    const facts = { networks: new Map([['front', front]]), containers: new Map([['web', web]]) }
    store.update('local', facts)
    const back = { ...network('back', ['172.19.0.0/16']), engine: 'gone' }
    store.update('gone', { networks: new Map([['back', back]]), containers: new Map() })
    const before = store.current()
    store.follow(['gone', 'local'])
    expect(store.current()).toBe(before)
    store.follow(['local', 'new'])
    expect([...store.current().networks.keys()]).toEqual(['front'])
    expect(store.current().networks.get('front')).toBe(before.networks.get('front'))
    expect([...store.current().engines]).toEqual([
      ['local', { synced: true, away: false }],
      ['new', { synced: false, away: false }],
    ])
  })
})
