// Which network answers for a name, and how a dotted name is read.
import { describe, expect, it } from 'vitest'
import { mapOf } from '../../../src/lib/persistent.ts'
import { findForHost } from '../../../src/registry/host.ts'
import { findName, isParent, qualified } from '../../../src/registry/lookup.ts'
import { placesOf } from '../../../src/registry/order.ts'
import type { Network, Snapshot } from '../../../src/registry/types.ts'
import { container, estate, network, type Place } from '../resolve/estate.ts'

/** The order of a container's networks, given what each is and how the container is on it. */
function order(networks: readonly Network[], places: Readonly<Record<string, Partial<Place>>> = {}) {
  const all = networks.map(({ id }, i) => [id, { at: [`10.0.${i}.2`], ...places[id] }] as const)
  const snapshot = estate(networks, [container('x', Object.fromEntries(all))])
  return placesOf(snapshot, 'x').map(({ table }) => table.name)
}

describe('Docker’s order of a container’s networks', () => {
  const [a, b, c] = [network('a', []), network('b', []), network('c', [])]

  it('is by name where nothing else tells them apart', () => {
    expect(order([c, a, b])).toEqual(['a', 'b', 'c'])
  })

  it('has more gateways first', () => {
    expect(order([a, b, c], { c: { gatewayFamilies: 2 }, a: { gatewayFamilies: 0 } })).toEqual([
      'c',
      'b',
      'a',
    ])
  })

  it('has internal networks last, whatever gateways they have', () => {
    expect(order([{ ...a, internal: true }, b], { a: { gatewayFamilies: 2 } })).toEqual(['b', 'a'])
  })

  it('has docker_gwbridge behind internal networks', () => {
    expect(order([network('docker_gwbridge', []), { ...a, internal: true }])).toEqual([
      'a',
      'docker_gwbridge',
    ])
  })

  it('has a higher gateway priority before everything', () => {
    const places = { a: { gatewayPriority: 1 }, b: { gatewayPriority: -1 } }
    expect(order([{ ...a, internal: true }, b, c], places)).toEqual(['a', 'c', 'b'])
  })

  it('leaves out networks where the container has no address', () => {
    expect(order([a, b], { a: { at: [] } })).toEqual(['b'])
  })
})

describe('a name on the default bridge as well', () => {
  const bridge = network('bridge', ['172.17.0.0/16'])
  const sealed = network('sealed', ['10.1.0.0/24'], { internal: true })
  const found = (namesFromEngine: boolean) => {
    const places = { bridge: { at: ['172.17.0.2'], namesFromEngine }, sealed: { at: ['10.1.0.2'] } }
    const { networks } = estate([bridge, sealed], [container('web', places)])
    return findName([networks.get('bridge')!, networks.get('sealed')!], 'web')?.table.name
  }

  it('is that of the other network, for Docker has no names there', () => {
    expect(found(false)).toBe('sealed')
  })

  it('goes by Docker’s order once the engine has told that it has, as it has after a rename', () => {
    expect(found(true)).toBe('bridge')
  })
})

describe('a dotted name', () => {
  it('is read with the longest NAME first', () => {
    expect([...qualified('a.b.c')]).toEqual([
      ['a.b', 'c'],
      ['a', 'b.c'],
    ])
    expect([...qualified('a')]).toEqual([])
  })

  const networks = [network('n', []), network('c', []), network('b.c', [])]
  const whole = container('k1', { n: { at: ['10.0.0.2'], names: ['a.b.c'] } })
  const longer = container('k2', { c: { at: ['10.0.1.2'], names: ['a.b'] } })
  const shorter = container('k3', { 'b.c': { at: ['10.0.2.2'], names: ['a'] } })
  const find = (...containers: (typeof whole)[]) => {
    const snapshot = estate(networks, containers)
    return findName([...snapshot.networks.values()].reverse(), 'a.b.c')?.endpoints[0]?.containerId
  }

  it('is the whole name on any network, then a.b on network c, then a on network b.c', () => {
    expect(find(shorter, longer, whole)).toBe('k1')
    expect(find(shorter, longer)).toBe('k2')
    expect(find(shorter)).toBe('k3')
    expect(find()).toBeUndefined()
  })

  it('is of the first network that has an address of the asked family for it', () => {
    const both = container('k5', { n: { at: ['10.0.0.5'] }, c: { at: ['10.0.1.5', 'fd00::5'] } })
    const tables = [...estate(networks, [both]).networks.values()]
    const tableFor = (family?: 'v4' | 'v6') => findName(tables, 'k5', new Map(), family)!.table.name
    expect([tableFor(), tableFor('v4'), tableFor('v6')]).toEqual(['n', 'n', 'c'])
    const snapshot = estate(networks, [both])
    expect(findForHost(snapshot, 'k5', { family: 'v6' })).toMatchObject({ table: { name: 'c' } })
  })

  it('is looked for on the given networks alone, of which the first answers', () => {
    const twice = container('k4', { n: { at: ['10.0.0.9'] }, c: { at: ['10.0.1.9'] } })
    const [n, c] = [...estate(networks, [twice]).networks.values()]
    expect(findName([c!, n!], 'k4')!.table.name).toBe('c')
    expect(findName([n!, c!], 'k4')!.table.name).toBe('n')
    expect(findName([n!], 'k4.c')).toBeUndefined()
    expect(findName([], 'k4')).toBeUndefined()
  })
})

