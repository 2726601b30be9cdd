// Whether a stream that tells less than the engine remembers is found out, and one that tells all is left alone.
import { expect, it } from 'vitest'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import type { EngineEvent } from '../../../../src/docker/api/event-stream.ts'
import { createStreamCheck } from '../../../../src/docker/sync/stream-check.ts'
import { createHandClock } from '../../../hand-clock.ts'

const never = new AbortController().signal

function open() {
  const { clock, turn } = createHandClock()
  const events: EngineEvent[] = []
  const state = { fails: false }
  const client = {
    async pastEvents(from: number, to: number) {
      if (state.fails) throw new Error('no answer')
      return events.filter(({ time }) => time >= from && time < to)
    },
  } as unknown as EngineClient
  const ear = createStreamCheck(client, clock, clock.now)
  const happen = (id: string): EngineEvent => {
    const event: EngineEvent = {
      ...{ type: 'container', action: 'start', id, attributes: { name: id }, time: clock.now() },
    }
    events.push(event)
    return event
  }
  /** A check, while a slow stream has its time. */
  const check = async () => {
    const told = ear.check(never)
    for (let i = 0; i < 10; i++) await Promise.resolve()
    turn(2_000)
    return told
  }
  return { ear, happen, check, turn, state }
}

it('finds what the stream did not tell', async () => {
  const { ear, happen, check, turn } = open()
  turn(1_000)
  ear.observe(happen('a'))
  const lost = happen('b')
  turn(3_000)
  expect(await check()).toEqual({ missed: [lost], inconclusive: false })
  turn(4_000)
  expect(await check()).toEqual({ missed: [], inconclusive: false })
})

it('after minutes without an answer it says that it can not tell of what is long ago, and nothing else', async () => {
  const { ear, happen, check, turn, state } = open()
  state.fails = true
  for (let i = 0; i < 40; i++) {
    turn(4_000)
    ear.observe(happen(`c${i}`))
    await expect(ear.check(never)).rejects.toThrow('no answer')
  }
  state.fails = false
  turn(4_000)
  expect(await check()).toEqual({ missed: [], inconclusive: true })
  turn(4_000)
  expect(await check()).toEqual({ missed: [], inconclusive: false })
})
