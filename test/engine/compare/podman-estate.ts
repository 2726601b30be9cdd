// The estate on Podman that both resolvers are asked in: what the docker command can make there, and pods.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { docker, pidOf, runContainer } from '../docker.ts'
import { image } from '../image.ts'
import { removeContainers, removeNetworks } from '../project.ts'
import { type Resident, residents, serverFor } from './estate.ts'
import { questionsFor } from './questions.ts'
import type { Manner } from './run.ts'

const run = promisify(execFile)

/** Podman's own command, for what Docker's has no word for. */
export const podman = async (...args: string[]): Promise<string> =>
  (await run('podman', args)).stdout.trimEnd()

const networks: Readonly<Record<string, readonly string[]>> = {
  hub: ['--ipv6', '--subnet', '198.19.10.0/24', '--subnet', 'fd00:c0::/64'],
  front: [],
  back: ['--ipv6', '--subnet', '198.19.11.0/24', '--subnet', 'fd00:c1::/64'],
  'br.net1': [],
  Under_score: [],
  'Mixed.Net_9': [],
  net1: [],
  sealed: ['--internal'],
  'sealed.Two': ['--internal'],
  lan: [],
}

/** Container → its networks, the first one at its start, and its `docker run` arguments. */
const singles: Readonly<Record<string, readonly [networks: readonly string[], ...args: string[]]>> = {
  'cmp-plain': [['hub', 'front']],
  'cmp.dotted': [['br.net1', 'hub'], '--network-alias', 'Dotted.Alias'],
  'c1.net1': [['br.net1', 'net1']],
  c1: [['net1', 'hub']],
  'Cmp-Mixed': [['Mixed.Net_9', 'hub'], '--network-alias', 'MiXed'],
  cmp_under: [['Under_score', 'hub'], '--hostname', 'under-host'],
  'cmp-shut': [['sealed'], '--network-alias', 'shut'],
  'cmp-shut-too': [['sealed', 'sealed.Two'], '--network-alias', 'shut'],
  'cmp-half': [['sealed.Two', 'hub']],
  'cmp-standin': [['back', 'hub'], '--network-alias', 'storage.example.net'],
  'cmp-labelled': [
    ['lan', 'hub'],
    ...['--label', 'berth.names=app.example.net,*.app.example.net', '--label', 'berth.port.http=8080'],
    ...['--expose', '80'],
  ],
  'cmp-paused': [['hub', 'lan']],
  'cmp-both': [['podman', 'hub']],
  'cmp-landlord': [['hub', 'lan']],
  'cmp-real': [
    ['hub'],
    ...['cmp-taken', 'cmp-lodger', 'api.cmp.localhost', 'alias.docker.internal'].flatMap((alias) => [
      '--network-alias',
      alias,
    ]),
  ],
}

/** Twelve more, on the hub and another, which share aliases across networks. */
const others = ['front', 'back', 'net1', 'Under_score', 'lan']
for (let i = 0; i < 12; i++) {
  const other = others[i % others.length]!
  const place = i % 2 === 0 ? ['hub', other] : [other, 'hub']
  Object.assign(singles, {
    [`cmp-n${i}`]: [place, '--network-alias', `shared${i % 3}`, '--hostname', `n${i}-host`],
  })
}

export async function bringUpEstate(): Promise<void> {
  for (const [name, options] of Object.entries(networks)) await docker('network', 'create', ...options, name)
  for (const [name, [[first, ...more], ...args]] of Object.entries(singles)) {
    await docker('create', '--name', name, '--network', first!, ...args, image)
    const alias = args.includes('--network-alias')
      ? ['--alias', args[args.indexOf('--network-alias') + 1]!]
      : []
    for (const network of more) await docker('network', 'connect', ...alias, network, name)
    await docker('start', name)
  }
  await runContainer('cmp-bridged', '--network', 'podman')
  await runContainer('cmp-taken', '--network', 'podman')
  await runContainer('cmp-hosted', '--network', 'host')
  await runContainer('cmp-lodger', '--network', 'container:cmp-plain')
  await docker('create', '--name', 'cmp-created', '--network', 'hub', '--network-alias', 'created', image)
  await runContainer('cmp-stopped', '--network', 'hub', '--network-alias', 'halted')
  await docker('stop', '--time', '0', 'cmp-stopped')
  await docker('pause', 'cmp-paused')
  await runContainer('cmp-left', '--network', 'container:cmp-landlord')
  await docker('restart', '--time', '0', 'cmp-landlord')
  await podman('pod', 'create', '--network', 'hub:alias=cmp-pal', '--network', 'front', 'cmp-pod')
  for (const name of ['cmp-m1', 'cmp-m2'])
    await podman('run', '-d', '--pod', 'cmp-pod', '--name', name, image)
  await podman('pod', 'create', '--network', 'back', '--hostname', 'cmp-podhost', 'cmp-pod2')
  await podman('run', '-d', '--pod', 'cmp-pod2', '--name', 'cmp-m3', image)
}

export async function takeDownEstate(): Promise<void> {
  await docker('unpause', 'cmp-paused').catch(() => undefined)
  for (const name of ['cmp-pod', 'cmp-pod2']) await podman('pod', 'rm', '--force', '--time', '0', name)
  for (const prefix of ['cmp-le', 'cmp-lo', 'cmp', 'Cmp', 'c1']) await removeContainers(prefix)
  await removeNetworks(...Object.keys(networks))
}

/** Those on the default network have no resolver of Podman's; nor has one whose host was started again, nor any network. */
export async function podmanResidents(): Promise<Resident[]> {
  return (await residents()).map((resident) => ({
    ...resident,
    hasResolver:
      resident.hasResolver &&
      resident.name !== 'cmp-left' &&
      resident.places.some(({ network }) => network !== 'podman'),
  }))
}

/** The first of a container’s own name servers with an IPv4 address, all of which are Podman’s; their order is random. */
async function ownServer(name: string): Promise<string> {
  const text = readFileSync(`/proc/${await pidOf(name)}/root/etc/resolv.conf`, 'latin1')
  return /^nameserver\s+([0-9.]+)$/m.exec(text)![1]!
}

export const manner: Omit<Manner, 'judge'> = {
  async servers(resident) {
    const berth = await serverFor(resident)
    return berth === undefined ? undefined : [await ownServer(resident.name), `${berth}#1053`]
  },
  questionsFor(asker, all, share) {
    const names = new Set(all.flatMap(({ places }) => places.flatMap((place) => place.names)))
    const pods = ['cmp-pod', 'cmp-pod2']
    const asSearched = [...names, ...pods].flatMap((name) =>
      ['A', 'AAAA', 'MX'].map((type) => [`${name}.dns.podman`, type] as const),
    )
    const more = [
      ...asSearched,
      ...pods.flatMap((name) => ['A', 'AAAA', 'TXT'].map((type) => [name, type] as const)),
      ['host.containers.internal', 'A'] as const,
    ]
    return [...questionsFor(asker, all, share), ...more.filter((_, i) => (i * 7 + asker) % share === 0)]
  },
}
