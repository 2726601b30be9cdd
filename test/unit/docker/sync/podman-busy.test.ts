// A Podman that is busy, or has a container whose networks it has at odds: what berth then asks by Podman's own API, as
// Podman 5.8 answered it (engine-podman-own.json: "torn" was connected to a network while it was paused).
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { EngineConfig } from '../../../../src/config/types.ts'
import { createEngineClient } from '../../../../src/docker/api/client.ts'
import type { ApiContainer, ApiContainerRow, ApiNetwork } from '../../../../src/docker/api/types.ts'
import { networkFrom } from '../../../../src/docker/model/network.ts'
import { createReconciler } from '../../../../src/docker/sync/reconciler.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { until } from '../../../engine/docker.ts'
import { labelRules } from '../label-rules.ts'

const podman = JSON.parse(readFileSync(new URL('../engine-podman-own.json', import.meta.url), 'utf8')) as {
  mismatch: object
  containers: (ApiContainerRow & { StartedAt: number })[]
  networks: { id: string; name: string }[]
  dockerNetworks: ApiNetwork[]
  web: ApiContainer
}
const [web, torn] = ['web', 'torn'].map((name) => podman.containers.find(({ Names }) => Names![0] === name)!)
const front = podman.networks.find(({ name }) => name === 'front')!.id

type Answer = object | 'silence' | { status: number; json: object }

const refused = (status: number, json: object = { message: 'no' }) => ({ status, json })
const mismatch = refused(500, podman.mismatch)
const isRefusal = (answer: object): answer is ReturnType<typeof refused> => 'status' in answer

