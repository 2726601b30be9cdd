// Pure: how large a synthetic engine is → its networks and containers, the same in every run.
import { createHash } from 'node:crypto'

export interface Size {
  readonly networks: number
  readonly containers: number
  /** That each container has on each of its networks, 4 at least: its name, its service, short id, hostname, more aliases. */
  readonly names?: number
  /** One container of so many is on a second network as well; 0: none is. */
  readonly second?: number
  /** One network of so many, from the first on, has IPv6 too; 0: none has. */
  readonly six?: number
  /** Where the networks' addresses begin; the first network's subnet is the one after. */
  readonly base?: string
}

export interface PlannedNetwork {
  readonly id: string
  readonly name: string
  readonly subnet: string
  readonly gateway: string
  /** The subnet's first address as a number, and how many it has. */
  readonly first: number
  readonly count: number
  readonly prefix: number
  /** Where it has IPv6: what its addresses there begin with, "fd00:0:0:1::", a /64. */
  readonly six?: string
}

export interface PlannedContainer {
  readonly id: string
  readonly name: string
  readonly hostname: string
  readonly labels: Readonly<Record<string, string>>
  /** As given by the user, on each network; the first ones are those that Compose gives: its name and its service. */
  readonly aliases: readonly string[]
  /** Places in the list of networks. */
  readonly networks: readonly number[]
}

export interface Plan {
  readonly networks: readonly PlannedNetwork[]
  readonly containers: readonly PlannedContainer[]
  /** A container beyond those of the plan, by the same rules. */
  containerAt(index: number): PlannedContainer
}

/** Two replicas make a service; services of all projects have the same names, as `db` and `web` do. */
const replicas = 2

export function makePlan({
  networks: networkCount,
  containers: containerCount,
  names = 10,
  second = 5,
  six = 0,
  base = '10.0.0.0',
}: Size): Plan {
  const perNetwork = Math.ceil(containerCount / networkCount) * (second > 0 ? 1 + 1 / second : 1)
  // Room for three times as many, so that an address need not be given again at once.
  const bits = Math.max(8, Math.ceil(Math.log2(perNetwork * 4 + 16)))
  const start = toNumber(base)
  const networks = Array.from({ length: networkCount }, (_, i): PlannedNetwork => {
    const first = start + (i + 1) * 2 ** bits
    const prefix = 32 - bits
    return {
      ...{ id: idOf('network', i), name: `p${i}_default` },
      ...{ subnet: `${toAddress(first)}/${prefix}`, gateway: toAddress(first + 1) },
      ...{ first, count: 2 ** bits, prefix },
      ...(six > 0 && i % six === 0 ? { six: `fd00:0:0:${(i + 1).toString(16)}::` } : {}),
    }
  })

  function containerAt(index: number): PlannedContainer {
    const home = index % networkCount
    const within = Math.floor(index / networkCount)
    const service = `svc${Math.floor(within / replicas)}`
    const project = `p${home}`
    const number = String((within % replicas) + 1)
    const name = `${project}-${service}-${number}`
    const more = Array.from({ length: Math.max(0, names - 4) }, (_, i) => `${name}-alias${i}`)
    const isOnSecond = second > 0 && networkCount > 1 && (index + within) % second === second - 1
    return {
      ...{ id: idOf('container', index), name, hostname: `host${index}`, aliases: [name, service, ...more] },
      networks: isOnSecond ? [home, (home + 1) % networkCount] : [home],
      labels: {
        'com.docker.compose.config-hash': idOf('config', index),
        'com.docker.compose.container-number': number,
        'com.docker.compose.depends_on': '',
        'com.docker.compose.image': idOf('image', 0),
        'com.docker.compose.oneoff': 'False',
        'com.docker.compose.project': project,
        'com.docker.compose.project.config_files': `/srv/${project}/compose.yml`,
        'com.docker.compose.project.working_dir': `/srv/${project}`,
        'com.docker.compose.service': service,
        'com.docker.compose.version': '2.26.1',
      },
    }
  }

  return {
    networks,
    containers: Array.from({ length: containerCount }, (_, index) => containerAt(index)),
    containerAt,
  }
}

/** The IPv6 address of whoever has this IPv4 address on a network; empty: the network has none. */
export function sixOf({ six, first }: PlannedNetwork, address: string): string {
  return six === undefined || address === '' ? '' : `${six}${(toNumber(address) - first).toString(16)}`
}

/** 64 hexadecimal digits. */
export function idOf(kind: string, index: number | string): string {
  return createHash('sha256').update(`${kind} ${index}`).digest('hex')
}

export function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
}

export function toNumber(address: string): number {
  return address.split('.').reduce((total, part) => total * 256 + Number(part), 0)
}
