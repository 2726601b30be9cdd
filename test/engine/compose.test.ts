// compose.example.yml, unchanged, brought up as the README says: both ways in, and what happens while it runs.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digFrom, docker, runContainer, until } from './docker.ts'
import { type Builder, gatewayOfBridge, openBuilder } from './image/build.ts'
import { importNeighbours, isOffline } from './image/standin.ts'
import { prometheusFolder } from './install.ts'
import { removeNetworks } from './project.ts'
import { type Command, transcript } from './transcript.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

const run = promisify(execFile)
const addresses = { front: '172.31.53.2', back: '172.31.54.2' }
const container = (service: string) => `berth-example-${service}-1`
/** Who is on which network, and asks how. */
const samples = [
  { service: 'web', network: 'front', other: 'db', way: 'dns:' },
  { service: 'db', network: 'back', other: 'web', way: 'resolv.conf' },
] as const

const commands = transcript('containers')
let upstream: RecordingUpstream
let builder: Builder
/** What the shell has where commands are typed. */
let env: NodeJS.ProcessEnv
let printed: string[]

async function compose(...args: string[]): Promise<void> {
  await run('docker', ['compose', '--file', 'compose.example.yml', ...args], { env })
}

/** Runs the README's commands in one shell, one after the other; gives what each of them printed. */
async function typeIn(commands: readonly Command[]): Promise<string[]> {
  const mark = '== next =='
  const script = ['set -e', ...commands.flatMap(({ command }) => [command, `echo '${mark}'`])].join('\n')
  const { stdout } = await run('sh', ['-c', script], { env })
  return stdout.split(`${mark}\n`).slice(0, -1)
}

/** The addresses that the container's own stub finds; nothing where it finds none. */
async function lookup(service: string, name: string, server = ''): Promise<string[]> {
  const words = ['exec', container(service), 'nslookup', '-type=a', name, server].filter(Boolean)
  const stdout = await docker(...words).catch((error: { stdout: string }) => error.stdout)
  const answers = stdout.split(/^Name:/m).slice(1)
  return answers.flatMap((text) => [...text.matchAll(/^Address: (\S+)$/gm)].map(([, found]) => found!)).sort()
}

const addressOf = async (service: string, network: string) =>
  docker(
    'inspect',
    '--format',
    `{{(index .NetworkSettings.Networks "berth-example_${network}").IPAddress}}`,
    container(service),
  )

