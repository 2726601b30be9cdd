// What is known of one engine: the newest reading of each of its networks and containers, and the facts made of them.
import { isDeepStrictEqual } from 'node:util'
import type { Container, Endpoint, EngineFacts, Network } from '../registry/types.ts'
import { countLateNames, createEarlyPlaces, type EarlyPlaces, placeEarly } from './early.ts'
import { containerFrom, type ToldContainer } from './endpoint.ts'
import { completeNetwork, networkFrom, type ToldNetwork } from './network.ts'
import type { RawContainer, RawNetwork } from './raw.ts'

export interface Reading<T> {
  readonly told: T
  /** When (in the reconcile's ticks) the reading began that told it. */
  readonly readAt: number
}

/** What did not change stays the same object. The three that keep tell whether the facts have changed. */
export interface Known {
  readonly networks: Map<string, Reading<ToldNetwork>>
  readonly containers: Map<string, Reading<ToldContainer>>
  readonly early: EarlyPlaces
  keepContainer(raw: RawContainer, readAt: number): boolean
  setContainer(told: ToldContainer, readAt: number): boolean
  keepNetwork(raw: RawNetwork, readAt: number): boolean
  /** Id of the network with that id or name. */
  networkNamed(name: string): string | undefined
  facts(): EngineFacts
}

export interface KnownOptions {
  /** The engine's configured name. */
  engine: string
  /** Names that came only with a container's start. */
  late(names: number): void
  /** A container has labels that can't be read; once for each container. */
  mislabelled(container: Container, problems: readonly string[]): void
}

export function createKnown(options: KnownOptions): Known {
  const { engine } = options
  const networks = new Map<string, Reading<ToldNetwork>>()
  const containers = new Map<string, Reading<ToldContainer>>()
  const completed = new Map<string, Network>()
  const early = createEarlyPlaces()

  function keepContainer(raw: RawContainer, readAt: number): boolean {
    const told = containerFrom(raw, engine, networkNamed)
    const before = containers.get(raw.Id)
    if (told.container.running) {
      early.end(raw.Id)
      if (before?.told.container.running === false) {
        const late = countLateNames(before.told.container, told.container)
        if (late > 0) options.late(late)
      }
    }
    return setContainer(told, readAt)
  }

  function setContainer(told: ToldContainer, readAt: number): boolean {
    const before = containers.get(told.container.id)
    if (before === undefined && told.problems.length > 0) {
      options.mislabelled(told.container, told.problems)
    }
    const networkOf = (id: string) => networks.get(id)?.told.network
    const placed = placeEarly(told.container, told.ownNames, early.of(told.container.id), networkOf)
    const container = sharing(placed, before?.told.container)
    // Without a signature the next full list has it inspected again, should it never be started.
    const signature = placed === told.container ? told.signature : ''
    containers.set(container.id, { told: { ...told, container, signature }, readAt })
    return container !== before?.told.container || !isDeepStrictEqual(told.gateways, before.told.gateways)
  }

  function keepNetwork(raw: RawNetwork, readAt: number): boolean {
    const before = networks.get(raw.Id)
    const fresh = networkFrom(raw, engine)
    const same = before !== undefined && isDeepStrictEqual(fresh, before.told)
    networks.set(raw.Id, { told: same ? before.told : fresh, readAt })
    return !same
  }

  function networkNamed(name: string): string | undefined {
    if (networks.has(name)) return name
    for (const [id, { told }] of networks) if (told.network.name === name) return id
    return undefined
  }

  function completeAll(): ReadonlyMap<string, Network> {
    const used = new Map<string, Set<string>>()
    for (const { told } of containers.values()) {
      if (!told.container.running) continue
      for (const [id, gateways] of told.gateways) {
        const addresses = used.get(id) ?? new Set()
        for (const gateway of gateways) addresses.add(gateway)
        used.set(id, addresses)
      }
    }
    const all = new Map<string, Network>()
    for (const [id, { told }] of networks) {
      // Sorted, so that containers' order does not make another network of it.
      const fresh = completeNetwork(told, new Set([...(used.get(id) ?? [])].sort()))
      const before = completed.get(id)
      const network = before !== undefined && isDeepStrictEqual(fresh, before) ? before : fresh
      completed.set(id, network)
      all.set(id, network)
    }
    for (const id of completed.keys()) if (!networks.has(id)) completed.delete(id)
    return all
  }

  return {
    networks,
    containers,
    early,
    keepContainer,
    setContainer,
    keepNetwork,
    networkNamed,
    facts: () => ({
      networks: completeAll(),
      containers: new Map([...containers].map(([id, { told }]) => [id, told.container])),
    }),
  }
}

/** `fresh`, but `before` itself where they are equal, and `before`'s endpoints where those are. */
function sharing(fresh: Container, before: Container | undefined): Container {
  if (before === undefined) return fresh
  if (isDeepStrictEqual(fresh, before)) return before
  const endpoints = fresh.endpoints.map((endpoint) => {
    return before.endpoints.find((old): old is Endpoint => isDeepStrictEqual(old, endpoint)) ?? endpoint
  })
  return { ...fresh, endpoints }
}
