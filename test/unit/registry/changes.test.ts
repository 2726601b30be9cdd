// Whatever changes in whatever order, the snapshot is what it would be built from nothing, and what did not change is
// the same object.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseLabels } from '../../../src/docker/model/labels.ts'
import { parseAddress, subnetContains } from '../../../src/lib/ip.ts'
import { createStore } from '../../../src/registry/store.ts'
import type { Container, Network, RemoteEngines, Snapshot, StoreChange } from '../../../src/registry/types.ts'
import { container, network } from '../resolve/estate.ts'
import { follow, seenIn, seenOf, type World, wholeOf } from './whole.ts'

const engines = ['one', 'two', 'three']
const networkIds = ['n1', 'n2', 'n3']
/** Two of them begin alike. */
const containerIds = ['aaaaaaaaaaaaaaaa1', 'aaaaaaaaaaaaaaaa2', 'bbbbbbbbbbbbbbbbb', 'cccccccccccccccccc']
const addresses = ['10.0.0.2', '10.0.0.3', 'fd00::2']
const names = ['web', 'Web', 'a.b', 'web.front', 'b', 'web.', 'bü.b', 'xn--b-eha.b', '*.wild.b', '*.bü']

const some = <T>(values: readonly T[], maxLength = 2) =>
  fc.uniqueArray(fc.constantFrom(...values), { maxLength })

const networks: fc.Arbitrary<Omit<Network, 'engine' | 'id'>> = fc
  .record({
    name: fc.constantFrom('front', 'front', 'back', 'a.b', 'bridge', 'back.'),
    subnet: fc.constantFrom('10.0.0.0/24', '10.0.0.0/24', '10.0.0.0/16', 'fd00::/64'),
    gateways: some(['10.0.0.1', 'fd00::1']),
    internal: fc.boolean(),
    ingress: fc.constantFrom(false, false, false, true),
    driver: fc.constantFrom('bridge', 'overlay'),
  })
  .map(({ name, subnet, ...extra }) => network(name, [subnet], extra))

const containers: fc.Arbitrary<Partial<Container> & { places: Record<string, string[]>; names: string[] }> =
  fc.record({
    name: fc.constantFrom('web', 'db', 'side'),
    running: fc.constantFrom(true, true, false),
    health: fc.constantFrom('none', 'healthy', 'unhealthy'),
    names: some(names),
    places: fc.dictionary(fc.constantFrom(...networkIds, 'nobody told'), some(addresses), { maxKeys: 3 }),
    labels: fc.constantFrom<Record<string, string>>(
      {},
      {},
      { 'berth.names': 'own,*.wild.b,*.b', 'berth.ttl': '7' },
      { 'berth.ignore': 'true' },
      { 'com.docker.compose.project': 'b', 'com.docker.compose.service': 'web' },
    ),
    startedAt: fc.constantFrom(undefined, 1n, 2n, 3n),
    sharesNetworkOf: fc.constantFrom(
      ...[undefined, undefined, undefined, 'web', 'side', 'nobody'],
      ...[containerIds[0], containerIds[2]!.slice(0, 12), containerIds[1]!.slice(0, 14)],
    ),
  })

/** Mostly one or two things are told, as events do. */
const told: fc.Arbitrary<StoreChange> = fc
  .record({
    engine: fc.constantFrom('one', 'one', 'two', 'three', 'nobody'),
    networks: fc.array(fc.tuple(fc.constantFrom(...networkIds), fc.option(networks, { freq: 4 })), {
      maxLength: 2,
    }),
    containers: fc.array(fc.tuple(fc.constantFrom(...containerIds), fc.option(containers, { freq: 4 })), {
      maxLength: 3,
    }),
  })
  .map((drawn) => ({
    ...{ kind: 'update', engine: drawn.engine },
    networks: drawn.networks.map(([id, made]) => [
      id,
      made ? { ...made, id, engine: drawn.engine } : undefined,
    ]),
    containers: drawn.containers.map(([id, made]) => {
      if (made === null) return [id, undefined]
      const { places, names, name, sharesNetworkOf, running, ...extra } = made
      // Neither a lodger nor who is stopped has an address of its own.
      const isAt = (on: string[]) => (running && sharesNetworkOf === undefined ? on : [])
      const endpoints = Object.entries(places).map(([on, at]) => [on, { at: isAt(at), names }])
      const more = { ...extra, id, running: running!, sharesNetworkOf: sharesNetworkOf, engine: drawn.engine }
      return [id, container(name!, sharesNetworkOf ? {} : Object.fromEntries(endpoints), more)]
    }),
  }))

