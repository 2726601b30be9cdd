// A small engine in memory for the reconcile: its truth, its events, and lists and inspects that come when they may.
import type { EngineClient } from '../../../src/docker/api/client.ts'
import type { EngineEvent } from '../../../src/docker/api/event-stream.ts'
import type {
  ApiContainer,
  ApiContainerRow,
  ApiEndpoints,
  ApiNetwork,
} from '../../../src/docker/api/types.ts'

interface Container {
  readonly id: string
  name: string
  running: boolean
  startedAt: number
  /** Network id → aliases given there. */
  readonly places: Map<string, { aliases: string[]; address: string }>
}

export interface FakeEngine {
  readonly client: EngineClient
  /** Since the last call, in order. */
  takeEvents(): EngineEvent[]
  /** Numbers choose among what is there; what makes no sense does nothing. */
  act(what: Action, which: number, network: number): void
  /** "name network address" → sorted names, for every running container. */
  truth(): Record<string, string[]>
  /** Address → when it was left; none is given twice. */
  readonly leftAt: ReadonlyMap<string, number>
  /** Never answered: inspects of this container. */
  readonly blocked: Set<string>
}

export const actions = [
  ...(['create', 'start', 'stop', 'rename', 'connect', 'disconnect', 'remove'] as const),
  ...(['remake'] as const),
]
export type Action = (typeof actions)[number]

