// What is on a synthetic engine at the moment: networks, containers and their addresses. Deeds change it as a real engine
// would, and tell the same events in the same order (26.1's). It also knows what a right answer is.
import { idOf, makePlan, type PlannedContainer, type PlannedNetwork, type Size, toAddress } from './plan.ts'

export interface Place {
  readonly network: PlannedNetwork
  readonly aliases: readonly string[]
  /** Empty while the container does not run. */
  address: string
  endpointId: string
}

export interface Container {
  readonly id: string
  name: string
  readonly hostname: string
  readonly labels: Readonly<Record<string, string>>
  state: 'created' | 'starting' | 'running' | 'exited'
  /** ms since 1970. */
  startedAt: number
  readonly createdAt: number
  /** By network id. */
  readonly places: Map<string, Place>
}

export interface Event {
  readonly type: string
  readonly action: string
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
  /** ns since 1970; no two events have the same. */
  readonly time: bigint
}

/** Deeds on a container that there is not, or that make no sense for it, throw: they are the caller's mistake. */
export interface Estate {
  readonly networks: readonly PlannedNetwork[]
  readonly containers: ReadonlyMap<string, Container>
  /** Creates the next one beyond the plan; gives its id. */
  create(): string
  /** Its networks are there, its process is not: a real engine's inspect blocks in between. */
  beginStart(id: string): void
  finishStart(id: string): void
  stop(id: string): void
  remove(id: string): void
  rename(id: string, name: string): void
  connect(id: string, networkId: string): void
  disconnect(id: string, networkId: string): void
  onEvent(listener: (event: Event) => void): void
  membersOf(networkId: string): Iterable<Container>
  /** Addresses of running containers, each with its container. */
  owner(address: string): Container | undefined
  /** What `name` is to whoever has this address, sorted; empty: it is NXDOMAIN. Names without a network's at their end. */
  expected(asker: string, name: string): readonly string[]
  /** Every name on the networks of whoever has this address. */
  namesSeenBy(asker: string): readonly string[]
}

