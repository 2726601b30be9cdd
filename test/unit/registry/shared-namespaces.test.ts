// Containers in another's network namespace: that one's addresses, under names of their own.
import { describe, expect, it } from 'vitest'
import type { Container } from '../../../src/registry/types.ts'
import { container, estate, network } from '../resolve/estate.ts'

const front = network('front', ['10.0.0.0/24'])
const id = (digit: string) => digit.repeat(64)
const app = container('app', { front: { at: ['10.0.0.2'], names: ['web'] } }, { id: id('a') })
const lodger = (sharesNetworkOf: string, extra: Partial<Container> = {}) =>
  container('side', {}, { id: id('5'), sharesNetworkOf, ...extra })

const addresses = (snapshot: ReturnType<typeof estate>, name: string) => {
  const { names, added } = snapshot.networks.get('front')!
  return (names.get(name) ?? added.get(name))?.flatMap(({ v4 }) => v4)
}

it.each(['app', id('a'), id('a').slice(0, 12)])('finds the other one as %s', (text) => {
  const snapshot = estate([front], [app, lodger(text)])
  expect(addresses(snapshot, 'side')).toEqual(['10.0.0.2'])
  expect(addresses(snapshot, '5'.repeat(12))).toEqual(['10.0.0.2'])
})

it('has no name of the other’s, and does not double its addresses', () => {
  const snapshot = estate([front], [app, lodger('app')])
  expect(addresses(snapshot, 'web')).toEqual(['10.0.0.2'])
  expect([...snapshot.networks.get('front')!.added.keys()].sort()).toEqual(['555555555555', 'side'])
  expect(snapshot.owners.get('10.0.0.2')?.map(({ containerId }) => containerId)).toEqual([id('a')])
  expect(snapshot.networks.get('front')!.owners.get('10.0.0.2')![0]!.names[0]).toBe('app')
})

it('has its Compose service’s name and replica names, which Compose can’t give it as aliases', () => {
  const labels = {
    'com.docker.compose.project': 'shop',
    'com.docker.compose.service': 'proxy',
    'com.docker.compose.container-number': '1',
  }
  const snapshot = estate([front], [app, lodger('app', { labels })])
  expect(addresses(snapshot, 'proxy')).toEqual(['10.0.0.2'])
  expect(snapshot.networks.get('front')!.replicas.get('1.proxy.shop')).toHaveLength(1)
})

it('lodges with one that lodges itself', () => {
  const snapshot = estate([front], [app, container('mid', {}, { sharesNetworkOf: 'app' }), lodger('mid')])
  expect(addresses(snapshot, 'side')).toEqual(['10.0.0.2'])
})

it.each([
  ['is not running', [app, lodger('app', { running: false })]],
  ['lodges with nobody that is there', [app, lodger('gone')]],
  ['lodges with itself', [app, lodger('side')]],
  ['lodges with one that is not running', [{ ...app, running: false, endpoints: [] }, lodger('app')]],
])('has no address where it %s', (_, containers) => {
  expect(addresses(estate([front], containers), 'side')).toBeUndefined()
})

it('does not make another table of a network on which nothing changed', () => {
  const containers = [app, lodger('app')]
  const before = estate([front], containers)
  const after = estate([front], containers, {}, before)
  expect(after.networks.get('front')).toBe(before.networks.get('front'))
  const moved = { ...app, endpoints: app.endpoints.map((place) => ({ ...place, v4: ['10.0.0.9'] })) }
  const later = estate([front], [moved, lodger('app')], {}, after)
  expect(addresses(later, 'side')).toEqual(['10.0.0.9'])
})

it('moves with its host, and who lodges with it moves too', () => {
  const [mid, side] = [container('mid', {}, { sharesNetworkOf: 'app' }), lodger('mid')]
  const before = estate([front], [app, mid, side])
  const moved = { ...app, endpoints: app.endpoints.map((place) => ({ ...place, v4: ['10.0.0.9'] })) }
  const after = estate([front], [moved, mid, side], {}, before)
  expect(addresses(after, 'mid')).toEqual(['10.0.0.9'])
  expect(addresses(after, 'side')).toEqual(['10.0.0.9'])
  const gone = estate([front], [mid, side], {}, after)
  expect(addresses(gone, 'side')).toBeUndefined()
  expect(addresses(estate([front], [mid, side, moved], {}, gone), 'side')).toEqual(['10.0.0.9'])
})