/** `pause` is awaited twice within each call: before the truth is read, and before it is told. */
export function createFakeEngine(pause: (what: string) => Promise<unknown>): FakeEngine {
  const containers = new Map<string, Container>()
  const networks = new Map<string, string>()
  const blocked = new Set<string>()
  const leftAt = new Map<string, number>()
  let events: EngineEvent[] = []
  let time = 1_000_000
  let made = 0
  let addresses = 0
  for (const name of ['a', 'b', 'c']) networks.set(`net-${name}-0`, name)

  const emit = (type: string, action: string, id: string, attributes: Record<string, string> = {}) =>
    events.push({ type, action, id, attributes, time: ++time })
  const nextAddress = () => `10.0.${(addresses >> 8) & 255}.${addresses++ & 255}`
  const pick = <T>(list: Iterable<T>, which: number): T | undefined => {
    const all = [...list]
    return all[which % Math.max(1, all.length)]
  }

  function settle(container: Container, networkId: string) {
    container.places.get(networkId)!.address = nextAddress()
    emit('network', 'connect', networkId, { container: container.id })
  }

  function leave(container: Container, networkId: string) {
    const place = container.places.get(networkId)!
    emit('network', 'disconnect', networkId, { container: container.id })
    if (place.address !== '') leftAt.set(place.address, time)
    place.address = ''
  }

  function stop(container: Container) {
    if (!container.running) return
    container.running = false
    emit('container', 'die', container.id, { name: container.name })
    for (const id of container.places.keys()) leave(container, id)
  }

  const deeds: Record<Action, (which: number, network: number) => void> = {
    create(which, network) {
      const id = `id-${made++}`.padEnd(64, '0')
      const places = new Map([
        [pick(networks.keys(), network)!, { aliases: [`alias${which % 3}`], address: '' }],
      ])
      const name = `name${which % 5}`
      if ([...containers.values()].some((each) => each.name === name)) return
      containers.set(id, { id, name, running: false, startedAt: 0, places })
      emit('container', 'create', id, { name, image: 'x' })
    },
    start(which) {
      const container = pick(containers.values(), which)
      if (container === undefined || container.running) return
      for (const id of container.places.keys()) settle(container, id)
      container.running = true
      container.startedAt = ++time
      emit('container', 'start', container.id, { name: container.name })
    },
    stop(which) {
      const container = pick(containers.values(), which)
      if (container !== undefined) stop(container)
    },
    rename(which, network) {
      const container = pick(containers.values(), which)
      const name = `name${network % 5}`
      if (container === undefined || [...containers.values()].some((each) => each.name === name)) return
      const oldName = `/${container.name}`
      container.name = name
      emit('container', 'rename', container.id, { name, oldName })
    },
    connect(which, network) {
      const container = pick(containers.values(), which)
      const id = pick(networks.keys(), network)!
      if (container === undefined || container.places.has(id)) return
      container.places.set(id, { aliases: [`alias${(which + network) % 3}`], address: '' })
      if (container.running) settle(container, id)
    },
    disconnect(which, network) {
      const container = pick(containers.values(), which)
      const id = pick(container?.places.keys() ?? [], network)
      if (container === undefined || id === undefined) return
      if (container.running) leave(container, id)
      container.places.delete(id)
    },
    remove(which) {
      const container = pick(containers.values(), which)
      if (container === undefined) return
      stop(container)
      containers.delete(container.id)
      emit('container', 'destroy', container.id, { name: container.name })
    },
    // A network removed and made again under its name.
    remake(_, network) {
      const id = pick(networks.keys(), network)!
      if ([...containers.values()].some(({ places }) => places.has(id))) return
      const name = networks.get(id)!
      networks.delete(id)
      emit('network', 'destroy', id, { name })
      const fresh = `net-${name}-${++made}`
      networks.set(fresh, name)
      emit('network', 'create', fresh, { name })
    },
  }

  const namesOf = ({ name, id }: Container, aliases: readonly string[]) => [name, ...aliases, id.slice(0, 12)]

  function placesOf(container: Container, inspected: boolean): ApiEndpoints {
    return Object.fromEntries(
      [...container.places].map(([id, { aliases, address }]) => [
        networks.get(id) ?? 'gone',
        {
          ...{ NetworkID: id, IPAddress: address },
          ...(inspected ? { Aliases: aliases, DNSNames: namesOf(container, aliases) } : {}),
        },
      ]),
    )
  }

  function rawContainer(container: Container): ApiContainer {
    const Status = container.running ? 'running' : 'exited'
    const StartedAt = new Date(container.startedAt).toISOString()
    return {
      ...{ Id: container.id, Name: `/${container.name}`, Config: {} },
      State: { Status, Running: container.running, StartedAt },
      NetworkSettings: { Networks: placesOf(container, true) },
    }
  }

  function rawNetwork(id: string, inspected: boolean): ApiNetwork | undefined {
    const name = networks.get(id)
    if (name === undefined) return undefined
    const Containers: Record<string, { IPv4Address: string }> = {}
    for (const { id: containerId, places } of containers.values()) {
      const address = places.get(id)?.address
      if (address) Containers[containerId] = { IPv4Address: `${address}/16` }
    }
    const IPAM = { Config: [{ Subnet: '10.0.0.0/16', Gateway: '10.0.255.254' }] }
    return {
      Id: id,
      Name: name,
      Driver: 'bridge',
      Scope: 'local',
      IPAM,
      ...(inspected ? { Containers } : {}),
    }
  }

  async function reading<T>(what: string, read: () => T): Promise<T> {
    await pause(`ask ${what}`)
    const told = read()
    await pause(`tell ${what}`)
    return told
  }

  const client = {
    listNetworks: () => reading('networks', () => [...networks.keys()].map((id) => rawNetwork(id, false)!)),
    inspectNetwork: (id: string) => reading(`network ${id}`, () => rawNetwork(id, true)),
    listContainers: () =>
      reading('containers', () =>
        [...containers.values()].map(
          (container): ApiContainerRow => ({
            ...{ Id: container.id, Names: [`/${container.name}`] },
            State: container.running ? 'running' : 'exited',
            NetworkSettings: { Networks: placesOf(container, false) },
          }),
        ),
      ),
    inspectContainer: (id: string) =>
      blocked.has(id)
        ? new Promise<never>(() => {})
        : reading(`container ${id}`, () => {
            const container = containers.get(id)
            return container && rawContainer(container)
          }),
    imageLabels: async () => 'gone',
  } as unknown as EngineClient

  return {
    client,
    blocked,
    leftAt,
    takeEvents() {
      const taken = events
      events = []
      return taken
    },
    act: (what, which, network) => deeds[what](which, network),
    truth() {
      const told: Record<string, string[]> = {}
      for (const container of containers.values()) {
        if (!container.running) continue
        for (const [id, { aliases, address }] of container.places) {
          told[`${container.id.slice(0, 6)} ${id} ${address}`] = [
            ...new Set(namesOf(container, aliases)),
          ].sort()
        }
      }
      return told
    },
  }
}
