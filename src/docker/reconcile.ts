// One engine's facts: lists and inspects in, EngineFacts out; what did not change stays the same object.
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../lib/clock.ts'
import type { Container, Endpoint, EngineFacts, Network } from '../registry/types.ts'
import type { EngineClient } from './client.ts'
import { createDirtySet, type Look } from './dirty.ts'
import {
  containerFrom,
  placeByRow,
  rowSignature,
  type ToldContainer,
  withoutAddresses,
} from './endpoint.ts'
import { completeNetwork, gatewayBridge, networkFrom, type ToldNetwork } from './network.ts'
import type { RawContainer, RawContainerRow, RawNetwork } from './raw.ts'

export interface Reconcile {
  /** A hint: the container is inspected within milliseconds. `eventTime` is the engine's, ms. */
  markContainer(id: string, eventTime?: number): void
  markNetwork(id: string, eventTime?: number): void
  /** The gateway bridge, if the engine has one: its members come and go with containers. */
  markGatewayBridge(): void
  /**
   * What an event says for sure: off one network, or stopped where `networkId` is undefined. The addresses go at
   * once, unless the container has been started since; the inspect follows.
   */
  drop(containerId: string, networkId: string | undefined, eventTime: number): void
  knowsNetwork(id: string): boolean
  /**
   * Lists everything and inspects what the lists do not tell or tell anew. Rejects where a list fails. Resolves
   * with the keys of what the lists knew better though nothing was pending: suspects of having been missed.
   */
  fullList(): Promise<readonly string[]>
  /** Which of these suspects no event has explained since the list. */
  unexplained(suspects: readonly string[]): readonly string[]
  facts(): EngineFacts
  /** Between connections nothing is inspected. */
  hold(): void
  resume(): void
}

export interface ReconcileOptions {
  /** The engine's configured name. */
  engine: string
  client: EngineClient
  clock: Clock
  random: () => number
  /** Facts have changed; the event's time where one was behind it. */
  changed(eventTime: number | undefined): void
  failed(error: unknown): void
}

interface Known<T> {
  readonly told: T
  /** When (in ticks) the reading began that told it. */
  readonly readAt: number
}

/** A container that is being started answers no inspect; the others need not wait for it. Milliseconds. */
const patience = 2_000

