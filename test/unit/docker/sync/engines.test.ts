// Which engines are followed, as the configuration changes: connections, names in the table, and what is counted.
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { remoteEngines } from '../../../../src/config/local-engines.ts'
import type { EngineConfig } from '../../../../src/config/types.ts'
import { parseEngineAddress } from '../../../../src/docker/api/address.ts'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import { createDockerMetrics } from '../../../../src/docker/docker-metrics.ts'
import { createEngines } from '../../../../src/docker/sync/engines.ts'
import { silentLogger } from '../../../../src/lib/log.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { createFakeEngine } from '../fake-engine.ts'
import { labelRules } from '../label-rules.ts'

const engine = (name: string, at = name): EngineConfig => ({
  name,
  address: parseEngineAddress(`unix:///${at}.sock`),
})
const docker = (...engines: EngineConfig[]) => ({ engines, resync: 60_000 })

/** Engines by their socket's path, each with one running container; `out`: paths where nothing answers. */
function create(first: ReturnType<typeof docker>) {
  const hand = createHandClock()
  const store = createStore(
    first.engines.map(({ name }) => name),
    remoteEngines(first.engines),
  )
  const counters = createDockerMetrics()
  const out = new Set<string>()
  const log: string[] = []
  const fakes = new Map<string, ReturnType<typeof createFakeEngine>>()
  const createClient = ({ address }: EngineConfig): EngineClient => {
    const path = address.kind === 'unix' ? address.path : ''
    let fake = fakes.get(path)
    if (fake === undefined) {
      fake = createFakeEngine(() => Promise.resolve())
      // Ids are numbers, and no two engines share one.
      for (const _ of fakes) {
        fake.act('create', 0, 0)
        fake.act('remove', 0, 0)
      }
      fake.act('create', fakes.size, 0)
      fake.act('start', 0, 0)
      fakes.set(path, fake)
    }
    const stream = new PassThrough()
    log.push(`open ${path}`)
    return {
      ...fake.client,
      async version() {
        if (out.has(path)) throw new Error('nobody is there')
        return { version: '26.1', apiVersion: '1.45' }
      },
      info: async () => undefined,
      ping: async () => {},
      pastEvents: async () => [],
      events: async () => stream,
      async listContainers() {
        log.push(`list ${path}`)
        return fake.client.listContainers()
      },
      close() {
        if (!stream.destroyed) log.push(`close ${path}`)
        stream.destroy()
      },
    }
  }
  const engines = createEngines({
    ...{
      docker: first,
      labelRules,
      store,
      clock: hand.clock,
      log: silentLogger,
      counters,
      random: () => 0,
      createClient,
    },
  })
  /** Runs on, milliseconds at a time, until the promise is settled. */
  async function finish(work: Promise<unknown>) {
    let isDone = false
    void work.finally(() => {
      isDone = true
    })
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve))
      hand.turn(1)
    }
  }
  const settle = () => finish(new Promise((resolve) => setImmediate(() => setImmediate(resolve))))
  return {
    ...{ engines, store, counters, out, log, finish, settle },
    ...hand,
    /** Engines that names are from. */
    told: () => [...new Set([...store.current().containers.values()].map((each) => each.engine))],
    stateOf: (name: string) => store.current().engines.get(name),
  }
}

