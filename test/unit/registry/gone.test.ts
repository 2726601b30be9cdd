// Names that are gone: remembered for an hour, so many at most, and told to others.
import { describe, expect, it } from 'vitest'
import { createGone } from '../../../src/registry/gone.ts'
import { createStore } from '../../../src/registry/store.ts'
import type { Container, Network } from '../../../src/registry/types.ts'
import { container, network } from '../resolve/estate.ts'

const key = [1, 2] as const
const minute = 60_000
const [front, back] = [network('front', ['10.1.0.0/16']), network('back', ['10.2.0.0/16'])]
const web = container('web', { front: { at: ['10.1.0.2'], names: ['www', 'api.example.com'] } })
const shop = (name: string, at: string, running = true) =>
  container(
    name,
    { front: { at: running ? [at] : [] } },
    {
      running,
      labels: {
        'com.docker.compose.project': 'shop',
        'com.docker.compose.service': 'till',
        'com.docker.compose.container-number': name.slice(-1),
      },
    },
  )

function follow(networks: readonly Network[], containers: readonly Container[], told?: Uint8Array) {
  const state = { now: 5 * minute }
  const store = createStore(['local'])
  const tell = (now: readonly (Network | string)[], list: readonly (Container | string)[]) =>
    store.apply({
      ...{ kind: 'update', engine: 'local' },
      networks: now.map((each) => (typeof each === 'string' ? [each, undefined] : [each.id, each])),
      containers: list.map((each) => (typeof each === 'string' ? [each, undefined] : [each.id, each])),
    })
  tell(networks, containers)
  const options = { key, now: () => state.now, ...(told === undefined ? {} : { initial: told }) }
  const gone = createGone(options, store.current())
  store.onSwap(gone.follow)
  const turn = (ms: number) => {
    state.now += ms
  }
  return { gone, tell, turn, store }
}

describe('a container that is removed', () => {
  it('leaves its bare names and NAME.NETWORK for an hour, and no dotted alias', () => {
    const { gone, tell, turn } = follow([front], [web])
    expect([gone.has('web.front'), gone.size]).toEqual([false, 0])
    tell([], ['web'])
    const left = ['web', 'www', 'web.front', 'www.front', 'api.example.com.front']
    for (const name of left) expect(gone.has(name), name).toBe(true)
    for (const name of ['api.example.com', 'front', 'other.front', 'web.back', 'xweb.front']) {
      expect(gone.has(name), name).toBe(false)
    }
    expect(gone.hadParent('front')).toBe(false)
    turn(60 * minute - 1000)
    for (const name of left) expect(gone.has(name), name).toBe(true)
    turn(1000)
    for (const name of left) expect(gone.has(name), name).toBe(false)
    expect(gone.size).toBe(0)
  })

  it('leaves nothing while it is only stopped, or while another has the name', () => {
    const { gone, tell } = follow(
      [front, back],
      [web, container('web2', { back: { at: ['10.2.0.2'], names: ['web'] } })],
    )
    tell([], [{ ...web, running: false, endpoints: web.endpoints.map((each) => ({ ...each, v4: [] })) }])
    expect(gone.size).toBe(0)
    tell([], ['web'])
    expect([gone.has('web'), gone.has('www'), gone.has('web.front'), gone.has('web.back')]).toEqual([
      ...[false, true, true, false],
    ])
  })

  it('leaves SERVICE.PROJECT with the last replica, N.SERVICE.PROJECT with its own, and the project', () => {
    const { gone, tell } = follow([front], [shop('till-1', '10.1.0.2'), shop('till-2', '10.1.0.3', false)])
    tell([], ['till-1'])
    expect([gone.has('1.till.shop'), gone.has('till.shop'), gone.hadParent('shop')]).toEqual([
      true,
      false,
      false,
    ])
    tell([], ['till-2'])
    expect([gone.has('2.till.shop'), gone.has('till.shop'), gone.hadParent('shop')]).toEqual([
      true,
      true,
      true,
    ])
  })

  it('leaves them anew each time', () => {
    const { gone, tell, turn } = follow([front], [web])
    tell([], ['web'])
    turn(40 * minute)
    tell([], [web])
    tell([], ['web'])
    turn(40 * minute)
    expect(gone.has('web.front')).toBe(true)
  })
})

