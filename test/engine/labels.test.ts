// Whose labels count, on a real engine: images that take over names, and operators that give them.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { addressesOf, digFrom, docker, runContainer, until } from './docker.ts'
import { image } from './image.ts'
import { gatewayOf, removeContainers, removeNetworks } from './project.ts'

const run = promisify(execFile)
const config = { listen: ['*:53'], http: '127.0.0.1:9153', forward: { upstreams: [] } }
let berth: Berth
/** Where containers on the network reach berth. */
let server: string

/** What the image says of itself, and more. */
const claims = {
  'com.docker.compose.project': 'labshop',
  'com.docker.compose.service': 'db',
  'berth.names': 'db,postgres,lab-real.lab_front,wpad,*.docker.internal,*.com,early.test',
  'berth.ttl': '60',
}

async function build(tag: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-labels-'))
  try {
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${image}\nSTOPSIGNAL SIGKILL\n`)
    const words = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`])
    const env = { ...process.env, DOCKER_BUILDKIT: '0' }
    await run('docker', ['build', '--quiet', '--tag', tag, ...words, folder], { env })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const runImage = (of: string, name: string, ...args: string[]) =>
  docker('run', '--detach', '--name', name, ...args, of)

beforeAll(async () => {
  await docker('network', 'create', 'lab_front')
  await build('lab-evil', claims)
  await runContainer('lab-asker', '--network', 'lab_front')
  await runContainer('lab-real', '--network', 'lab_front')
  const project = [
    '--label',
    'com.docker.compose.project=labshop',
    '--label',
    'com.docker.compose.service=db',
  ]
  await runContainer('labshop-db-1', '--network', 'lab_front', '--network-alias', 'db', ...project)
  berth = await startBerth(config)
  server = (await gatewayOf('lab_front')).v4
})

afterAll(async () => {
  expect(await berth?.stop()).toBe(0)
  await removeContainers('lab')
  await removeNetworks('lab_front')
})

const host = async (name: string) => {
  const { rcode, answers } = await digFrom('host', { server: '127.0.0.1', name })
  return answers.length > 0 ? answers.map(({ data }) => data) : rcode
}
const neighbour = async (name: string) => {
  const { rcode, answers } = await digFrom('lab-asker', { server, name })
  return answers.length > 0 ? answers.map(({ data }) => data) : rcode
}
const addressOf = async (name: string, network = 'lab_front') => [(await addressesOf(name))[network]!.v4!]

/** Berth knows the container, and all that its labels grant. */
async function isKnown(name: string, network = 'bridge'): Promise<void> {
  const address = await addressOf(name, network)
  await until(() => host(name), { what: name, accept: (told) => String(told) === String(address) })
  await until(async () => (await ignored(name)).every(({ why }) => !why.includes('could not be read yet')), {
    what: `the image of ${name} is read`,
  })
}

async function ignored(name: string): Promise<{ label: string; value: string; why: string }[]> {
  const reply = await (await fetch('http://127.0.0.1:9153/api/names?as=host')).json()
  return (
    reply as { ignoredLabels: { container: string; label: string; value: string; why: string }[] }
  ).ignoredLabels.filter(({ container }) => container === name)
}

/** Nothing that the image claims is the container’s. */
async function expectNothing(): Promise<void> {
  const [db, real] = [await addressOf('labshop-db-1'), await addressOf('lab-real')]
  expect(await host('db')).toEqual(db)
  expect(await host('db.labshop.docker.internal')).toEqual(db)
  expect(await host('lab-real.lab_front.docker.internal')).toEqual(real)
  for (const name of ['postgres', 'wpad', 'unknown.docker.internal', 'early.test.docker.internal']) {
    expect([name, await host(name)]).toEqual([name, 'NXDOMAIN'])
  }
  expect(await neighbour('db')).toEqual(db)
  expect(await neighbour('db.labshop')).toEqual(db)
  expect(await neighbour('wpad')).toBe('NXDOMAIN')
  expect(['REFUSED', 'SERVFAIL']).toContain(await neighbour('www.example.com'))
}

