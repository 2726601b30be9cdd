// The table comes to be the engine's truth, whatever becomes of events, and however late inspects are.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { handleEvent } from '../../../../src/docker/sync/event-handler.ts'
import { createReconciler, type Reconciler } from '../../../../src/docker/sync/reconciler.ts'
import type { Clock } from '../../../../src/lib/clock.ts'
import { type Action, actions, createFakeEngine, type FakeEngine } from '../fake-engine.ts'
import { labelRules } from '../label-rules.ts'

/** Turns within milliseconds are the scheduler's; a patience of seconds is never over. */
function clockOf(pause: (what: string) => Promise<unknown>): Clock {
  const cleared = new Set<unknown>()
  let last = 0
  return {
    now: () => 0,
    monotonic: () => 0,
    setTimeout(run, ms) {
      const timer = ++last
      if (ms <= 10) void pause('timer').then(() => cleared.has(timer) || run())
      return timer as never
    },
    clearTimeout: (timer) => void cleared.add(timer),
  }
}

function reconcileOf(clock: Clock, errors: unknown[] = [], changed = () => {}): Reconciler {
  return createReconciler({
    ...{ engine: 'e', clock, random: () => 0, labelRules: () => labelRules, refused() {} },
    changed,
    failed: (error) => errors.push(error),
    late: () => {},
    invalidLabels: () => {},
  })
}

/** In the form of the fake engine's truth. */
function told(reconcile: Reconciler): Record<string, string[]> {
  const { containers, networks } = reconcile.inventory()
  const found: Record<string, string[]> = {}
  for (const { id, endpoints } of containers.values()) {
    for (const { networkId, v4, names } of endpoints) {
      if (v4.length > 0 && networks.has(networkId)) {
        found[`${id.slice(0, 6)} ${networkId} ${v4}`] = [...new Set(names)].sort()
      }
    }
  }
  return found
}

const act = fc.record({
  what: fc.constantFrom<Action>(...actions, 'create', 'start', 'start', 'connect'),
  which: fc.nat(9),
  network: fc.nat(9),
})
/** What becomes of the events of one act: each comes, is lost, comes twice, or behind the next. */
const fate = fc.constantFrom<'comes' | 'lost' | 'twice' | 'late'>('comes', 'comes', 'lost', 'twice', 'late')

const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

/** Acts, delivers and lists in an order that the scheduler chooses; gives the reconcile when all is still. */
async function live(
  scheduler: fc.Scheduler,
  acts: { what: Action; which: number; network: number }[],
  deliver: (
    engine: FakeEngine,
    index: number,
    tell: (events: ReturnType<FakeEngine['takeEvents']>) => void,
  ) => void,
): Promise<{ engine: FakeEngine; reconcile: Reconciler; errors: unknown[] }> {
  const pause = (what: string) => scheduler.schedule(Promise.resolve(), what)
  const engine = createFakeEngine(pause)
  const errors: unknown[] = []
  let heardUpTo = 0
  /** What an event has said to be gone is gone, whatever an older look still says. */
  const check = () => {
    for (const key of Object.keys(told(reconcile))) {
      const leftAt = engine.leftAt.get(key.split(' ')[2]!) ?? Number.POSITIVE_INFINITY
      if (leftAt <= heardUpTo) errors.push(`${key} left at ${leftAt}, told though heard up to ${heardUpTo}`)
    }
  }
  const handedOver = { networks: new Map<string, unknown>(), containers: new Map<string, unknown>() }
  const take = () => {
    const changes = reconcile.takeChanges()
    for (const kind of ['networks', 'containers'] as const) {
      for (const [id, value] of changes[kind]) {
        if (value === undefined) handedOver[kind].delete(id)
        else handedOver[kind].set(id, value)
      }
    }
  }
  const reconcile: Reconciler = reconcileOf(clockOf(pause), errors, () => {
    check()
    if (changes++ % 3 === 0) take()
  })
  let changes = 0
  const first = reconcile.fullList(engine.client)
  await scheduler.waitIdle()
  await first
  const tell = (events: ReturnType<FakeEngine['takeEvents']>) => {
    // The stream is in order, but comes when it comes.
    before = before
      .then(() => pause('events'))
      .then(() => {
        for (const event of events) {
          heardUpTo = event.time
          handleEvent(event, reconcile)
        }
      })
  }
  let before: Promise<unknown> = Promise.resolve()
  let acting: Promise<unknown> = Promise.resolve()
  acts.forEach(({ what, which, network }, index) => {
    acting = acting
      .then(() => pause(what))
      .then(() => {
        engine.act(what, which, network)
        deliver(engine, index, tell)
      })
  })
  await scheduler.waitIdle()
  await Promise.all([acting, before])
  take()
  const { networks, containers } = reconcile.inventory()
  expect(sorted(handedOver.networks)).toEqual(sorted(networks))
  expect(sorted(handedOver.containers)).toEqual(sorted(containers))
  return { engine, reconcile, errors }
}

