// What is known of one engine: the newest reading of each of its networks and containers, and the facts made of them.
import { isSame } from '../../lib/deep-equal.ts'
import { holds } from '../../registry/locality.ts'
import { sharing, sharingContainer } from '../../registry/structural-sharing.ts'
import type { Container, EngineFacts, Network, StoreChange } from '../../registry/types.ts'
import type { RawContainer, RawContainerRow, RawNetwork } from '../api/types.ts'
import { createUses } from '../model/address-use.ts'
import {
  containerFrom,
  containerFromRow,
  placeByRow,
  type ToldContainer,
  withGrants,
} from '../model/container.ts'
import type { Refused } from '../model/gateways.ts'
import {
  grant,
  type ImageRef,
  judgedLabels,
  judgeLabels,
  type LabelRules,
  nobodys,
  type Verdict,
} from '../model/grants.ts'
import { byOwnRow, startOf } from '../model/libpod-rows.ts'
import { boundContainer, nameCost } from '../model/limits.ts'
import { asListed, completeNetwork, networkFrom, type ToldNetwork } from '../model/network.ts'
import {
  countLateNames,
  createEarlyPlaces,
  type EarlyPlaces,
  placeEarly,
} from '../model/pending-endpoints.ts'
import { createComplaints, unaskable, unaskableNames } from '../model/problems.ts'
import { createStarts } from '../model/start-order.ts'
import { withoutSix } from '../model/sysctls.ts'
import type { Images } from './image-labels.ts'

export interface Reading<T> {
  readonly told: T
  /** When (in the reconcile's ticks) the reading began that told it. */
  readonly readAt: number
  /** The engine's clock by when that was over, ms; undefined: it can't be told. An event from after it is news. */
  readonly asOf?: number | undefined
}

/** What did not change stays the same object. Those that keep and remove tell whether the facts have changed. */
export interface Known {
  readonly networks: ReadonlyMap<string, Reading<ToldNetwork>>
  readonly containers: ReadonlyMap<string, Reading<ToldContainer>>
  readonly early: EarlyPlaces
  keepContainer(raw: RawContainer, readAt: number): boolean
  /** What a list's row tells, which is most of it, beside what was known before. */
  byRow(row: RawContainerRow): ToldContainer
  /** `asOf`: now, unless told. */
  setContainer(told: ToldContainer, readAt: number, asOf?: number): boolean
  keepNetwork(raw: RawNetwork, readAt: number): boolean
  removeContainer(id: string): boolean
  removeNetwork(id: string): boolean
  /** Applies what the image's labels say of those that waited for it. */
  judge(image: ImageRef): boolean
  /** Grants anew by the rules as they are now. */
  grantAnew(): boolean
  /** Of all containers whose labels may grant something. */
  images(): Iterable<ImageRef>
  /** Id of the network with that id or name. */
  networkNamed(name: string): string | undefined
  /** Whether there are overlay networks. */
  hasOverlays(): boolean
  /** All there is. */
  facts(): EngineFacts
  /** All is to be taken as other: what is known, and what of `before` is not. */
  tellAnew(before: EngineFacts): void
  /**
   * What has become other since it was taken last: all networks, and containers as long as all that is taken costs no
   * more than `mostCost` (limits.ts's, at least one); `isAll`: nothing was left for the next time.
   */
  takeChanges(
    mostCost?: number,
  ): Pick<StoreChange & { kind: 'told' }, 'networks' | 'containers'> & { readonly isAll: boolean }
}

export interface KnownOptions {
  /** The engine's configured name. */
  engine: string
  /** Names that came only with a container's start. */
  late(names: number): void
  /** Which names labels may grant, as it is now. */
  labelRules(): LabelRules
  readonly images: Pick<Images, 'labelsOf' | 'want'>
  /** A container has labels that can't be read, or more than one may have; once for each container. */
  mislabelled(container: Container, problems: readonly string[]): void
  /** Names of a container or a network that nobody can ask for, with the reason; once for each. */
  miscalled?(kind: 'container' | 'network', name: string, names: readonly string[]): void
  /** What is not taken of a network's subnets and gateways; each once for each network. */
  leftOut?(network: Network, what: readonly Refused[]): void
  /** The engine's clock, ms, where it is known. */
  engineNow?(): number | undefined
  /** Whether the engine, as far as is known now, has bridge networks without a gateway. */
  mayHaveNone?(): boolean
}