/** `now`: ms since 1970, with fraction. */
export function createEstate(size: Size, now: () => number): Estate {
  const plan = makePlan(size)
  const networks = new Map(plan.networks.map((network) => [network.id, network]))
  const containers = new Map<string, Container>()
  const members = new Map<string, Set<Container>>(plan.networks.map(({ id }) => [id, new Set()]))
  const owners = new Map<string, Container>()
  /** Network id → where the search for a free address goes on. */
  const cursors = new Map<string, number>()
  /** Network id → name → addresses; made when asked for, dropped when something changes there. */
  const tables = new Map<string, Map<string, string[]>>()
  const listeners: ((event: Event) => void)[] = []
  let lastTime = 0n
  let nextIndex = plan.containers.length
  let endpoints = 0

  function emit(type: string, action: string, id: string, attributes: Record<string, string>) {
    const time = BigInt(Math.round(now() * 1000)) * 1000n
    lastTime = time > lastTime ? time : lastTime + 1n
    for (const listener of listeners) listener({ type, action, id, attributes, time: lastTime })
  }

  const tell = (container: Container, action: string, more: Record<string, string> = {}) =>
    emit('container', action, container.id, {
      ...container.labels,
      image: 'synthetic:1',
      name: container.name,
      ...more,
    })

  const tellNetwork = (network: PlannedNetwork, action: string, container: Container) =>
    emit('network', action, network.id, { container: container.id, name: network.name, type: 'bridge' })

  function put(planned: PlannedContainer): Container {
    const container: Container = {
      ...{ id: planned.id, name: planned.name, hostname: planned.hostname, labels: planned.labels },
      ...{ state: 'created', startedAt: 0, createdAt: now(), places: new Map() },
    }
    containers.set(container.id, container)
    for (const i of planned.networks) place(container, plan.networks[i]!, planned.aliases)
    return container
  }

  function place(container: Container, network: PlannedNetwork, aliases: readonly string[]) {
    container.places.set(network.id, { network, aliases, address: '', endpointId: '' })
    members.get(network.id)!.add(container)
  }

  /** Docker gives the one after the last, too, and comes round. */
  function settle(container: Container, place: Place) {
    const { id, first, count } = place.network
    let cursor = cursors.get(id) ?? 2
    while (owners.has(toAddress(first + cursor))) cursor = cursor + 1 >= count - 1 ? 2 : cursor + 1
    cursors.set(id, cursor + 1 >= count - 1 ? 2 : cursor + 1)
    place.address = toAddress(first + cursor)
    place.endpointId = idOf('endpoint', endpoints++)
    owners.set(place.address, container)
    tables.delete(id)
  }

  function leave(place: Place) {
    owners.delete(place.address)
    place.address = ''
    place.endpointId = ''
    tables.delete(place.network.id)
  }

  function leaveAll(container: Container) {
    for (const place of container.places.values()) {
      tellNetwork(place.network, 'disconnect', container)
      leave(place)
    }
  }

  function find(id: string, ...states: Container['state'][]): Container {
    const container = containers.get(id)
    if (container === undefined) throw new Error(`there is no container ${id}`)
    if (states.length > 0 && !states.includes(container.state)) {
      throw new Error(`container ${container.name} is ${container.state}`)
    }
    return container
  }

  function tableOf(networkId: string): Map<string, string[]> {
    let table = tables.get(networkId)
    if (table === undefined) {
      table = new Map()
      for (const container of members.get(networkId)!) {
        const place = container.places.get(networkId)!
        if (place.address === '') continue
        for (const name of namesOf(container, place)) {
          const addresses = table.get(name)
          if (addresses === undefined) table.set(name, [place.address])
          else addresses.push(place.address)
        }
      }
      for (const addresses of table.values()) addresses.sort()
      tables.set(networkId, table)
    }
    return table
  }

  for (const planned of plan.containers) {
    const container = put(planned)
    for (const place of container.places.values()) settle(container, place)
    container.state = 'running'
    container.startedAt = container.createdAt
  }

  return {
    networks: plan.networks,
    containers,
    create() {
      const container = put(plan.containerAt(nextIndex++))
      tell(container, 'create')
      return container.id
    },
    beginStart(id) {
      const container = find(id, 'created', 'exited')
      container.state = 'starting'
      for (const place of container.places.values()) {
        settle(container, place)
        tellNetwork(place.network, 'connect', container)
      }
    },
    finishStart(id) {
      const container = find(id, 'starting')
      container.state = 'running'
      container.startedAt = now()
      tell(container, 'start')
    },
    stop(id) {
      const container = find(id, 'running')
      tell(container, 'kill', { signal: '15' })
      leaveAll(container)
      container.state = 'exited'
      tell(container, 'stop')
      tell(container, 'die', { execDuration: '1', exitCode: '0' })
    },
    remove(id) {
      const container = find(id, 'created', 'running', 'exited')
      if (container.state === 'running') {
        tell(container, 'kill', { signal: '9' })
        leaveAll(container)
        tell(container, 'die', { execDuration: '1', exitCode: '137' })
      }
      containers.delete(id)
      for (const networkId of container.places.keys()) members.get(networkId)!.delete(container)
      tell(container, 'destroy')
    },
    rename(id, name) {
      const container = find(id)
      const oldName = `/${container.name}`
      container.name = name
      for (const networkId of container.places.keys()) tables.delete(networkId)
      tell(container, 'rename', { oldName })
    },
    connect(id, networkId) {
      const container = find(id, 'created', 'running', 'exited')
      const network = networks.get(networkId)!
      const [{ aliases }] = [...container.places.values()] as [Place]
      place(container, network, aliases)
      if (container.state !== 'running') return
      settle(container, container.places.get(networkId)!)
      tellNetwork(network, 'connect', container)
    },
    disconnect(id, networkId) {
      const container = find(id, 'created', 'running', 'exited')
      const left = container.places.get(networkId)!
      if (container.state === 'running') {
        leave(left)
        tellNetwork(left.network, 'disconnect', container)
      }
      container.places.delete(networkId)
      members.get(networkId)!.delete(container)
    },
    onEvent(listener) {
      listeners.push(listener)
    },
    membersOf: (networkId) => members.get(networkId)!,
    owner: (address) => owners.get(address),
    expected(asker, name) {
      const places = [...(owners.get(asker)?.places.values() ?? [])]
      // Docker's order, where nothing else tells them apart.
      const ids = places.map(({ network }) => network).sort((a, b) => (a.name < b.name ? -1 : 1))
      return ids.map(({ id }) => tableOf(id).get(name)).find((found) => found !== undefined) ?? []
    },
    namesSeenBy(asker) {
      const ids = [...(owners.get(asker)?.places.keys() ?? [])]
      return [...new Set(ids.flatMap((id) => [...tableOf(id).keys()]))]
    },
  }
}

/** What the engine's DNSNames say. */
export function namesOf({ name, id, hostname }: Container, { aliases }: Place): string[] {
  return [...new Set([name, ...aliases, id.slice(0, 12), hostname])]
}