it('is found a place four steps away, and none further', () => {
  const chain = ['app', 'l1', 'l2', 'l3', 'l4', 'l5']
  const lodgers = chain.slice(1).map((name, i) => container(name, {}, { sharesNetworkOf: chain[i]! }))
  const snapshot = estate([front], [app, ...lodgers])
  expect(chain.map((name) => addresses(snapshot, name)?.[0])).toEqual([
    ...Array(5).fill('10.0.0.2'),
    undefined,
  ])
})

describe('a host that was started again', () => {
  const at = (host: bigint | undefined, side: bigint | undefined) =>
    estate([front], [{ ...app, startedAt: host }, lodger('app', { startedAt: side })])

  it.each<[string, bigint | undefined, bigint | undefined, string[] | undefined]>([
    ['later than the lodger', 2n, 1n, undefined],
    ['before the lodger', 1n, 2n, ['10.0.0.2']],
    [
      'a nanosecond later, where seconds since 1970 are many',
      1795479965110357135n,
      1795479965110357134n,
      undefined,
    ],
    ['at the same time', 2n, 2n, ['10.0.0.2']],
    ['at a time that is not told', undefined, 1n, ['10.0.0.2']],
    ['and it is the lodger’s start that is not told', 1n, undefined, ['10.0.0.2']],
  ])('%s', (_, host, side, wanted) => {
    expect(addresses(at(host, side), 'side')).toEqual(wanted)
  })

  it('has left the lodger nowhere: no name, no owner, no replica; the name is known all the same', () => {
    const labels = {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'proxy',
      'berth.names': 'x.test,*.y.test',
    }
    const snapshot = estate(
      [front],
      [
        { ...app, startedAt: 2n },
        container('side', {}, { id: id('5'), labels, sharesNetworkOf: 'app', startedAt: 1n }),
      ],
    )
    const table = snapshot.networks.get('front')!
    expect([
      ...table.added.keys(),
      ...table.replicas.keys(),
      ...table.labelled.keys(),
      ...table.wildcards.keys(),
    ]).toEqual([])
    expect(table.known.has('side') && table.known.has('proxy')).toBe(true)
    expect(snapshot.owners.get('10.0.0.2')?.map(({ containerId }) => containerId)).toEqual([id('a')])
    expect(addresses(snapshot, 'web')).toEqual(['10.0.0.2'])
  })

  it('has it back once it is started itself, and loses it with the next start', () => {
    const stands = (host: bigint, side: bigint, before?: ReturnType<typeof estate>) =>
      estate([front], [{ ...app, startedAt: host }, lodger('app', { startedAt: side })], {}, before)
    const first = stands(1n, 2n)
    const left = stands(3n, 2n, first)
    expect(addresses(left, 'side')).toBeUndefined()
    const back = stands(3n, 4n, left)
    expect(addresses(back, 'side')).toEqual(['10.0.0.2'])
    expect(addresses(stands(5n, 4n, back), 'side')).toBeUndefined()
  })

  it('leaves all who lodge with who lodges with it', () => {
    const chain = (host: bigint, mid: bigint, side: bigint) => {
      const between = container('mid', {}, { sharesNetworkOf: 'app', startedAt: mid })
      const all = estate([front], [{ ...app, startedAt: host }, between, lodger('mid', { startedAt: side })])
      return ['mid', 'side'].map((name) => addresses(all, name)?.[0])
    }
    expect(chain(1n, 2n, 3n)).toEqual(['10.0.0.2', '10.0.0.2'])
    expect(chain(4n, 2n, 3n)).toEqual([undefined, undefined])
    // Started again, it went back into the namespace that the one between is still in.
    expect(chain(4n, 2n, 5n)).toEqual([undefined, undefined])
    expect(chain(4n, 6n, 5n)).toEqual(['10.0.0.2', undefined])
    expect(chain(4n, 6n, 7n)).toEqual(['10.0.0.2', '10.0.0.2'])
  })

  it('is another one of its name', () => {
    const before = estate([front], [{ ...app, startedAt: 1n }, lodger('app', { startedAt: 2n })])
    const other = { ...container('app', { front: { at: ['10.0.0.9'] } }, { id: id('b') }), startedAt: 3n }
    expect(
      addresses(estate([front], [other, lodger('app', { startedAt: 2n })], {}, before), 'side'),
    ).toBeUndefined()
  })
})
