// Containers in another's network namespace, from what an engine tells to the table: 26.1, 20.10 and 28.5 leave a lodger
// with loopback alone when its host is started again, and tell nothing of it but both starts.
import { expect, it } from 'vitest'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import type { ApiContainer, ApiContainerRow } from '../../../../src/docker/api/types.ts'
import { createReconciler } from '../../../../src/docker/sync/reconciler.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { labelRules } from '../label-rules.ts'

const [host, side, last] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string]
const at = (seconds: number) => `2026-11-30T20:31:${String(seconds).padStart(2, '0')}.440573507Z`

function engine() {
  const started = new Map<string, string>()
  const running = new Map<string, boolean>()
  let address = '10.0.0.2'
  const raw = (id: string, name: string, sharesNetworkOf?: string): ApiContainer => ({
    ...{ Id: id, Name: `/${name}`, Config: {} },
    State: { Status: 'running', Running: running.get(id) !== false, StartedAt: started.get(id) },
    HostConfig: { NetworkMode: sharesNetworkOf === undefined ? 'front' : `container:${sharesNetworkOf}` },
    NetworkSettings: {
      Networks:
        sharesNetworkOf === undefined
          ? { front: { NetworkID: 'n', IPAddress: address, EndpointID: started.get(id) } }
          : {},
    },
  })
  const all = () => [raw(host, 'host'), raw(side, 'side', host), raw(last, 'last', side)]
  const rowOf = ({ Id, Name, State, HostConfig, NetworkSettings }: ApiContainer): ApiContainerRow => ({
    ...{ Id, Names: [Name], State: State!.Running ? 'running' : 'exited', HostConfig, NetworkSettings },
  })
  const inspected: string[] = []
  const state = { isBlocked: false }
  const client = {
    listNetworks: async () => [
      { Id: 'n', Name: 'front', Driver: 'bridge', IPAM: { Config: [{ Subnet: '10.0.0.0/24' }] } },
    ],
    listContainers: async () => all().map(rowOf),
    inspectNetwork: async () => ({
      Id: 'n',
      Name: 'front',
      Driver: 'bridge',
      IPAM: { Config: [{ Subnet: '10.0.0.0/24' }] },
    }),
    inspectContainer: async (id: string) => {
      inspected.push(id[0]!)
      if (state.isBlocked) return new Promise<never>(() => {})
      return all().find(({ Id }) => Id === id)
    },
    imageLabels: async () => ({}),
  } as unknown as EngineClient
  const hand = createHandClock()
  const reconcile = createReconciler({
    ...{ engine: 'e', clock: hand.clock, random: () => 0, labelRules: () => labelRules, refused() {} },
    ...{ changed: () => {}, failed: () => {}, late: () => {}, invalidLabels: () => {} },
  })
  const store = createStore(['e'])
  const settle = async (until?: Promise<unknown>) => {
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 50; j++) await Promise.resolve()
      await new Promise((resolve) => setImmediate(resolve))
      hand.turn(2)
    }
    await until
  }
  return {
    inspected,
    state,
    /** Starts of these, in this order, one a second from `second` on. */
    start(second: number, ...ids: string[]) {
      for (const [i, id] of ids.entries()) started.set(id, at(second + i))
      if (ids.includes(host)) address = `10.0.0.${second}`
    },
    hear: (id: string) => reconcile.queueContainer(id),
    list: () => settle(reconcile.fullList(client)),
    /** Of which no inspect is answered. */
    listOnly: () => {
      void reconcile.fullList(client)
      return settle()
    },
    settle,
    /** What each of them answers by. */
    names() {
      store.apply({ kind: 'update', engine: 'e', ...reconcile.takeChanges() })
      const { names, added } = store.current().networks.get('n')!
      return ['host', 'side', 'last'].map((name) => (names.get(name) ?? added.get(name))?.[0]?.v4[0])
    },
  }
}

it('a restarted host leaves its lodgers behind, until they are started too', async () => {
  const { start, list, hear, settle, names } = engine()
  start(2, host, side, last)
  await list()
  expect(names()).toEqual(['10.0.0.2', '10.0.0.2', '10.0.0.2'])
  start(10, host)
  hear(host)
  await settle()
  expect(names()).toEqual(['10.0.0.10', undefined, undefined])
  start(11, side)
  hear(side)
  await settle()
  expect(names()).toEqual(['10.0.0.10', '10.0.0.10', undefined])
  start(12, last)
  hear(last)
  await settle()
  expect(names()).toEqual(['10.0.0.10', '10.0.0.10', '10.0.0.10'])
})

it('is what the first list finds as well', async () => {
  const { start, list, names } = engine()
  start(10, host)
  start(3, side, last)
  await list()
  expect(names()).toEqual(['10.0.0.10', undefined, undefined])
})

it('a list finds starts that nobody heard of, of lodgers too, whose rows do not tell of them', async () => {
  const { start, list, names, inspected } = engine()
  start(2, host, side, last)
  await list()
  start(20, host, side, last)
  inspected.length = 0
  await list()
  expect(names()).toEqual(['10.0.0.20', '10.0.0.20', '10.0.0.20'])
  expect([...new Set(inspected)].sort()).toEqual(['a', 'b', 'c'])
  // All is well: nothing is looked at again.
  inspected.length = 0
  await list()
  expect(inspected).toEqual([])
  // One that is left behind is looked at once in each list.
  start(30, host)
  await list()
  start(31, side, last)
  await list()
  expect(names()).toEqual(['10.0.0.30', '10.0.0.30', '10.0.0.30'])
})

it('holds though the engine’s clock was set back between the starts', async () => {
  const { start, list, hear, settle, names } = engine()
  start(40, host, side, last)
  await list()
  start(10, host)
  hear(host)
  await settle()
  expect(names()).toEqual(['10.0.0.10', undefined, undefined])
  start(11, side, last)
  for (const id of [side, last]) hear(id)
  await settle()
  expect(names()).toEqual(['10.0.0.10', '10.0.0.10', '10.0.0.10'])
})

it('a lodger alone that was started after the clock was set back stays where it is', async () => {
  const { start, list, hear, settle, names } = engine()
  start(40, host, side)
  await list()
  start(10, side)
  hear(side)
  await settle()
  expect(names().slice(0, 2)).toEqual(['10.0.0.40', '10.0.0.40'])
})

it('a row that shows another place of the host is a start, though no inspect has come', async () => {
  const { start, list, listOnly, names, state } = engine()
  start(2, host, side)
  await list()
  start(20, host)
  state.isBlocked = true
  await listOnly()
  expect(names().slice(0, 2)).toEqual(['10.0.0.20', undefined])
})