describe('what lies above names', () => {
  const snapshot = estate(
    [network('net.work', []), network('empty', [])],
    [container('a.b', { 'net.work': { at: ['10.0.0.2'] } })],
  )
  const above = (name: string) => isParent([...snapshot.networks.values()], name)

  it.each(['b', 'net.work', 'work', 'b.net.work'])('%s is there', (name) => {
    expect(above(name)).toBe(true)
  })

  it.each(['a', 'empty', 'c.net.work', 'net', 'ork'])('%s is not', (name) => {
    expect(above(name)).toBe(false)
  })
})

describe('the host’s lookup', () => {
  it('takes a Swarm service’s tasks for one thing, and other containers of the name for several', () => {
    const labels = { 'com.docker.swarm.service.id': 's1' }
    const tasks = ['t1', 't2'].map((id, i) =>
      container(id, { n: { at: [`10.0.0.${i + 2}`], names: ['svc'] } }, { labels }),
    )
    const stranger = container('t3', { n: { at: ['10.0.0.9'], names: ['svc'] } })
    expect(findForHost(estate([network('n', [])], tasks), 'svc')).toMatchObject({ table: { name: 'n' } })
    const several = findForHost(estate([network('n', [])], [...tasks, stranger]), 'svc')
    expect(several).toHaveProperty('ambiguous.length', 3)
  })

  it('takes Compose services of two projects for several things', () => {
    const of = (project: string, at: string) =>
      container(
        project,
        { n: { at: [at], names: ['web'] } },
        { labels: { 'com.docker.compose.project': project, 'com.docker.compose.service': 'web' } },
      )
    const snapshot = estate([network('n', [])], [of('p1', '10.0.0.2'), of('p2', '10.0.0.3')])
    expect(findForHost(snapshot, 'web')).toHaveProperty('ambiguous')
    expect(findForHost(snapshot, 'p1.n')).toHaveProperty('endpoints.length', 1)
  })
})

describe('a name of 120 labels', () => {
  const deep = `${'a.'.repeat(120)}wild.example`

  /** What is read of tables and of the snapshot's index while `look` runs. */
  function readsOf(wildcards: readonly string[], look: (snapshot: Snapshot) => unknown): number {
    const labels = { 'berth.names': wildcards.join() }
    const snapshot = estate(
      [network('front', [])],
      [container('x', { front: { at: ['10.0.0.2'] } }, { labels })],
    )
    let reads = 0
    const counted = <T extends object>(value: T): T =>
      new Proxy(value, {
        get(target, key) {
          reads++
          const got = Reflect.get(target, key)
          return typeof got === 'function' ? got.bind(target) : got
        },
      })
    const tables = snapshot.tables.map(counted)
    const networks = mapOf(tables.map((table) => [table.network.id, table]))
    look({ ...snapshot, tables, networks, networksByName: counted(snapshot.networksByName) })
    return reads
  }

  it.each([
    ['where nothing is below a wildcard', []],
    ['below a wildcard', ['*.wild.example']],
  ])('is looked for in steps as many as its labels, not their square, %s', (_what, wildcards) => {
    const most = 20 * 120
    expect(readsOf(wildcards, ({ networks }) => findName([...networks.values()], deep))).toBeLessThan(most)
    expect(readsOf(wildcards, (snapshot) => findForHost(snapshot, deep))).toBeLessThan(most)
  })
})
