// Beside Podman 5: what is otherwise than with Docker. That changes are followed, follow.test.ts shows there as well.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { podman } from './compare/podman-estate.ts'
import { addressesOf, digFrom, docker, runContainer, until } from './docker.ts'
import { image } from './image.ts'
import { gatewayOf, removeContainers, removeNetworks } from './project.ts'

/** No list before the end: what answers has been told by an event. */
const eventsOnly = { resync: '24h' }
const port = 1053
let berth: Berth

beforeAll(async () => {
  await docker('network', 'create', 'pod_one')
  await docker('network', 'create', 'pod_two')
  await runContainer('pod-asker', '--network', 'pod_one')
  await runContainer('pod-other', '--network', 'pod_two')
  berth = await startBerth({
    listen: [`127.0.0.1:${port}`, `*:${port}`],
    docker: eventsOnly,
    forward: { upstreams: [] },
  })
})

afterAll(async () => {
  await berth?.stop()
  await podman('pod', 'rm', '--all', '--force', '--time', '0')
  await removeContainers('pod-')
  await removeNetworks('pod_one', 'pod_two')
})

/** As the container asks berth at its gateway. */
async function ask(from: string, name: string, type = 'A', network = 'pod_one') {
  const { v4 } = await gatewayOf(network)
  const { rcode, answers } = await digFrom(from, { server: v4, port, name, type })
  return { rcode, answers: answers.map(({ data }) => data).sort() }
}

const found = (...addresses: (string | undefined)[]) => ({ rcode: 'NOERROR', answers: addresses })
const nobody = { rcode: 'NXDOMAIN', answers: [] }

async function expectSoon(
  expected: Awaited<ReturnType<typeof ask>> | ReturnType<typeof found>,
  ...question: Parameters<typeof ask>
) {
  await until(() => ask(...question), {
    what: `${question.slice(0, 2).join(' asks ')}`,
    accept: (seen) => JSON.stringify(seen) === JSON.stringify(expected),
  })
}

const on = async (container: string, network: string) => (await addressesOf(container))[network]?.v4

describe('names', () => {
  it('NAME.dns.podman is NAME, and nobody’s is not forwarded', async () => {
    const address = await on('pod-asker', 'pod_one')
    expect(await ask('pod-asker', 'pod-asker.dns.podman')).toEqual(found(address))
    expect(await ask('pod-asker', 'pod-other.dns.podman')).toEqual(nobody)
    expect(await ask('pod-other', 'pod-asker.dns.podman', 'A', 'pod_two')).toEqual(nobody)
  })

  it('host.containers.internal is the address that Podman writes into /etc/hosts', async () => {
    const hosts = await docker('exec', 'pod-asker', 'cat', '/etc/hosts')
    const address = /^(\S+)\s.*\bhost\.containers\.internal\b/m.exec(hosts)?.[1]
    expect(await ask('pod-asker', 'host.containers.internal')).toEqual(found(address))
  })

  it('on the default network, which has two names and no DNS of Podman’s', async () => {
    await runContainer('pod-plain')
    await runContainer('pod-plain2', '--network', 'bridge')
    const address = await on('pod-plain2', 'podman')
    for (const name of ['pod-plain2', 'pod-plain2.bridge', 'pod-plain2.dns.podman']) {
      await expectSoon(found(address), 'pod-plain', name, 'A', 'podman')
    }
    await docker('network', 'connect', 'pod_one', 'pod-plain')
    await expectSoon(found(await on('pod-plain', 'pod_one')), 'pod-asker', 'pod-plain')
    await docker('network', 'disconnect', 'podman', 'pod-plain')
    await expectSoon(nobody, 'pod-plain2', 'pod-plain', 'A', 'podman')
    await docker('rm', '--force', 'pod-plain', 'pod-plain2')
    await expectSoon(nobody, 'pod-asker', 'pod-plain')
  })

  it('labels of an image grant nothing', async () => {
    await docker('run', '--name', 'pod-maker', image, 'true')
    await docker('commit', '--change', 'LABEL berth.names=granted.example', 'pod-maker', 'pod-evil:1')
    await docker('run', '-d', '--name', 'pod-evil', '--network', 'pod_one', 'pod-evil:1', 'sleep', '1000')
    const label = ['--label', 'berth.names=operators.example']
    await docker('run', '-d', '--name', 'pod-good', '--network', 'pod_one', ...label, image, 'sleep', '1000')
    await expectSoon(found(await on('pod-good', 'pod_one')), 'pod-asker', 'operators.example')
    await expectSoon(found(await on('pod-evil', 'pod_one')), 'pod-asker', 'pod-evil')
    expect((await ask('pod-asker', 'granted.example')).answers).toEqual([])
    await docker('rm', '--force', 'pod-good', 'pod-evil', 'pod-maker')
    await docker('rmi', 'pod-evil:1')
  })
})