/** What becomes of a container that is there: most events are of that kind. */
type Turn = (before: Container) => Container
const turn = fc.oneof(
  fc.constantFrom('none', 'healthy', 'unhealthy').map(
    (health): Turn =>
      (before) => ({ ...before, health }),
  ),
  fc.constantFrom(undefined, 1n, 2n, 3n).map(
    (startedAt): Turn =>
      (before) => ({ ...before, startedAt }),
  ),
  fc.constantFrom(...['web', 'db', 'side']).map(
    (name): Turn =>
      (before) => ({ ...before, name }),
  ),
  fc.constantFrom('7', '8').map(
    (ttl): Turn =>
      (before) => {
        return { ...before, ...labelled({ ...before.labels, 'berth.ttl': ttl, 'berth.names': `n${ttl}` }) }
      },
  ),
  fc.constantFrom('b', 'c').map(
    (project): Turn =>
      (before) => {
        const labels = { 'com.docker.compose.project': project, 'com.docker.compose.service': 'web' }
        return { ...before, ...labelled({ ...before.labels, ...labels }) }
      },
  ),
  some(addresses).map(
    (v4): Turn =>
      (before) => {
        const [first, ...rest] = before.endpoints
        return { ...before, endpoints: first ? [{ ...first, v4 }, ...rest] : [] }
      },
  ),
)

function labelled(labels: Record<string, string>) {
  const { settings } = parseLabels(labels)
  return { labels, settings }
}

interface Turned {
  readonly kind: 'turned'
  readonly engine: string
  readonly id: string
  readonly turn: Turn
}

const remote: fc.Arbitrary<RemoteEngines> = fc.uniqueArray(
  fc.tuple(fc.constantFrom(...engines), fc.constantFrom('none', 'routed')),
  { maxLength: 2, selector: ([engine]) => engine },
)

const change: fc.Arbitrary<StoreChange | Turned> = fc.oneof(
  { weight: 8, arbitrary: told },
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: fc.constant('turned'), turn },
      ...{ engine: fc.constantFrom('one', 'one', 'two'), id: fc.constantFrom(...containerIds) },
    }),
  },
  fc.record({ kind: fc.constant('away'), engine: fc.constantFrom(...engines), away: fc.boolean() }),
  fc.record({ kind: fc.constant('engines'), engines: some(engines, 3), remote }),
)

/** The change as it is told, which for a turn takes what there is to turn. */
function toldIn(world: World, drawn: StoreChange | Turned): StoreChange {
  if (drawn.kind !== 'turned') return drawn
  const { engine, id, turn } = drawn
  const before = world.get(engine)?.containers.get(id)
  return { kind: 'update', engine, networks: [], containers: before ? [[id, turn(before)]] : [] }
}

function isTurned(engine: string, before: Snapshot, now: Snapshot): boolean {
  const [was, is] = [before, now].map(({ engines }) => engines.get(engine))
  return is !== undefined && (was!.remote === undefined) !== (is.remote === undefined)
}

