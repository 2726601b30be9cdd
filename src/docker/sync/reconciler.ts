// Keeps what is known of one engine true: events mark, lists and inspects tell, nothing older replaces anything newer.
import type { Clock } from '../../lib/clock.ts'
import { gatewayBridge } from '../../registry/order.ts'
import type { EngineFacts } from '../../registry/types.ts'
import type { EngineClient } from '../api/client.ts'
import { containerFrom, placeOn, withName, withoutAddresses } from '../model/container.ts'
import { memberPlace } from '../model/network.ts'
import type { EarlyPlace } from '../model/pending-endpoints.ts'
import { createKnown, type Known, type KnownOptions, type Reading } from './engine-state.ts'
import { createListing, type Suspects } from './full-list.ts'
import { createImages, type ImagesOptions } from './image-labels.ts'
import { lodgersBehind } from './stale-namespaces.ts'
import { createStrangers } from './unlisted.ts'
import { createDirtySet, type Look } from './work-queue.ts'

export interface Reconcile {
  /**
   * Whether what an event tells of this id is to be followed; false: there are more ids than any engine can have, and it
   * is time for a full list.
   */
  admit(id: string): boolean
  /** A hint: the container is inspected within milliseconds. `eventTime` is the engine's, ms. */
  markContainer(id: string, eventTime?: number): void
  /** A new container, of which the event tells name and labels; its inspect must be there before its start is. */
  create(id: string, name: string, labels: Readonly<Record<string, string>>, eventTime: number): void
  /** It is called `name` from now on, if it was called `oldName`, or where that is undefined if nothing later is known. */
  rename(id: string, oldName: string | undefined, name: string, eventTime: number): void
  /** It is on the network from `eventTime` on: at once where it is being started, else after an inspect. */
  connect(containerId: string, networkId: string, eventTime: number): void
  markNetwork(id: string, eventTime?: number): void
  /** The gateway bridge, if the engine has one: its members come and go with containers. */
  markGatewayBridge(): void
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
  grantAnew(): void
  facts(): EngineFacts
  tellAnew: Known['tellAnew']
  /** What of them is other since this was asked last. */
  takeChanges: Known['takeChanges']
  /** Between connections nothing is inspected, until the next full list. */
  hold(): void
}

