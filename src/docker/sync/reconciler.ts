// Keeps one engine's state current from events, inspects and full lists; nothing older replaces anything newer.
import type { Clock } from '../../lib/clock.ts'
import { gatewayBridge } from '../../registry/order.ts'
import type { EngineInventory } from '../../registry/types.ts'
import type { EngineClient } from '../api/client.ts'
import { containerFrom, withName, withoutAddresses } from '../model/container.ts'
import { createEngineState, type EngineState, type EngineStateOptions, type Reading } from './engine-state.ts'
import { createFullList, type Suspects } from './full-list.ts'
import { createImageLabels, type ImageLabelsOptions } from './image-labels.ts'
import { createInspections } from './inspections.ts'
import { staleSharers } from './stale-namespaces.ts'
import { createUnlistedIds } from './unlisted.ts'

export interface Reconciler {
  /**
   * Whether to follow events of this id; false: there are more ids than any engine can have, and a full list is due.
   */
  admit(id: string): boolean
  /** The container is inspected within milliseconds. `eventTime`: the engine's clock, ms. */
  queueContainer(id: string, eventTime?: number): void
  /** A new container, with the event's name and labels; its inspect must finish before its start. */
  create(id: string, name: string, labels: Readonly<Record<string, string>>, eventTime: number): void
  /** Renamed from `oldName`; undefined: the new name counts unless something later is known. */
  rename(id: string, oldName: string | undefined, name: string, eventTime: number): void
  /** Attached to the network at `eventTime`: effective at once while it is being started, else after an inspect. */
  connect(containerId: string, networkId: string, eventTime: number): void
  queueNetwork(id: string, eventTime?: number): void
  /** The gateway bridge, if the engine has one: its members come and go with containers. */
  queueGatewayBridge(): void
  /**
   * Detached from one network, or stopped where `networkId` is undefined. The addresses go at once, unless the container
   * has been started since; the inspect follows.
   */
  drop(containerId: string, networkId: string | undefined, eventTime: number): void
  knowsNetwork(id: string): boolean
  /** Id of the network of that id or name, of one of them where several have the name. */
  networkNamed(name: string): string | undefined
  /**
   * Lists everything and inspects what is new or changed; `client` is used from now on. Rejects where a list fails, or
   * ends after `pause`. Resolves with what the lists showed though no event was pending.
   */
  fullList(client: EngineClient): Promise<Suspects>
  /** Ids of suspects that have changed, and that no event has explained since. */
  unexplained(suspects: Suspects): readonly string[]
  /** The label rules have changed. */
  regrant(): void
  inventory(): EngineInventory
  markAllChanged: EngineState['markAllChanged']
  takeChanges: EngineState['takeChanges']
  /** Between connections nothing is inspected, until the next full list. */
  pause(): void
}

export interface ReconcilerOptions
  extends Omit<EngineStateOptions, 'images'>,
    Pick<ImageLabelsOptions, 'refused'> {
  clock: Clock
  random: () => number
  /** The inventory has changed; `eventTime`: of the event behind it, if any. */
  changed(eventTime: number | undefined): void
  failed(error: unknown): void
}