/** What is wrong with the identity of what there was before and is now, in words. */
function faultsOf(before: Snapshot, now: Snapshot): string[] {
  const faults: string[] = []
  const check = (what: string, isSame: boolean, isEqual: boolean) => {
    if (isSame !== isEqual) faults.push(`${what}: ${isSame ? 'the same object' : 'another'}`)
  }
  const text = (value: unknown) =>
    JSON.stringify(value, (_, each) =>
      each instanceof Map ? [...each].sort() : typeof each === 'bigint' ? `${each} n` : each,
    )
  check('engines', before.engines === now.engines, text(before.engines) === text(now.engines))
  // Where an engine is a local one now, or a remote one, all that it tells counts otherwise.
  if ([...before.engines.keys()].some((name) => isTurned(name, before, now))) return faults
  for (const [id, table] of now.networks) {
    const old = before.networks.get(id)
    if (old !== undefined) check(`table ${id}`, old === table, text(seenOf(old)) === text(seenOf(table)))
    // What is not known is not looked for there.
    for (const name of [...table.names.keys(), ...table.replicas.keys()]) {
      if (!table.known.has(name)) faults.push(`${name} on ${id}: not known`)
    }
  }
  for (const [id, each] of now.containers) {
    const old = before.containers.get(id)
    if (old !== undefined) check(`container ${id}`, old === each, text(old) === text(each))
  }
  for (const kind of ['owners', 'networksByName'] as const) {
    for (const [key, list] of now[kind] as ReadonlyMap<string, readonly unknown[]>) {
      const old = before[kind].get(key) as readonly unknown[] | undefined
      const isEqual = old?.length === list.length && old.every((each, i) => each === list[i])
      check(`${kind} ${key}`, old === list, isEqual)
    }
  }
  const addressing = ({ tables, engines }: Snapshot) =>
    text(
      tables.map(({ name, network: { id, subnets, gateways, engine } }) => {
        return [name, id, subnets, gateways, engines.get(engine)!.remote === undefined]
      }),
    )
  if (addressing(before) === addressing(now)) check('subnets', before.subnets === now.subnets, true)
  return faults
}

describe('a snapshot that changes were taken into one by one', () => {
  it('is what it would be built from nothing, and keeps what did not change', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 15 }), (changes) => {
        const store = createStore(engines)
        const world: World = new Map()
        follow(world, { kind: 'engines', engines, remote: [] })
        let swaps = 0
        store.onSwap(() => swaps++)
        for (const drawn of changes) {
          const each = toldIn(world, drawn)
          const before = store.current()
          const swapsBefore = swaps
          follow(world, each)
          store.apply(each)
          const now = store.current()
          expect(seenIn(now)).toEqual(wholeOf(world))
          expect(faultsOf(before, now)).toEqual([])
          expect(swaps - swapsBefore).toBe(now === before ? 0 : 1)
          expect(now.version).toBe(before.version + swaps - swapsBefore)
          // A telling of the same facts.
          store.apply(structuredClone(each))
          expect(store.current()).toBe(now)
        }
        const replica = createStore([])
        for (const each of store.asChanges()) replica.apply(structuredClone(each))
        expect(seenIn(replica.current())).toEqual(seenIn(store.current()))
        expect(replica.current().version).toBe(store.current().version)
        const gateways = ['10.0.0.1', 'fd00::1'].map(store.current().subnets.behind)
        expect(['10.0.0.1', 'fd00::1'].map(replica.current().subnets.behind)).toEqual(gateways)
        for (const address of ['10.0.0.1', 'fd00::1']) {
          const { tables, engines, subnets } = store.current()
          const isOurs = ({ engine }: Network) => engines.get(engine)!.remote === undefined
          const ids = (isOn: (network: Network) => boolean) =>
            tables.flatMap(({ network }) => (isOurs(network) && isOn(network) ? [network.id] : []))
          expect(subnets.behind(address)).toEqual(ids(({ gateways }) => gateways.includes(address)))
          const bytes = parseAddress(address)!
          const holding = ids((network) => network.subnets.some((subnet) => subnetContains(subnet, bytes)))
          expect(subnets.holding(bytes)).toEqual(holding)
          expect(subnets.contains(bytes)).toBe(holding.length > 0)
        }
      }),
      { numRuns: 300 },
    )
  })
})