describe('a pod', () => {
  it('answers to its own name, its alias and its members’, and they ask for all of its networks', async () => {
    await podman('pod', 'create', '--network', 'pod_one:alias=pod-alias', '--network', 'pod_two', 'pod-p')
    for (const name of ['pod-m1', 'pod-m2'])
      await podman('run', '-d', '--pod', 'pod-p', '--name', name, image)
    const { pod_one: one, pod_two: two } = await addressesOf('pod-m1')
    for (const name of ['pod-p', 'pod-alias', 'pod-m1', 'pod-m2', 'pod-m2.dns.podman']) {
      await expectSoon(found(one?.v4), 'pod-asker', name)
    }
    await expectSoon(found(two?.v4), 'pod-other', 'pod-m1', 'A', 'pod_two')
    // Whichever member asks, it is the pod's address that tells.
    for (const member of ['pod-m1', 'pod-m2']) {
      await expectSoon(found(await on('pod-asker', 'pod_one')), member, 'pod-asker')
      await expectSoon(found(await on('pod-other', 'pod_two')), member, 'pod-other')
    }
  })

  it('started again, has its new addresses; removed, no name of it is left', async () => {
    await podman('pod', 'restart', '--time', '0', 'pod-p').catch(() => podman('pod', 'restart', 'pod-p'))
    for (const name of ['pod-p', 'pod-m1']) {
      await expectSoon(found(await on('pod-m1', 'pod_one')), 'pod-asker', name)
    }
    await podman('pod', 'rm', '--force', '--time', '0', 'pod-p')
    for (const name of ['pod-p', 'pod-alias', 'pod-m1', 'pod-m2']) await expectSoon(nobody, 'pod-asker', name)
  })

  it('that is called otherwise than its host answers to both', async () => {
    await podman('pod', 'create', '--network', 'pod_one', '--hostname', 'pod-given', 'pod-q')
    await podman('run', '-d', '--pod', 'pod-q', '--name', 'pod-m3', image)
    for (const name of ['pod-q', 'pod-given', 'pod-m3']) {
      await expectSoon(found(await on('pod-m3', 'pod_one')), 'pod-asker', name)
    }
    await podman('pod', 'rm', '--force', '--time', '0', 'pod-q')
  })
})

it('a hundred connects in a row are all told by their events', async () => {
  await runContainer('pod-many', '--network', 'pod_one')
  for (let i = 0; i < 100; i++) {
    await docker('network', 'connect', '--alias', `pod-turn${i}`, 'pod_two', 'pod-many')
    await until(() => ask('pod-other', `pod-turn${i}`, 'A', 'pod_two'), {
      what: `pod-turn${i} is there`,
      accept: ({ answers }) => answers.length === 1,
    })
    await docker('network', 'disconnect', 'pod_two', 'pod-many')
  }
  await expectSoon(nobody, 'pod-other', 'pod-many', 'A', 'pod_two')
  await docker('rm', '--force', 'pod-many')
})