describe('what is known', () => {
  it('is the engine’s truth when all has come, and never has what an event has said to be gone', () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(act, { maxLength: 25 }), async (scheduler, acts) => {
        const { engine, reconcile, errors } = await live(scheduler, acts, (on, _, tell) =>
          tell(on.takeEvents()),
        )
        expect(errors).toEqual([])
        expect(told(reconcile)).toEqual(engine.truth())
      }),
      { numRuns: 400 },
    ))

  it('is it after two full lists where events were lost, repeated and out of order', () =>
    fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(act, { maxLength: 25 }),
        fc.array(fate, { minLength: 25, maxLength: 25 }),
        async (scheduler, acts, fates) => {
          let held: ReturnType<FakeEngine['takeEvents']> = []
          const { engine, reconcile } = await live(scheduler, acts, (on, index, tell) => {
            const events = on.takeEvents()
            const fate = fates[index]!
            if (fate === 'late') {
              held = [...held, ...events]
              return
            }
            if (fate !== 'lost') tell(events)
            if (fate === 'twice') tell(events)
            tell(held.reverse())
            held = []
          })
          for (const event of held) handleEvent(event, reconcile)
          // A place that only a connect event told of may be of a start under way: it has until the second list.
          for (const _ of [1, 2]) {
            const listed = reconcile.fullList(engine.client)
            await scheduler.waitIdle()
            await listed
          }
          expect(told(reconcile)).toEqual(engine.truth())
        },
      ),
      { numRuns: 400 },
    ))
})

describe('a full list', () => {
  const soon = async () => {
    for (let i = 0; i < 200; i++) await Promise.resolve()
  }

  it('has names and addresses though an inspect never answers', async () => {
    const engine = createFakeEngine(async () => {})
    const reconcile = reconcileOf(clockOf(async () => {}))
    await Promise.all([reconcile.fullList(engine.client), soon()])
    engine.act('create', 1, 0)
    engine.act('start', 0, 0)
    engine.act('create', 2, 1)
    engine.act('start', 1, 0)
    // An engine that restarts holds a container's lock for as long as it likes.
    for (const id of ['id-0', 'id-1']) engine.blocked.add(id.padEnd(64, '0'))
    void reconcile.fullList(engine.client)
    await soon()
    expect(told(reconcile)).toEqual({
      'id-000 net-a-0 10.0.0.0': ['id-000000000', 'name1'],
      'id-100 net-b-0 10.0.0.1': ['id-100000000', 'name2'],
    })
  })

  it('has a new name and a new network of a known container though its inspect never answers', async () => {
    const engine = createFakeEngine(async () => {})
    const reconcile = reconcileOf(clockOf(async () => {}))
    engine.act('create', 1, 0)
    engine.act('start', 0, 0)
    await Promise.all([reconcile.fullList(engine.client), soon()])
    engine.blocked.add('id-0'.padEnd(64, '0'))
    engine.act('rename', 0, 3)
    engine.act('connect', 0, 1)
    void reconcile.fullList(engine.client)
    await soon()
    expect(told(reconcile)).toEqual({
      'id-000 net-a-0 10.0.0.0': ['alias1', 'id-000000000', 'name3'],
      'id-000 net-b-0 10.0.0.1': ['id-000000000', 'name3'],
    })
  })
})

