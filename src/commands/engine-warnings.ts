// For `berth check`: warnings about what the engines have: networks and Compose projects named like a public domain, and
// networks that are not on this machine. An engine that cannot be read in time gives none.
import { localityOf } from '../config/local-engines.ts'
import type { Config, EngineConfig } from '../config/types.ts'
import { createEngineClient, type EngineInfo } from '../docker/api/client.ts'
import type { ApiContainerRow, ApiNetwork } from '../docker/api/types.ts'
import {
  describeIsolation,
  isolationOf,
  type ProcessLocation,
  sharesNetworks,
} from '../docker/model/isolation.ts'
import { networkFrom } from '../docker/model/network.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { canonicalAddress } from '../lib/ip.ts'
import { describePublicName, isPublicNetwork, isPublicProject } from '../registry/public-names.ts'

/** For all engines at once, ms. */
const patience = 2000

interface EngineFacts {
  readonly networks: readonly ApiNetwork[]
  readonly containers: readonly ApiContainerRow[]
  readonly info: EngineInfo | undefined
}

export async function listEngineWarnings(
  { docker, zone }: Pick<Config, 'docker' | 'zone'>,
  here: ProcessLocation,
  clock: Clock,
): Promise<string[]> {
  const lists = await Promise.all(
    docker.engines.map(async (engine) => {
      const facts = await readEngine(engine, clock)
      if (facts === undefined) return []
      // A remote engine's networks never are.
      const { local } = localityOf(engine, docker.engines)
      return [...(local ? isolationWarnings(engine, facts, here) : []), ...publicNames(facts, zone)]
    }),
  )
  return [...new Set(lists.flat())].sort()
}

async function readEngine(engine: EngineConfig, clock: Clock): Promise<EngineFacts | undefined> {
  const client = createEngineClient(engine, clock)
  const over = new AbortController()
  const late = sleep(clock, patience, over.signal).then(() => undefined)
  try {
    // If one call fails, the others may still give a warning.
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

function isolationWarnings(
  { name }: EngineConfig,
  { networks, containers, info }: EngineFacts,
  here: ProcessLocation,
): string[] {
  const isolation = info && isolationOf(info.host)
  if (isolation === undefined) return []
  const places = containers.flatMap(({ NetworkSettings }) => Object.values(NetworkSettings?.Networks ?? {}))
  const addresses = places.flatMap((place) => [place?.IPAddress, place?.GlobalIPv6Address])
  const gateways = networks.flatMap((network) => networkFrom(network, name).network.gateways)
  const all = [...addresses.map((address) => canonicalAddress(address ?? '') ?? ''), ...gateways]
  return sharesNetworks(isolation, here, all) ? [] : [`${name}: ${describeIsolation(isolation)}`]
}

function publicNames({ networks, containers }: EngineFacts, zone: string): string[] {
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
