// A watch beside engines that freeze, and clients that can not be made: when it gives up waiting, and that it goes on.
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import type { EngineConfig } from '../../../../src/config/types.ts'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import { createDockerMetrics } from '../../../../src/docker/docker-metrics.ts'
import { createWatch, type WatchOptions } from '../../../../src/docker/sync/watch.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { recordingLogger } from '../../forward/recording-logger.ts'
import { labelRules } from '../label-rules.ts'

const engine: EngineConfig = {
  name: 'e',
  address: { kind: 'unix', path: '/nowhere', text: 'unix:///nowhere' },
}

/** An empty engine that answers until it is frozen; then calls end with their deadlines, or with the connection. */
function createFreezing() {
  const state = { isFrozen: false, past: 0 }
  const createClient = (): EngineClient => {
    const cuts: (() => void)[] = []
    const answer = <T>(told: T, ms = 10_000): Promise<T> => {
      if (!state.isFrozen) return Promise.resolve(told)
      const cut = new Promise<never>((_, reject) => cuts.push(() => reject(new Error('cancelled'))))
      return Promise.race([cut, hand.after(ms)])
    }
    return {
      version: () => answer({ version: '26.1', apiVersion: '1.45' }, 5_000),
      info: () => answer(undefined),
      ping: (ms) => answer(undefined, ms),
      listNetworks: () => answer([]),
      inspectNetwork: () => answer(undefined),
      listContainers: () => answer([]),
      inspectContainer: () => answer(undefined),
      imageLabels: () => answer('gone'),
      events: () => answer(new PassThrough()),
      pastEvents() {
        state.past++
        return answer([])
      },
      close() {
        for (const cut of cuts) cut()
      },
    }
  }
  const hand = createHand()
  return { hand, state, createClient }
}

