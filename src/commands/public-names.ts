// For `berth check`: which networks and Compose projects of the engines are called like a public domain. An engine that
// can't be read, or not at once, tells none: that is no mistake of the configuration's.
import type { Config, EngineConfig } from '../config/types.ts'
import { createEngineClient } from '../docker/client.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { describePublicName, isPublicNetwork, isPublicProject } from '../registry/public-names.ts'

/** For all engines at once, ms. */
const patience = 2000

export async function listPublicNames(
  { docker, zone }: Pick<Config, 'docker' | 'zone'>,
  clock: Clock,
): Promise<string[]> {
  const lists = await Promise.all(docker.engines.map((engine) => listOf(engine, zone, clock)))
  return [...new Set(lists.flat())].sort()
}

async function listOf(engine: EngineConfig, zone: string, clock: Clock): Promise<string[]> {
  const client = createEngineClient(engine, clock)
  const over = new AbortController()
  try {
    const read = client
      .version()
      .catch(() => {})
      .then(() => Promise.all([client.listNetworks(), client.listContainers()]))
      .catch(() => undefined)
    const lists = await Promise.race([read, sleep(clock, patience, over.signal)])
    if (lists === undefined) return []
    const [networks, containers] = lists
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
  } finally {
    over.abort()
    client.close()
  }
}