describe('engines that the configuration names', () => {
  it('come and go, and those that stay keep their connection', async () => {
    const { engines, finish, told, counters, log, stateOf } = create(docker(engine('a'), engine('b')))
    await finish(engines.start())
    expect(told()).toEqual(['a', 'b'])
    await finish(engines.update(docker(engine('a'), engine('c')), labelRules))
    expect(told()).toEqual(['a', 'c'])
    expect(stateOf('b')).toBeUndefined()
    expect(log.filter((line) => /^(open|close)/.test(line))).toEqual([
      ...['open /a.sock', 'open /b.sock', 'open /c.sock', 'close /b.sock'],
    ])
    expect([...counters.connected.cells.keys()]).toEqual(['a', 'c'])
    expect([...counters.lag.cells.keys()]).toEqual(['a', 'c'])
    expect(engines.info('b')).toBeUndefined()
    expect(engines.info('c')).toMatchObject({ connected: true })
    await finish(engines.stop())
  })

  it('leave the table only when those that come in their place have been read', async () => {
    const { engines, store, finish, told } = create(docker(engine('a')))
    await finish(engines.start())
    const seen = new Set<string>()
    store.onSwap(() => seen.add(told().join()))
    await finish(engines.update(docker(engine('b')), labelRules))
    expect(told()).toEqual(['b'])
    expect(seen.has('')).toBe(false)
    await finish(engines.stop())
  })

  it('keep their names at another address until that is read, and are away after 5 s without', async () => {
    const { engines, finish, told, out, turn, stateOf, log, counters } = create(docker(engine('a', 'one')))
    await finish(engines.start())
    out.add('/two.sock')
    await finish(engines.update(docker(engine('a', 'two')), labelRules))
    expect(told()).toEqual(['a'])
    expect(stateOf('a')).toEqual({ synced: true, away: false })
    turn(5_000)
    expect(told()).toEqual(['a'])
    expect(stateOf('a')).toEqual({ synced: true, away: true })
    expect(counters.connected.cell('a').value).toBe(0)
    out.clear()
    await finish(engines.update(docker(engine('a', 'three')), labelRules))
    expect(stateOf('a')).toEqual({ synced: true, away: false })
    expect(log.at(-1)).toBe('list /three.sock')
    expect(counters.connected.cell('a').value).toBe(1)
    await finish(engines.stop())
  })

  it('are listed at once when resync is another, then that often', async () => {
    const { engines, finish, log, settle, turn } = create(docker(engine('a')))
    await finish(engines.start())
    await settle()
    const lists = () => log.filter((line) => line.startsWith('list')).length
    const before = lists()
    await finish(engines.update({ engines: [engine('a')], resync: 2_000 }, labelRules))
    await settle()
    expect(lists()).toBe(before + 1)
    turn(2_000)
    await settle()
    expect(lists()).toBe(before + 2)
    expect(log.filter((line) => line.startsWith('open'))).toHaveLength(1)
    await finish(engines.stop())
  })

  it('are local or remote by the configuration now, without a new connection for that alone', async () => {
    const elsewhere = { ...engine('b'), local: false }
    const { engines, finish, log, store, stateOf } = create(docker(engine('a'), elsewhere))
    await finish(engines.start())
    const owners = () => [...store.current().owners.values()].flat().map(({ containerId }) => containerId)
    const ofA = owners()
    expect([ofA.length, stateOf('a')!.remote, stateOf('b')!.remote]).toEqual([1, undefined, 'none'])
    await finish(engines.update(docker(engine('a'), { ...elsewhere, reach: 'routed' }), labelRules))
    expect([owners(), stateOf('b')!.remote]).toEqual([ofA, 'routed'])
    await finish(engines.update(docker(engine('a'), engine('b')), labelRules))
    expect([owners().length, stateOf('b')!.remote]).toEqual([2, undefined])
    await finish(engines.update(docker(engine('a'), elsewhere), labelRules))
    expect([owners(), stateOf('b')!.remote]).toEqual([ofA, 'none'])
    expect(log.filter((line) => line.startsWith('open'))).toHaveLength(2)
    await finish(engines.stop())
  })

  it('that go are to the end what they were', async () => {
    const elsewhere = { ...engine('b'), local: false }
    const { engines, finish, store, stateOf } = create(docker(engine('a'), elsewhere))
    await finish(engines.start())
    const seen = new Set<unknown>()
    store.onSwap(() => seen.add(stateOf('b') === undefined ? 'gone' : stateOf('b')!.remote))
    await finish(engines.update(docker(engine('a'), engine('c')), labelRules))
    expect(stateOf('b')).toBeUndefined()
    expect([...seen]).toEqual(['none', 'gone'])
    await finish(engines.stop())
  })

  it('over TCP are local as long as they are alone', async () => {
    const tcp = (name: string): EngineConfig => ({ name, address: parseEngineAddress(`tcp://${name}`) })
    const { engines, finish, stateOf } = create(docker(tcp('a')))
    await finish(engines.start())
    expect(stateOf('a')!.remote).toBeUndefined()
    await finish(engines.update(docker(tcp('a'), engine('b')), labelRules))
    expect([stateOf('a')!.remote, stateOf('b')!.remote]).toEqual(['none', undefined])
    await finish(engines.stop())
  })

  it('that were remote give nothing of what they told to a local one that has their name now', async () => {
    const elsewhere = { ...engine('b', 'far'), local: false }
    const { engines, finish, out, store, stateOf } = create(docker(engine('a'), elsewhere))
    await finish(engines.start())
    const ofB = () => [...store.current().containers.values()].filter(({ engine }) => engine === 'b')
    expect(ofB()).toHaveLength(1)
    const seen = new Set<string>()
    store.onSwap(() => seen.add(`${stateOf('b')?.remote} ${ofB().map(({ id }) => id)}`))
    const [{ id } = { id: '' }] = ofB()
    out.add('/near.sock')
    await finish(engines.update(docker(engine('a'), engine('b', 'near')), labelRules))
    expect(stateOf('b')).toEqual({ synced: false, away: false, remote: undefined })
    expect(ofB()).toEqual([])
    expect([...seen].filter((each) => each === `undefined ${id}`)).toEqual([])
    await finish(engines.stop())
  })

  it('are not followed any more once all is stopped', async () => {
    const { engines, finish, log } = create(docker(engine('a')))
    await finish(engines.start())
    const update = engines.update(docker(engine('a', 'two'), engine('b')), labelRules)
    await finish(Promise.all([update, engines.stop()]))
    const opened = log.filter((line) => line.startsWith('open')).length
    const closed = log.filter((line) => line.startsWith('close')).length
    expect(closed).toBe(opened)
  })
})