export function createReconcile({
  engine,
  client,
  clock,
  random,
  changed,
  failed,
}: ReconcileOptions): Reconcile {
  const networks = new Map<string, Known<ToldNetwork>>()
  const containers = new Map<string, Known<ToldContainer>>()
  const completed = new Map<string, { told: ToldNetwork; network: Network }>()
  /** Key → tick of the last event about it; emptied at each full list, which outdates them. */
  const heard = new Map<string, number>()
  /** Orders readings and events: nothing may be replaced by what was read before it. */
  let tick = 0

  const dirty = { atOnce: 8, debounce: 2, clock, random, failed: (_: string, error: unknown) => failed(error) }
  const dirtyContainers = createDirtySet({ ...dirty, look: lookAtContainer })
  const dirtyNetworks = createDirtySet({ ...dirty, atOnce: 2, look: lookAtNetwork })

  async function lookAtContainer(id: string, look: Look): Promise<void> {
    const readAt = ++tick
    const raw = await client.inspectContainer(id)
    if (look.outdated()) return
    if (raw === undefined ? removeContainer(id) : keepContainer(raw, readAt)) changed(look.eventTime)
  }

  async function lookAtNetwork(id: string, look: Look): Promise<void> {
    const readAt = ++tick
    const raw = await client.inspectNetwork(id)
    if (look.outdated()) return
    if (raw === undefined ? networks.delete(id) : keepNetwork(raw, readAt)) changed(look.eventTime)
  }

  /** These three tell whether the facts have changed. */
  function keepContainer(raw: RawContainer, readAt: number): boolean {
    return setContainer(containerFrom(raw, engine, networkNamed), readAt)
  }

  function setContainer(told: ToldContainer, readAt: number): boolean {
    const before = containers.get(told.container.id)
    const container = sharing(told.container, before?.told.container)
    containers.set(container.id, { told: { ...told, container }, readAt })
    return container !== before?.told.container || !isDeepStrictEqual(told.gateways, before.told.gateways)
  }

  function keepNetwork(raw: RawNetwork, readAt: number): boolean {
    const before = networks.get(raw.Id)
    const fresh = networkFrom(raw, engine)
    const same = before !== undefined && isDeepStrictEqual(fresh, before.told)
    networks.set(raw.Id, { told: same ? before.told : fresh, readAt })
    return !same
  }

  function removeContainer(id: string): boolean {
    return containers.delete(id)
  }

  function networkNamed(name: string): string | undefined {
    if (networks.has(name)) return name
    for (const [id, { told }] of networks) if (told.network.name === name) return id
    return undefined
  }

  function gatewayBridgeId(): string | undefined {
    return networkNamed(gatewayBridge)
  }

  function markGatewayBridge() {
    const id = gatewayBridgeId()
    if (id !== undefined) dirtyNetworks.mark(id)
  }

  async function fullList(): Promise<readonly string[]> {
    const listedAt = ++tick
    heard.clear()
    const [networkRows, rows] = await Promise.all([client.listNetworks(), client.listContainers()])
    const suspects = [...takeNetworks(networkRows, listedAt), ...takeRows(rows, listedAt)]
    markGatewayBridge()
    dirtyContainers.resume()
    dirtyNetworks.resume()
    const bridge = gatewayBridgeId()
    await Promise.all([
      dirtyNetworks.settled(bridge === undefined ? [] : [bridge], patience),
      dirtyContainers.settled(
        rows.map((row) => row.Id),
        patience,
      ),
    ])
    return suspects
  }

  function takeNetworks(rows: readonly RawNetwork[], listedAt: number): string[] {
    const suspects: string[] = []
    const listed = new Set<string>()
    for (const row of rows) {
      listed.add(row.Id)
      const before = networks.get(row.Id)
      if (before !== undefined && before.readAt > listedAt) continue
      // A row has no members: those known stay until the inspect that follows.
      const members = row.Name === gatewayBridge ? before?.told.network.members : undefined
      if (!keepNetwork(row, listedAt)) continue
      if (members !== undefined) keepMembers(row.Id, members)
      // Networks of a swarm change on other nodes, without an event here; so do the bridge's members.
      const ours = row.Scope !== 'swarm' && row.Name !== gatewayBridge
      if (ours && !dirtyNetworks.has(row.Id)) suspects.push(row.Id)
    }
    for (const [id, { readAt, told }] of networks) {
      if (listed.has(id) || readAt > listedAt) continue
      networks.delete(id)
      if (told.network.driver !== 'overlay' && !dirtyNetworks.has(id)) suspects.push(id)
      dirtyNetworks.forget(id)
    }
    return suspects
  }

  function keepMembers(id: string, members: ReadonlyMap<string, string>) {
    const { told, readAt } = networks.get(id)!
    networks.set(id, { told: { ...told, network: { ...told.network, members } }, readAt })
  }

  /** What is stopped before and after may change without an event (docker network connect): no suspect. */
  function takeRows(rows: readonly RawContainerRow[], listedAt: number): string[] {
    const suspects: string[] = []
    const listed = new Set<string>()
    for (const row of rows) {
      listed.add(row.Id)
      const before = containers.get(row.Id)
      const pending = dirtyContainers.has(row.Id)
      if (before !== undefined && before.readAt > listedAt) continue
      if (before !== undefined && before.told.signature === rowSignature(row)) continue
      const wasRunning = before?.told.container.running === true
      if (before !== undefined) {
        const container = placeByRow(before.told.container, row)
        if (setContainer({ ...before.told, container }, listedAt)) changed(undefined)
      }
      if (!pending && (wasRunning || row.State === 'running')) suspects.push(row.Id)
      dirtyContainers.mark(row.Id)
    }
    for (const [id, { readAt, told }] of containers) {
      if (listed.has(id) || readAt > listedAt) continue
      if (told.container.running && !dirtyContainers.has(id)) suspects.push(id)
      removeContainer(id)
      dirtyContainers.forget(id)
    }
    return suspects
  }

  function hear(id: string) {
    heard.set(id, ++tick)
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
      const network = before !== undefined && isDeepStrictEqual(fresh, before.network) ? before.network : fresh
      completed.set(id, { told, network })
      all.set(id, network)
    }
    for (const id of completed.keys()) if (!networks.has(id)) completed.delete(id)
    return all
  }

  return {
    markContainer(id, eventTime) {
      hear(id)
      dirtyContainers.mark(id, eventTime === undefined ? {} : { eventTime })
    },
    markNetwork(id, eventTime) {
      hear(id)
      dirtyNetworks.mark(id, eventTime === undefined ? {} : { eventTime })
    },
    markGatewayBridge,
    drop(containerId, networkId, eventTime) {
      hear(containerId)
      dirtyContainers.mark(containerId, { eventTime, known: true })
      const before = containers.get(containerId)
      if (before === undefined || before.told.startedAt > eventTime) return
      const container = withoutAddresses(before.told.container, networkId)
      if (setContainer({ ...before.told, container, signature: '' }, tick)) changed(eventTime)
    },
    knowsNetwork: (id) => networks.has(id),
    fullList,
    unexplained: (suspects) => suspects.filter((id) => !heard.has(id)),
    facts: () => ({
      networks: completeAll(),
      containers: new Map([...containers].map(([id, { told }]) => [id, told.container])),
    }),
    hold() {
      dirtyContainers.hold()
      dirtyNetworks.hold()
    },
    resume() {
      dirtyContainers.resume()
      dirtyNetworks.resume()
    },
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
