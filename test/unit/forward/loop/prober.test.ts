// Loops: a probe that comes back puts its upstream aside, and nothing else; later ones are found by what they look like.
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Upstream } from '../../../../src/config/types.ts'
import { encodeQuery } from '../../../../src/dns/message.ts'
import { readQuestion } from '../../../../src/dns/name.ts'
import { readReply } from '../../../../src/dns/relay.ts'
import { writeReply } from '../../../../src/dns/writer.ts'
import { createForwardMetrics } from '../../../../src/forward/forward-metrics.ts'
import { createLoopGuard } from '../../../../src/forward/loop/prober.ts'
import type { Forward, Forwarded, ForwardQuestion, Route } from '../../../../src/forward/types.ts'
import { type Logger, silentLogger } from '../../../../src/lib/log.ts'
import { createHandClock } from '../../../hand-clock.ts'

const server = (host: string): Upstream => ({ host, port: 53, text: `${host}:53` })
const bad = server('192.0.2.1')
const good = server('192.0.2.2')
const standard: Route = {
  ...{ name: 'default', zone: undefined, explicit: false },
  ...{ upstreams: [bad, good], order: 'sequential' },
}

function asking(name: string, route = standard): ForwardQuestion {
  const query = encodeQuery(name, 'A', { id: 7 })
  return { query, question: readQuestion(query)!, edns: undefined, route, asker: '192.0.2.77' }
}

function answered({ query, question }: ForwardQuestion, upstream: Upstream): Forwarded {
  const reply = readReply(writeReply(query, question, undefined, { rcode: 0 }, 512), question)!
  return { reply, upstream: upstream.text }
}

/** What comes back is decided by `loops`: the names that each upstream sends to us. */
function createWorld(loops: Record<string, (name: string) => boolean> = {}) {
  const { clock, turn } = createHandClock()
  const counters = createForwardMetrics()
  const told: string[] = []
  const record = (level: string) => (_: object, message: string) =>
    void told.push(`${level} ${message.slice(0, 4)}`)
  const log = { error: record('error'), info: record('info') } as unknown as Logger
  const probes: { to: string; name: string }[] = []
  const asked: string[][] = []
  let tokens = 0
  let respond: Forward = (each) => Promise.resolve(answered(each, each.route.upstreams[0]!))
  const guard = createLoopGuard({
    async ask(upstream, { question, query }) {
      probes.push({ to: upstream.text, name: question.name })
      await Promise.resolve()
      if (loops[upstream.text]?.(question.name)) {
        await forward({ question, query, edns: undefined, route: standard, asker: upstream.host })
      }
    },
    randomToken: () => (++tokens).toString(16).padStart(32, '0'),
    ...{ clock, log, counters },
  })
  const forward = guard.around((each) => {
    asked.push(each.route.upstreams.map(({ text }) => text))
    return respond(each)
  })
  const settled = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  return {
    ...{ guard, forward, counters, told, probes, asked, loops, settled },
    async turn(ms: number) {
      turn(ms)
      await settled()
    },
    answer(next: Forward) {
      respond = next
    },
    count: (to: Upstream) => counters.loops.cells.get(to.text)?.value ?? 0,
    aside: (to: Upstream) => counters.looping.cells.get(to.text)?.value ?? 0,
  }
}

const everything = () => true
const both = [bad, good].map((upstream) => ({ domain: '', upstream }))

describe('an upstream that asks us back', () => {
  it('is put aside at the start, told of once and counted; the others answer', async () => {
    const world = createWorld({ [bad.text]: everything })
    world.guard.check(both)
    expect(world.guard.stateOf(bad)).toBe('unknown')
    await world.settled()
    expect([bad, good].map(world.guard.stateOf)).toEqual(['looping', 'clear'])
    expect(world.told).toEqual(['error loop'])
    expect([bad, good].map(world.count)).toEqual([1, 0])
    expect([bad, good].map(world.aside)).toEqual([1, 0])
    expect(await world.forward(asking('www.example'))).toMatchObject({ upstream: good.text })
    expect(world.asked).toEqual([[good.text]])
  })

  it('is probed again, ever more rarely, and used once it is cured', async () => {
    const world = createWorld({ [bad.text]: everything })
    world.guard.check(both)
    await world.settled()
    const times: number[] = []
    for (let now = 0, before = world.probes.length; now < 4000; now++) {
      await world.turn(1000)
      if (world.probes.length > before) times.push(now + 1)
      before = world.probes.length
    }
    expect(times).toEqual([10, 30, 70, 150, 310, 630, 1230, 1830, 2430, 3030, 3630])
    expect(world.told).toEqual(['error loop'])
    delete world.loops[bad.text]
    for (let now = 0; now < 600; now++) await world.turn(1000)
    expect(world.guard.stateOf(bad)).toBe('clear')
    expect(world.told).toEqual(['error loop', 'info upst'])
    expect(world.aside(bad)).toBe(0)
    await world.forward(asking('www.example'))
    expect(world.asked).toEqual([[bad.text, good.text]])
  })

  it('leaves nobody to ask where it is the only one: a failure at once, and no question sent', async () => {
    const world = createWorld({ [bad.text]: everything, [good.text]: everything })
    world.guard.check(both)
    await world.settled()
    expect(world.forward(asking('www.example'))).toMatchObject({ reason: 'none' })
    expect(world.asked).toEqual([])
  })

  it('is found for a domain of its own only', async () => {
    const world = createWorld({ [bad.text]: (name) => name.endsWith('.corp.example') })
    world.guard.check([...both, { domain: 'corp.example', upstream: bad }])
    await world.settled()
    expect(world.guard.stateOf(bad)).toBe('looping')
    expect(world.probes.map(({ name }) => name.split('.').slice(1).join('.'))).toEqual([
      '00000000',
      '00000000',
      'corp.example',
    ])
  })

  it('is forgotten when it is no upstream any more', async () => {
    const world = createWorld({ [bad.text]: everything })
    world.guard.check(both)
    await world.settled()
    world.guard.check([both[1]!])
    expect(world.aside(bad)).toBe(0)
    expect(world.guard.stateOf(bad)).toBe('unknown')
    const probes = world.probes.length
    await world.turn(3_600_000)
    expect(world.probes.length).toBe(probes)
    world.guard.check(both)
    await world.settled()
    expect(world.guard.stateOf(bad)).toBe('looping')
    expect(world.count(bad)).toBe(2)
  })
})

