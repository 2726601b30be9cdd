// Endpoints of containers being started: their own inspect blocks until the start is over, but their network's inspect has
// the address at once, so berth can answer before the process runs.
import type { Container, Network } from '../../registry/types.ts'
import { bareEndpoint } from './container.ts'

/** What a network says of one of its members. */
export interface PendingEndpoint {
  readonly v4: readonly string[]
  readonly v6: readonly string[]
  /** The engine's time of the `network connect` behind it, ms. */
  readonly since: number
}

export interface PendingEndpoints {
  set(containerId: string, networkId: string, place: PendingEndpoint): void
  /** Ends places from before `eventTime`, on one network or on all. */
  end(containerId: string, networkId?: string, eventTime?: number): void
  /** The places of one container, by network id. */
  of(containerId: string): ReadonlyMap<string, PendingEndpoint>
  /** Ends what has been early since before the last call: the container was never started. */
  age(): void
  /** What may have ended unheard. */
  clear(): void
}

/** Of containers that are being started at one time; what is more waits for its inspect. */
const mostPlaces = 20_000

export function createPendingEndpoints(): PendingEndpoints {
  const places = new Map<string, Map<string, PendingEndpoint>>()
  const aged = new Set<PendingEndpoint>()
  const none = new Map<string, PendingEndpoint>()
  let size = 0

  function remove(containerId: string, accept: (networkId: string, place: PendingEndpoint) => boolean) {
    const own = places.get(containerId)
    for (const [id, place] of own ?? []) if (accept(id, place) && own!.delete(id)) size--
    if (own?.size === 0) places.delete(containerId)
  }

  return {
    set(containerId, networkId, place) {
      const own = places.get(containerId) ?? new Map<string, PendingEndpoint>()
      if (!own.has(networkId) && size++ >= mostPlaces) {
        size--
        return
      }
      places.set(containerId, own.set(networkId, place))
    },
    end(containerId, networkId, eventTime = Number.POSITIVE_INFINITY) {
      remove(containerId, (id, { since }) => (networkId ?? id) === id && since <= eventTime)
    },
    of: (containerId) => places.get(containerId) ?? none,
    age() {
      for (const id of places.keys()) remove(id, (_, place) => aged.has(place))
      aged.clear()
      for (const own of places.values()) for (const place of own.values()) aged.add(place)
    },
    clear() {
      places.clear()
      aged.clear()
      size = 0
    },
  }
}

/**
 * A container that does not run yet, with its early places. Where it was connected to a network while it was stopped,
 * of which no event tells, its aliases there are not known yet: `ownNames` has to do.
 */
export function withPendingEndpoints(
  container: Container,
  ownNames: readonly string[],
  places: ReadonlyMap<string, PendingEndpoint>,
  networkOf: (id: string) => Network | undefined,
): Container {
  if (container.running || places.size === 0) return container
  const known = new Set(container.endpoints.map(({ networkId }) => networkId))
  const added = [...places.keys()]
    .filter((id) => !known.has(id))
    .map((networkId) => bareEndpoint(container.id, networkId, ownNames))
  const endpoints = [...container.endpoints, ...added].map((endpoint) => {
    const place = places.get(endpoint.networkId)
    if (place === undefined) return endpoint
    const { v4, v6 } = place
    const internal = networkOf(endpoint.networkId)?.internal === true
    const families = internal ? 0 : Math.min(v4.length, 1) + Math.min(v6.length, 1)
    return { ...endpoint, v4, v6, gatewayFamilies: families }
  })
  return { ...container, endpoints }
}

/** How many names `now` has on networks where `early` had no more than its own. */
export function countLateNames(early: Container, now: Container): number {
  let late = 0
  for (const endpoint of now.endpoints) {
    const before = early.endpoints.find(({ networkId }) => networkId === endpoint.networkId)
    if (before === undefined || before.v4.length + before.v6.length === 0) continue
    const known = new Set(before.names)
    late += endpoint.names.filter((name) => !known.has(name)).length
  }
  return late
}