export interface ReconcileOptions extends Omit<KnownOptions, 'images'>, Pick<ImagesOptions, 'refused'> {
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
/** Containers that are being started at one time. */
const mostConnecting = 20_000
const noSuspects: Suspects = new Map()

export function createReconcile(options: ReconcileOptions): Reconcile {
  const { engine, clock, random, changed, failed } = options
  const images = createImages({
    ...{ clock, random, failed },
    ask: (image) => client!.imageLabels(image),
    read(image) {
      if (known.judge(image)) changed(undefined)
    },
    refused: options.refused,
  })
  const known: Known = createKnown({ ...options, images })
  const { networks, containers, early, keepContainer, setContainer, removeContainer } = known
  const { keepNetwork, removeNetwork, networkNamed } = known
  const heard = createStrangers()
  /** Containers that are in `starting`, or were when this was last counted. */
  let connecting = 0
  let client: EngineClient | undefined
  /** Orders readings and events: nothing may be replaced by what was read before it. */
  let tick = 0
  let held = 0

  const dirty = {
    atOnce: 8,
    debounce: 1,
    clock,
    random,
    failed: (_: string, error: unknown) => failed(error),
  }
  const dirtyContainers = createDirtySet({ ...dirty, look: lookAtContainer })
  const dirtyNetworks = createDirtySet({ ...dirty, atOnce: 2, look: lookAtNetwork })
  // An engine that waits for its disk holds these back for hundreds of ms; a joining does not wait for the one before.
  const dirtyMembers = createDirtySet({ ...dirty, atOnceEach: 2, look: lookAtMembers })
  const listing = createListing({
    ...{ known, heard, dirtyContainers, dirtyNetworks, dirtyMembers, changed },
  })
  /** Network id → containers being started on it, and since when (the engine's clock). */
  const starting = new Map<string, Map<string, number>>()

  async function lookAtContainer(id: string, look: Look): Promise<void> {
    const readAt = ++tick
    const raw = await client!.inspectContainer(id)
    if (look.outdated() || isOlder(readAt, containers.get(id))) return
    if (raw === undefined) {
      if (removeContainer(id)) changed(look.eventTime)
    } else if ('Name' in raw ? keepContainer(raw, readAt) : setContainer(known.byRow(raw), readAt)) {
      changed(look.eventTime)
    }
  }

  async function lookAtNetwork(id: string, look: Look): Promise<void> {
    const readAt = ++tick
    const raw = await client!.inspectNetwork(id)
    if (look.outdated() || isOlder(readAt, networks.get(id))) return
    if (raw === undefined ? removeNetwork(id) : keepNetwork(raw, readAt)) changed(look.eventTime)
  }

  async function lookAtMembers(id: string): Promise<void> {
    const waiting = starting.get(id)
    if (waiting === undefined) return
    const asked = new Map(waiting)
    const raw = await client!.inspectNetwork(id)
    for (const [containerId, since] of asked) {
      // Taken off meanwhile, or on again: that is another look's.
      if (waiting.get(containerId) !== since) continue
      waiting.delete(containerId)
      const place = raw === undefined ? undefined : memberPlace(raw, containerId)
      if (place === undefined) dirtyContainers.mark(containerId, { eventTime: since })
      else placeNow(containerId, id, { ...place, since })
    }
    if (waiting.size === 0 && starting.get(id) === waiting) starting.delete(id)
  }

  function placeNow(containerId: string, networkId: string, place: EarlyPlace) {
    const before = containers.get(containerId)
    if (before?.told.container.running === true) {
      if (setContainer(placeOn(before.told, networkId, place), before.readAt, before.asOf))
        changed(place.since)
      return
    }
    early.set(containerId, networkId, place)
    // What its create told is still on its way, and will find the place.
    if (before === undefined) dirtyContainers.mark(containerId, { eventTime: place.since })
    else if (setContainer(before.told, before.readAt, before.asOf)) changed(place.since)
  }

  /** Docker makes the bridge with the first overlay, without an event; until it is known its name does for an id. */
  function markGatewayBridge() {
    const id = networkNamed(gatewayBridge)
    if (id !== undefined) dirtyNetworks.mark(id)
    else if (known.hasOverlays()) dirtyNetworks.mark(gatewayBridge)
  }

  async function fullList(asked: EngineClient): Promise<Suspects> {
    const listedAt = ++tick
    const heldBefore = held
    client = asked
    const wasFlooded = heard.begin()
    early.age()
    const { suspects, networkIds, running, others } = await listing.take(asked, listedAt)
    if (held !== heldBefore) throw new Error('the connection is over')
    markGatewayBridge()
    images.keep(known.images())
    dirtyContainers.resume()
    dirtyNetworks.resume()
    dirtyMembers.resume()
    images.resume()
    await Promise.all([
      dirtyNetworks.settled(networkIds, patience, longestWait),
      dirtyContainers.settled(running, patience, longestWait),
      // What does not run has no address to answer with, and may be being started: a whole machine may.
      dirtyContainers.settled(others, patience, patience),
    ])
    await lookAtLodgers()
    await images.settled(patience, longestWait)
    return wasFlooded || heard.isFlooded() ? noSuspects : suspects
  }

  /** Those of whose start nothing may have been heard; with each that was started, who lodges with that one. */
  async function lookAtLodgers(): Promise<void> {
    const seen = new Set<string>()
    for (;;) {
      const behind = lodgersBehind(containers).filter((id) => !seen.has(id))
      if (behind.length === 0) return
      for (const id of behind) {
        seen.add(id)
        dirtyContainers.mark(id)
      }
      await dirtyContainers.settled(behind, patience, patience)
    }
  }

  const isKnown = (id: string) => containers.has(id) || networks.has(id)
  /** What comes without having been admitted is of something known, or one of few. */
  const hear = (id: string) => void heard.admit(id, isKnown(id))

  /** Whether there is room for one more container that is being started. */
  function hasRoom(): boolean {
    if (connecting < mostConnecting) return true
    connecting = 0
    for (const waiting of starting.values()) connecting += waiting.size
    return connecting < mostConnecting
  }

  return {
    admit: (id) => heard.admit(id, isKnown(id)),
    markContainer(id, eventTime) {
      hear(id)
      dirtyContainers.mark(id, eventTime === undefined ? {} : { eventTime })
    },
    markNetwork(id, eventTime) {
      hear(id)
      dirtyNetworks.mark(id, eventTime === undefined ? {} : { eventTime })
    },
    markGatewayBridge,
    create(id, name, labels, eventTime) {
      hear(id)
      dirtyContainers.mark(id, { eventTime, urgent: true })
      if (containers.has(id)) return
      // Should the inspect come too late and block, the name is there early all the same.
      const raw = { Id: id, Name: name, Config: { Labels: { ...labels } } }
      setContainer(containerFrom(raw, engine, networkNamed), 0, eventTime)
    },
    rename(id, oldName, name, eventTime) {
      hear(id)
      dirtyContainers.mark(id, { eventTime, known: true })
      const before = containers.get(id)
      if (before === undefined) return
      const { name: known } = before.told.container
      // An engine that tells late may be telling of a name that has been given up since.
      const isNews = oldName === undefined ? isAfter(eventTime, before) : oldName === known
      if (isNews && setContainer(withName(before.told, known, name), ++tick, eventTime)) changed(eventTime)
    },
    connect(containerId, networkId, eventTime) {
      hear(containerId)
      // While a container is being started its inspect blocks, and its start will have it looked at again. A look
      // that is under way may be of before this.
      const running = containers.get(containerId)?.told.container.running === true
      const known = networks.has(networkId)
      if (running || !known || dirtyContainers.has(containerId))
        dirtyContainers.mark(containerId, { eventTime })
      if (!known || !hasRoom()) return
      connecting++
      const waiting = starting.get(networkId) ?? new Map<string, number>()
      starting.set(networkId, waiting.set(containerId, eventTime))
      dirtyMembers.mark(networkId, { eventTime, urgent: true })
    },
    drop(containerId, networkId, eventTime) {
      hear(containerId)
      early.end(containerId, networkId, eventTime)
      for (const [id, waiting] of starting) {
        if ((networkId ?? id) === id && (waiting.get(containerId) ?? eventTime) < eventTime) {
          waiting.delete(containerId)
        }
      }
      dirtyContainers.mark(containerId, { eventTime, known: true })
      const before = containers.get(containerId)
      if (before === undefined || before.told.startedAt > eventTime) return
      const container = withoutAddresses(before.told.container, networkId)
      if (setContainer({ ...before.told, container, signature: '' }, ++tick, before.asOf)) changed(eventTime)
    },
    knowsNetwork: (id) => networks.has(id),
    networkNamed,
    fullList,
    unexplained: (suspects) =>
      [...suspects].flatMap(([id, before]) => {
        const now = containers.get(id)?.told.container ?? networks.get(id)?.told
        return heard.has(id) || now === before ? [] : [id]
      }),
    grantAnew() {
      if (known.grantAnew()) changed(undefined)
    },
    facts: known.facts,
    tellAnew: known.tellAnew,
    takeChanges: known.takeChanges,
    hold() {
      held++
      dirtyContainers.hold()
      dirtyNetworks.hold()
      dirtyMembers.hold()
      images.hold()
      starting.clear()
      early.clear()
    },
  }
}

function isAfter(eventTime: number, { asOf }: Reading<unknown>): boolean {
  return asOf !== undefined && eventTime > asOf
}

function isOlder(readAt: number, known: Reading<unknown> | undefined): boolean {
  return known !== undefined && known.readAt > readAt
}
