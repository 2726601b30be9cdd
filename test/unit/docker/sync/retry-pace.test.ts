// How soon an engine that was out of reach is tried again, what follows then, and what the log tells of it all.
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import { createDockerMetrics } from '../../../../src/docker/docker-metrics.ts'
import { createWatch } from '../../../../src/docker/sync/watch.ts'
import { createStore } from '../../../../src/registry/store.ts'
import type { RemoteEngines } from '../../../../src/registry/types.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { recordingLogger } from '../../forward/recording-logger.ts'
import { labelRules } from '../label-rules.ts'

/** An empty engine that can be put out of reach, and its watch. */
function follow({
  remote = [] as RemoteEngines,
  infoTakes = 0,
  listTakes = 0,
  random = (): number => 0.999,
} = {}) {
  const { clock, turn } = createHandClock()
  const state = {
    isThere: true,
    /** Why it can't be reached. */
    problem: () => 'there is no socket',
    /** The engine's clock is ahead by this, ms. */
    ahead: 0,
    infoTakes,
    /** When it was tried, and asked for its events. */
    tries: [] as number[],
    streams: [] as PassThrough[],
  }
  const after = (ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms))
  const createClient = (): EngineClient => ({
    async version() {
      state.tries.push(clock.monotonic())
      if (!state.isThere) throw new Error(state.problem())
      return { version: '26.1', apiVersion: '1.45' }
    },
    async info() {
      if (state.infoTakes > 0) await after(state.infoTakes)
      return { systemTime: clock.now() + state.ahead, host: {} }
    },
    ping: async () => {},
    listNetworks: async () => [],
    inspectNetwork: async () => undefined,
    async listContainers() {
      if (listTakes > 0) await after(listTakes)
      return []
    },
    inspectContainer: async () => undefined,
    imageLabels: async () => 'gone',
    async events() {
      const stream = new PassThrough()
      state.streams.push(stream)
      return stream
    },
    pastEvents: async () => [],
    close() {},
  })
  const store = createStore(['e'], remote)
  const counters = createDockerMetrics()
  const { log, lines } = recordingLogger()
  const watch = createWatch({
    engine: { name: 'e', address: { kind: 'unix', path: '/nowhere', text: 'unix:///nowhere' } },
    ...{ resync: 60_000, store, clock, log, counters, random, createClient, labelRules },
  })
  return {
    state,
    watch,
    isConnected: () => counters.connected.cell('e').value === 1,
    isAway: () => store.current().engines.get('e')!.away,
    told: () => lines.filter(({ level }) => level !== 'debug').map(({ msg }) => msg),
    lines,
    now: clock.monotonic,
    /** The stream ends, and nothing is to be had any more. */
    leave() {
      state.isThere = false
      for (const stream of state.streams.splice(0)) stream.end()
    },
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 50) {
        turn(Math.min(50, left))
        for (let i = 0; i < 30; i++) await Promise.resolve()
        // Streams tell by ticks.
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

const gapsOf = (times: readonly number[]) => times.slice(1).map((time, i) => time - times[i]!)

describe('an engine on this machine', () => {
  it('is tried again each second at least, however long it is away, and no more than that', async () => {
    const { state, watch, leave, pass, isAway, told } = follow()
    watch.start()
    await pass(40_000)
    leave()
    await pass(600_000)
    const gaps = gapsOf(state.tries.slice(1))
    expect(Math.max(...gaps)).toBeLessThan(1_000)
    expect(gaps.length).toBeLessThan(800)
    expect(isAway()).toBe(true)
    expect(told()).toEqual(['following Docker engine', 'Docker engine lost; keeping its last known names'])
    await watch.stop()
  })

  it.each([0, 300, 700, 1_300])(
    'is followed within a second of its return, if that is %d ms later',
    async (more) => {
      const { state, watch, leave, pass, isConnected, isAway, told } = follow()
      watch.start()
      await pass(40_000)
      leave()
      await pass(60_000 + more)
      expect([isConnected(), isAway()]).toEqual([false, true])
      state.isThere = true
      await pass(1_000)
      expect([isConnected(), isAway()]).toEqual([true, false])
      expect(told().at(-1)).toBe('Docker engine is back')
      await watch.stop()
    },
  )

  it('that is lost again and again is followed as soon, and its lists are at most half of the time', async () => {
    const listTakes = 2_000
    const { state, watch, leave, pass, isConnected } = follow({ listTakes })
    watch.start()
    for (let i = 0; i < 20; i++) {
      while (!isConnected()) await pass(50)
      leave()
      while (isConnected()) await pass(50)
      state.isThere = true
    }
    const gaps = gapsOf(state.tries).slice(1)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2 * listTakes)
    expect(Math.max(...gaps)).toBeLessThan(2 * listTakes + 1_000)
    await watch.stop()
  })

  it('is told of once for each reason, and of few', async () => {
    const { state, watch, leave, pass, told } = follow()
    watch.start()
    await pass(40_000)
    let n = 0
    state.problem = () => `problem ${n++ % 2}`
    leave()
    await pass(60_000)
    expect(told().slice(1)).toEqual([
      'Docker engine lost; keeping its last known names',
      'Docker engine still unreachable',
    ])
    state.problem = () => `problem ${n++}`
    await pass(60_000)
    expect(told()).toHaveLength(6)
    await watch.stop()
  })

  it('that comes and goes for an hour does not fill the log', async () => {
    const { state, watch, leave, pass, told, isConnected } = follow()
    watch.start()
    let outages = 0
    for (let passed = 0; passed < 3_600_000; passed += 6_000) {
      await pass(3_000)
      if (isConnected()) outages++
      leave()
      await pass(3_000)
      state.isThere = true
    }
    expect(outages).toBeGreaterThan(500)
    // Fifty at first, and six a minute.
    expect(told().length).toBeLessThan(2 * (50 + 360) + 2)
    await watch.stop()
  }, 60_000)

  it('is followed before it has told its clock again, for that may take long', async () => {
    const { state, watch, leave, pass, isConnected } = follow({ infoTakes: 3_000 })
    watch.start()
    await pass(2_500)
    expect(isConnected()).toBe(false)
    await pass(40_000)
    expect(isConnected()).toBe(true)
    leave()
    await pass(60_000)
    Object.assign(state, { isThere: true, infoTakes: 9_000 })
    await pass(1_000)
    expect(isConnected()).toBe(true)
    await pass(20_000)
    expect(isConnected()).toBe(true)
    expect(state.streams).toHaveLength(1)
    await watch.stop()
  })

  it('whose clock is another one by then is connected to anew, by that', async () => {
    const { state, watch, leave, pass, isConnected } = follow()
    watch.start()
    await pass(40_000)
    leave()
    await pass(60_000)
    const tries = state.tries.length
    Object.assign(state, { isThere: true, ahead: 3_600_000, infoTakes: 100 })
    await pass(2_000)
    expect(isConnected()).toBe(true)
    expect(state.streams).toHaveLength(2)
    const more = state.tries.length - tries
    await pass(60_000)
    expect(state.streams).toHaveLength(2)
    expect(state.tries.length - tries).toBe(more)
    await watch.stop()
  })
})

describe('an engine elsewhere', () => {
  it('is tried ever less often, at random times', async () => {
    let n = 0
    const random = () => [0.9, 0.3, 0.99, 0.6][n++ % 4]!
    const { state, watch, leave, pass, isConnected } = follow({ remote: [['e', 'none']], random })
    watch.start()
    await pass(40_000)
    leave()
    await pass(600_000)
    const gaps = gapsOf(state.tries.slice(1)).slice(10)
    expect(Math.max(...gaps)).toBeGreaterThan(9_000)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000)
    expect(new Set(gaps).size).toBeGreaterThan(3)
    state.isThere = true
    await pass(10_000)
    expect(isConnected()).toBe(true)
    await watch.stop()
  })
})
