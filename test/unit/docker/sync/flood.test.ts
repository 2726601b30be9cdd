// What events may cost: ids that nobody has listed, looks that never end, lines in the log, lists that are asked for.
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { EngineConfig } from '../../../../src/config/types.ts'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import type { EngineEvent } from '../../../../src/docker/api/event-stream.ts'
import { createDockerMetrics } from '../../../../src/docker/docker-metrics.ts'
import { createPendingEndpoints } from '../../../../src/docker/model/pending-endpoints.ts'
import { handleEvent } from '../../../../src/docker/sync/event-handler.ts'
import { createLogLimit } from '../../../../src/docker/sync/log-limit.ts'
import { createReconciler } from '../../../../src/docker/sync/reconciler.ts'
import { createUnlistedIds } from '../../../../src/docker/sync/unlisted.ts'
import { createWatch } from '../../../../src/docker/sync/watch.ts'
import { createWorkQueue } from '../../../../src/docker/sync/work-queue.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { recordingLogger } from '../../forward/recording-logger.ts'
import { bareImage, labelRules } from '../label-rules.ts'

const settle = async () => {
  for (let i = 0; i < 30; i++) await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
}

const event = (
  type: string,
  action: string,
  id: string,
  attributes: Record<string, string> = {},
): EngineEvent => ({
  ...{ type, action, id, attributes, time: 1 },
})

describe('200,000 ids that nobody has listed', () => {
  it.each(['create', 'start', 'connect'])(
    'by %s, while inspects hang, wait for the next list',
    async (action) => {
      const { clock, turn } = createHandClock()
      const asked: string[] = []
      const client = {
        listNetworks: async () => [{ Id: 'n', Name: 'n' }],
        listContainers: async () => [],
        inspectContainer: (id: string) => new Promise(() => void asked.push(id)),
        inspectNetwork: () => new Promise(() => {}),
      } as unknown as EngineClient
      const reconcile = createReconciler({
        ...{ engine: 'e', clock, random: () => 0, changed() {}, failed() {}, late() {}, invalidLabels() {} },
        ...{ labelRules: () => labelRules, refused() {} },
      })
      const list = async () => {
        let isOver = false
        const listed = reconcile.fullList(client).then((suspects) => {
          isOver = true
          return suspects
        })
        while (!isOver) {
          await settle()
          turn(2_000)
        }
        return listed
      }
      await list()
      let wantsList = 0
      for (let i = 0; i < 200_000; i++) {
        const told =
          action === 'connect'
            ? event('network', action, 'n', { container: `c${i}` })
            : event('container', action, `c${i}`, { name: `x${i}` })
        if (handleEvent(told, reconcile)) wantsList++
      }
      expect(wantsList).toBe(200_000 - 20_000)
      expect(reconcile.inventory().containers.size).toBeLessThanOrEqual(20_000)
      // The list is the truth: none of them is, and none is asked for any more.
      expect(await list()).toEqual(new Map())
      expect(reconcile.inventory().containers.size).toBe(0)
      const before = asked.length
      for (let i = 0; i < 20; i++) {
        turn(10_000)
        await settle()
      }
      expect(asked.length).toBe(before)
      expect(handleEvent(event('container', 'start', 'fresh'), reconcile)).toBe(false)
    },
  )

  it('are strangers no more once a list begins, and known ones never are', () => {
    const strangers = createUnlistedIds(2)
    expect(['a', 'b', 'a', 'c'].map((id) => strangers.admit(id, false))).toEqual([true, true, true, false])
    expect(strangers.admit('known', true)).toBe(true)
    expect([strangers.has('known'), strangers.has('c'), strangers.isFlooded()]).toEqual([true, false, true])
    expect([strangers.begin(), strangers.isFlooded(), strangers.begin()]).toEqual([true, false, false])
    expect(strangers.admit('c', false)).toBe(true)
  })

  it('have no more early places than may be', () => {
    const early = createPendingEndpoints()
    const place = { v4: [], v6: [], since: 1 }
    for (let i = 0; i < 50_000; i++) early.set('c', `n${i}`, place)
    expect(early.of('c').size).toBe(20_000)
    early.end('c')
    early.set('c', 'n', place)
    expect(early.of('c').size).toBe(1)
  })
})

it('looks that fail leave room for those at other ids', async () => {
  const { clock, turn } = createHandClock()
  const underway: { id: string; reject(error: Error): void }[] = []
  const dirty = createWorkQueue({
    run: (id) => new Promise((_, reject) => underway.push({ id, reject })),
    ...{ failed: () => {}, concurrency: 4, debounce: 1, clock, random: () => 0 },
  })
  for (let i = 0; i < 20; i++) dirty.add(`hung${i}`)
  dirty.resume()
  turn(1)
  for (let i = 0; i < 5; i++) {
    for (const { reject } of underway.splice(0)) reject(new Error('no answer in 10 s'))
    await settle()
  }
  turn(10_000)
  await settle()
  expect(underway).toHaveLength(2)
  dirty.add('fresh', { urgent: true })
  expect(underway.map(({ id }) => id)).toContain('fresh')
})

