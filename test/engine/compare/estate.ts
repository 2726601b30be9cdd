// The estate that both resolvers are asked in: networks of many kinds, containers with many kinds of names, two
// Compose projects. And what the engine says of it: berth is never asked.
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { canonicalAddress } from '../../../src/lib/ip.ts'
import { docker, runContainer } from '../docker.ts'
import { image } from '../image.ts'
import { gatewayOf, removeContainers, removeNetworks } from '../project.ts'
import {
  apiIsAtLeast,
  bringUpToday,
  isOfToday,
  networksOfToday,
  withFourAlone,
  withoutMachine,
  withSixAlone,
} from './today.ts'

const run = promisify(execFile)

const networks: Readonly<Record<string, readonly string[]>> = {
  hub: ['--ipv6', '--subnet', 'fd00:c0::/64'],
  front: [],
  back: ['--ipv6', '--subnet', 'fd00:c1::/64'],
  'br.net1': [],
  Under_score: [],
  'Mixed.Net_9': [],
  net1: [],
  sealed: ['--internal'],
  'sealed.Two': ['--internal', '--ipv6', '--subnet', 'fd00:c2::/64'],
  six: ['--ipv6', '--subnet', 'fd00:c3::/64'],
  pipe: [
    '--driver',
    'macvlan',
    '--opt',
    'parent=cmpA',
    '--subnet',
    '10.178.0.0/24',
    '--gateway',
    '10.178.0.1',
  ],
  lan: [],
}
/** The other end of the macvlan network's wire: this machine. */
const pipeGateway = '10.178.0.1'

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
  'cmp-pipe-1': [['pipe'], '--network-alias', 'piped'],
  'cmp-pipe-2': [['pipe', 'hub'], '--network-alias', 'piped'],
  'cmp-standin': [['back', 'hub'], '--network-alias', 'storage.example.net'],
  'cmp-labelled': [
    ['lan', 'hub'],
    ...['--label', 'berth.names=app.example.net,*.app.example.net', '--label', 'berth.port.http=8080'],
    ...['--expose', '80'],
  ],
  'cmp-linker': [
    ['hub', 'back'],
    '--link',
    'cmp-plain:Linked',
    '--link',
    'cmp-nobody:unlinked',
    '--link',
    'cmp-later:later',
  ],
  'cmp-later': [['hub']],
  'cmp-paused': [['hub', 'lan']],
  'cmp-six': [['six', 'hub'], '--network-alias', 'sixth'],
  // On the default bridge, where Docker has no names, as well: what it has elsewhere goes first.
  'cmp-both': [['bridge', 'hub']],
  // What Docker's resolver has there after a rename it answers before what an internal network has.
  'cmp-titled': [['bridge', 'sealed']],
  // Any text may be an alias; what Docker answers to is another question.
  'cmp-odd': [
    ['hub', 'lan'],
    ...[
      'odd.',
      'cmp\\odd',
      'c\\\\d',
      'e\\.f',
      'z\\195\\188z',
      '\u212aube',
      'bücher.example.net',
      '*.wild.example.net',
    ].flatMap((alias) => ['--network-alias', alias]),
  ],
  'cmp-even': [['lan', 'hub'], '--network-alias', 'odd', '--network-alias', 'deep.wild.example.net'],
  'cmp-sixless': [['six', 'hub'], '--sysctl', 'net.ipv6.conf.all.disable_ipv6=1'],
  'cmp-landlord': [['hub', 'lan']],
  'cmp-real': [
    ['hub'],
    ...['cmp-taken', 'cmp-lodger', 'api.cmp.localhost', 'resolver.arpa', 'alias.docker.internal'].flatMap(
      (alias) => ['--network-alias', alias],
    ),
  ],
}

/** Twelve more, on the hub and another, which share aliases across networks. */
const others = ['front', 'back', 'net1', 'Under_score', 'six', 'lan']
for (let i = 0; i < 12; i++) {
  const other = others[i % others.length]!
  const place = i % 2 === 0 ? ['hub', other] : [other, 'hub']
  Object.assign(singles, {
    [`cmp-n${i}`]: [place, '--network-alias', `shared${i % 3}`, '--hostname', `n${i}-host`],
  })
}

