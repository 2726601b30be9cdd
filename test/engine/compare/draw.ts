// Pure: a seed → an estate at random, as the docker commands that make it. Networks of all kinds that the engine has, each
// kind once at most; containers on several of them, with names that others have too; and what happens to them then.
import { seededRandom } from '../../tools/servers/random.ts'
import { networksOfToday } from './today.ts'

/** API versions: 25.0 takes several networks in one `docker run`, 28.0 has priorities of gateways and networks of today. */
export interface Abilities {
  readonly severalAtRun: boolean
  readonly today: boolean
}

export interface Drawn {
  /** Name → kind. */
  readonly networks: ReadonlyMap<string, string>
  /** One after the other makes the networks. */
  readonly making: readonly (readonly string[])[]
  /** One list for each container; lists side by side, what is in one in its order. */
  readonly starting: readonly (readonly (readonly string[])[])[]
  /** One after the other, when all have started. */
  readonly living: readonly (readonly string[])[]
  readonly paused: readonly string[]
}

const onWire = (parent: string, ...options: string[]) => [
  ...['--driver', 'macvlan', '--opt', `parent=${parent}`],
  ...options,
]
const kinds: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  other: [],
  two: ['--ipv6', '--subnet', 'fd00:d0::/64'],
  sealed: ['--internal'],
  'two-sealed': ['--internal', '--ipv6', '--subnet', 'fd00:d1::/64'],
  given: ['--subnet', '10.180.0.0/24', '--gateway', '10.180.0.1', '--ip-range', '10.180.0.64/26'],
  lan: onWire('rndA0', '--subnet', '10.181.0.0/24'),
  'lan-sealed': onWire('rndA1', '--internal', '--subnet', '10.182.0.0/24'),
  'lan-two': onWire('rndA2', '--subnet', '10.183.0.0/24', '--ipv6', '--subnet', 'fd00:d2::/64'),
}
const kindsOfToday: Readonly<Record<string, readonly string[]>> = {
  ...networksOfToday,
  'lan-six': onWire('rndA3', '--ipv4=false', '--ipv6', '--subnet', 'fd00:d3::/64'),
}

/** Kind → the parent interface, its other end, and this machine's address there, with prefix length. */
export const wires: Readonly<Record<string, readonly [parent: string, end: string, address: string]>> = {
  lan: ['rndA0', 'rndB0', '10.181.0.254/24'],
  'lan-sealed': ['rndA1', 'rndB1', '10.182.0.254/24'],
  'lan-two': ['rndA2', 'rndB2', '10.183.0.254/24'],
  'lan-six': ['rndA3', 'rndB3', 'fd00:d3::fe/64'],
}

export const allKinds = ({ today }: Pick<Abilities, 'today'>): readonly string[] =>
  Object.keys(today ? { ...kinds, ...kindsOfToday } : kinds)

const networkNames = ['rn-a', 'RN.b', 'rn_c', 'svc', 'b.svc', 'Zz', 'a', 'rn-h', 'm1', 'rn.net']
const aliases = ['web', 'Web.svc', 'db', 'api.example.net', 'a', 'rnd-1', 'x.rn-a', 'svc', 'cache_1', 'b']

interface Resident {
  name: string
  running: boolean
  readonly onDefault: boolean
  readonly networks: Set<string>
}

