// Containers in another's network namespace (`--network container:X`): they have X's addresses under their own names.
import { emptyMap, type MapEdit, type PersistentMap } from '../lib/persistent.ts'
import { addId, removeFrom } from './multimap.ts'
import { reuse } from './structural-sharing.ts'
import type { Container, Endpoint } from './types.ts'

/** X may share with Y in what an engine tells, if never for real; this many steps are followed. */
const furthest = 4
/** Of an id, Docker takes this much or more for the whole. */
const shortId = 12

/** Who may be meant by what a sharer calls its host, and who shares with whom; container ids, in order. */
export interface NamespaceSharing {
  /** By name, and by short id. */
  readonly byReference: PersistentMap<readonly string[]>
  /** Sharers, by what they call their host, and by the start of that. */
  readonly sharers: PersistentMap<readonly string[]>
}

export const noSharing: NamespaceSharing = { byReference: emptyMap, sharers: emptyMap }

/** What a container was and what it is; undefined: not there. */
export interface ContainerChange {
  readonly before: Container | undefined
  readonly after: Container | undefined
}

export function updateSharing(
  lodging: NamespaceSharing,
  changes: ReadonlyMap<string, ContainerChange>,
): NamespaceSharing {
  const called = lodging.byReference.edit()
  const sharers = lodging.sharers.edit()
  for (const [id, { before, after }] of changes) {
    move(called, id, callsOf(before), callsOf(after))
    move(sharers, id, hostCallsOf(before), hostCallsOf(after))
  }
  return { byReference: called.done(), sharers: sharers.done() }
}

/** Those that may have another place after these changes: who turned, who shares with them, and so on. */
export function affectedSharers(
  { sharers }: NamespaceSharing,
  changes: ReadonlyMap<string, ContainerChange>,
  containerOf: (id: string) => Container | undefined,
): ReadonlySet<string> {
  const found = new Set<string>()
  if (sharers.size === 0) return found
  const calls: string[] = []
  for (const [id, { before, after }] of changes) {
    if (after?.sharesNetworkOf !== undefined) found.add(id)
    calls.push(...callsOf(before), ...callsOf(after))
  }
  // They become more as it goes through them.
  for (const call of calls) {
    for (const id of sharers.get(call) ?? []) {
      if (found.has(id)) continue
      found.add(id)
      calls.push(...callsOf(containerOf(id)))
    }
  }
  return found
}

/** `sharer` as it was told, with the places of its host; `before` itself where it is as it was. */
export function placeSharer(
  sharer: Container,
  before: Container | undefined,
  { byReference }: NamespaceSharing,
  containerOf: (id: string) => Container | undefined,
): Container {
  const host = findHost(sharer, byReference, containerOf)
  const endpoints = placesWith(sharer, host, before)
  return reuse({ ...sharer, endpoints }, before)
}

interface Host {
  readonly container: Container
  /** One of them, on the way there, was started again since the one before: its namespace is another one now. */
  readonly isOther: boolean
}

/** Docker takes a name, an id or the start of one. */
function findHost(
  sharer: Container,
  called: NamespaceSharing['byReference'],
  containerOf: (id: string) => Container | undefined,
): Host | undefined {
  let host = sharer
  let isOther = false
  for (let step = 0; host.sharesNetworkOf !== undefined; step++) {
    if (step === furthest) return undefined
    const { sharesNetworkOf, engine } = host
    const among = (call: string) => (called.get(call) ?? []).flatMap((id) => containerOf(id) ?? [])
    const whole = containerOf(sharesNetworkOf)
    const next: Container | undefined =
      (whole?.engine === engine ? whole : undefined) ??
      among(sharesNetworkOf).find((each) => each.engine === engine && each.name === sharesNetworkOf) ??
      among(sharesNetworkOf.slice(0, shortId)).find(
        ({ engine: its, id }) =>
          its === engine && sharesNetworkOf.length >= shortId && id.startsWith(sharesNetworkOf),
      )
    if (next === undefined) return undefined
    isOther ||= isStale(host, next)
    host = next
  }
  return { container: host, isOther }
}

/**
 * Whether a sharer was started before its host's last start: it went on in a namespace that has no network any more, and
 * stays there until it is started itself. Of two that are not told, or the same, nobody knows.
 */
export function isStale(sharer: Container, host: Container): boolean {
  return sharer.startedAt !== undefined && host.startedAt !== undefined && sharer.startedAt < host.startedAt
}

function placesWith(sharer: Container, host: Host | undefined, before: Container | undefined): Endpoint[] {
  const names = [sharer.name, sharer.id.slice(0, shortId)]
  // Compose gives a service's name as an alias, which a container without a network of its own can't have.
  const service = sharer.labels['com.docker.compose.service']
  if (service && sharer.labels['com.docker.compose.oneoff'] !== 'True') names.push(service)
  if (host === undefined) return []
  const { container, isOther } = host
  const there = sharer.running && container.running && !isOther
  return container.endpoints.map((place) => {
    const old = before?.endpoints.find(({ networkId }) => networkId === place.networkId)
    const fresh: Endpoint = {
      ...place,
      containerId: sharer.id,
      names,
      v4: there ? place.v4 : [],
      v6: there ? place.v6 : [],
      links: new Map(),
    }
    return reuse(fresh, old)
  })
}

function callsOf(container: Container | undefined): string[] {
  return container === undefined ? [] : [container.name, container.id.slice(0, shortId)]
}

function hostCallsOf(container: Container | undefined): string[] {
  const call = container?.sharesNetworkOf
  return call === undefined ? [] : [call, call.slice(0, shortId)]
}

/** Takes the id out of the lists under some keys and puts it into those under others. */
function move(
  lists: MapEdit<readonly string[]>,
  id: string,
  from: readonly string[],
  to: readonly string[],
): void {
  for (const key of from) {
    if (!to.includes(key)) removeFrom(lists, key, [id])
  }
  for (const key of to) addId(lists, key, [id])
}
