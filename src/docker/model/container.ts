// Pure: Docker's inspect or list row of a container → the table's Container with its endpoints.
import { keysIn } from '../../dns/told.ts'
import { canonicalAddress } from '../../lib/ip.ts'
import type { Container, Endpoint, Health, LabelSettings, Port } from '../../registry/types.ts'
import type {
  ApiContainer,
  ApiContainerRow,
  ApiDescriptor,
  ApiEndpoint,
  ApiEndpoints,
  ImageRef,
} from '../api/types.ts'
import {
  type ContainerLabels,
  type Granted,
  grantingLabels,
  type LabelOwnership,
  type LabelRules,
} from './grants.ts'
import { parseLabels, parsePort } from './labels.ts'
import { parseStartTime, restarted, type StartTime, startTimeOf } from './start-order.ts'
import { type Ipv6Disabled, networksWithoutIpv6, withoutIpv6 } from './sysctls.ts'

/** One for all of the many that have none. */
const noLinks: ReadonlyMap<string, string> = new Map()

/** A container, and what else is needed to follow it. */
export interface InspectedContainer {
  readonly container: Container
  /** Network id → the default gateways the container uses there. */
  readonly gateways: ReadonlyMap<string, readonly string[]>
  /** Changes when a list's row would look different. */
  readonly signature: string
  /** The engine's clock, ms; before 1970 where it never ran. An event from before it tells nothing new. */
  readonly startedAt: number
  readonly start: StartTime
  /** Where it has no IPv6, whatever is told. */
  readonly ipv6DisabledOn: Ipv6Disabled
  /** Its names on a network of which nothing else is known. */
  readonly ownNames: readonly string[]
  readonly labels: ContainerLabels
  /** Whose the labels are; undefined until its image has been read. */
  readonly ownership: LabelOwnership | undefined
  /** By which they were granted what is in `container`; undefined: not yet. */
  readonly rules: LabelRules | undefined
  /** What is wrong with its labels, a sentence each. */
  readonly problems: readonly string[]
}

/**
 * What it is apart from what its labels grant (see withGrants). `networkId` finds a network by name: before its first
 * start a container only knows names.
 */
export function containerFrom(
  raw: ApiContainer,
  engine: string,
  networkId: (name: string) => string | undefined,
): InspectedContainer {
  const running = isRunning(raw.State ?? {})
  const name = bareName(raw.Name)
  const gateways = new Map<string, readonly string[]>()
  const sharesNetworkOf = /^container:(.+)$/.exec(raw.HostConfig?.NetworkMode ?? '')?.[1]
  // Podman tells a sharer's host's places, with that one's aliases, as the sharer's own.
  const told = sharesNetworkOf === undefined ? ownPlaces(raw.NetworkSettings?.Networks) : []
  const places = told.flatMap(([network, place]) => {
    const id = place.NetworkID || networkId(network)
    return id === undefined ? [] : [[network, id, place] as const]
  })
  const placed = places.map(([network, id, place]) => endpointFrom(raw, name, id, network, place, running))
  if (running) {
    for (const [, id, place] of places) gateways.set(id, addresses(place.Gateway, place.IPv6Gateway))
  }
  const ipv6DisabledOn = networksWithoutIpv6(raw.HostConfig, places)
  const endpoints = withoutIpv6(placed, ipv6DisabledOn)
  const start = startTimeOf(parseStartTime(raw.State?.StartedAt))
  const health = healthOf(raw.State?.Health?.Status)
  const labels = raw.Config?.Labels ?? {}
  const { settings: asked, ports: named, problems } = parseLabels(labels)
  const exposed = Object.keys(raw.Config?.ExposedPorts ?? {}).flatMap((text) => parsePort(text) ?? [])
  const ports: readonly Port[] = [...named, ...exposed]
  return {
    container: {
      ...{ id: raw.Id, name, engine, running, health, labels: noLabels, settings: onlyIgnored(asked) },
      ...{ ungranted: [], ports, startedAt: start.order, sharesNetworkOf, endpoints },
    },
    ownNames: namesOf(raw, name, {}),
    labels: {
      declared: grantingLabels(labels),
      asked,
      image: imageOf(raw.Image, raw.ImageManifestDescriptor),
    },
    ownership: undefined,
    rules: undefined,
    problems,
    gateways,
    signature: signature(name, raw.State?.Status ?? '', health, raw.NetworkSettings?.Networks),
    startedAt: Date.parse(raw.State?.StartedAt ?? '') || 0,
    start,
    ipv6DisabledOn,
  }
}

/** The container with what its labels grant. */
export function withGrants(
  told: InspectedContainer,
  { labels, settings, ungranted }: Granted,
  by: Partial<Pick<InspectedContainer, 'labels' | 'ownership' | 'rules'>> = {},
): InspectedContainer {
  const { container, ownNames } = told
  const alias = composeAlias(labels).filter((name) => !ownNames.includes(name))
  return {
    ...told,
    ...by,
    container: { ...container, labels, settings, ungranted },
    ownNames: alias.length === 0 ? ownNames : [...ownNames.slice(0, 1), ...alias, ...ownNames.slice(1)],
  }
}