beforeAll(async () => {
  builder = await openBuilder()
  if (isOffline) await importNeighbours(join(prometheusFolder(), 'prometheus'))
  const gateway = await gatewayOfBridge()
  upstream = await startUpstream({}, 0, gateway)
  env = {
    ...builder.env,
    DOCKER_SOCKET: process.env.DOCKER_HOST!.replace(/^unix:\/\//, ''),
    BERTH_FORWARD_UPSTREAMS: `${gateway}:${upstream.port}`,
  }
  printed = await typeIn(commands)
}, 240_000)

afterAll(async () => {
  await compose('down', '--volumes', '--timeout', '2')
  upstream?.close()
  builder?.close()
})

/** What else there is each time. */
const masked = (text: string) =>
  text
    .trim()
    .replace(/172\.31\.53\.\d+/g, 'ADDRESS')
    .replace(/sha256:[0-9a-f]{64}/g, 'DIGEST')

describe("the README's commands", () => {
  it('are there', () => expect(commands.length).toBeGreaterThan(2))

  it.each(commands.map(({ command, output }, i) => [command, output, i] as const))('%s', (_, output, i) => {
    expect(masked(printed[i]!)).toBe(masked(output))
  })
})

describe.each(samples)('$service, which asks by $way', ({ service, network, other }) => {
  it.each([['its own way'], ['berth itself']])('sees what its network holds, asked in %s', async (how) => {
    const server = how === 'berth itself' ? addresses[network] : ''
    const own = await addressOf(service, network)
    const ask = (name: string) => lookup(service, name, server)
    expect(await ask(service)).toEqual([own])
    expect(await ask('berth')).toEqual([addresses[network]])
    expect(await ask(`${service}.berth-example_${network}`)).toEqual([own])
    expect(await ask(`${service}.docker.internal`)).toEqual([own])
    expect(await ask(`${service}.berth-example_${network}.docker.internal`)).toEqual([own])
    expect(await ask('www.example.org')).toEqual(['192.0.2.53'])
  })

  it.each([['its own way'], ['berth itself']])('sees nothing of the other network, in %s', async (how) => {
    const server = how === 'berth itself' ? addresses[network] : ''
    const there = network === 'front' ? 'back' : 'front'
    for (const name of [
      other,
      `${other}.docker.internal`,
      `${other}.berth-example_${there}.docker.internal`,
    ]) {
      expect(await lookup(service, name, server), name).toEqual([])
      expect(upstream.saw(name), name).toBe(false)
    }
  })
})

describe('the socket proxy', () => {
  /** A call as berth could make it; the status. */
  const call = async (method: string, path: string) => {
    const options = JSON.stringify({ socketPath: '/run/berth-docker/docker.sock', method, path })
    const script = `require('http').request(${options}, r => { console.log(r.statusCode); process.exit() }).end()`
    return Number(await docker('exec', container('berth'), 'node', '-e', script))
  }

  it('lets through what berth needs', async () => {
    const id = await docker('inspect', '--format', '{{.Id}}', container('web'))
    const paths = [
      '/_ping',
      '/version',
      '/info',
      '/networks',
      '/containers/json?all=true',
      `/containers/${id}/json`,
    ]
    for (const path of paths) expect(await call('GET', path), path).toBe(200)
  })

  it('and refuses one call more', async () => {
    const id = await docker('inspect', '--format', '{{.Id}}', container('web'))
    for (const [method, path] of [
      ['GET', '/images/json'],
      ['GET', `/containers/${id}/logs?stdout=1`],
      ['GET', `/containers/${id}/json/../../../images/json`],
      ['POST', '/containers/create'],
      ['POST', `/containers/${id}/stop`],
      ['DELETE', `/containers/${id}`],
    ] as const) {
      expect(await call(method, path), `${method} ${path}`).toBe(403)
    }
  })

  it('runs without network and capabilities', async () => {
    const status = await docker('exec', container('docker-proxy'), 'cat', '/proc/1/status')
    expect(status).toMatch(/^CapEff:\t0+$/m)
    expect(await docker('exec', container('docker-proxy'), 'ls', '/sys/class/net')).toBe('lo')
  })
})

describe('while it runs', () => {
  it('berth follows the networks it is attached to and detached from', async () => {
    await docker('network', 'create', 'compose-later')
    try {
      await runContainer('compose-guest', '--network', 'compose-later')
      await docker('network', 'connect', 'compose-later', container('berth'))
      const format = '{{(index .NetworkSettings.Networks "compose-later").IPAddress}}'
      const server = await docker('inspect', '--format', format, container('berth'))
      const question = { server, name: 'compose-guest' }
      await until(() => digFrom('compose-guest', question), {
        what: 'an answer at the new address',
        accept: ({ answers }) => answers.length === 1,
      })
      await docker('network', 'disconnect', 'compose-later', container('berth'))
      await until(() => docker('logs', container('berth')), {
        what: 'the address is given up',
        accept: (log) => log.includes('address gone') && log.includes(server),
      })
      expect(await lookup('web', 'web.docker.internal')).toEqual([await addressOf('web', 'front')])
    } finally {
      await docker('rm', '--force', 'compose-guest')
      await removeNetworks('compose-later')
    }
  })

  it('Prometheus scrapes it', async () => {
    const query = '/api/v1/query?query=berth_docker_connected'
    const ask = () =>
      docker('exec', container('web'), 'wget', '-qO-', `http://${container('prometheus')}:9090${query}`)
    const told = await until(ask, {
      what: 'berth_docker_connected at Prometheus',
      deadlineMs: 60_000,
      accept: (text) => JSON.parse(text).data.result.length > 0,
    })
    const [series] = JSON.parse(told).data.result
    expect(series.metric.instance).toBe('berth:9153')
    expect(series.value[1]).toBe('1')
  })

  it('berth is replaced by a new container at the same address, and no lookup fails that is tried again', async () => {
    // Names that only berth knows, so that Docker's resolver can't help; one line for each lookup that took more.
    const loop = (service: string) => `
      while [ ! -e /tmp/stop ]; do
        tries=0
        start=$(cut -d' ' -f1 /proc/uptime)
        until nslookup -type=a ${service}.docker.internal >/dev/null 2>&1; do
          tries=$((tries + 1)); [ $tries -lt 30 ] || { echo failed; break; }; sleep 0.5
        done
        echo "$tries $start $(cut -d' ' -f1 /proc/uptime)"
        touch /tmp/asking
        sleep 0.02
      done`
    const before = await docker('inspect', '--format', '{{.Id}}', container('berth'))
    const loops = samples.map(({ service }) => docker('exec', container(service), 'sh', '-c', loop(service)))
    for (const { service } of samples) {
      await until(() => docker('exec', container(service), 'ls', '/tmp/asking'), { what: `${service} asks` })
    }
    await compose('up', '--detach', '--no-build', '--no-deps', '--force-recreate', 'berth')
    for (const { service, network } of samples) {
      await until(() => lookup(service, `${service}.docker.internal`, addresses[network]), {
        what: `${service} gets answers from the new one`,
        deadlineMs: 60_000,
        accept: (found) => found.length === 1,
      })
    }
    expect(await docker('inspect', '--format', '{{.Id}}', container('berth'))).not.toBe(before)
    for (const { service } of samples) await docker('exec', container(service), 'touch', '/tmp/stop')
    for (const [i, text] of (await Promise.all(loops)).entries()) {
      expect(text).not.toContain('failed')
      const lookups = text.split('\n').map((line) => line.split(' ').map(Number) as [number, number, number])
      const slowest = Math.max(...lookups.map(([, from, to]) => to - from))
      const { service, way } = samples[i]!
      console.log(`${service} (${way}): ${lookups.length} lookups, the slowest took ${slowest.toFixed(1)} s`)
      expect(lookups.length).toBeGreaterThan(1)
    }
  })
})
