// The synthetic engine's answers have every field that a real one's have, and no other, each of the same kind: what it
// costs to read them is what it costs to read Docker's.
import http from 'node:http'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectEngine } from '../tools/soak/api.ts'
import { kindsOf } from '../tools/synthetic/kinds.ts'
import { type SyntheticEngine, startSyntheticEngine } from '../tools/synthetic/server.ts'
import { docker, runContainer } from './docker.ts'
import { removeNetworks } from './project.ts'

const network = 'synthetic-net'
const labels = {
  'com.docker.compose.project': 'synthetic',
  'com.docker.compose.service': 'web',
  'com.docker.compose.container-number': '1',
}

let ours: SyntheticEngine

beforeAll(async () => {
  ours = await startSyntheticEngine({ size: { networks: 2, containers: 5 } })
  const [, stopped] = ours.estate.containers.keys()
  ours.estate.stop(stopped!)
  await docker('network', 'create', '--label', 'a=b', network)
  const options = ['--network', network, '--network-alias', 'alias', '--hostname', 'host', '--expose', '8080']
  const labelled = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`])
  const more = ['--env', 'MODE=production', '--restart', 'unless-stopped', '--workdir', '/']
  for (const name of ['synthetic-1', 'synthetic-2'])
    await runContainer(name, ...options, ...labelled, ...more)
  await docker('stop', '--time', '0', 'synthetic-2')
})

afterAll(async () => {
  ours.close()
  await docker('rm', '--force', 'synthetic-1', 'synthetic-2')
  await removeNetworks(network)
})

function fromOurs(path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    http
      .get({ socketPath: ours.url.slice('unix://'.length), path }, (response) => resolve(json(response)))
      .on('error', reject)
  })
}

/** Paths that only one has, and those whose kinds are never the same. */
function differences(theirs: readonly unknown[], mine: readonly unknown[]): string[] {
  const [a, b] = [kindsOf(theirs), kindsOf(mine)]
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((path) => ![...(a.get(path) ?? [])].some((kind) => b.get(path)?.has(kind)))
    .map((path) => `${path}: ${[...(a.get(path) ?? ['none'])]}, not ${[...(b.get(path) ?? ['none'])]}`)
    .sort()
}

describe('beside Docker’s own', () => {
  const real = connectEngine()
  const ids = () => [...ours.estate.containers.keys()]

  it('a container’s inspect has the same fields', async () => {
    const theirs = await Promise.all(
      ['synthetic-1', 'synthetic-2'].map((id) => real.getContainer(id).inspect()),
    )
    const mine = await Promise.all(ids().map((id) => fromOurs(`/containers/${id}/json`)))
    expect(differences(theirs, mine)).toEqual([])
  })

  it('a list’s rows have', async () => {
    const filters = { label: ['com.docker.compose.project=synthetic'] }
    const theirs = await real.listContainers({ all: true, filters })
    expect(differences(theirs, (await fromOurs('/containers/json?all=true')) as unknown[])).toEqual([])
  })

  it('a network has, listed and inspected', async () => {
    const theirs = await real.listNetworks({ filters: { name: [network] } })
    expect(differences(theirs, (await fromOurs('/networks')) as unknown[])).toEqual([])
    const inspected = await real.getNetwork(network).inspect()
    const { id } = ours.estate.networks[0]!
    expect(differences([inspected], [await fromOurs(`/networks/${id}`)])).toEqual([])
  })
})
