// Scopes that are remembered: found anew as soon as anything that they rest on is another, and only then.
import { describe, expect, it } from 'vitest'
import { createStore } from '../../../src/registry/store.ts'
import type { Container, Network } from '../../../src/registry/types.ts'
import { createClients } from '../../../src/scope/clients.ts'
import { scopeOf } from '../../../src/scope/scope.ts'
import { container, interfaces, network } from './estate.ts'

const asker = '10.1.0.2'
const local = '10.1.0.1'
const config = { scope: { gateway: 'refuse' as const, allow: [] } }
const front = network('front', ['10.1.0.0/16'])
const back = network('back', ['10.2.0.0/16'])
const twin = network('twin', ['10.1.0.0/16'], { engine: 'far' })
const web = container('web', { front: { at: [asker] } })
const other = container('other', { back: { at: ['10.2.0.2'] } })

function follow() {
  const store = createStore(['local', 'far'])
  let addresses = interfaces({ lo: ['127.0.0.1/8'] })
  const clients = createClients({ config, store, addresses: () => addresses })
  const tell = (networks: readonly Network[], containers: readonly Container[], engine = 'local') =>
    store.apply({
      ...{ kind: 'update', engine },
      networks: networks.map((each) => [each.id, each]),
      containers: containers.map((each) => [each.id, each]),
    })
  tell([twin], [], 'far')
  tell([front, back], [web, other])
  return {
    store,
    tell,
    of: (from = asker, at = local) => clients.of(from, at).scope,
    held: clients.held,
    found: () => scopeOf(store.current(), addresses, config.scope, asker, local),
    move: (listing: Parameters<typeof interfaces>[0]) => {
      addresses = interfaces(listing)
    },
  }
}
type Followed = ReturnType<typeof follow>

describe('a remembered scope', () => {
  it('stays the same object through changes of what it has nothing to do with', () => {
    const { of, tell, store } = follow()
    const scope = of()
    const before = store.current().version
    tell([], [container('more', { back: { at: ['10.2.0.3'] } })])
    expect(of()).toBe(scope)
    store.apply({ kind: 'update', engine: 'local', networks: [], containers: [['other', undefined]] })
    expect(of()).toBe(scope)
    expect(store.current().version).toBeGreaterThan(before)
  })

  it.each<[string, (followed: Followed) => void]>([
    [
      'it is on another network too',
      ({ tell }) => tell([], [container('web', { front: { at: [asker] }, back: { at: ['10.2.0.9'] } })]),
    ],
    ['it is on none any more', ({ tell }) => tell([], [container('web', {})])],
    ['it has another address', ({ tell }) => tell([], [container('web', { front: { at: ['10.1.0.9'] } })])],
    [
      'it has another link',
      ({ tell }) => tell([], [container('web', { front: { at: [asker], links: new Map([['kin', 'x']]) } })]),
    ],
    [
      'it is gone',
      ({ store }) =>
        store.apply({ kind: 'update', engine: 'local', networks: [], containers: [['web', undefined]] }),
    ],
    ['its network is internal now', ({ tell }) => tell([{ ...front, internal: true, sealed: true }], [])],
    [
      'its network is gone',
      ({ store }) =>
        store.apply({ kind: 'update', engine: 'local', networks: [['front', undefined]], containers: [] }),
    ],
    ['a neighbour has come', ({ tell }) => tell([], [container('near', { front: { at: ['10.1.0.3'] } })])],
    ['its engine is away', ({ store }) => store.apply({ kind: 'away', engine: 'local', away: true })],
    [
      'another engine has not told its names yet',
      ({ store }) => store.apply({ kind: 'engines', engines: ['local', 'far', 'new'], remote: [] }),
    ],
    [
      'another engine’s container has the address as well',
      ({ tell }) => tell([], [container('double', { twin: { at: [asker] } }, { engine: 'far' })], 'far'),
    ],
    [
      'the address is a network’s gateway',
      ({ tell }) => tell([network('odd', ['10.3.0.0/16'], { gateways: [asker] })], []),
    ],
    [
      'it is a member of docker_gwbridge as well',
      ({ tell, of }) => {
        const bridge = network('docker_gwbridge', ['10.4.0.0/16'], { gateways: [local] })
        tell([bridge], [])
        of()
        tell([{ ...bridge, members: new Map([[asker, 'other']]) }], [])
      },
    ],
    ['the address is our own', ({ move }) => move({ lo: ['127.0.0.1/8'], eth0: [`${asker}/16`] })],
  ])('is found anew where %s', (_, change) => {
    const followed = follow()
    const before = followed.of()
    expect(before.rule).toBe('container')
    change(followed)
    const after = followed.of()
    expect(after).not.toBe(before)
    expect(after).toEqual(followed.found())
  })

  it('of a stranger is found anew with every table', () => {
    const { of, tell } = follow()
    expect(of('203.0.113.9').view).toBe('nobody')
    tell([network('new', ['203.0.113.0/24'])], [])
    expect(of('203.0.113.9').view).toBe('networks')
  })

  it('is one of so many, at each of our addresses and in all', () => {
    const { of, held } = follow()
    let most = 0
    for (let i = 0; i < 50_000; i++) {
      expect(of(`10.1.${2 + ((i >> 8) & 15)}.${i & 255}`, `10.1.100.${(i >> 12) + 1}`).view).toBe('networks')
      most = Math.max(most, held())
    }
    expect(most).toBeGreaterThan(15_000)
    expect(most).toBeLessThanOrEqual(20_000)
    // Strangers leave nothing, from and at however many addresses.
    const before = held()
    for (let i = 0; i < 5_000; i++) of(`203.0.${i >> 8}.${i & 255}`, `203.0.${i >> 8}.${i & 255}`)
    expect(held()).toBe(before)
  })
})
