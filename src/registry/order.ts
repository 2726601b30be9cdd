// Docker's order of a container's networks: which one answers when several have a name.
import type { Endpoint, Network, NetworkTable, Snapshot } from './types.ts'

/**
 * Higher gateway priority first, then docker_gwbridge last, not internal, more gateways, then by name
 * (libnetwork's Endpoint.Less). Network ids settle what Docker leaves open.
 */
export function compareEndpoints(a: Placed, b: Placed): number {
  return (
    b.endpoint.gatewayPriority - a.endpoint.gatewayPriority ||
    Number(isGatewayBridge(a.table.network)) - Number(isGatewayBridge(b.table.network)) ||
    Number(a.table.network.internal) - Number(b.table.network.internal) ||
    waysOut(b) - waysOut(a) ||
    compareText(a.table.network.name, b.table.network.name) ||
    compareText(a.table.network.id, b.table.network.id)
  )
}

/** In how many families. */
function waysOut({ endpoint, table }: Placed): number {
  if (!table.network.hasImplicitGateway) return endpoint.gatewayFamilies
  return Math.min(endpoint.v4.length, 1) + Math.min(endpoint.v6.length, 1)
}

/** An endpoint with its network's table. */
export interface Placed {
  readonly endpoint: Endpoint
  readonly table: NetworkTable
}

/** A running container's places, in Docker's order. */
export function placesOf(snapshot: Snapshot, containerId: string): Placed[] {
  const places: Placed[] = []
  for (const endpoint of snapshot.containers.get(containerId)?.endpoints ?? []) {
    const table = snapshot.networks.get(endpoint.networkId)
    if (table !== undefined && endpoint.v4.length + endpoint.v6.length > 0) places.push({ endpoint, table })
  }
  return places.sort(compareEndpoints)
}

/** The bridge that gives Swarm's containers a way out; their own inspect does not show them there. */
export const gatewayBridge = 'docker_gwbridge'

export function isGatewayBridge(network: Network): boolean {
  return network.name === gatewayBridge
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
