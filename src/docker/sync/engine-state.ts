// The last reading of each network and container of one engine, and the inventory made of them.
import { isSame } from '../../lib/deep-equal.ts'
import { holds } from '../../registry/locality.ts'
import { reuse, reuseContainer } from '../../registry/structural-sharing.ts'
import type { Container, EngineInventory, Network, StoreChange } from '../../registry/types.ts'
import type { ApiContainer, ApiContainerRow, ApiNetwork, ImageRef } from '../api/types.ts'
import { createAddressUse } from '../model/address-use.ts'
import {
  containerFrom,
  containerFromRow,
  type InspectedContainer,
  updateFromRow,
  withGrants,
} from '../model/container.ts'
import type { RejectedAddress } from '../model/gateways.ts'
import {
  findLabelOwnership,
  grant,
  type LabelOwnership,
  type LabelRules,
  noneOwned,
  trimLabels,
} from '../model/grants.ts'
import { startedAtMs, updateFromLibpodRow } from '../model/libpod-update.ts'
import { boundContainer, nameCost } from '../model/limits.ts'
import { completeNetwork, type InspectedNetwork, networkFrom, withListedName } from '../model/network.ts'
import {
  countLateNames,
  createPendingEndpoints,
  type PendingEndpoints,
  withPendingEndpoints,
} from '../model/pending-endpoints.ts'
import { createProblemReporter, describeInvalidNames, invalidNamesOf } from '../model/problems.ts'
import { createStartOrder } from '../model/start-order.ts'
import { withoutIpv6 } from '../model/sysctls.ts'
import type { ImageLabels } from './image-labels.ts'

export interface Reading<T> {
  readonly value: T
  /** The reconciler's tick at which the reading began. */
  readonly readAt: number
  /** The engine's clock at its end, ms; undefined: unknown. A later event is news. */
  readonly asOf?: number | undefined
}

/** Unchanged objects keep their identity. Methods that keep or remove return whether the inventory changed. */
export interface EngineState {
  readonly networks: ReadonlyMap<string, Reading<InspectedNetwork>>
  readonly containers: ReadonlyMap<string, Reading<InspectedContainer>>
  readonly pending: PendingEndpoints
  keepContainer(raw: ApiContainer, readAt: number): boolean
  /** The container by its list row, with what only an inspect has kept from before. */
  fromRow(row: ApiContainerRow): InspectedContainer
  /** `asOf`: default now. */
  setContainer(told: InspectedContainer, readAt: number, asOf?: number): boolean
  keepNetwork(raw: ApiNetwork, readAt: number): boolean
  removeContainer(id: string): boolean
  removeNetwork(id: string): boolean
  /** Applies the image's labels to the containers that waited for them. */
  imageLoaded(image: ImageRef): boolean
  /** Applies the current label rules to all containers. */
  regrant(): boolean
  /** Of all containers whose labels may grant something. */
  images(): Iterable<ImageRef>
  /** Id of the network with that id or name. */
  networkNamed(name: string): string | undefined
  /** Whether there are overlay networks. */
  hasOverlays(): boolean
  inventory(): EngineInventory
  /** Marks everything as changed, and what only `before` has as removed. */
  markAllChanged(before: EngineInventory): void
  /**
   * The changes since the last call: all networks, and containers up to `mostCost` in all (nameCost; at least one).
   * `isAll`: nothing is left for the next call.
   */
  takeChanges(
    mostCost?: number,
  ): Pick<StoreChange & { kind: 'update' }, 'networks' | 'containers'> & { readonly isAll: boolean }
}

export interface EngineStateOptions {
  /** The engine's configured name. */
  engine: string
  /** Names that were known only after a container's start. */
  late(names: number): void
  /** The current rules. */
  labelRules(): LabelRules
  readonly images: Pick<ImageLabels, 'labelsOf' | 'want'>
  /** Labels of a container are invalid or too many; once for each container. */
  invalidLabels(container: Container, problems: readonly string[]): void
  /** Names that no query can contain, with the reason; once for each container or network. */
  invalidNames?(kind: 'container' | 'network', name: string, names: readonly string[]): void
  /** Ignored subnets and gateways of a network, each once. */
  leftOut?(network: Network, what: readonly RejectedAddress[]): void
  /** The engine's clock, ms; undefined: unknown. */
  engineNow?(): number | undefined
  /** Whether the engine's bridge networks may lack a gateway (API 1.48). */
  supportsNoGateway?(): boolean
}

