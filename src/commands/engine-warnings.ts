// For `berth check`: what its engines have that should be known: networks and Compose projects called like a public domain,
// networks that are not on this machine. An engine that can't be read, or not at once, has nothing to tell: that is no
// mistake of the configuration's.
import { localityOf } from '../config/local-engines.ts'
import type { Config, EngineConfig } from '../config/types.ts'
import { describeApart, isAmong } from '../docker/apart.ts'
import { createEngineClient, type EngineInfo } from '../docker/client.ts'
import { networkFrom } from '../docker/network.ts'
import type { RawContainerRow, RawNetwork } from '../docker/raw.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { canonicalAddress } from '../lib/ip.ts'
import { describePublicName, isPublicNetwork, isPublicProject } from '../registry/public-names.ts'

/** For all engines at once, ms. */
const patience = 2000

export interface Told {
  readonly networks: readonly RawNetwork[]
  readonly containers: readonly RawContainerRow[]
  readonly info: EngineInfo | undefined
}

/** `own`: this machine's addresses, canonical. */
export async function listEngineWarnings(
  { docker, zone }: Pick<Config, 'docker' | 'zone'>,
  own: ReadonlySet<string>,
  clock: Clock,
): Promise<string[]> {
  const lists = await Promise.all(
    docker.engines.map(async (engine) => {
      const told = await ask(engine, clock)
      if (told === undefined) return []
      // Of a remote one everybody knows that.
      const { local } = localityOf(engine, docker.engines)
      return [...(local ? apartWarnings(engine, told, own) : []), ...publicNames(told, zone)]
    }),
  )
  return [...new Set(lists.flat())].sort()
}

async function ask(engine: EngineConfig, clock: Clock): Promise<Told | undefined> {
  const client = createEngineClient(engine, clock)
  const over = new AbortController()
  const late = sleep(clock, patience, over.signal).then(() => undefined)
  try {
    // Where one of them fails, what the others tell is worth a warning all the same.
    const agreed = client.version().catch(() => {})
    const lists = agreed
      .then(() => Promise.all([client.listNetworks(), client.listContainers()]))
      .catch(() => undefined)
    const info = Promise.race([agreed.then(() => client.info()).catch(() => undefined), late])
    const read = await Promise.race([lists, late])
    if (read === undefined) return undefined
    const [networks, containers] = read
    return { networks, containers, info: await info }
  } finally {
    over.abort()
    client.close()
  }
}

function apartWarnings(
  { name }: EngineConfig,
  { networks, containers, info }: Told,
  own: ReadonlySet<string>,
): string[] {
  if (info?.apart === undefined) return []
  const places = containers.flatMap(({ NetworkSettings }) => Object.values(NetworkSettings?.Networks ?? {}))
  const addresses = places.flatMap((place) => [place?.IPAddress, place?.GlobalIPv6Address])
  const gateways = networks.flatMap((network) => networkFrom(network, name).network.gateways)
  const all = [...addresses.map((address) => canonicalAddress(address ?? '') ?? ''), ...gateways]
  return isAmong(own, all) ? [] : [`${name}: ${describeApart(info.apart)}`]
}

function publicNames({ networks, containers }: Told, zone: string): string[] {
  const projects = new Set(
    containers.flatMap(({ Labels }) => Labels?.['com.docker.compose.project']?.toLowerCase() ?? []),
  )
  return [
    ...networks
      .filter(({ Name, Driver }) => isPublicNetwork(Name.toLowerCase(), Driver ?? ''))
      .map(({ Name }) => describePublicName({ kind: 'network', name: Name.toLowerCase() }, zone)),
    ...[...projects]
      .filter(isPublicProject)
      .map((name) => describePublicName({ kind: 'project', name }, zone)),
  ]
}