/** The same as ToldContainer's `signature`, from a list's row. */
export function rowSignature(row: ApiContainerRow): string {
  // Docker writes "Up 3 minutes (health: starting)", "(healthy)", "(unhealthy)"; "(Paused)" is no health.
  const status = row.Status ?? ''
  const health = status.endsWith(')') ? /\((?:health: )?(\w+)\)$/.exec(status)?.[1] : undefined
  return signature(rowName(row), row.State ?? '', healthOf(health), row.NetworkSettings?.Networks)
}

/** What a row tells of a container that was never inspected: all but its aliases, links and hostname. */
export function containerFromRow(
  row: ApiContainerRow,
  engine: string,
  networkId: (name: string) => string | undefined,
): InspectedContainer {
  const raw: ApiContainer = {
    Id: row.Id,
    Name: rowName(row),
    State: { Running: isRowRunning(row) },
    Config: { Labels: row.Labels ?? {} },
    Image: row.ImageID,
    ImageManifestDescriptor: row.ImageManifestDescriptor,
    ...(row.HostConfig ? { HostConfig: row.HostConfig } : {}),
    NetworkSettings: { Networks: row.NetworkSettings?.Networks ?? null },
  }
  return { ...containerFrom(raw, engine, networkId), signature: '' }
}

/** The container with the name and the addresses its row tells; its own names where it was on no such network. */
export function updateFromRow(before: InspectedContainer, row: ApiContainerRow): InspectedContainer {
  const name = rowName(row)
  const told = name === before.container.name ? before : withName(before, before.container.name, name)
  const { container, ownNames } = told
  const running = isRowRunning(row)
  const placesTold = container.sharesNetworkOf === undefined ? ownPlaces(row.NetworkSettings?.Networks) : []
  const placed = new Map(placesTold.map(([, place]) => [place.NetworkID ?? '', place]))
  const known = new Set(container.endpoints.map(({ networkId }) => networkId))
  const added = [...placed.keys()]
    .filter((id) => running && id !== '' && !known.has(id))
    .map((id) => bareEndpoint(container.id, id, ownNames))
  const endpoints = [...container.endpoints, ...added].map((endpoint) => {
    const place = running ? placed.get(endpoint.networkId) : undefined
    return { ...endpoint, v4: addresses(place?.IPAddress), v6: addresses(place?.GlobalIPv6Address) }
  })
  // Between two lists it may have been started again; an inspect may be long in coming, and says.
  const places = placesIn(before.signature)
  const isSame = before.container.running && (places === '' || places === placesIn(rowSignature(row)))
  const start = running && !isSame ? restarted : told.start
  return { ...told, start, container: { ...container, running, endpoints }, signature: '' }
}

/** A running container with what its network tells of its place; what an inspect has told of it already holds. */
export function withEndpointAddresses(
  told: InspectedContainer,
  networkId: string,
  { v4, v6 }: Pick<Endpoint, 'v4' | 'v6'>,
): InspectedContainer {
  const { container, ownNames } = told
  const before = container.endpoints.find((endpoint) => endpoint.networkId === networkId)
  if (before !== undefined && before.v4.length + before.v6.length > 0) return told
  const endpoint = { ...(before ?? bareEndpoint(container.id, networkId, ownNames)), v4, v6 }
  const endpoints = [...container.endpoints.filter((each) => each !== before), endpoint]
  return { ...told, container: { ...container, endpoints }, signature: '' }
}

/** On a network, without anything that only an inspect tells. */
export function bareEndpoint(containerId: string, networkId: string, names: readonly string[]): Endpoint {
  return {
    ...{ networkId, containerId, names, namesFromEngine: false, v4: [], v6: [] },
    ...{ gatewayPriority: 0, gatewayFamilies: 0, links: noLinks },
  }
}

/** The container under a new name: an inspect might block until its start is over. */
export function withName(told: InspectedContainer, oldName: string, name: string): InspectedContainer {
  const rename = (names: readonly string[]) => [
    ...new Set(names.map((each) => (each === oldName ? name : each))),
  ]
  const { container } = told
  const endpoints = container.endpoints.map((endpoint) => ({ ...endpoint, names: rename(endpoint.names) }))
  return {
    ...told,
    container: { ...container, name, endpoints },
    ownNames: rename(told.ownNames),
    signature: '',
  }
}

/** The container without its addresses on one network, or, where that is undefined, stopped. */
export function withoutAddresses(container: Container, networkId?: string): Container {
  return {
    ...container,
    running: networkId !== undefined && container.running,
    endpoints: container.endpoints.map((endpoint) =>
      networkId === undefined || endpoint.networkId === networkId
        ? { ...endpoint, v4: [], v6: [] }
        : endpoint,
    ),
  }
}

export function isRowRunning({ State }: ApiContainerRow): boolean {
  // Podman says "stopping" from the signal until the last process has ended.
  return State === 'running' || State === 'paused' || State === 'stopping'
}

/**
 * Between restarts Docker calls a container running, though it has neither process nor address. One that is stopping has
 * both: of that Podman says status "running", and not Running.
 */