function createHand() {
  const { clock, turn } = createHandClock()
  return {
    clock,
    after: (ms: number) =>
      new Promise<never>((_, reject) => clock.setTimeout(() => reject(new Error('no answer')), ms)),
    async turn(ms: number) {
      for (let left = ms; left > 0; left -= 50) {
        turn(Math.min(50, left))
        for (let i = 0; i < 30; i++) await Promise.resolve()
        // Streams tell by ticks.
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

function open(
  hand: ReturnType<typeof createHand>,
  createClient: NonNullable<WatchOptions['createClient']>,
  { own = [], remote = [] }: { own?: string[]; remote?: Parameters<typeof createStore>[1] } = {},
) {
  const store = createStore(['e'], remote)
  const counters = createDockerMetrics()
  const { log, lines } = recordingLogger()
  const watch = createWatch({
    ...{ engine, resync: 60_000, store, clock: hand.clock, log, counters, random: () => 0.5, createClient },
    ...{ labelRules, here: () => ({ addresses: new Set(own), mayBeInUserNamespace: true }) },
  })
  watch.start()
  const connected = () => counters.connected.cell('e').value
  const isAway = () => store.current().engines.get('e')!.away
  return { watch, store, lines, connected, isAway }
}

it.each([30_000, 31_000, 32_500, 33_900])(
  'an engine that freezes after %d ms is away once it has answered no ping for 5 s, whatever else is under way',
  async (at) => {
    const { hand, state, createClient } = createFreezing()
    const { watch, connected, isAway } = open(hand, createClient)
    await hand.turn(at)
    expect([connected(), isAway()]).toEqual([1, false])
    expect(state.past).toBeGreaterThan(5)
    state.isFrozen = true
    await hand.turn(2_900)
    expect([connected(), isAway()]).toEqual([1, false])
    await hand.turn(2_250)
    expect([connected(), isAway()]).toEqual([0, true])
    state.isFrozen = false
    await hand.turn(10_000)
    expect([connected(), isAway()]).toEqual([1, false])
    await watch.stop()
  },
)

it('a stop waits for nothing that a frozen engine has under way, a full list among it', async () => {
  const { hand, state, createClient } = createFreezing()
  const { watch } = open(hand, createClient)
  await hand.turn(1_000)
  state.isFrozen = true
  watch.setResync(30_000)
  await hand.turn(200)
  await watch.stop()
})

it.each([
  ['once, of an engine in a virtual machine', {}, 1],
  ['not where its bridge is ours', { own: ['127.0.0.1', '192.0.2.1'] }, 0],
  ['not of a remote engine', { remote: [['e', 'none']] as const }, 0],
])('warns of networks that are not on this machine %s', async (_, options, times) => {
  const { hand, createClient } = createFreezing()
  const streams: PassThrough[] = []
  const { watch, lines, connected } = open(
    hand,
    () => ({
      ...createClient(),
      info: async () => ({ systemTime: undefined, host: { Name: 'colima' } }),
      listNetworks: async () => [
        {
          ...{ Id: 'n', Name: 'net', Driver: 'bridge' },
          IPAM: { Config: [{ Subnet: '192.0.2.0/24', Gateway: '192.0.2.1' }] },
        },
      ],
      async events() {
        streams.push(new PassThrough())
        return streams.at(-1)!
      },
    }),
    options,
  )
  await hand.turn(1_000)
  streams[0]!.end()
  await hand.turn(5_000)
  expect([connected(), streams.length]).toEqual([1, 2])
  const warned = lines.filter(({ msg }) => msg.includes('not on this machine'))
  expect(warned).toHaveLength(times)
  for (const line of warned)
    expect(line).toMatchObject({ level: 'warn', why: expect.stringMatching(/^Colima/) })
  await watch.stop()
})

it('names what it leaves out of a network once, and of many such networks not all', async () => {
  const { hand, createClient } = createFreezing()
  let count = 1
  const network = (n: number) => ({
    ...{ Id: `n${n}`, Name: `net${n}`, Driver: 'bridge' },
    IPAM: { Config: [{ Subnet: '0.0.0.0/0', Gateway: '192.0.2.1' }] },
  })
  const { watch, lines } = open(hand, () => ({
    ...createClient(),
    listNetworks: async () => Array.from({ length: count }, (_, n) => network(n)),
  }))
  await hand.turn(1_000)
  const left = () => lines.filter(({ msg }) => msg.includes('ignored subnets or gateways'))
  expect(left()).toMatchObject([
    { level: 'warn', engine: 'e', network: 'net0', left: ['subnet 0.0.0.0/0: shorter than /8'] },
  ])
  count = 200
  for (let n = 0; n < 3; n++) {
    watch.setResync(60_000)
    await hand.turn(3_000)
  }
  expect(left()).toHaveLength(50)
  expect(lines.filter(({ msg }) => msg.includes('are not logged'))).toHaveLength(1)
  await watch.stop()
})

it('asks of bridge networks without a gateway by the version that the engine is now', async () => {
  const { hand, createClient } = createFreezing()
  let apiVersion = '1.47'
  let streams: PassThrough[] = []
  const isolated = { 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' }
  const { watch, store } = open(hand, () => ({
    ...createClient(),
    version: async () => ({ version: 'x', apiVersion }),
    events: async () => {
      const stream = new PassThrough()
      streams.push(stream)
      return stream
    },
    listNetworks: async () => [
      {
        ...{ Id: 'n', Name: 'n', Driver: 'bridge', Internal: true, Options: isolated },
        IPAM: { Config: [{ Subnet: '10.7.0.0/24' }] },
      },
    ],
  }))
  const gateways = () => store.current().networks.get('n')?.network.gateways
  await hand.turn(1_000)
  expect(gateways()).toEqual(['10.7.0.1'])
  apiVersion = '1.48'
  for (const stream of streams) stream.destroy()
  streams = []
  await hand.turn(5_000)
  expect(gateways()).toEqual([])
  await watch.stop()
})

it('where no client can be made it says why, and tries on', async () => {
  const hand = createHand()
  let tries = 0
  const { watch, lines } = open(hand, () => {
    tries++
    throw new TypeError('Invalid URL')
  })
  await watch.firstSync
  await hand.turn(5_000)
  expect(tries).toBeGreaterThan(2)
  expect(watch.info()).toEqual({ connected: false, problem: expect.stringContaining('Invalid URL') })
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  await watch.stop()
})
