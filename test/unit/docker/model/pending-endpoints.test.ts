// A container that is being started is in the table as soon as its network has told its address: no timer stands between.
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import type { ApiNetwork } from '../../../../src/docker/api/types.ts'
import { createDockerMetrics } from '../../../../src/docker/docker-metrics.ts'
import { createWatch } from '../../../../src/docker/sync/watch.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { recordingLogger } from '../../forward/recording-logger.ts'
import { labelRules } from '../label-rules.ts'

const network: ApiNetwork = {
  ...{ Id: 'n1', Name: 'front', Driver: 'bridge' },
  IPAM: { Config: [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.1' }] },
}

/** An engine with one network, on which the containers of `members` are; the clock stands still. */
function open() {
  const members: Record<string, string> = {}
  const events = new PassThrough()
  const { clock, turn } = createHandClock()
  const told = () => ({
    ...network,
    Containers: Object.fromEntries(
      Object.entries(members).map(([id, address]) => [id, { IPv4Address: `${address}/24` }]),
    ),
  })
  const client: EngineClient = {
    version: async () => ({ version: '28.5', apiVersion: '1.51' }),
    info: async () => ({ systemTime: undefined, host: {} }),
    ping: async () => undefined,
    listNetworks: async () => [network],
    inspectNetwork: async () => told(),
    listContainers: async () => [],
    // Until the start is over.
    inspectContainer: () => new Promise(() => {}),
    imageLabels: async () => 'gone',
    events: async () => events,
    pastEvents: async () => [],
    close() {},
  }
  const store = createStore(['e'])
  const watch = createWatch({
    engine: { name: 'e', address: { kind: 'unix', path: '/nowhere', text: 'unix:///nowhere' } },
    ...{ resync: 60_000, store, clock, log: recordingLogger().log, counters: createDockerMetrics() },
    ...{ random: () => 0.5, createClient: () => client, labelRules },
  })
  watch.start()
  let swaps = 0
  store.onSwap(() => swaps++)
  const event = (Type: string, Action: string, ID: string, Attributes: Record<string, string>) =>
    events.write(`${JSON.stringify({ Type, Action, Actor: { ID, Attributes }, time: 1, timeNano: 1e18 })}\n`)
  return { watch, store, members, event, turn, swaps: () => swaps }
}

const turns = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

it('is there when its network has told, while the clock stands still', async () => {
  const { watch, store, members, event, turn } = open()
  for (let i = 0; i < 10; i++) {
    turn(10)
    await turns()
  }
  expect(watch.info().connected).toBe(true)
  event('container', 'create', 'c1', { name: 'web' })
  await turns()
  turn(10)
  await turns()
  members.c1 = '10.1.0.2'
  event('network', 'connect', 'n1', { container: 'c1' })
  await turns()
  expect(
    store
      .current()
      .owners.get('10.1.0.2')
      ?.map(({ names }) => names),
  ).toEqual([['web', 'c1']])
})

it('many at a time make one swap for each ms', async () => {
  const { store, members, event, turn, swaps } = open()
  for (let i = 0; i < 10; i++) {
    turn(10)
    await turns()
  }
  const ids = Array.from({ length: 50 }, (_, i) => `c${i}`)
  for (const id of ids) event('container', 'create', id, { name: `web-${id}` })
  await turns()
  turn(10)
  await turns()
  const before = swaps()
  for (const [i, id] of ids.entries()) {
    members[id] = `10.1.0.${i + 2}`
    event('network', 'connect', 'n1', { container: id })
    await turns()
  }
  expect(swaps() - before).toBeLessThanOrEqual(1)
  turn(1)
  await turns()
  expect(swaps() - before).toBeLessThanOrEqual(2)
  expect(ids.every((_, i) => store.current().owners.get(`10.1.0.${i + 2}`)?.length === 1)).toBe(true)
})