describe('an image’s own labels grant nothing', () => {
  it.each(['bridge', 'lab_front'])('by plain docker run, on %s', async (network) => {
    await runImage('lab-evil', 'lab-plain', '--network', network)
    await isKnown('lab-plain', network)
    await expectNothing()
    expect((await ignored('lab-plain')).map(({ label }) => label).sort()).toEqual(Object.keys(claims).sort())
    await docker('rm', '--force', 'lab-plain')
  })

  it('of an image that was retagged, or is named by its digest', async () => {
    await docker('tag', 'lab-evil', 'lab-retagged')
    await runImage('lab-retagged', 'lab-two', '--network', 'lab_front')
    await runImage(await docker('image', 'inspect', '--format', '{{.Id}}', 'lab-evil'), 'lab-three')
    await isKnown('lab-two', 'lab_front')
    await isKnown('lab-three')
    await expectNothing()
    await removeContainers('lab-two')
    await removeContainers('lab-three')
  })

  it('of an image that was committed from a container with the operator’s labels', async () => {
    await runImage(image, 'lab-source', '--label', 'berth.names=committed.test', '--network', 'lab_front')
    await until(() => neighbour('committed.test'), { what: 'the label', accept: Array.isArray })
    await docker('commit', 'lab-source', 'lab-committed')
    await docker('rm', '--force', 'lab-source')
    await runImage('lab-committed', 'lab-copy', '--network', 'lab_front')
    await isKnown('lab-copy', 'lab_front')
    expect(await neighbour('committed.test')).not.toEqual(await addressOf('lab-copy'))
    expect((await ignored('lab-copy')).map(({ label }) => label)).toEqual(['berth.names'])
    await docker('rm', '--force', 'lab-copy')
  })

  it('until it is known whose they are: an image that is gone', async () => {
    await build('lab-gone', { 'berth.names': 'gone.test' })
    await runImage(
      'lab-gone',
      'lab-orphan',
      '--network',
      'lab_front',
      '--label',
      'com.docker.compose.project=x',
    )
    await docker('stop', 'lab-orphan')
    await docker('rmi', '--force', await docker('image', 'inspect', '--format', '{{.Id}}', 'lab-gone'))
    await expect(docker('image', 'inspect', 'lab-gone')).rejects.toThrow()
    expect(await berth.stop()).toBe(0)
    await docker('start', 'lab-orphan')
    berth = await startBerth(config)
    await until(() => neighbour('lab-orphan'), { what: 'its own name', accept: Array.isArray })
    expect(await neighbour('gone.test')).not.toEqual(await addressOf('lab-orphan'))
    expect((await ignored('lab-orphan')).length).toBe(2)
    await docker('rm', '--force', 'lab-orphan')
  })
})

describe('an operator’s labels', () => {
  it('grant names on the container’s networks, also over an image’s', async () => {
    await runImage(
      'lab-evil',
      'lab-own',
      '--network',
      'lab_front',
      '--label',
      'berth.names=own.test,*.own.test,db',
    )
    await until(() => neighbour('own.test'), { what: 'its name', accept: Array.isArray })
    expect(await neighbour('any.own.test')).toEqual(await addressOf('lab-own'))
    expect(await host('own.test.docker.internal')).toEqual(await addressOf('lab-own'))
    // What Docker has goes first.
    expect(await neighbour('db')).toEqual(await addressOf('labshop-db-1'))
    expect(await host('db')).toEqual(await addressOf('labshop-db-1'))
    expect((await ignored('lab-own')).map(({ label }) => label).sort()).toEqual([
      'berth.ttl',
      'com.docker.compose.project',
      'com.docker.compose.service',
    ])
    await docker('rm', '--force', 'lab-own')
  })

  it('do not grant another’s NAME.NETWORK, to whoever is not on that network', async () => {
    await docker('network', 'create', 'lab_back')
    await runContainer('lab-hidden', '--network', 'lab_back')
    await runImage(
      image,
      'lab-taker',
      '--network',
      'lab_front',
      '--label',
      'berth.names=lab-hidden.lab_back,lab-taker.test',
    )
    await until(() => neighbour('lab-taker.test'), { what: 'its name', accept: Array.isArray })
    await until(() => host('lab-hidden'), { what: 'the other', accept: Array.isArray })
    expect(await neighbour('lab-hidden.lab_back')).toBe('NXDOMAIN')
    await removeContainers('lab-hidden')
    await removeNetworks('lab_back')
    await docker('rm', '--force', 'lab-taker')
  })

  it('of a Compose service that an image names otherwise, are Compose’s', async () => {
    const labels = [
      '--label',
      'com.docker.compose.project=labother',
      '--label',
      'com.docker.compose.service=web',
    ]
    await runImage('lab-evil', 'labother-web-1', '--network', 'lab_front', ...labels)
    const address = await addressOf('labother-web-1')
    await until(() => neighbour('web.labother'), {
      what: 'it',
      accept: (told) => String(told) === String(address),
    })
    await docker('rm', '--force', 'labother-web-1')
  })
})
