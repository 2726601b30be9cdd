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
   * Whether what an event tells of this id is to be followed; false: there are more ids than any engine can have, and it
   * is time for a full list.
   */
  admit(id: string): boolean
  /** A hint: the container is inspected within milliseconds. `eventTime` is the engine's, ms. */
  queueContainer(id: string, eventTime?: number): void
  /** A new container, of which the event tells name and labels; its inspect must be there before its start is. */
  create(id: string, name: string, labels: Readonly<Record<string, string>>, eventTime: number): void
  /** It is called `name` from now on, if it was called `oldName`, or where that is undefined if nothing later is known. */
  rename(id: string, oldName: string | undefined, name: string, eventTime: number): void
  /** It is on the network from `eventTime` on: at once where it is being started, else after an inspect. */
  connect(containerId: string, networkId: string, eventTime: number): void
  queueNetwork(id: string, eventTime?: number): void
  /** The gateway bridge, if the engine has one: its members come and go with containers. */
  queueGatewayBridge(): void
  /**
   * What an event says for sure: off one network, or stopped where `networkId` is undefined. The addresses go at
   * once, unless the container has been started since; the inspect follows.
   */
  drop(containerId: string, networkId: string | undefined, eventTime: number): void
  knowsNetwork(id: string): boolean
  /** Id of the network of that id or name, of one of them where several have the name. */
  networkNamed(name: string): string | undefined
  /**
   * Lists everything and inspects what the lists do not tell or tell anew; from now on `client` is asked. Rejects
   * where a list fails, or comes after `hold`. Resolves with what the lists knew better though nothing was pending.
   */
  fullList(client: EngineClient): Promise<Suspects>
  /** The ids of those that have really changed, and of which no event has told since the list. */
  unexplained(suspects: Suspects): readonly string[]
  /** Which names labels may grant has changed. */
  regrant(): void
  inventory(): EngineInventory
  markAllChanged: EngineState['markAllChanged']
  /** What of them is other since this was asked last. */
  takeChanges: EngineState['takeChanges']
  /** Between connections nothing is inspected, until the next full list. */
  pause(): void
}

export interface ReconcilerOptions
  extends Omit<EngineStateOptions, 'images'>,
    Pick<ImageLabelsOptions, 'refused'> {
  clock: Clock
  random: () => number
  /** Facts have changed; the event's time where one was behind it. */
  changed(eventTime: number | undefined): void
  failed(error: unknown): void
}

/** A container that is being started answers no inspect; a list need not wait for it once nothing else comes, ms. */
const patience = 2_000
/** Nor for an engine that has thousands running and is slow, ms. */
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
      // What does not run has no address to answer with, and may be being started: a whole machine may.
      containerQueue.settled(others, patience, patience),
    ])
    await lookAtLodgers()
    await images.settled(patience, longestWait)
    return wasFlooded || unlisted.isFlooded() ? noSuspects : suspects
  }

  /** Those of whose start nothing may have been heard; with each that was started, who lodges with that one. */
  async function lookAtLodgers(): Promise<void> {
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
  /** What comes without having been admitted is of something known, or one of few. */
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
      // Should the inspect come too late and block, the name is there early all the same.
      const raw = { Id: id, Name: name, Config: { Labels: { ...labels } } }
      setContainer(containerFrom(raw, engine, networkNamed), 0, eventTime)
    },
    rename(id, oldName, name, eventTime) {
      hear(id)
      containerQueue.add(id, { eventTime, superseded: true })
      const before = containers.get(id)
      if (before === undefined) return
      const { name: known } = before.value.container
      // An engine that tells late may be telling of a name that has been given up since.
      const isNews = oldName === undefined ? isAfter(eventTime, before) : oldName === known
      if (isNews && setContainer(withName(before.value, known, name), ++tick, eventTime)) changed(eventTime)
    },
    connect(containerId, networkId, eventTime) {
      hear(containerId)
      // While a container is being started its inspect blocks, and its start will have it looked at again. A look
      // that is under way may be of before this.
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