export function createKnown(options: KnownOptions): Known {
  const { engine } = options
  const networks = new Map<string, Reading<ToldNetwork>>()
  const containers = new Map<string, Reading<ToldContainer>>()
  const completed = new Map<string, Network>()
  const idsByName = new Map<string, Set<string>>()
  const overlays = new Set<string>()
  const uses = createUses(
    (id) => changed.networks.add(id),
    (id, address) => {
      const told = networks.get(id)?.told
      if (told?.network.gateways.includes(address) === true) return true
      return told?.unsaid.some(({ likely }) => likely === address) === true
    },
  )
  /** Network id → what has been told to be refused there. */
  const refusals = new Map<string, Set<string>>()
  /** Ids of what is other since changes were taken last. */
  const changed = { networks: new Set<string>(), containers: new Set<string>() }
  const early = createEarlyPlaces()
  const starts = createStarts()
  /** Ids of containers whose image has not been read. */
  const unjudged = new Set<string>()
  const containerOf = (id: string) => containers.get(id)!.told.container
  const mislabelled = createComplaints((id, problems) => options.mislabelled(containerOf(id), problems))
  const miscalled = createComplaints((id, names) =>
    options.miscalled?.('container', containerOf(id).name, names),
  )
  const miscalledNetworks = createComplaints((id, names) =>
    options.miscalled?.('network', networks.get(id)!.told.network.name, names),
  )

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

  function byRow(row: RawContainerRow): ToldContainer {
    const before = containers.get(row.Id)?.told
    const { Own: own } = row
    if (before !== undefined) return own === undefined ? placeByRow(before, row) : byOwnRow(before, row, own)
    const told = containerFromRow(row, engine, networkNamed)
    return own === undefined ? told : { ...told, startedAt: startOf(own) }
  }

  function setContainer(fresh: ToldContainer, readAt: number, asOf?: number): boolean {
    const before = containers.get(fresh.container.id)
    const now = options.engineNow?.()
    const told = granted(fresh, before?.told)
    const placed = placeEarly(told.container, told.ownNames, early.of(told.container.id), networkOf)
    const start = starts.follow(told.start, before?.told.start, now)
    const endpoints = withoutSix(placed.endpoints, told.sixless)
    const isAt = endpoints === placed.endpoints && start.order === placed.startedAt
    const { container: bounded, leftOut } = boundContainer(
      isAt ? placed : { ...placed, startedAt: start.order, endpoints },
    )
    const container = sharingContainer(bounded, before?.told.container)
    // Without a signature the next full list has it inspected again, should it never be started.
    const signature = placed === told.container ? told.signature : ''
    const isAsTold = container === told.container && signature === told.signature && start === told.start
    const kept = isAsTold ? told : { ...told, container, signature, start }
    // Our clock tells whole milliseconds.
    containers.set(container.id, { told: kept, readAt, asOf: asOf ?? (now && now + 1) })
    mislabelled.tell(container.id, leftOut.length === 0 ? told.problems : [...told.problems, ...leftOut])
    const isAsBefore = container === before?.told.container
    if (!isAsBefore) {
      changed.containers.add(container.id)
      miscalled.tell(container.id, unaskableNames(container))
    }
    return uses.follow(before?.told, kept) || !isAsBefore
  }

  const networkOf = (id: string) => networks.get(id)?.told.network

  /** What its labels grant; whose they are is found out once. */
  function granted(told: ToldContainer, before: ToldContainer | undefined): ToldContainer {
    const rules = options.labelRules()
    // Labels and image are those that the container was created with.
    if (before !== undefined && verdictOf(before, told) !== undefined && before.rules === rules) {
      const { labels, verdict, container } = before
      return withGrants(told, container, { labels, verdict, rules })
    }
    const { id } = told.container
    const { image } = told.labels
    const verdict =
      told.verdict ??
      verdictOf(before, told) ??
      judgeLabels(told.labels, image && options.images.labelsOf(image))
    if (verdict !== undefined) unjudged.delete(id)
    else if (image !== undefined) {
      unjudged.add(id)
      options.images.want(image)
    }
    const labels = verdict === undefined ? told.labels : judgedLabels(told.labels)
    return withGrants(told, grant(labels, verdict, rules), { labels, verdict, rules })
  }

  function removeContainer(id: string): boolean {
    const before = containers.get(id)
    if (before === undefined) return false
    mislabelled.forget(id)
    miscalled.forget(id)
    containers.delete(id)
    unjudged.delete(id)
    changed.containers.add(id)
    uses.follow(before.told, undefined)
    return true
  }

  function refuse(network: Network, what: readonly Refused[]) {
    const told = refusals.get(network.id) ?? new Set()
    const news = what.filter((each) => !told.has(each.what))
    if (news.length === 0) return
    refusals.set(network.id, new Set([...told, ...news.map((each) => each.what)]))
    options.leftOut?.(network, news)
  }

  function keepNetwork(raw: RawNetwork, readAt: number): boolean {
    const before = networks.get(raw.Id)
    const listed = asListed(raw, before?.told.network)
    const fresh = networkFrom(listed, engine, options.mayHaveNone?.() ?? false)
    const told = before !== undefined && isSame(fresh, before.told) ? before.told : fresh
    networks.set(raw.Id, { told, readAt })
    if (told === before?.told) return false
    if (before !== undefined) forgetName(raw.Id, before.told.network.name)
    const ids = idsByName.get(told.network.name) ?? new Set()
    idsByName.set(told.network.name, ids.add(raw.Id))
    if (told.network.driver === 'overlay') overlays.add(raw.Id)
    changed.networks.add(raw.Id)
    refuse(told.network, told.refused)
    miscalledNetworks.tell(raw.Id, unaskable([told.network.name]))
    return true
  }

  function removeNetwork(id: string): boolean {
    const before = networks.get(id)
    if (before === undefined) return false
    networks.delete(id)
    refusals.delete(id)
    miscalledNetworks.forget(id)
    overlays.delete(id)
    forgetName(id, before.told.network.name)
    changed.networks.add(id)
    return true
  }

  function setAgain(ids: Iterable<string>): boolean {
    let isOther = false
    for (const id of [...ids]) {
      const { told, readAt, asOf } = containers.get(id)!
      if (setContainer(told, readAt, asOf)) isOther = true
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
    const { network: alone } = known.told
    // Where a driver tells no subnets there is nothing that anybody could mend.
    const outside = [...gateways].filter((gateway) => alone.subnets.length > 0 && !holds(alone, gateway))
    refuse(
      alone,
      outside.map((gateway) => ({ what: `gateway ${gateway}`, why: 'outside of its subnets' })),
    )
    const isTaken = (address: string) => uses.isTaken(id, address)
    const network = sharing(completeNetwork(known.told, gateways, isTaken), completed.get(id))
    completed.set(id, network)
    return network
  }

  return {
    networks,
    containers,
    early,
    keepContainer,
    byRow,
    setContainer,
    keepNetwork,
    removeContainer,
    removeNetwork,
    judge: ({ id, platform }) =>
      setAgain(
        [...unjudged].filter((each) => {
          const image = containers.get(each)!.told.labels.image
          return image?.id === id && image.platform === platform
        }),
      ),
    grantAnew: () => setAgain([...containers.keys()]),
    *images() {
      for (const { told } of containers.values()) {
        const { image, told: labels } = told.labels
        if (image !== undefined && Object.keys(labels).length > 0) yield image
      }
    },
    networkNamed,
    hasOverlays: () => overlays.size > 0,
    facts: () => ({
      networks: new Map([...networks.keys()].map((id) => [id, complete(id)!])),
      containers: new Map([...containers].map(([id, { told }]) => [id, told.container])),
    }),
    tellAnew(before) {
      for (const ids of [before.networks, networks]) for (const id of ids.keys()) changed.networks.add(id)
      changed.containers.clear()
      for (const id of before.containers.keys()) if (!containers.has(id)) changed.containers.add(id)
      // Network by network: a part of them then changes few tables.
      const byNetwork = new Map<string, string[]>()
      for (const [id, { told }] of containers) {
        const network = told.container.endpoints[0]?.networkId ?? ''
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
        const container = containers.get(id)?.told.container
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
 * Whose the labels are, where that is known from before. An event may tell of none, and of no image; a row of another
 * platform's image.
 */
function verdictOf(before: ToldContainer | undefined, { labels }: ToldContainer): Verdict | undefined {
  if (before === undefined || before.verdict === nobodys || before.labels.image === undefined)
    return undefined
  return isSame(before.labels.image, labels.image) ? before.verdict : undefined
}