export function createEngineState(options: EngineStateOptions): EngineState {
  const { engine } = options
  const networks = new Map<string, Reading<InspectedNetwork>>()
  const containers = new Map<string, Reading<InspectedContainer>>()
  const completed = new Map<string, Network>()
  const idsByName = new Map<string, Set<string>>()
  const overlays = new Set<string>()
  const uses = createAddressUse(
    (id) => changed.networks.add(id),
    (id, address) => {
      const told = networks.get(id)?.value
      if (told?.network.gateways.includes(address) === true) return true
      return told?.assumed.some(({ likely }) => likely === address) === true
    },
  )
  /** Network id → the rejected addresses already reported. */
  const refusals = new Map<string, Set<string>>()
  /** Ids changed since the last takeChanges. */
  const changed = { networks: new Set<string>(), containers: new Set<string>() }
  const pending = createPendingEndpoints()
  const starts = createStartOrder()
  /** Ids of containers whose image is still to be read. */
  const awaitingImage = new Set<string>()
  const containerOf = (id: string) => containers.get(id)!.value.container
  const labelProblems = createProblemReporter((id, problems) =>
    options.invalidLabels(containerOf(id), problems),
  )
  const nameProblems = createProblemReporter((id, names) =>
    options.invalidNames?.('container', containerOf(id).name, names),
  )
  const networkNameProblems = createProblemReporter((id, names) =>
    options.invalidNames?.('network', networks.get(id)!.value.network.name, names),
  )

  function keepContainer(raw: ApiContainer, readAt: number): boolean {
    const told = containerFrom(raw, engine, networkNamed)
    const before = containers.get(raw.Id)
    if (told.container.running) {
      pending.end(raw.Id)
      if (before?.value.container.running === false) {
        const late = countLateNames(before.value.container, told.container)
        if (late > 0) options.late(late)
      }
    }
    return setContainer(told, readAt)
  }

  function fromRow(row: ApiContainerRow): InspectedContainer {
    const before = containers.get(row.Id)?.value
    const { Libpod: own } = row
    if (before !== undefined)
      return own === undefined ? updateFromRow(before, row) : updateFromLibpodRow(before, row, own)
    const told = containerFromRow(row, engine, networkNamed)
    return own === undefined ? told : { ...told, startedAt: startedAtMs(own) }
  }

  function setContainer(fresh: InspectedContainer, readAt: number, asOf?: number): boolean {
    const before = containers.get(fresh.container.id)
    const now = options.engineNow?.()
    const told = granted(fresh, before?.value)
    const placed = withPendingEndpoints(
      told.container,
      told.ownNames,
      pending.of(told.container.id),
      networkOf,
    )
    const start = starts.follow(told.start, before?.value.start, now)
    const endpoints = withoutIpv6(placed.endpoints, told.ipv6DisabledOn)
    const isAt = endpoints === placed.endpoints && start.order === placed.startedAt
    const { container: bounded, leftOut } = boundContainer(
      isAt ? placed : { ...placed, startedAt: start.order, endpoints },
    )
    const container = reuseContainer(bounded, before?.value.container)
    // Without a signature the next full list has it inspected again, should it never be started.
    const signature = placed === told.container ? told.signature : ''
    const isAsTold = container === told.container && signature === told.signature && start === told.start
    const kept = isAsTold ? told : { ...told, container, signature, start }
    // Our clock tells whole milliseconds.
    containers.set(container.id, { value: kept, readAt, asOf: asOf ?? (now && now + 1) })
    labelProblems.report(container.id, leftOut.length === 0 ? told.problems : [...told.problems, ...leftOut])
    const isAsBefore = container === before?.value.container
    if (!isAsBefore) {
      changed.containers.add(container.id)
      nameProblems.report(container.id, invalidNamesOf(container))
    }
    return uses.follow(before?.value, kept) || !isAsBefore
  }

  const networkOf = (id: string) => networks.get(id)?.value.network

  /** Applies its labels; who set them is determined once. */
  function granted(told: InspectedContainer, before: InspectedContainer | undefined): InspectedContainer {
    const rules = options.labelRules()
    // Labels and image are those that the container was created with.
    if (before !== undefined && knownOwnership(before, told) !== undefined && before.rules === rules) {
      const { labels, ownership, container } = before
      return withGrants(told, container, { labels, ownership, rules })
    }
    const { id } = told.container
    const { image } = told.labels
    const ownership =
      told.ownership ??
      knownOwnership(before, told) ??
      findLabelOwnership(told.labels, image && options.images.labelsOf(image))
    if (ownership !== undefined) awaitingImage.delete(id)
    else if (image !== undefined) {
      awaitingImage.add(id)
      options.images.want(image)
    }
    const labels = ownership === undefined ? told.labels : trimLabels(told.labels)
    return withGrants(told, grant(labels, ownership, rules), { labels, ownership, rules })
  }

  function removeContainer(id: string): boolean {
    const before = containers.get(id)
    if (before === undefined) return false
    labelProblems.forget(id)
    nameProblems.forget(id)
    containers.delete(id)
    awaitingImage.delete(id)
    changed.containers.add(id)
    uses.follow(before.value, undefined)
    return true
  }

  function refuse(network: Network, what: readonly RejectedAddress[]) {
    const told = refusals.get(network.id) ?? new Set()
    const news = what.filter((each) => !told.has(each.what))
    if (news.length === 0) return
    refusals.set(network.id, new Set([...told, ...news.map((each) => each.what)]))
    options.leftOut?.(network, news)
  }

  function keepNetwork(raw: ApiNetwork, readAt: number): boolean {
    const before = networks.get(raw.Id)
    const listed = withListedName(raw, before?.value.network)
    const fresh = networkFrom(listed, engine, options.supportsNoGateway?.() ?? false)
    const value = before !== undefined && isSame(fresh, before.value) ? before.value : fresh
    networks.set(raw.Id, { value, readAt })
    if (value === before?.value) return false
    if (before !== undefined) forgetName(raw.Id, before.value.network.name)
    const ids = idsByName.get(value.network.name) ?? new Set()
    idsByName.set(value.network.name, ids.add(raw.Id))
    if (value.network.driver === 'overlay') overlays.add(raw.Id)
    changed.networks.add(raw.Id)
    refuse(value.network, value.refused)
    networkNameProblems.report(raw.Id, describeInvalidNames([value.network.name]))
    return true
  }

  function removeNetwork(id: string): boolean {
    const before = networks.get(id)
    if (before === undefined) return false
    networks.delete(id)
    refusals.delete(id)
    networkNameProblems.forget(id)
    overlays.delete(id)
    forgetName(id, before.value.network.name)
    changed.networks.add(id)
    return true
  }

  function setAgain(ids: Iterable<string>): boolean {
    let isOther = false
    for (const id of [...ids]) {
      const { value, readAt, asOf } = containers.get(id)!
      if (setContainer(value, readAt, asOf)) isOther = true
    }
    return isOther
  }

  function forgetName(id: string, name: string) {
    const ids = idsByName.get(name)
    ids?.delete(id)
    if (ids?.size === 0) idsByName.delete(name)
  }

  function networkNamed(name: string): string | undefined {
    if (networks.has(name)) return name
    const [id] = idsByName.get(name) ?? []
    return id
  }

  /** The network with the gateways that its containers use. */
  function complete(id: string): Network | undefined {
    const known = networks.get(id)
    if (known === undefined) {
      completed.delete(id)
      return undefined
    }
    const gateways = uses.gateways(id)
    const { network: alone } = known.value
    // Without subnets from the driver there is nothing to correct.
    const outside = [...gateways].filter((gateway) => alone.subnets.length > 0 && !holds(alone, gateway))
    refuse(
      alone,
      outside.map((gateway) => ({ what: `gateway ${gateway}`, why: 'outside of its subnets' })),
    )
    const isTaken = (address: string) => uses.isTaken(id, address)
    const network = reuse(completeNetwork(known.value, gateways, isTaken), completed.get(id))
    completed.set(id, network)
    return network
  }

  return {
    networks,
    containers,
    pending,
    keepContainer,
    fromRow,
    setContainer,
    keepNetwork,
    removeContainer,
    removeNetwork,
    imageLoaded: ({ id, platform }) =>
      setAgain(
        [...awaitingImage].filter((each) => {
          const image = containers.get(each)!.value.labels.image
          return image?.id === id && image.platform === platform
        }),
      ),
    regrant: () => setAgain([...containers.keys()]),
    *images() {
      for (const { value } of containers.values()) {
        const { image, declared: labels } = value.labels
        if (image !== undefined && Object.keys(labels).length > 0) yield image
      }
    },
    networkNamed,
    hasOverlays: () => overlays.size > 0,
    inventory: () => ({
      networks: new Map([...networks.keys()].map((id) => [id, complete(id)!])),
      containers: new Map([...containers].map(([id, { value }]) => [id, value.container])),
    }),
    markAllChanged(before) {
      for (const ids of [before.networks, networks]) for (const id of ids.keys()) changed.networks.add(id)
      changed.containers.clear()
      for (const id of before.containers.keys()) if (!containers.has(id)) changed.containers.add(id)
      // Network by network: a part of them then changes few tables.
      const byNetwork = new Map<string, string[]>()
      for (const [id, { value }] of containers) {
        const network = value.container.endpoints[0]?.networkId ?? ''
        const members = byNetwork.get(network)
        if (members === undefined) byNetwork.set(network, [id])
        else members.push(id)
      }
      for (const id of [...byNetwork.values()].flat()) changed.containers.add(id)
    },
    takeChanges(mostCost = Number.POSITIVE_INFINITY) {
      const changedNetworks = [...changed.networks].map((id) => [id, complete(id)] as const)
      changed.networks.clear()
      const taken: [string, Container | undefined][] = []
      let cost = 0
      for (const id of changed.containers) {
        const container = containers.get(id)?.value.container
        cost += container === undefined ? 1 : nameCost(container)
        if (cost > mostCost && taken.length > 0) break
        changed.containers.delete(id)
        taken.push([id, container])
      }
      return { networks: changedNetworks, containers: taken, isAll: changed.containers.size === 0 }
    },
  }
}

/**
 * Who set the labels, where that is known already. An event may have neither labels nor image, and a row the image of
 * another platform.
 */
function knownOwnership(
  before: InspectedContainer | undefined,
  { labels }: InspectedContainer,
): LabelOwnership | undefined {
  if (before === undefined || before.ownership === noneOwned || before.labels.image === undefined)
    return undefined
  return isSame(before.labels.image, labels.image) ? before.ownership : undefined
}
