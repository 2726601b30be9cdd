// The accounting: rates and their slip, connections and who makes room, questions in flight, bytes.
import { describe, expect, it } from 'vitest'
import type { Admission, LimitSettings, LimitsOptions } from '../../../../src/net/limits/limits.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { createAccounting } from './accounting.ts'

/** Every call of `admit` is a turn of its own, at the time that the test says. */
function create(settings: Partial<LimitSettings>, options: Partial<Omit<LimitsOptions, 'settings'>> = {}) {
  const time = createHandClock()
  const accounting = createAccounting(settings, {
    clock: time.clock,
    idled: time.clock.monotonic,
    afterTurn: (run) => queueMicrotask(run),
    ...options,
  })
  const { limits } = accounting
  const send = async (address: string, count: number) => {
    const seen: Admission[] = []
    for (let i = 0; i < count; i++) {
      seen.push(limits.admit(address))
      await undefined
    }
    return seen
  }
  return { ...accounting, time, send }
}

const connection = () => {
  const state = { idle: true, closed: false }
  return { state, isIdle: () => state.idle, close: () => void Object.assign(state, { closed: true }) }
}

describe('rates', () => {
  it('let a second’s worth through at once, then so many a second', async () => {
    const { send, time } = create({ rate: 3, slip: 0 })
    expect(await send('192.0.2.1', 4)).toEqual(['pass', 'pass', 'pass', 'drop'])
    time.at(1_000)
    expect(await send('192.0.2.1', 4)).toEqual(['pass', 'pass', 'pass', 'drop'])
    expect(await send('192.0.2.2', 1)).toEqual(['pass'])
  })

  it('slip every so many of what is over', async () => {
    const { send, reached } = create({ rate: 1, slip: 3 })
    expect(await send('192.0.2.1', 7)).toEqual(['pass', 'drop', 'drop', 'slip', 'drop', 'drop', 'slip'])
    expect([reached('rate', 'dropped'), reached('rate', 'slipped')]).toEqual([4, 2])
  })

  it('hold for a prefix, and one address over its own rate uses up no more of that', async () => {
    const { send, reached } = create({ rate: 2, ratePerPrefix: 3, slip: 0 })
    await send('192.0.2.1', 50)
    expect(await send('192.0.2.2', 2)).toEqual(['pass', 'drop'])
    expect(await send('192.0.3.1', 1)).toEqual(['pass'])
    expect([reached('rate', 'dropped'), reached('ratePerPrefix', 'dropped')]).toEqual([48, 1])
  })

  it('are not for whom the table knows, from the moment it does', async () => {
    let table = {}
    const known = new Set(['192.0.2.1'])
    const { send } = create(
      { rate: 1, slip: 0 },
      { table: () => table, isOurs: (address) => known.has(address) },
    )
    expect(await send('192.0.2.1', 3)).toEqual(['pass', 'pass', 'pass'])
    expect(await send('192.0.2.2', 2)).toEqual(['pass', 'drop'])
    known.clear()
    table = {}
    expect(await send('192.0.2.1', 2)).toEqual(['pass', 'drop'])
  })

  it('are for everybody where the configuration says so, and for nobody at 0', async () => {
    const all = create({ rate: 1, slip: 0, rateAll: true }, { isOurs: () => true })
    expect(await all.send('127.0.0.1', 2)).toEqual(['pass', 'drop'])
    const none = create({ rate: 0, ratePerPrefix: 0 })
    expect(new Set(await none.send('192.0.2.1', 100_000))).toEqual(new Set(['pass']))
  })
})

