// A smoke check of the private Podman: what all other tests beside it take for granted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressesOf, digFrom, docker, pidOf, runContainer, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { gatewayOf, removeNetworks } from './project.ts'

const network = 'smoke'

beforeAll(async () => {
  await docker('network', 'create', network)
  await runContainer('smoke-a', '--network', network)
  await runContainer('smoke-b', '--network', network, '--network-alias', 'alias')
})

afterAll(async () => {
  await docker('rm', '--force', 'smoke-a', 'smoke-b')
  await removeNetworks(network)
})

/** What the network's own name server, aardvark-dns, says to the first container. */
async function ask(name: string): Promise<string[]> {
  const { v4: gateway } = await gatewayOf(network)
  const reply = await digFrom(await pidOf('smoke-a'), {
    server: gateway,
    port: 53,
    name: `${name}.dns.podman`,
  })
  return reply.answers.map(({ data }) => data)
}

describe('Podman', () => {
  it('is Podman 5, asked with the docker command', async () => {
    expect(await docker('version', '--format', '{{(index .Server.Components 0).Name}}')).toBe('Podman Engine')
    expect(await docker('version', '--format', '{{.Server.Version}}')).toMatch(/^5\./)
  })

  it('answers for names at the network’s gateway', async () => {
    const { [network]: addresses } = await addressesOf('smoke-b')
    expect(addresses?.v4).toMatch(/^198\.18\./)
    for (const name of ['smoke-b', 'alias']) expect(await ask(name)).toEqual([addresses?.v4])
  })
})

describe.runIf(privateEngine())('a private Podman', () => {
  const engine = privateEngine()!

  it.each(['killed', 'stopped'])(
    'leaves containers and their names alone when its service is %s',
    async (how) => {
      const before = [await pidOf('smoke-a'), await pidOf('smoke-b')] as const
      const { [network]: addresses } = await addressesOf('smoke-b')
      const { v4: gateway } = await gatewayOf(network)
      await (how === 'killed' ? engine.kill() : engine.stop())
      expect(await engine.answers()).toBe(false)
      const reply = await digFrom(before[0], { server: gateway, port: 53, name: 'smoke-b.dns.podman' })
      expect(reply.answers.map(({ data }) => data)).toEqual([addresses?.v4])

      await engine.start()
      expect([await pidOf('smoke-a'), await pidOf('smoke-b')]).toEqual(before)
      expect(await addressesOf('smoke-b')).toMatchObject({ [network]: addresses })
      await docker('restart', '--time', '0', 'smoke-b')
      const { [network]: again } = await addressesOf('smoke-b')
      await until(async () => String(await ask('smoke-b')) === again?.v4, {
        what: 'its new address is known',
      })
    },
  )
})
