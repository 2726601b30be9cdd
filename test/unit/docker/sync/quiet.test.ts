// How much an engine is asked: in a minute in which nothing happens, and for a container that starts.
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import { createDockerMetrics } from '../../../../src/docker/docker-metrics.ts'
import { createWatch } from '../../../../src/docker/sync/watch.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { recordingLogger } from '../../forward/recording-logger.ts'
import { createFakeEngine } from '../fake-engine.ts'
import { labelRules } from '../label-rules.ts'

async function follow() {
  const { clock, turn } = createHandClock()
  const fake = createFakeEngine(async () => {})
  const stream = new PassThrough()
  const asked: string[] = []
  const answers: Partial<EngineClient> = {
    version: async () => ({ version: '26.1', apiVersion: '1.45' }),
    info: async () => undefined,
    ping: async () => {},
    events: async () => stream,
    pastEvents: async () => [],
    close() {},
  }
  const client = { ...fake.client, ...answers }
  const counting = new Proxy(client, {
    get(_, call: keyof EngineClient) {
      return (...args: never[]) => {
        asked.push(call)
        return (client[call] as (...args: never[]) => unknown)(...args)
      }
    },
  })
  const { log } = recordingLogger()
  const address = { kind: 'unix', path: '/nowhere', text: 'unix:///nowhere' } as const
  const watch = createWatch({
    ...{ engine: { name: 'e', address }, resync: 60_000, store: createStore(['e']), clock, log, labelRules },
    ...{ counters: createDockerMetrics(), random: () => 0.5, createClient: () => counting },
  })
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 10) {
      turn(Math.min(10, left))
      for (let i = 0; i < 5; i++) await Promise.resolve()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const tell = () => {
    for (const { type, action, id, attributes, time } of fake.takeEvents()) {
      const event = { Type: type, Action: action, Actor: { ID: id, Attributes: attributes } }
      stream.write(`${JSON.stringify({ ...event, timeNano: 0 }).replace(':0}', `:${time}000000}`)}\n`)
    }
  }
  watch.start()
  await pass(1_000)
  return { fake, watch, pass, tell, asked }
}

const countOf = (asked: readonly string[]) => {
  const counts: Record<string, number> = {}
  for (const call of asked) counts[call] = (counts[call] ?? 0) + 1
  return counts
}

it('in an idle minute an engine is asked whether it is there, or what has happened, every two seconds', async () => {
  const { watch, pass, asked } = await follow()
  asked.length = 0
  await pass(60_000)
  const { ping = 0, pastEvents = 0, ...others } = countOf(asked)
  expect(pastEvents).toBe(15)
  expect(ping + pastEvents).toBeLessThanOrEqual(30)
  expect(ping + pastEvents).toBeGreaterThanOrEqual(29)
  expect(others).toEqual({ listNetworks: 1, listContainers: 1 })
  await watch.stop()
})

it('a container that is made and started takes two inspects of it, and one of its network', async () => {
  const { fake, watch, pass, tell, asked } = await follow()
  asked.length = 0
  fake.act('create', 0, 0)
  tell()
  await pass(30)
  fake.act('start', 0, 0)
  tell()
  await pass(500)
  expect(countOf(asked)).toEqual({ inspectContainer: 2, inspectNetwork: 1 })
  await watch.stop()
})