it('a network that is removed leaves its names and itself', () => {
  const { gone, tell, turn } = follow([front], [web])
  tell(['front'], [])
  expect([gone.has('web.front'), gone.has('web'), gone.hadParent('front')]).toEqual([true, true, true])
  turn(60 * minute)
  expect(gone.hadParent('front')).toBe(false)
})

it('an engine that is no longer followed leaves its names', () => {
  const { gone, store } = follow([front], [web])
  store.apply({ kind: 'engines', engines: ['other'], remote: [] })
  expect(gone.has('web.front')).toBe(true)
})

it('50,000 are remembered at most, and the oldest go first', () => {
  const many = (n: number) =>
    container(`c${n}`, {
      front: {
        at: [`10.1.${(n >> 8) % 256}.${n % 256}`],
        names: Array.from({ length: 9 }, (_, i) => `n${n}x${i}`),
      },
    })
  const all = Array.from({ length: 10_000 }, (_, n) => many(n))
  const { gone, tell, turn } = follow([front, back], [web, ...all])
  tell([], ['web'])
  const most = gone.size
  turn(1000)
  tell(
    [],
    all.slice(0, 2000).map(({ id }) => id),
  )
  expect(gone.size).toBe(most + 2000 * 20)
  expect(gone.has('web.front')).toBe(true)
  turn(1000)
  tell(
    [],
    all.slice(2000, 3000).map(({ id }) => id),
  )
  expect(gone.size).toBe(50_000)
  expect(gone.has('web.front')).toBe(false)
  expect(gone.has('c2999.front')).toBe(true)
  // All at once: more than are remembered.
  tell(
    [],
    all.slice(3000).map(({ id }) => id),
  )
  expect(gone.size).toBe(50_000)
  const other = follow([front], [], gone.serialize()).gone
  expect([other.size, other.has('c9999.front')]).toEqual([50_000, gone.has('c9999.front')])
})

it('looks at what is other alone, however much there is', () => {
  const all = Array.from({ length: 5000 }, (_, n) =>
    container(`c${n}`, { front: { at: [`10.1.${n >> 8}.${n % 256}`] } }),
  )
  const { gone, tell, store } = follow([front], all)
  let looked = 0
  const known = store.current().networks.get('front')!.known
  const has = Object.getPrototypeOf(known).has
  Object.getPrototypeOf(known).has = function (this: unknown, name: string) {
    looked++
    return has.call(this, name)
  }
  try {
    const before = store.current()
    tell([], ['c7'])
    // Once more, for it alone.
    const alone = createGone({ key, now: () => 0 }, before)
    looked = 0
    alone.follow(store.current())
    expect(alone.size).toBe(gone.size)
  } finally {
    Object.getPrototypeOf(known).has = has
  }
  expect(looked).toBeGreaterThan(0)
  expect(looked).toBeLessThan(400)
})

it('another that begins with what is told knows the same, for as long', () => {
  const { gone, tell, turn } = follow([front, back], [web, shop('till-1', '10.1.0.2')])
  tell([], ['web'])
  turn(10 * minute)
  tell(['back'], ['till-1'])
  turn(10 * minute)
  const other = follow([front], [], gone.serialize())
  expect(other.gone.size).toBe(gone.size)
  const known = () => [
    other.gone.has('web.front'),
    other.gone.has('till.shop'),
    other.gone.hadParent('shop'),
    other.gone.hadParent('back'),
    other.gone.has('x.front'),
  ]
  expect(known()).toEqual([true, true, true, true, false])
  other.turn(40 * minute)
  expect(known()).toEqual([false, true, true, true, false])
  other.turn(10 * minute)
  expect(known()).toEqual([false, false, false, false, false])
})

it('of nothing that is gone another begins with nothing', () => {
  const other = follow([front], [], follow([front], [web]).gone.serialize())
  expect([other.gone.size, other.gone.has('web.front'), other.gone.hadParent('front')]).toEqual([
    0,
    false,
    false,
  ])
})
