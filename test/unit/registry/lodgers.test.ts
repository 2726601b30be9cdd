// Containers in another's network namespace: that one's addresses, under names of their own.
import { expect, it } from 'vitest'
import type { Container } from '../../../src/registry/types.ts'
import { container, estate, network } from '../resolve/estate.ts'

const front = network('front', ['10.0.0.0/24'])
const id = (digit: string) => digit.repeat(64)
const app = container('app', { front: { at: ['10.0.0.2'], names: ['web'] } }, { id: id('a') })
const lodger = (lodgesWith: string, extra: Partial<Container> = {}) =>
  container('side', {}, { id: id('5'), lodgesWith, ...extra })

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
  const snapshot = estate([front], [app, container('mid', {}, { lodgesWith: 'app' }), lodger('mid')])
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
  const [mid, side] = [container('mid', {}, { lodgesWith: 'app' }), lodger('mid')]
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
  const lodgers = chain.slice(1).map((name, i) => container(name, {}, { lodgesWith: chain[i]! }))
  const snapshot = estate([front], [app, ...lodgers])
  expect(chain.map((name) => addresses(snapshot, name)?.[0])).toEqual([
    ...Array(5).fill('10.0.0.2'),
    undefined,
  ])
})