describe('a probe', () => {
  it('that is not ours, or is long over, is forwarded like any question', async () => {
    const world = createWorld()
    world.guard.check(both)
    await world.settled()
    const name = world.probes[0]!.name
    await world.forward(asking(`berth-loop-${'f'.repeat(32)}.00000000`))
    expect(world.asked).toHaveLength(1)
    await world.turn(60_001)
    await world.forward(asking(name))
    expect(world.asked).toHaveLength(2)
    expect(world.guard.stateOf(bad)).toBe('clear')
  })

  it('that comes back after it was given up still counts', async () => {
    const world = createWorld()
    world.guard.check(both)
    await world.settled()
    await world.turn(30_000)
    world.forward(asking(world.probes[0]!.name))
    expect(world.guard.stateOf(bad)).toBe('looping')
  })

  it('for an upstream that is none any more changes nothing when it comes back', async () => {
    const world = createWorld()
    world.guard.check(both)
    await world.settled()
    const { name } = world.probes[0]!
    world.guard.check([both[1]!])
    expect(world.forward(asking(name))).toMatchObject({ reason: 'failed' })
    expect([world.aside(bad), world.told.length]).toEqual([0, 0])
    await world.turn(3_600_000)
    expect(world.probes).toHaveLength(2)
  })

  it('has a name that fits, however long the domain', async () => {
    const world = createWorld()
    const long = Array(5).fill('a'.repeat(45)).join('.')
    world.guard.check([{ domain: long, upstream: bad }])
    await world.settled()
    expect(world.probes).toEqual([])
  })
})

describe('a loop that comes up later', () => {
  const start = async () => {
    const world = createWorld()
    world.guard.check(both)
    await world.settled()
    world.loops[bad.text] = everything
    world.probes.length = 0
    return world
  }

  /** The question comes in so often while it is forwarded once, with this result. */
  async function ask(world: ReturnType<typeof createWorld>, times: number, result: Forwarded) {
    const flights: ((result: Forwarded) => void)[] = []
    world.answer(() => new Promise((resolve) => void flights.push(resolve)))
    const first = world.forward(question)
    for (let i = 1; i < times; i++) void world.forward(question)
    flights[0]!(result)
    await first
    await world.settled()
  }
  const question = asking('www.example')
  const unanswered: Forwarded = { failure: 'timeout', reason: 'unreachable' }

  it('is found by a question that came in again and was not answered', async () => {
    const world = await start()
    await ask(world, 2, unanswered)
    expect(world.probes.map(({ to }) => to)).toEqual([bad.text, good.text])
    expect(world.probes[0]!.name).toMatch(/^berth-loop-[0-9a-f]{32}\.example$/)
    expect([bad, good].map(world.guard.stateOf)).toEqual(['looping', 'clear'])
  })

  it('is found where the next upstream answered', async () => {
    const world = await start()
    await ask(world, 2, answered(question, good))
    expect(world.probes.map(({ to }) => to)).toEqual([bad.text])
    expect(world.guard.stateOf(bad)).toBe('looping')
  })

  it('is not looked for where the first upstream answered, or nobody asked twice', async () => {
    const world = await start()
    await ask(world, 1, unanswered)
    await ask(world, 5, answered(question, bad))
    expect(world.probes).toEqual([])
  })

  it('is looked for every 10 s at most', async () => {
    const world = await start()
    delete world.loops[bad.text]
    for (let i = 0; i < 5; i++) await ask(world, 2, unanswered)
    expect(world.probes).toHaveLength(2)
    await world.turn(10_000)
    await ask(world, 2, unanswered)
    expect(world.probes).toHaveLength(4)
  })
})

it('very many new ones are probed one batch after the other, and those that are gone by then are not', () => {
  const { guard, probes, turn } = createWorld()
  const reached = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ domain: `d${from + i}.example`, upstream: good }))
  guard.check(reached(0, 1000))
  expect(probes).toHaveLength(64)
  turn(10)
  expect(probes).toHaveLength(128)
  guard.check(reached(500, 600))
  turn(200)
  expect(probes).toHaveLength(128 + 600)
})

it('verdicts on very many upstreams are told together, and the last one is among them', async () => {
  const { clock, turn } = createHandClock()
  const tells: number[] = []
  const guard = createLoopGuard({
    ask: async () => {},
    randomToken: () => randomBytes(16).toString('hex'),
    ...{ clock, log: silentLogger, counters: createForwardMetrics() },
    onChange: () => void tells.push(guard.states().clear.length),
  })
  const many = Array.from({ length: 2000 }, (_, i) => ({
    domain: '',
    upstream: server(`10.0.${i >> 8}.${i & 255}`),
  }))
  guard.check(many)
  for (let i = 0; i < 100; i++) {
    turn(10)
    for (let j = 0; j < 5; j++) await Promise.resolve()
  }
  expect(tells.at(-1)).toBe(2000)
  expect(tells.length).toBeLessThan(5)
  guard.stop()
})
