// The workers together: what one tells reaches the others, and their numbers are one.
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'
import type { Fill } from '../../../src/forward/cache/fill.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { createDnsMetrics } from '../../../src/resolve/dns-metrics.ts'
import type { FromWorker, ToWorker } from '../../../src/workers/messages.ts'
import { createPool } from '../../../src/workers/pool.ts'
import { addTallies, readTally, sumMetrics } from '../../../src/workers/tally.ts'
import { createHandClock } from '../../hand-clock.ts'

function pooled(processes: number) {
  const hand = createHandClock()
  const children: { said: ToWorker[]; say: (message: FromWorker) => void; die: () => void }[] = []
  const taken: Fill[] = []
  const suspected: unknown[] = []
  const own = createDnsMetrics()
  const pool = createPool({
    processes,
    fork({ onMessage, onEnd }) {
      const said: ToWorker[] = []
      children.push({ said, say: onMessage, die: () => onEnd('it ended with 1') })
      return {
        pid: children.length,
        send(message, sent) {
          said.push(message)
          sent?.()
        },
        kill: () => onEnd('it was ended by SIGKILL'),
      }
    },
    ...{ clock: hand.clock, log: silentLogger, random: () => 1 },
  })
  const started = pool.start({
    initialState: () => ({}) as never,
    cache: { take: (fill) => void taken.push(fill) },
    guard: {
      caught: (token) => (token === 'known' ? '192.0.2.1:53' : undefined),
      suspect: (silent, name) => void suspected.push([silent, name]),
    },
    addTallies: (tallies) => addTallies(Object.values(own), tallies),
  })
  const of = (kind: ToWorker['kind'], i: number) =>
    children[i]!.said.filter((message) => message.kind === kind)
  return { ...hand, pool, started, children, taken, suspected, own, of }
}

const fill = (question: string): Fill => ({ question, name: `* ${question}`, kept: undefined, shown: [] })

describe('a fill of one', () => {
  it('reaches the first process and all others, but not who told it', () => {
    const { children, taken, of, turn } = pooled(4)
    children[1]!.say({ kind: 'fills', fills: [fill('a'), fill('b')] })
    turn(10)
    expect(taken).toEqual([fill('a'), fill('b')])
    expect(of('fills', 0)).toEqual([{ kind: 'fills', fills: [fill('a'), fill('b')] }])
    expect(of('fills', 1)).toEqual([])
    expect(of('fills', 2)).toHaveLength(1)
  })

  it('of the first process reaches all', () => {
    const { pool, of, turn, taken } = pooled(3)
    pool.fill(fill('a'))
    turn(10)
    expect([of('fills', 0).length, of('fills', 1).length, taken.length]).toEqual([1, 1, 0])
  })
})

it('a probe that came back to one is judged by the first, and suspicions are told to it', () => {
  const { children, of, suspected } = pooled(3)
  children[0]!.say({ kind: 'caught', token: 'known' })
  children[1]!.say({ kind: 'caught', token: 'other' })
  children[1]!.say({ kind: 'suspect', silent: ['192.0.2.1:53'], name: 'a.example' })
  expect(of('caught', 0)).toEqual([{ kind: 'caught', token: 'known', upstream: '192.0.2.1:53' }])
  expect(of('caught', 1)).toEqual([{ kind: 'caught', token: 'other', upstream: undefined }])
  expect(suspected).toEqual([[['192.0.2.1:53'], 'a.example']])
})

it('a change of the table is told to all, and each begins once', async () => {
  const { pool, children, of, started } = pooled(3)
  const change = { kind: 'away', engine: 'a', away: true } as const
  pool.change(change)
  for (const i of [0, 1]) expect(of('change', i)).toEqual([{ kind: 'change', change }])
  for (const [i, { say }] of children.entries()) {
    expect(pool.ready()).toBe(i)
    say({ kind: 'ready' })
  }
  await started
})

