// The engine's clock: what is waited for, what is believed meanwhile, and what becomes of it once /info has told.
import { describe, expect, it } from 'vitest'
import { readEngineClock } from '../../../../src/docker/sync/engine-clock.ts'
import { createHandClock } from '../../../hand-clock.ts'

function open(told: { skew?: number; second?: number; info?: Promise<number | undefined> }) {
  const { clock, turn } = createHandClock()
  const skews: number[] = []
  const said = { set: 0, silent: 0 }
  const reading = readEngineClock({
    ...{ clock, skew: told.skew, second: told.second && clock.now() + told.second },
    systemTime: () => told.info ?? Promise.resolve(undefined),
    skewed: (ms) => skews.push(ms),
    wasSet: () => void said.set++,
    silent: () => void said.silent++,
  })
  return { clock, turn, skews, said, reading }
}

const hour = 3_600_000
const never = new Promise<never>(() => {})
const now = () => createHandClock().clock.now()

describe('the engine’s clock', () => {
  it.each([
    ['the ping tells it', { second: hour, info: never }, hour + 500],
    ['the ping tells one like ours', { second: -700, info: never }, 0],
    ['an earlier connection told it', { skew: hour, second: 5_000, info: never }, hour],
  ])('is not waited for where %s', async (_, told, skew) => {
    const { reading, skews, clock } = open(told)
    const engine = await reading
    expect(skews).toEqual([skew])
    expect(Math.abs(engine.now() - clock.now() - skew)).toBeLessThan(1_000)
  })

  it('is waited for where nothing tells it', async () => {
    const { reading, skews, clock, said, turn } = open({ info: Promise.resolve(now() + hour) })
    const engine = await reading
    expect([skews, said]).toEqual([[hour], { set: 0, silent: 0 }])
    await engine.learn()
    turn(2_500)
    expect(engine.now()).toBe(clock.now() + hour)
    expect(skews).toEqual([hour])
  })

  it('is ours where nobody tells it', async () => {
    const { reading, skews, clock, said } = open({ info: Promise.reject(new Error('refused')) })
    expect((await reading).now()).toBe(clock.now())
    expect([skews, said]).toEqual([[0], { set: 0, silent: 1 }])
  })

  it('is told to the millisecond after the list, and the connection stays', async () => {
    const { reading, skews, clock, said } = open({ second: hour, info: Promise.resolve(now() + hour + 900) })
    const engine = await reading
    await engine.learn()
    expect(engine.now()).toBe(clock.now() + hour + 900)
    expect([skews, said.set]).toEqual([[hour + 500, hour + 900], 0])
  })

  it('stays the ping’s where /info is refused', async () => {
    const { reading, skews, said } = open({ second: hour, info: Promise.resolve(undefined) })
    await (await reading).learn()
    expect([skews, said.set]).toEqual([[hour + 500, hour + 500], 0])
  })

  it.each([
    ['a proxy’s date', { second: hour }],
    ['that of an earlier connection', { skew: hour }],
  ])('that is another than %s ends the connection', async (_, told) => {
    const { reading, skews, said } = open({ ...told, info: Promise.resolve(now() + 100) })
    await (await reading).learn()
    expect([skews.at(-1), said.set]).toEqual([0, 1])
  })
})