const services = ['api', 'api', 'db', 'cache']

export async function bringUpEstate(): Promise<void> {
  execFileSync('ip', ['link', 'add', 'cmpA', 'type', 'veth', 'peer', 'name', 'cmpB'])
  for (const link of ['cmpA', 'cmpB']) execFileSync('ip', ['link', 'set', link, 'up'])
  execFileSync('ip', ['address', 'add', `${pipeGateway}/24`, 'dev', 'cmpB'])
  for (const [name, options] of Object.entries(networks)) await docker('network', 'create', ...options, name)
  await Promise.all([bringUpProject('alpha'), bringUpProject('beta')])
  await inTurns(Object.entries(singles), async ([name, [[first, ...more], ...args]]) => {
    await docker('create', '--name', name, '--network', first!, ...args, image)
    const alias = args.includes('--network-alias')
      ? ['--alias', args[args.indexOf('--network-alias') + 1]!]
      : []
    for (const network of more) await docker('network', 'connect', ...alias, network, name)
    await docker('start', name)
  })
  if (await isOfToday()) await bringUpToday()
  await runContainer('cmp-bridged', '--network', 'bridge')
  await runContainer('cmp-taken', '--network', 'bridge')
  await runContainer('cmp-hosted', '--network', 'host')
  await runContainer('cmp-lodger', '--network', 'container:cmp-plain')
  await docker('create', '--name', 'cmp-created', '--network', 'hub', '--network-alias', 'created', image)
  await runContainer('cmp-stopped', '--network', 'hub', '--network-alias', 'halted')
  await docker('stop', 'cmp-stopped')
  await docker('pause', 'cmp-paused')
  await runContainer('cmp-left', '--network', 'container:cmp-landlord')
  await docker('restart', '--time', '0', 'cmp-landlord')
  // Older engines do not tell of those names.
  if (await apiIsAtLeast(44)) await docker('rename', 'cmp-titled', 'cmp-retitled')
}

/** With Compose where it is there, else what it would submit. */
async function bringUpProject(project: string): Promise<void> {
  if (process.env.COMPOSE) {
    const file = join(mkdtempSync(join(tmpdir(), 'berth-compare-')), 'compose.yml')
    const service = (replicas: number) => ({
      image,
      pull_policy: 'never',
      deploy: { replicas },
      networks: ['default', 'hub'],
    })
    const text = {
      services: { api: service(2), db: service(1), cache: { ...service(1), networks: ['default'] } },
      networks: { hub: { external: true } },
    }
    writeFileSync(file, JSON.stringify(text))
    await run(process.env.COMPOSE, [
      '--project-name',
      `cmp${project}`,
      '--file',
      file,
      'up',
      '--detach',
      '--quiet-pull',
    ])
    return
  }
  await docker('network', 'create', `cmp${project}_default`)
  for (const [i, service] of services.entries()) {
    const number = services.slice(0, i + 1).filter((each) => each === service).length
    const name = `cmp${project}-${service}-${number}`
    const labels = { project: `cmp${project}`, service, 'container-number': String(number), oneoff: 'False' }
    const words = Object.entries(labels).flatMap(([key, value]) => [
      '--label',
      `com.docker.compose.${key}=${value}`,
    ])
    const place = ['--network', `cmp${project}_default`, '--network-alias', service]
    await docker('create', '--name', name, ...place, ...words, image)
    if (service !== 'cache') await docker('network', 'connect', '--alias', service, 'hub', name)
    await docker('start', name)
  }
}

export async function takeDownEstate(): Promise<void> {
  await docker('unpause', 'cmp-paused').catch(() => undefined)
  for (const prefix of ['cmp', 'Cmp', 'c1']) await removeContainers(prefix)
  const today = (await isOfToday()) ? Object.keys(networksOfToday) : []
  await removeNetworks(...Object.keys(networks), ...today, 'cmpalpha_default', 'cmpbeta_default')
  execFileSync('ip', ['link', 'delete', 'cmpA'])
}