describe('a container whose networks Podman has at odds', () => {
  it('is answered where it is, and all others are, though no list of them can be had', async () => {
    await runContainer('pod-torn', '--network', 'pod_one', '--network-alias', 'pod-rent')
    const address = await on('pod-torn', 'pod_one')
    await expectSoon(found(address), 'pod-asker', 'pod-rent')
    await docker('pause', 'pod-torn')
    await docker('network', 'connect', 'pod_two', 'pod-torn')
    await expect(docker('ps', '--all')).rejects.toThrow(/network inspection mismatch/)
    const asker = await podman(
      'inspect',
      '--format',
      '{{.NetworkSettings.Networks.pod_one.IPAddress}}',
      'pod-asker',
    )
    const fresh = await startBerth({
      ...{ listen: ['127.0.0.1:1054'], http: 'off', docker: eventsOnly, forward: { upstreams: [] } },
    })
    const told = async (port: number, name: string) => {
      const { answers } = await digFrom('host', {
        server: '127.0.0.1',
        port,
        name: `${name}.docker.internal`,
      })
      return answers.map(({ data }) => data)
    }
    for (const each of [port, 1054]) {
      await until(() => told(each, 'pod-torn.pod_one'), {
        what: `pod-torn by port ${each}`,
        accept: (seen) => seen[0] === address,
      })
      expect(await told(each, 'pod-asker.pod_one')).toEqual([asker.trim()])
      expect(await told(each, 'pod-torn.pod_two')).toEqual([])
    }
    expect(await told(port, 'pod-rent.pod_one')).toEqual([address])
    await fresh.stop()
    // Taken off again, it is whole.
    await docker('network', 'disconnect', 'pod_two', 'pod-torn')
    await docker('unpause', 'pod-torn')
    await expectSoon(found(address), 'pod-asker', 'pod-rent')
    await docker('rm', '--force', 'pod-torn')
    await expectSoon(nobody, 'pod-asker', 'pod-torn')
  })
})

it('a container that is being stopped keeps its name until it has ended', async () => {
  const patient = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done']
  await docker(
    'run',
    '-d',
    '--name',
    'pod-patient',
    '--network',
    'pod_one',
    '--stop-signal',
    'TERM',
    image,
    ...patient,
  )
  const address = await on('pod-patient', 'pod_one')
  await expectSoon(found(address), 'pod-asker', 'pod-patient')
  const stopped = docker('stop', '--time', '8', 'pod-patient')
  await until(() => podman('ps', '--all', '--format', '{{.Names}} {{.State}}'), {
    what: 'it is being stopped',
    accept: (told) => /pod-patient stopping/.test(told),
  })
  await docker('rename', 'pod-patient', 'pod-leaving')
  await expectSoon(found(address), 'pod-asker', 'pod-leaving')
  await stopped
  await expectSoon(nobody, 'pod-asker', 'pod-leaving')
  await docker('rm', 'pod-leaving')
})

describe('port 53 of a gateway', () => {
  it('is aardvark-dns’s, and berth’s where the network has no DNS of Podman’s', async () => {
    await podman('network', 'create', '--disable-dns', 'pod_own')
    const { v4: gateway } = await gatewayOf('pod_own')
    await runContainer('pod-first', '--network', 'pod_own', '--dns', gateway)
    await runContainer('pod-second', '--network', 'pod_own', '--network-alias', 'pod-alias', '--dns', gateway)
    const { v4: taken } = await gatewayOf('pod_one')
    const second = await startBerth({
      ...{ listen: [`${gateway}:53`, `${taken}:53`], http: 'off' },
      ...{ docker: eventsOnly, forward: { upstreams: [] } },
    })
    await until(() => second.lines.some((line) => JSON.stringify(line).includes(`${taken} port 53`)), {
      what: 'berth says which address is taken',
    })
    const line = second.lines.find((each) => JSON.stringify(each).includes(`${taken} port 53`))!
    expect(JSON.stringify(line)).toContain('aardvark-dns')
    const address = await on('pod-second', 'pod_own')
    for (const name of ['pod-second', 'pod-alias']) {
      // The container's own resolver, by its own files.
      await until(() => docker('exec', 'pod-first', 'nslookup', name), {
        what: `${name} is ${address}`,
        accept: (said) => said.includes(`Address: ${address}`),
      })
    }
    await second.stop()
    await docker('rm', '--force', 'pod-first', 'pod-second')
    await removeNetworks('pod_own')
  })
})

it('nothing was found that no event had told', () => expect(berth.foundLate()).toEqual([]))