/** A container being started answers no inspect: a full list waits this long after the last other answer, ms. */
const patience = 2_000
/** And this long in all, ms. */
const longestWait = 60_000
const noSuspects: Suspects = new Map()

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { engine, clock, random, changed, failed } = options
  const images = createImageLabels({
    ...{ clock, random, failed },
    fetch: (image) => client!.imageLabels(image),
    loaded(image) {
      if (state.imageLoaded(image)) changed(undefined)
    },
    refused: options.refused,
  })
  const state: EngineState = createEngineState({ ...options, images })
  const { networks, containers, pending, setContainer, networkNamed } = state
  const unlisted = createUnlistedIds()
  let client: EngineClient | undefined
  /** Orders readings and events: nothing may be replaced by what was read before it. */
  let tick = 0
  let held = 0

  const { containerQueue, networkQueue, memberQueue, ...inspections } = createInspections({
    ...{ state, clock, random, changed, failed },
    client: () => client!,
    nextTick: () => ++tick,
  })
  const listing = createFullList({
    ...{ state, unlisted, containerQueue, networkQueue, memberQueue, changed },
  })

  /** Docker makes the bridge with the first overlay, without an event; until it is known its name does for an id. */
  function queueGatewayBridge() {
    const id = networkNamed(gatewayBridge)
    if (id !== undefined) networkQueue.add(id)
    else if (state.hasOverlays()) networkQueue.add(gatewayBridge)
  }

  async function fullList(asked: EngineClient): Promise<Suspects> {
    const listedAt = ++tick
    const heldBefore = held
    client = asked
    const wasFlooded = unlisted.begin()
    pending.age()
    const { suspects, networkIds, running, others } = await listing.take(asked, listedAt)
    if (held !== heldBefore) throw new Error('the connection is over')
    queueGatewayBridge()
    images.retain(state.images())
    inspections.resume()
    images.resume()
    await Promise.all([
      networkQueue.settled(networkIds, patience, longestWait),
      containerQueue.settled(running, patience, longestWait),
      // Stopped containers have no address to answer with, and may be being started, even all of them.
      containerQueue.settled(others, patience, patience),
    ])
    await inspectStaleSharers()
    await images.settled(patience, longestWait)
    return wasFlooded || unlisted.isFlooded() ? noSuspects : suspects
  }

  /** Inspects sharers whose restart may have gone unnoticed, then the sharers of those. */
  async function inspectStaleSharers(): Promise<void> {
    const seen = new Set<string>()
    for (;;) {
      const behind = staleSharers(containers).filter((id) => !seen.has(id))
      if (behind.length === 0) return
      for (const id of behind) {
        seen.add(id)
        containerQueue.add(id)
      }
      await containerQueue.settled(behind, patience, patience)
    }
  }

  const isKnown = (id: string) => containers.has(id) || networks.has(id)
  /** Ids that were not admitted are known, or few. */
  const hear = (id: string) => void unlisted.admit(id, isKnown(id))

  return {
    admit: (id) => unlisted.admit(id, isKnown(id)),
    queueContainer(id, eventTime) {
      hear(id)
      containerQueue.add(id, eventTime === undefined ? {} : { eventTime })
    },
    queueNetwork(id, eventTime) {
      hear(id)
      networkQueue.add(id, eventTime === undefined ? {} : { eventTime })
    },
    queueGatewayBridge,
    create(id, name, labels, eventTime) {
      hear(id)
      containerQueue.add(id, { eventTime, urgent: true })
      if (containers.has(id)) return
      // The inspect may come too late and block: the name is known all the same.
      const raw = { Id: id, Name: name, Config: { Labels: { ...labels } } }
      setContainer(containerFrom(raw, engine, networkNamed), 0, eventTime)
    },
    rename(id, oldName, name, eventTime) {
      hear(id)
      containerQueue.add(id, { eventTime, superseded: true })
      const before = containers.get(id)
      if (before === undefined) return
      const { name: known } = before.value.container
      // A late event may be of a name that has been given up since.
      const isNews = oldName === undefined ? isAfter(eventTime, before) : oldName === known
      if (isNews && setContainer(withName(before.value, known, name), ++tick, eventTime)) changed(eventTime)
    },
    connect(containerId, networkId, eventTime) {
      hear(containerId)
      // While a container is being started its inspect blocks, and its start event queues another. An inspect under
      // way may be older than this event.
      const running = containers.get(containerId)?.value.container.running === true
      const known = networks.has(networkId)
      if (running || !known || containerQueue.has(containerId)) containerQueue.add(containerId, { eventTime })
      if (known) inspections.expectMember(networkId, containerId, eventTime)
    },
    drop(containerId, networkId, eventTime) {
      hear(containerId)
      pending.end(containerId, networkId, eventTime)
      inspections.forgetMember(networkId, containerId, eventTime)
      containerQueue.add(containerId, { eventTime, superseded: true })
      const before = containers.get(containerId)
      if (before === undefined || before.value.startedAt > eventTime) return
      const container = withoutAddresses(before.value.container, networkId)
      if (setContainer({ ...before.value, container, signature: '' }, ++tick, before.asOf)) changed(eventTime)
    },
    knowsNetwork: (id) => networks.has(id),
    networkNamed,
    fullList,
    unexplained: (suspects) =>
      [...suspects].flatMap(([id, before]) => {
        const now = containers.get(id)?.value.container ?? networks.get(id)?.value
        return unlisted.has(id) || now === before ? [] : [id]
      }),
    regrant() {
      if (state.regrant()) changed(undefined)
    },
    inventory: state.inventory,
    markAllChanged: state.markAllChanged,
    takeChanges: state.takeChanges,
    pause() {
      held++
      inspections.pause()
      images.pause()
      pending.clear()
    },
  }
}

function isAfter(eventTime: number, { asOf }: Reading<unknown>): boolean {
  return asOf !== undefined && eventTime > asOf
}