describe('the numbers', () => {
  const name = 'berth_dns_dropped_total'

  /** What the metric says in all. */
  function total({ pool, own }: Pick<ReturnType<typeof pooled>, 'pool' | 'own'>): number {
    const metric = sumMetrics(Object.values(own), pool.tallies).find((each) => each.name === name)!
    return metric.read().reduce((sum, { numbers }) => sum + numbers[0]!, 0)
  }

  function say({ children }: Pick<ReturnType<typeof pooled>, 'children'>, i: number, count: number): void {
    const counters = createDnsMetrics()
    counters.dropped.add(count, 'dns://127.0.0.1:53')
    const { said, say } = children[i]!
    const { id } = said.findLast((message) => message.kind === 'count') as { id: number }
    say({ kind: 'done', id, tally: readTally(Object.values(counters)) })
  }

  it('are the sum, and never less than before when somebody dies', async () => {
    const world = pooled(3)
    const { pool, own, children, turn } = world
    own.dropped.add(1, 'dns://127.0.0.1:53')
    const fresh = pool.refresh()
    say(world, 0, 10)
    say(world, 1, 100)
    await fresh
    expect(total(world)).toBe(111)
    children[1]!.die()
    expect(total(world)).toBe(111)
    expect(pool.metrics.restarts.cell().value).toBe(1)
    turn(200)
    expect(total(world)).toBe(111)
    const again = pool.refresh()
    say(world, 0, 20)
    say(world, 2, 5)
    await again
    expect(total(world)).toBe(1 + 20 + 100 + 5)
    children[2]!.die()
    expect(total(world)).toBe(126)
  })

  it('come without who does not answer within a second', async () => {
    const world = pooled(3)
    const fresh = world.pool.refresh()
    say(world, 0, 10)
    world.turn(1000)
    await fresh
    expect(total(world)).toBe(10)
  })
})

it('all are told to stop, and none counts as replaced', async () => {
  const { pool, children, of } = pooled(3)
  for (const { say } of children) say({ kind: 'ready' })
  const stopped = pool.stop()
  for (const i of [0, 1]) expect(of('stop', i)).toHaveLength(1)
  for (const { die } of children) die()
  await stopped
  expect(pool.metrics.restarts.cell().value).toBe(0)
})

it('what all are asked comes to what each says, in order', async () => {
  const { pool, children, turn } = pooled(4)
  for (const { say } of children) say({ kind: 'ready' })
  const asked = pool.ask({ kind: 'flush', flush: { number: 1, names: undefined } })
  const { id } = children[1]!.said.at(-1) as { id: number }
  children[1]!.say({ kind: 'done', id, tally: new Map(), flushed: { answers: 3, failures: 0 } })
  children[2]!.die()
  turn(5000)
  expect(await asked).toMatchObject(['silent', { flushed: { answers: 3, failures: 0 } }, 'gone'])
})

it('a configuration with long lists comes to each in parts, one at a time', async () => {
  const { pool, children, of } = pooled(3)
  const hosts = Array.from({ length: 501 }, (_, i) => `h${i}.test: 192.0.2.1`)
  const config = loadConfig({ env: {}, flags: { hosts: `{${hosts}}` }, parseEngineAddress })
  const configured = pool.configure(config)
  const done = async (i: number) => {
    const { id } = children[i]!.said.at(-1) as { id: number }
    children[i]!.say({ kind: 'done', id, tally: new Map() })
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (let parts = 1; parts <= 3; parts++) {
    await done(0)
    expect([of('part', 0).length, of('part', 1).length]).toEqual([Math.min(3, parts + 1), 1])
  }
  expect(of('configure', 0)).toMatchObject([{ config: { hosts: [] }, parts: 3 }])
  expect(of('configure', 1)).toEqual([])
  for (let i = 0; i < 4; i++) await done(1)
  expect(of('configure', 1)).toMatchObject([{ parts: 3 }])
  await done(0)
  await configured
})
