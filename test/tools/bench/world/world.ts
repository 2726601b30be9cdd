// What is asked about: a synthetic engine's networks and names, who asks, and what the right answers are. Once a second a
// container comes or goes, one of those that nobody asks for.

import { sixOf } from '../../synthetic/plan.ts'
import { type SyntheticEngine, startSyntheticEngine } from '../../synthetic/server.ts'

export interface WorldSize {
  readonly networks: number
  /** Containers of each network. */
  readonly containers: number
  /** Names of each container that are asked for. */
  readonly names: number
}

export interface Record {
  readonly name: string
  readonly v4: string
  /** Every second network has IPv6. */
  readonly v6: string | undefined
}

export interface World {
  readonly size: WorldSize
  /** Where berth finds the engine. */
  readonly url: string
  readonly gateways: readonly string[]
  /** Containers' addresses, as many of each network, and the network's project: what its names begin with. */
  readonly askers: readonly { readonly address: string; readonly project: string; readonly gateway: string }[]
  /** What is asked for, on all networks. */
  readonly records: ReadonlyMap<string, Record>
  /** The names of the first network; those of the others have another project at their start. */
  readonly names: readonly string[]
  /** Each network's containers, for servers that are told of them network by network. */
  readonly networks: readonly { readonly gateway: string; readonly containers: readonly Told[] }[]
  /** From now on, once a second, a container comes or goes. */
  move(): void
  rest(): void
  close(): void
}

/** A container on its network. */
export interface Told {
  readonly id: string
  readonly v4: string
  readonly v6: string | undefined
  readonly names: readonly string[]
}

/** Addresses that ask, at least, where there are so many containers. */
const wanted = 200
/** Between two changes, ms. */
const beat = 1000

export async function openWorld(size: WorldSize): Promise<World> {
  const engine = await startSyntheticEngine({
    size: {
      networks: size.networks,
      // The last one of each network comes and goes.
      containers: size.networks * (size.containers + 1),
      // Beside its own name: service, short id and hostname.
      names: size.names + 3,
      ...{ second: 0, six: 2 },
    },
  })
  const { estate } = engine
  const movers = [...estate.containers.keys()].slice(-size.networks)
  const networks = estate.networks.map((network) => {
    const stayers = [...estate.membersOf(network.id)].filter(({ id }) => !movers.includes(id))
    const containers = stayers.map(({ id, name, places }): Told => {
      const { address, aliases } = places.get(network.id)!
      const six = sixOf(network, address)
      // Services have the same names on all networks, so that a server without scopes could not have them.
      const names = [...new Set([name, ...aliases])].filter((each) => each.startsWith(name))
      return { id, v4: address, v6: six === '' ? undefined : six, names }
    })
    return { gateway: network.gateway, project: network.name.replace('_default', ''), containers }
  })
  const each = Math.min(size.containers, Math.ceil(wanted / size.networks))
  let timer: NodeJS.Timeout | undefined
  let next = 0

  return {
    ...{ size, networks, url: engine.url },
    gateways: networks.map(({ gateway }) => gateway),
    // Neighbours in the list are on different networks.
    askers: Array.from({ length: each }, (_, i) =>
      networks.map(({ containers, project, gateway }) => ({
        ...{ address: containers[i]!.v4, project, gateway },
      })),
    ).flat(),
    records: new Map(
      networks.flatMap(({ containers }) =>
        containers.flatMap(({ names, v4, v6 }) => names.map((name) => [name, { name, v4, v6 }] as const)),
      ),
    ),
    names: networks[0]!.containers.flatMap(({ names }) => names),
    move() {
      timer = setInterval(() => toggle(engine, movers[next++ % movers.length]!), beat)
    },
    rest: () => clearInterval(timer),
    close() {
      clearInterval(timer)
      engine.close()
    },
  }
}

function toggle({ estate, start }: SyntheticEngine, id: string): void {
  if (estate.containers.get(id)!.state === 'running') estate.stop(id)
  else start(id)
}