async function inTurns<T>(list: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...list]
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: 4 }, worker))
}

export interface Place {
  readonly network: string
  readonly names: readonly string[]
  readonly addresses: readonly string[]
}

export interface Resident {
  /** On internal networks alone. */
  readonly shutIn: boolean
  readonly name: string
  readonly running: boolean
  readonly places: readonly Place[]
  readonly links: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly string[]
  /** Docker's resolver is there: on a network other than the default bridge. */
  readonly hasResolver: boolean
  /** IPv6 addresses that the engine tells, and no interface has. */
  readonly absent: readonly string[]
}

interface Inspected {
  Id: string
  Name: string
  State: { Running: boolean; Pid: number }
  Config: { Hostname: string; Labels: Record<string, string>; ExposedPorts?: Record<string, unknown> }
  NetworkSettings: {
    Networks: Record<
      string,
      { IPAddress: string; GlobalIPv6Address: string; Aliases: string[] | null; Links: string[] | null }
    >
  }
}

export async function residents(): Promise<Resident[]> {
  const ids = (await docker('ps', '-aq', '--no-trunc')).split('\n').filter(Boolean)
  const all = JSON.parse(await docker('inspect', ...ids)) as Inspected[]
  const internal = (await docker('network', 'ls', '--format', '{{.Name}} {{.Internal}}'))
    .split('\n')
    .flatMap((line) => (line.endsWith(' true') ? [line.slice(0, -5)] : []))
  return all.map(({ Id, Name, State, Config, NetworkSettings }) => {
    const own = Object.entries(NetworkSettings.Networks).filter(([network]) => network !== 'host')
    return {
      shutIn: own.every(([network]) => internal.includes(network)),
      name: Name.slice(1),
      running: State.Running,
      places: own.map(([network, told]) => ({
        network,
        names: [...new Set([Name.slice(1), ...(told.Aliases ?? []), Id.slice(0, 12), Config.Hostname])],
        addresses: [told.IPAddress, told.GlobalIPv6Address].filter(Boolean),
      })),
      links: own.flatMap(([, { Links }]) => (Links ?? []).map((link) => link.split(':')[1]!)),
      labels: Config.Labels ?? {},
      ports: Object.keys(Config.ExposedPorts ?? {}),
      hasResolver: State.Running && own.some(([network]) => network !== 'bridge'),
      absent: own
        .map(([, told]) => told.GlobalIPv6Address)
        .filter((address) => address !== '' && !sixOf(State.Pid).includes(address)),
    }
  })
}

/** The addresses that its interfaces have, as the engine writes them. */
function sixOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/net/if_inet6`, 'latin1')
    .split('\n')
    .flatMap((line) => canonicalAddress(line.slice(0, 32).replace(/(.{4})(?!$)/g, '$1:')) ?? [])
}

/** A network's kind, and this machine's address on it where the engine does not say. */
interface Reached {
  readonly kind: string
  readonly address: string | undefined
}

const here = (network: string): Reached => ({
  kind: network,
  address: network === 'pipe' ? pipeGateway : undefined,
})

/** This machine's addresses on the container's networks. */
export async function machineOn(
  { places }: Pick<Resident, 'places'>,
  reached: (network: string) => Reached = here,
): Promise<string[]> {
  const found: string[] = []
  for (const { network } of places) {
    const { kind, address } = reached(network)
    if (address !== undefined) found.push(address)
    if (address !== undefined || withoutMachine.includes(kind)) continue
    const { v4, v6 } = await gatewayOf(network)
    if (v4 !== undefined && !withSixAlone.includes(kind)) found.push(v4)
    if (v6 !== undefined && !withFourAlone.includes(kind)) found.push(v6)
  }
  return found
}

/** One of them, on the first network that has any. */
export async function serverFor(resident: Pick<Resident, 'places'>): Promise<string | undefined> {
  return (await machineOn(resident))[0]
}