/** Answers by the path without its version; what is not told is recorded. */
async function busyPodman(told: Record<string, Answer> = {}, product = 'Libpod/5.8.6 (linux)') {
  const path = join(mkdtempSync(join(tmpdir(), 'berth-podman-')), 'podman.sock')
  const asked: string[] = []
  const answers: Record<string, Answer> = {
    '/containers/json?all=true': mismatch,
    '/networks': podman.dockerNetworks,
    '/libpod/containers/json?all=true': podman.containers,
    '/libpod/networks/json': podman.networks,
    [`/containers/${web!.Id}/json`]: podman.web,
    [`/containers/${torn!.Id}/json`]: mismatch,
    ...told,
  }
  const answer = (url: string, response: ServerResponse) => {
    const filtered = /^(\/libpod\/\w+\/json\?(?:all=true)?)&?filters=(.*)$/.exec(url)
    const id = filtered === null ? undefined : JSON.parse(decodeURIComponent(filtered[2]!)).id[0]
    const whole = (filtered?.[1] ?? url).replace(/\?$/, '')
    const said = answers[url] ?? answers[whole] ?? refused(404)
    if (said === 'silence') return
    if (isRefusal(said)) response.statusCode = said.status
    const body = isRefusal(said) ? said.json : said
    const rows = body as { Id?: string; id?: string }[]
    response.end(JSON.stringify(id === undefined ? body : rows.filter((row) => (row.Id ?? row.id) === id)))
  }
  const server = createServer((request, response) => {
    response.setHeader('api-version', '1.44')
    response.setHeader('server', product)
    const url = request.url!.replace(/^\/v[\d.]+/, '')
    asked.push(url)
    if (url === '/_ping') response.end('OK')
    else answer(url, response)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const address = { kind: 'unix', path, text: `unix://${path}` } as const
  const client = createEngineClient({ name: 'local', address } as EngineConfig, systemClock)
  onTestFinished(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  await client.version()
  return { client, asked, answers }
}

describe('a list that Podman refuses because of one container', () => {
  it('is its own list, of all of them', async () => {
    const { client } = await busyPodman()
    const rows = await client.listContainers()
    expect(rows.map(({ Id }) => Id)).toEqual(podman.containers.map(({ Id }) => Id))
    expect(rows[0]).toMatchObject({ Names: ['web'], State: 'running', Libpod: { networks: ['front'] } })
  })

  it('is refused where a proxy lets nobody ask for that', async () => {
    const { client } = await busyPodman({ '/libpod/containers/json?all=true': refused(403) })
    await expect(client.listContainers()).rejects.toThrow(/network inspection mismatch/)
  })

  it('is Docker’s to mend where it is Docker', async () => {
    const { client, asked } = await busyPodman({}, 'Docker/28.5.2 (linux)')
    await expect(client.listContainers()).rejects.toThrow(/network inspection mismatch/)
    expect(asked.filter((url) => url.includes('libpod'))).toEqual([])
  })
})

it.each([
  ['that is refused for other reasons is no matter of its own API', refused(403), []],
  ['that comes in time is taken', [], []],
  ['that does not come is its own one', 'silence', ['/libpod/containers/json?all=true']],
] as const)('a list %s', async (_, told, own) => {
  const { client, asked } = await busyPodman({ '/containers/json?all=true': told as Answer })
  await client.listContainers().catch(() => {})
  expect(asked.filter((url) => url.includes('libpod'))).toEqual(own)
})

describe('networks that wait for every container’s lock', () => {
  it('are as Docker’s API tells them', async () => {
    const { client, answers } = await busyPodman()
    const told = (raw: readonly ApiNetwork[]) =>
      raw.map((each) => networkFrom(each, 'e')).sort((a, b) => (a.network.id < b.network.id ? -1 : 1))
    const soon = told(await client.listNetworks())
    answers['/networks'] = 'silence'
    expect(told(await client.listNetworks())).toEqual(soon)
  })

  it('are inspected one by one', async () => {
    const { client, answers } = await busyPodman({ [`/networks/${front}`]: 'silence' })
    expect(await client.inspectNetwork(front)).toMatchObject({ Id: front, Name: 'front' })
    answers['/libpod/networks/json'] = []
    expect(await client.inspectNetwork(front)).toBeUndefined()
  })
})

describe('a container whose networks are at odds', () => {
  it('is where its networks say that it is', async () => {
    const { client } = await busyPodman()
    const row = (await client.inspectContainer(torn!.Id)) as ApiContainerRow
    expect(row).toMatchObject({ Id: torn!.Id, State: 'paused', Names: ['torn'] })
    expect(row.NetworkSettings!.Networks).toEqual({
      front: { NetworkID: front, IPAddress: '198.18.0.3', GlobalIPv6Address: '' },
    })
  })

  it('is not where it has left, though the network still knows it', async () => {
    const rows = podman.containers.map((row) => (row === torn ? { ...row, Networks: ['back'] } : row))
    const { client } = await busyPodman({ '/libpod/containers/json?all=true': rows })
    const row = (await client.inspectContainer(torn!.Id)) as ApiContainerRow
    expect(row.NetworkSettings!.Networks).toEqual({})
  })

  it('is gone where Podman has it no more', async () => {
    const { client } = await busyPodman({ '/libpod/containers/json?all=true': [] })
    expect(await client.inspectContainer(torn!.Id)).toBeUndefined()
  })
})

describe('what is known', () => {
  async function following() {
    const engine = await busyPodman({ '/containers/json?all=true': 'silence' })
    const reconcile = createReconciler({
      ...{ engine: 'e', clock: systemClock, random: () => 0, labelRules: () => labelRules, refused() {} },
      ...{ changed: () => {}, failed: () => {}, late: () => {}, invalidLabels: () => {} },
    })
    onTestFinished(() => reconcile.pause())
    const places = () =>
      Object.fromEntries(
        [...reconcile.inventory().containers.values()].map(({ name, running, endpoints }) => [
          name,
          [running, ...endpoints.flatMap(({ v4, names }) => (v4.length === 0 ? [] : [[...v4], names]))],
        ]),
      )
    return { ...engine, reconcile, places, list: () => reconcile.fullList(engine.client) }
  }
  const known = {
    web: [true, ['198.18.0.2'], ['web', 'www', web!.Id.slice(0, 12)]],
    torn: [true, ['198.18.0.3'], ['torn', torn!.Id.slice(0, 12)]],
  } as const

  it('is all of them by the first list, without one that can’t be inspected', async () => {
    const { places, list } = await following()
    await list()
    expect(places()).toMatchObject(known)
  })

  it('stays what it was as long as it is the same run, and an inspect waits', async () => {
    const { places, list, answers, reconcile } = await following()
    await list()
    answers[`/containers/${web!.Id}/json`] = 'silence'
    const suspects = await list()
    expect(places()).toMatchObject(known)
    expect(reconcile.unexplained(suspects)).toEqual([])
  })

  it('is no address of another run, until its inspect has come', async () => {
    const { places, list, answers } = await following()
    await list()
    answers[`/containers/${web!.Id}/json`] = 'silence'
    const later = podman.containers.map((row) =>
      row === web ? { ...row, StartedAt: row.StartedAt + 1 } : row,
    )
    answers['/libpod/containers/json?all=true'] = later
    await list()
    expect(places()).toMatchObject({ web: [true], torn: known.torn })
  })

  it('is the new name and the end of a run', async () => {
    const { places, list, answers } = await following()
    await list()
    for (const { Id } of [web!, torn!]) answers[`/containers/${Id}/json`] = 'silence'
    answers['/libpod/containers/json?all=true'] = [
      { ...web!, Names: ['web2'] },
      { ...torn!, State: 'exited' },
    ]
    const listing = list()
    await until(async () => 'web2' in places(), { what: 'the list is read' })
    expect(places()).toEqual({
      web2: [true, ['198.18.0.2'], ['web2', ...known.web[2].slice(1)]],
      torn: [false],
    })
    await listing
  })
})