function isRunning(state: NonNullable<ApiContainer['State']>): boolean {
  const runs = state.Running === true || state.Status === 'running'
  return runs && state.Restarting !== true && state.Dead !== true
}

function endpointFrom(
  raw: ApiContainer,
  name: string,
  networkId: string,
  network: string,
  told: ApiEndpoint,
  running: boolean,
): Endpoint {
  return {
    networkId,
    containerId: raw.Id,
    names: namesOf(raw, name, running ? told : { ...told, DNSNames: null }),
    namesFromEngine: running && told.DNSNames?.includes(name) === true,
    v4: running ? addresses(told.IPAddress) : [],
    v6: running ? addresses(told.GlobalIPv6Address) : [],
    gatewayPriority: told.GwPriority ?? 0,
    gatewayFamilies: running ? addresses(told.Gateway, told.IPv6Gateway).length : 0,
    links: linksFrom(network === 'bridge' ? raw.HostConfig?.Links : told.Links),
  }
}

/** "target:alias", on the default bridge "/target:/this/alias". Of two with one alias Docker keeps the last. */
function linksFrom(links: readonly string[] | null | undefined): ReadonlyMap<string, string> {
  if (!links || links.length === 0) return noLinks
  const found = new Map<string, string>()
  for (const link of links) {
    const [target = '', alias = target] = link.split(':')
    const [name] = keysIn(target.slice(target.lastIndexOf('/') + 1))
    if (name === undefined) continue
    for (const key of keysIn(alias.slice(alias.lastIndexOf('/') + 1))) found.set(key, name)
  }
  return found
}

/**
 * What Docker's own resolver would answer to; computed in its order where the engine does not tell. What it tells of a
 * stopped container is of its last run, and of a running one it may have forgotten the rename before it was killed.
 */
function namesOf(raw: ApiContainer, name: string, told: ApiEndpoint): readonly string[] {
  if (told.DNSNames?.includes(name)) return told.DNSNames
  const others = [...(told.Aliases ?? []), raw.Id.slice(0, 12), raw.Config?.Hostname ?? '']
  // Podman's resolver has the pod's name for that of the container that nobody knows.
  const names = raw.PodName === undefined ? [name, ...others] : [raw.PodName, ...others, name]
  return [...new Set(names.filter((each) => each !== ''))]
}

const noLabels: Readonly<Record<string, string>> = {}

/** To be left out is what any label may ask for, an image's too. */
function onlyIgnored({ ignored }: LabelSettings): LabelSettings {
  return { names: [], wildcards: [], ignored, ttl: undefined }
}

/** Its id is what counts: names of images move on. Podman of old writes it without its algorithm. */
function imageOf(id: string | undefined, descriptor: ApiDescriptor | undefined): ImageRef | undefined {
  const [, digest] = /^(?:sha256:)?([0-9a-f]{64})$/.exec(id ?? '') ?? []
  if (digest === undefined) return undefined
  const { os, architecture, variant } = descriptor?.platform ?? {}
  const platform = os && architecture ? JSON.stringify({ os, architecture, variant }) : undefined
  return { id: `sha256:${digest}`, platform }
}

/** Compose gives its service's name on every network; its runs of single commands (oneoff) have none. */
function composeAlias(labels: Readonly<Record<string, string>>): string[] {
  const service = labels['com.docker.compose.service']
  return service && labels['com.docker.compose.oneoff'] !== 'True' ? [service] : []
}

function ownPlaces(networks: ApiEndpoints | undefined): [string, ApiEndpoint][] {
  return Object.entries(networks ?? {}).filter(
    (place): place is [string, ApiEndpoint] => place[1] !== null && isOwnPlace(place[0]),
  )
}

/** The host's and no network are no place to be found at; their names are reserved by Docker. */
function isOwnPlace(network: string): boolean {
  return network !== 'host' && network !== 'none'
}

function addresses(...texts: (string | undefined)[]): readonly string[] {
  return texts.flatMap((text) => canonicalAddress(text ?? '') ?? [])
}

function healthOf(status: string | undefined): Health {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : 'none'
}

/** Made for every row of every list, so it is made of as little as will do. */
function signature(name: string, status: string, health: Health, networks: ApiEndpoints | undefined): string {
  const places: string[] = []
  for (const network in networks) {
    const told = networks[network]
    if (!told || !isOwnPlace(network)) continue
    places.push(`${network} ${told.EndpointID ?? ''} ${told.IPAddress ?? ''} ${told.GlobalIPv6Address ?? ''}`)
  }
  if (places.length > 1) places.sort()
  return `${name}\n${status}\n${health}\n${places.join('\n')}`
}

/** The part of a signature that is another after each start. */
function placesIn(signature: string): string {
  return signature.split('\n').slice(3).join('\n')
}

function rowName(row: ApiContainerRow): string {
  return bareName((row.Names ?? []).find((name) => name.lastIndexOf('/') <= 0) ?? '')
}

function bareName(name: string): string {
  return name.startsWith('/') ? name.slice(1) : name
}