describe('connections', () => {
  it('over an asker’s limit: its longest unused one makes room, never another asker’s', () => {
    const { limits, reached } = create({ connections: 10, connectionsPerAsker: 2 })
    const other = connection()
    limits.connect('192.0.2.2', other)
    const [first, second, third] = [connection(), connection(), connection()]
    const place = limits.connect('192.0.2.1', first)!
    limits.connect('192.0.2.1', second)
    place.used()
    expect(limits.connect('192.0.2.1', third)).toBeDefined()
    expect([other, first, second].map(({ state }) => state.closed)).toEqual([false, false, true])
    expect(reached('connectionsPerAsker', 'closed')).toBe(1)
    expect(limits.held().connections).toBe(3)
  })

  it('all with a question in hand: the new one is refused', () => {
    const { limits, reached } = create({ connections: 2 })
    const two = [connection(), connection()]
    for (const [i, each] of two.entries()) limits.connect(`192.0.2.${i}`, each)
    for (const { state } of two) state.idle = false
    expect(limits.connect('192.0.2.9', connection())).toBeUndefined()
    expect(reached('connections', 'refused')).toBe(1)
    two[1]!.state.idle = true
    expect(limits.connect('192.0.2.9', connection())).toBeDefined()
    expect(two.map(({ state }) => state.closed)).toEqual([false, true])
  })

  it('many: each may be idle for a shorter time', () => {
    const { limits } = create({ connections: 10, idle: 10_000 })
    const idle: number[] = []
    for (let i = 0; i < 10; i++) {
      limits.connect(`192.0.2.${i}`, connection())
      idle.push(Math.round(limits.idle()))
    }
    expect(idle).toEqual([10_000, 10_000, 10_000, 10_000, 10_000, 8_000, 6_000, 4_000, 2_000, 1_000])
  })

  it('bytes kept for them have a limit for one and for all', () => {
    const { limits, reached } = create({ bytesPerConnection: 100, bytes: 250 })
    const places = [1, 2, 3].map((i) => limits.connect(`192.0.2.${i}`, connection())!)
    expect(places.map((place) => place.holds(100))).toEqual([true, true, false])
    expect([reached('bytes', 'closed'), limits.held().bytes]).toEqual([1, 300])
    for (const place of places.slice(1)) place.leave()
    expect(limits.held().bytes).toBe(100)
    expect(places[0]!.holds(101)).toBe(false)
    expect(reached('bytesPerConnection', 'closed')).toBe(1)
    expect(places[1]!.holds(0)).toBe(false)
  })

  it('one that holds nothing is never closed for what others hold', () => {
    const { limits } = create({ bytesPerConnection: 1_000, bytes: 250 })
    const greedy = limits.connect('192.0.2.1', connection())!
    greedy.holds(300)
    expect(limits.connect('192.0.2.2', connection())!.holds(0)).toBe(true)
  })
})

describe('questions in flight', () => {
  it('have a limit for one asker and for all, and each is given back', () => {
    const { limits, reached } = create({ inFlight: 8, inFlightPerAsker: 2 })
    const releases = [1, 2].map(() => limits.claim('192.0.2.1')!)
    expect(limits.claim('192.0.2.1')).toBeUndefined()
    expect(reached('inFlightPerAsker', 'refused')).toBe(1)
    for (const release of releases) release()
    expect(limits.held().inFlight).toBe(0)
    expect(limits.claim('192.0.2.1')).toBeDefined()
  })

  it('leave some for the next asker, however many take what they can', () => {
    const { limits, reached } = create({ inFlight: 100, inFlightPerAsker: 100 })
    const takeAll = (address: string) => {
      let taken = 0
      while (limits.claim(address) !== undefined) taken++
      return taken
    }
    expect([1, 2, 3, 4].map((i) => takeAll(`192.0.2.${i}`))).toEqual([50, 25, 13, 6])
    expect(takeAll('192.0.2.5')).toBeGreaterThan(0)
    expect(reached('inFlight', 'refused')).toBe(5)
    expect(limits.held().inFlight).toBeLessThanOrEqual(100)
  })

  it('are begun in turns', async () => {
    const { limits } = create({})
    const begun: string[] = []
    for (let i = 0; i < 100; i++) limits.start('192.0.2.1', () => begun.push('flood'))
    limits.start('192.0.2.2', () => begun.push('polite'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(begun.indexOf('polite')).toBe(16)
  })
})

it('a hundred thousand addresses cost no more than the last of them', async () => {
  const { limits } = create({ connections: 10, inFlight: 10 })
  for (let i = 0; i < 100_000; i++) {
    limits.admit(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
    if (i % 1_000 === 0) await undefined
  }
  expect(limits.held().askers).toBeLessThan(20_100)
})

describe('other limits while it runs', () => {
  it('hold for what comes next, and what is held stays', async () => {
    const { limits, send } = create({ rate: 1, slip: 0, inFlight: 4, inFlightPerAsker: 1 })
    expect(await send('192.0.2.1', 2)).toEqual(['pass', 'drop'])
    const release = limits.claim('192.0.2.1')
    expect(limits.claim('192.0.2.1')).toBeUndefined()
    limits.update({ ...limits.settings, rate: 0, inFlightPerAsker: 2, pipelined: 7 })
    expect(await send('192.0.2.1', 2)).toEqual(['pass', 'pass'])
    expect(limits.claim('192.0.2.1')).toBeDefined()
    limits.update({ ...limits.settings, inFlight: 1 })
    release?.()
    expect(limits.claim('192.0.2.2')).toBeUndefined()
    expect(limits.held().inFlight).toBe(1)
    expect(limits.settings.pipelined).toBe(7)
  })

  it('fewer connections: idle ones make room, as many as have to', () => {
    const { limits, reached } = create({ connections: 4, connectionsPerAsker: 4 })
    const open = Array.from({ length: 4 }, () => connection())
    open[1]!.state.idle = false
    for (const each of open) limits.connect('192.0.2.1', each)
    limits.update({ ...limits.settings, connections: 2 })
    expect(limits.connect('192.0.2.2', connection())).toBeDefined()
    expect(open.map(({ state }) => state.closed)).toEqual([true, false, true, true])
    expect(limits.held().connections).toBe(2)
    expect(reached('connections', 'closed')).toBe(3)
  })
})