it('a connect is known though the container’s inspect never answers, and so is the disconnect', async () => {
  const engine = createFakeEngine(async () => {})
  const pause = () => new Promise((resolve) => setImmediate(resolve))
  const reconcile = reconcileOf(clockOf(pause))
  engine.act('create', 1, 0)
  engine.act('start', 0, 0)
  engine.takeEvents()
  const settled = reconcile.fullList(engine.client)
  await settled
  engine.blocked.add('id-0'.padEnd(64, '0'))
  const hear = async () => {
    for (const event of engine.takeEvents()) handleEvent(event, reconcile)
    for (let i = 0; i < 20; i++) await pause()
  }
  engine.act('connect', 0, 1)
  await hear()
  expect(told(reconcile)).toEqual({
    'id-000 net-a-0 10.0.0.0': ['alias1', 'id-000000000', 'name1'],
    'id-000 net-b-0 10.0.0.1': ['id-000000000', 'name1'],
  })
  engine.act('disconnect', 0, 1)
  await hear()
  expect(Object.keys(told(reconcile))).toEqual(['id-000 net-a-0 10.0.0.0'])
})

it('a connect is known though the engine still owes an inspect of the network from before it', async () => {
  let toHold = 0
  const engine = createFakeEngine((what) =>
    what.startsWith('ask network ') && toHold-- > 0 ? new Promise(() => {}) : Promise.resolve(),
  )
  const reconcile = reconcileOf(clockOf(async () => {}))
  await reconcile.fullList(engine.client)
  const start = async (which: number) => {
    engine.act('start', which, 0)
    for (const event of engine.takeEvents()) handleEvent(event, reconcile)
    for (let i = 0; i < 200; i++) await Promise.resolve()
    return Object.keys(told(reconcile))
  }
  for (const id of ['id-0', 'id-1']) engine.blocked.add(id.padEnd(64, '0'))
  engine.act('create', 1, 0)
  engine.act('create', 2, 0)
  toHold = 1
  expect(await start(0)).toEqual([])
  expect(await start(1)).toContain('id-100 net-a-0 10.0.0.1')
})

it('a container that is created while a list is on its way, which lacks it, stays known', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let isHeld = false
  const engine = createFakeEngine((what) => (isHeld && what === 'tell containers' ? held : Promise.resolve()))
  const reconcile = reconcileOf(clockOf(async () => {}))
  await reconcile.fullList(engine.client)
  isHeld = true
  const list = reconcile.fullList(engine.client)
  for (let i = 0; i < 20; i++) await Promise.resolve()
  engine.act('create', 1, 0)
  const id = 'id-0'.padEnd(64, '0')
  engine.blocked.add(id)
  for (const event of engine.takeEvents()) handleEvent(event, reconcile)
  release()
  void list
  for (let i = 0; i < 200; i++) await Promise.resolve()
  expect([...reconcile.inventory().containers.keys()]).toEqual([id])
})

it('labels that can not be read are told once, also of a container that is first known by its create event', async () => {
  const engine = createFakeEngine(async () => {})
  const told: string[] = []
  const reconcile = createReconciler({
    ...{ engine: 'e', clock: clockOf(async () => {}), random: () => 0 },
    ...{ labelRules: () => labelRules, refused() {} },
    ...{ changed: () => {}, failed: () => {}, late: () => {} },
    invalidLabels: ({ name }, problems) => void told.push(`${name}: ${problems.length}`),
  })
  await reconcile.fullList(engine.client)
  reconcile.create('x'.repeat(64), 'web', { 'berth.ttl': 'soon' }, 1)
  reconcile.create('x'.repeat(64), 'web', { 'berth.ttl': 'soon' }, 1)
  expect(told).toEqual(['web: 1'])
})