describe('a notice', () => {
  it('is given once an hour, and not many in a row', () => {
    const { clock, turn } = createHandClock()
    const notices = createLogLimit(clock)
    const said: { what: string; unsaid?: number }[] = []
    const say = (what: string) => notices.say(what, (more) => said.push({ what, ...more }))
    for (let i = 0; i < 100; i++) say('a')
    expect(said).toEqual([{ what: 'a' }])
    turn(3_600_000)
    say('a')
    expect(said).toHaveLength(2)
    for (let i = 0; i < 10_000; i++) say(`b${i}`)
    expect(said).toHaveLength(51)
    turn(10_000)
    say('c')
    say('d')
    expect(said.slice(51)).toEqual([{ what: 'c', unsaid: 9951 }])
  })
})

describe('a watch', () => {
  const engine = { name: 'e', address: { kind: 'unix', path: '/x', text: 'unix:///x' } } as EngineConfig

  function open(containers: number, labels: Record<string, string> = {}) {
    const { clock, turn } = createHandClock()
    const events = new PassThrough()
    let lists = 0
    const rows = Array.from({ length: containers }, (_, i) => ({
      ...{ Id: `c${i}`, Names: [`/web${i}`], State: 'running', Labels: labels, ImageID: bareImage },
      NetworkSettings: { Networks: { n: { NetworkID: 'n', IPAddress: `10.0.${i >> 8}.${i & 255}` } } },
    }))
    const client = {
      version: async () => ({ version: '26.1', apiVersion: '1.45' }),
      info: async () => undefined,
      ping: async () => undefined,
      listNetworks: async () => [{ Id: 'n', Name: 'n' }],
      inspectNetwork: async () => ({ Id: 'n', Name: 'n' }),
      async listContainers() {
        lists++
        return rows
      },
      async inspectContainer(id: string) {
        const { Id, Names, Labels, ImageID, NetworkSettings } = rows.find((row) => row.Id === id)!
        return {
          Id,
          Name: Names[0]!,
          Image: ImageID,
          State: { Running: true, Status: 'running' },
          Config: { Labels },
          NetworkSettings,
        }
      },
      events: async () => events,
      pastEvents: async () => [],
      imageLabels: async () => ({}),
      close() {},
    } satisfies EngineClient
    const store = createStore(['e'])
    const { log, lines } = recordingLogger()
    const watch = createWatch({
      ...{ engine, resync: 600_000, store, clock, log, counters: createDockerMetrics(), random: () => 0.5 },
      labelRules,
      createClient: () => client,
    })
    const pass = async (ms: number) => {
      for (let left = ms; left > 0; left -= 50) {
        turn(50)
        await settle()
      }
    }
    return { watch, store, lines, pass, events, lists: () => lists }
  }

  it('lists once a second at most, however often events ask for it, and once more after the last', async () => {
    const { watch, pass, events, lists } = open(1)
    watch.start()
    await pass(2_000)
    expect(lists()).toBe(1)
    for (let i = 0; i < 100; i++) {
      for (let n = 0; n < 50; n++) events.write('{"Type":"container","Action":"prune","Actor":{"ID":"x"}}\n')
      await pass(50)
    }
    await pass(2_000)
    expect(lists()).toBeGreaterThan(4)
    expect(lists()).toBeLessThan(10)
    const before = lists()
    await pass(10_000)
    expect(lists()).toBe(before)
    await watch.stop()
  })

  it('tells a table of costly containers in parts, and is synced with the last', async () => {
    const names = Array.from({ length: 1365 }, (_, i) => `a${i}.b.c`).join()
    const { watch, store, pass } = open(40, { 'berth.names': names })
    const told: { containers: number; synced: boolean }[] = []
    store.onChange((change) => {
      if (change.kind !== 'update') return
      told.push({
        ...{ containers: change.containers.length, synced: store.current().engines.get('e')!.synced },
      })
    })
    watch.start()
    for (let i = 0; i < 500 && !watch.info().connected; i++) await pass(50)
    expect(watch.info().connected).toBe(true)
    expect(Math.max(...told.map(({ containers }) => containers))).toBeLessThanOrEqual(2)
    expect(told.findIndex(({ synced }) => synced)).toBeGreaterThan(15)
    expect(store.current().containers.size).toBe(40)
    await watch.stop()
  })

  it('that stumbles says so, and tells all anew', async () => {
    const { watch, store, lines, pass, events } = open(1)
    watch.start()
    await pass(100)
    const { apply } = store
    let failures = 2
    store.apply = (change) => {
      if (failures-- > 0) throw new Error('a fault of ours')
      apply(change)
    }
    for (const action of ['die', 'die', 'start']) {
      events.write(`{"Type":"container","Action":"${action}","Actor":{"ID":"c0"},"time":9999999999}\n`)
      await pass(50)
    }
    expect(failures).toBeLessThan(0)
    expect(lines.filter(({ msg }) => msg.includes('please report'))).toHaveLength(1)
    expect(store.current().containers.get('c0')!.running).toBe(true)
    await watch.stop()
  })
})
