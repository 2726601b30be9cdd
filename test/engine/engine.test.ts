// A smoke check of the engine the tests run beside: what all other engine tests take for granted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressesOf, digFrom, docker, pidOf, runContainer, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { removeNetworks } from './project.ts'

const network = 'smoke'
const resolver = { server: '127.0.0.11' }

beforeAll(async () => {
  await docker('network', 'create', '--ipv6', '--subnet', 'fd00:5e::/64', network)
  await runContainer('smoke-a', '--network', network)
  await runContainer('smoke-b', '--network', network, '--restart', 'always', '--network-alias', 'alias')
})

afterAll(async () => {
  await docker('rm', '--force', 'smoke-a', 'smoke-b')
  await removeNetworks(network)
})

describe('a Docker engine', () => {
  it('has the version that was asked for', async () => {
    const version = await docker('version', '--format', '{{.Server.Version}}')
    expect(version.startsWith(`${process.env.BERTH_ENGINE}.`)).toBe(true)
  })

  it('gives containers addresses of both families on a user-defined network', async () => {
    const { [network]: addresses } = await addressesOf('smoke-a')
    expect(addresses?.v4).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
    expect(addresses?.v6).toMatch(/^fd00:5e::/)
    expect(await docker('exec', 'smoke-b', 'ping', '-6', '-c', '1', '-w', '3', 'smoke-a')).toContain(
      ' 0% packet loss',
    )
  })

  it('answers for names at 127.0.0.11, over UDP and TCP, as seen from a container', async () => {
    const { [network]: addresses } = await addressesOf('smoke-b')
    for (const tcp of [false, true]) {
      const v4 = await digFrom('smoke-a', { ...resolver, name: 'alias', tcp })
      expect(v4.rcode).toBe('NOERROR')
      expect(v4.answers).toEqual([{ name: 'alias.', ttl: 600, type: 'A', data: addresses?.v4 }])
      const v6 = await digFrom('smoke-a', { ...resolver, name: 'smoke-b', type: 'AAAA', tcp })
      expect(v6.answers.map(({ data }) => data)).toEqual([addresses?.v6])
    }
  })

  it('shows it when no name server is there', async () => {
    const reply = await digFrom('host', { server: '127.0.0.1', port: 9, name: 'smoke-a' })
    expect(reply).toMatchObject({ rcode: 'TIMEOUT', answers: [] })
  })
})

describe.runIf(privateEngine())('a private engine', () => {
  const engine = privateEngine()!

  it('keeps containers running over a crash with --live-restore', async () => {
    const before = await pidOf('smoke-a')
    await engine.kill()
    expect(await engine.answers()).toBe(false)
    expect((await digFrom(before, { ...resolver, name: 'smoke-b' })).rcode).toBe('TIMEOUT')

    await engine.start(['--live-restore'])
    expect(await pidOf('smoke-a')).toBe(before)
    expect((await digFrom('smoke-a', { ...resolver, name: 'smoke-b' })).rcode).toBe('NOERROR')
  })

  it('starts containers again by their restart policy after a crash without it', async () => {
    const before = await pidOf('smoke-b')
    await engine.kill()
    expect(process.kill(before, 0)).toBe(true)

    await engine.start()
    expect(await docker('inspect', '--format', '{{.State.Running}}', 'smoke-a')).toBe('false')
    await docker('start', 'smoke-a')
    expect(await until(() => pidOf('smoke-b'), { what: 'smoke-b runs again' })).not.toBe(before)
    const { [network]: addresses } = await addressesOf('smoke-b')
    const reply = await digFrom('smoke-a', { ...resolver, name: 'smoke-b' })
    expect(reply.answers.map(({ data }) => data)).toEqual([addresses?.v4])
  })
})
