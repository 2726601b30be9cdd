// Events that are lost, late or in pieces: the table is the engine's all the same, and what was missed is counted.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { addressesOf, digFrom, docker, runContainer, until } from './docker.ts'
import { removeContainers, removeNetworks } from './project.ts'
import { createProxy, type EngineProxy } from './proxy.ts'

let proxy: EngineProxy
let berth: Berth

beforeAll(async () => {
  await docker('network', 'create', 'lost_net')
  proxy = await createProxy(process.env.DOCKER_HOST!.replace(/^unix:\/\//, ''))
  berth = await startBerth({
    listen: ['127.0.0.1:1053'],
    docker: { engines: [{ name: 'proxied', url: `unix://${proxy.path}` }], resync: '1h' },
    forward: { upstreams: [] },
  })
})

afterAll(async () => {
  expect(await berth?.stop()).toBe(0)
  proxy?.close()
  await removeContainers('lost-')
  await removeNetworks('lost_net')
})

const ask = async (name: string): Promise<string | undefined> => {
  const reply = await digFrom('host', { server: '127.0.0.1', port: 1053, name })
  return reply.answers[0]?.data
}
const metric = async (name: string): Promise<number> => {
  const text = await (await fetch('http://127.0.0.1:9153/metrics')).text()
  return Number(new RegExp(`^${name}\\{engine="proxied"\\} (\\S+)$`, 'm').exec(text)?.[1])
}
const start = (name: string) => runContainer(name, '--network', 'lost_net')
/** A look at the past is due within 10 s, a reconnect likewise: what takes longer is the machine's doing. */
const deadlineMs = 60_000
const answers = (name: string) =>
  until(async () => (await ask(name)) === (await addressesOf(name)).lost_net!.v4, { what: name, deadlineMs })

it('a stream that delivers nothing more, while pings are answered, is found by a look at the past, and is counted', async () => {
  const drift = await metric('berth_docker_resync_drift_total')
  proxy.setMode('half-open')
  proxy.setMode('pass')
  await start('lost-unheard')
  expect(await ask('lost-unheard')).toBeUndefined()
  await answers('lost-unheard')
  expect(await metric('berth_docker_resync_drift_total')).toBe(drift + 1)
  expect(await metric('berth_docker_connected')).toBe(1)
})

it('a quiet stream is left alone: nothing is found missing where nothing was', async () => {
  const [drift, streams] = [await metric('berth_docker_resync_drift_total'), proxy.streams]
  await start('lost-heard')
  await answers('lost-heard')
  const errors = async () => (await metric('berth_docker_errors_total')) || 0
  const before = await errors()
  const looks = proxy.looks
  await until(() => proxy.looks >= looks + 2, { what: 'two looks at the past', deadlineMs })
  expect(await metric('berth_docker_resync_drift_total')).toBe(drift)
  expect(proxy.streams).toBe(streams)
  expect(await errors()).toBe(before)
})

it('a stream in pieces of a few bytes is read as a whole one', async () => {
  proxy.setMode('split')
  const drift = await metric('berth_docker_resync_drift_total')
  await start('lost-split')
  await answers('lost-split')
  expect(await metric('berth_docker_resync_drift_total')).toBe(drift)
  proxy.setMode('pass')
})

it('a late stream is followed as it comes', async () => {
  proxy.setMode('delay')
  await start('lost-late')
  await answers('lost-late')
  await docker('stop', 'lost-late')
  await until(async () => (await ask('lost-late')) === undefined, { what: 'gone', deadlineMs })
  proxy.setMode('pass')
})

it('what happened while the engine was out of reach is read at the reconnect', async () => {
  proxy.setMode('drop')
  await start('lost-meanwhile')
  await docker('rm', '--force', 'lost-heard')
  proxy.setMode('pass')
  await answers('lost-meanwhile')
  expect(await ask('lost-heard')).toBeUndefined()
})
