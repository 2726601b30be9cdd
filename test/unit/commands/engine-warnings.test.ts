// What `berth check` says of its engines, by their answers: rootless Podman as it answered (5.8.6, run by a user, with pasta,
// one network with DNS and one without; trimmed to what is read), and the same of a rootless Docker, made from that.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import { listEngineWarnings } from '../../../src/commands/engine-warnings.ts'
import type { EngineConfig } from '../../../src/config/types.ts'
import type { ProcessLocation } from '../../../src/docker/model/isolation.ts'
import { systemClock } from '../../../src/lib/clock.ts'

interface Answers {
  ping: Record<string, string>
  info: object
  networks: object[]
  rows: object[]
}

const text = readFileSync(new URL('../docker/engine-podman-rootless.json', import.meta.url), 'utf8')
const podman = JSON.parse(text) as Answers
const docker: Answers = {
  ...podman,
  ping: { 'Api-Version': '1.51', Server: 'Docker/28.5.2 (linux)' },
  info: { Name: 'pc', SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless', 'name=cgroupns'] },
}

const folder = mkdtempSync(join(tmpdir(), 'berth-engine-'))
const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** An engine at a socket, that answers so. */
async function serve(answers: Answers): Promise<EngineConfig> {
  const path = join(folder, `${closing.length}.sock`)
  const server = createServer(({ url = '' }, response) => {
    const call = url.replace(/^\/v[\d.]+/, '').replace(/\?.*$/, '')
    const told = { '/info': answers.info, '/networks': answers.networks, '/containers/json': answers.rows }[
      call
    ]
    for (const [name, value] of Object.entries(answers.ping)) response.setHeader(name, value)
    response.end(call === '/_ping' ? 'OK' : JSON.stringify(told ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  closing.push(() => server.close())
  return { name: 'e', address: { kind: 'unix', path, text: `unix://${path}` } } as EngineConfig
}

async function warningsOf(
  answers: Answers,
  here: ProcessLocation,
  more: Partial<EngineConfig> = {},
): Promise<string[]> {
  const engines = [{ ...(await serve(answers)), ...more }]
  return listEngineWarnings(
    { docker: { engines, resync: 60_000 }, zone: 'docker.internal' },
    here,
    systemClock,
  )
}

const machine: ProcessLocation = {
  addresses: new Set(['127.0.0.1', '192.0.2.10']),
  mayBeInUserNamespace: false,
}
/** As another Podman's bridge, one with root, has made it. */
const beside: ProcessLocation = { ...machine, addresses: new Set(['127.0.0.1', '10.89.0.1']) }
const inNamespace: ProcessLocation = {
  addresses: new Set(['192.0.2.10', '10.89.1.1']),
  mayBeInUserNamespace: true,
}
const inContainer: ProcessLocation = {
  addresses: new Set(['127.0.0.1', '10.89.0.2']),
  mayBeInUserNamespace: true,
}

it.each([
  ['rootless Podman', podman, /^e: rootless Podman has its networks in a network namespace of its own: /],
  ['rootless Docker', docker, /^e: a rootless engine has its networks in a network namespace of its own: /],
])('of %s says on the machine what an asker looks like, and what follows', async (_, answers, start) => {
  for (const here of [machine, beside]) {
    const said = await warningsOf(answers, here)
    expect(said).toEqual([expect.stringMatching(start)])
    expect(said[0]).toMatch(/has one of this machine's addresses and sees every name; .* run berth /)
    expect(said[0]).not.toContain('\n')
  }
  for (const here of [inNamespace, inContainer]) expect(await warningsOf(answers, here)).toEqual([])
})

it('of a rootless one that is remote says nothing', async () => {
  expect(await warningsOf(podman, machine, { local: false })).toEqual([])
})

it('of one with root says nothing', async () => {
  const info = { Name: 'vm', Rootless: false, SecurityOptions: ['name=seccomp,profile=default'] }
  expect(await warningsOf({ ...podman, info }, machine)).toEqual([])
})