/** The containers' own words are the same for the same seed; ids, addresses and subnets the engine chooses. */
export function drawEstate(seed: number, { severalAtRun, today }: Abilities, image: string): Drawn {
  const random = seededRandom(seed)
  const upTo = (count: number) => Math.floor(random() * count)
  const chance = (share: number) => random() < share
  const pick = <T>(list: readonly T[]): T => list[upTo(list.length)]!
  const shuffled = <T>(list: readonly T[]): T[] => {
    const rest = [...list]
    return Array.from(list, () => rest.splice(upTo(rest.length), 1)[0]!)
  }
  const flags = (option: string, values: readonly string[]) => values.flatMap((value) => [option, value])
  const someAliases = () => shuffled(aliases).slice(0, upTo(3))
  const priority = () => (today && chance(0.4) ? upTo(5) - 2 : 0)

  const all: Readonly<Record<string, readonly string[]>> = today ? { ...kinds, ...kindsOfToday } : kinds
  const names = shuffled(networkNames)
  const networks = new Map(
    shuffled(Object.keys(all))
      .slice(0, 5 + upTo(4))
      .map((kind, i) => [names[i]!, kind] as const),
  )
  const making = [...networks].map(([name, kind]) => ['network', 'create', ...all[kind]!, name])

  const residents: Resident[] = []
  let macs = 0
  const mac = () => `02:42:d0:00:00:${(++macs).toString(16).padStart(2, '0')}`

  /** As `docker run --network` takes it from 25.0 on. The command reads "name=" in small letters, whatever stands there. */
  function place(network: string): string {
    if (network !== network.toLowerCase()) return network
    const fields = [`name=${network}`, ...someAliases().map((alias) => `alias=${alias}`)]
    const given = priority()
    if (given !== 0) fields.push(`gw-priority=${given}`)
    if (chance(0.2)) fields.push(`mac-address=${mac()}`)
    return fields.join(',')
  }

  function connect(network: string, name: string): string[] {
    const given = priority()
    const more = given === 0 ? [] : ['--gw-priority', String(given)]
    return ['network', 'connect', ...flags('--alias', someAliases()), ...more, network, name]
  }

  function start(i: number): string[][] {
    const name = pick([`rnd-${i}`, `Rnd-${i}`, `rnd.${i}`, `rnd_${i}`, `rnd-${i}.svc`])
    const chosen = shuffled([...networks.keys()]).slice(0, 1 + upTo(4))
    const onDefault = chance(0.1)
    residents.push({ name, running: true, onDefault, networks: new Set(chosen) })
    const own = ['--name', name, ...(chance(0.3) ? ['--hostname', pick(['host-x', `h${i}`, 'web'])] : [])]
    if (onDefault) {
      return [
        ['create', ...own, '--network', 'bridge', image],
        ...chosen.map((network) => connect(network, name)),
        ['start', name],
      ]
    }
    const atRun = severalAtRun ? 1 + upTo(chosen.length) : 1
    const [first, later] = [chosen.slice(0, atRun), chosen.slice(atRun)]
    const fixed = !severalAtRun && chance(0.2) ? ['--mac-address', mac()] : []
    const places = severalAtRun
      ? flags('--network', first.map(place))
      : ['--network', first[0]!, ...flags('--network-alias', someAliases()), ...fixed]
    const connects = later.map((network) => connect(network, name))
    return chance(0.5)
      ? [['run', '--detach', ...own, ...places, image], ...connects]
      : [['create', ...own, ...places, image], ...connects, ['start', name]]
  }

  const count = 9 + upTo(4)
  const starting = Array.from({ length: count }, (_, i) => start(i))

  const living: string[][] = []
  for (let i = 0; i < 10; i++) {
    const resident = pick(residents)
    const { name, running, networks: on } = resident
    const away = [...networks.keys()].filter((network) => !on.has(network))
    const kind = upTo(6)
    if (kind === 0 && on.size > 1) {
      const network = pick([...on])
      on.delete(network)
      living.push(['network', 'disconnect', network, name])
    } else if (kind === 1 && away.length > 0) {
      const network = pick(away)
      on.add(network)
      living.push(connect(network, name))
    } else if (kind === 2 && !(resident.onDefault && !severalAtRun)) {
      // A rename puts names onto the default bridge (until the next start, on 20.10, which does not tell of them).
      resident.name = `rnd-renamed-${i}`
      living.push(['rename', name, resident.name])
    } else if (kind === 3 && running) living.push(['restart', '--time', '0', name])
    else if (kind === 4) {
      resident.running = !running
      living.push(running ? ['stop', '--time', '0', name] : ['start', name])
    }
  }
  const up = shuffled(residents.filter(({ running }) => running).map(({ name }) => name))
  const [landlord, paused] = up
  if (landlord !== undefined) {
    living.push(['run', '--detach', '--name', 'rnd-lodger', '--network', `container:${landlord}`, image])
  }
  if (paused !== undefined && chance(0.5)) living.push(['pause', paused])
  const isPaused = living.at(-1)?.[0] === 'pause'
  return { networks, making, starting, living, paused: isPaused ? [paused!] : [] }
}
