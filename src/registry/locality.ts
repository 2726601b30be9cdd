// Which engine is trusted with what: only a local one identifies clients, and a remote one adds containers to no network
// but its own and a Swarm's.
import { parseAddress, subnetContains } from '../lib/ip.ts'
import type { Container, EngineStatus, Network, RemoteEngines } from './types.ts'

type Engines = ReadonlyMap<string, EngineStatus>

export function isLocal(engines: Engines, engine: string | undefined): boolean {
  const state = engines.get(engine ?? '')
  return state !== undefined && state.remote === undefined
}

export function remoteOf(engines: Engines): RemoteEngines {
  return [...engines].flatMap(([engine, { remote }]) =>
    remote === undefined ? [] : [[engine, remote] as const],
  )
}

/** Some local engine has not been read: what it has may be what is asked for. */
export function awaitsLocal(engines: Engines): boolean {
  return [...engines.values()].some(({ synced, remote }) => !synced && remote === undefined)
}

/** Whether what a container's engine tells of it there is believed: a remote one's on its own networks, and a Swarm's. */
export function isBelieved(engines: Engines, { engine, endpoints }: Container, network: Network): boolean {
  if (engine === network.engine || isLocal(engines, engine)) return true
  if (network.driver !== 'overlay') return false
  return endpoints.every(({ networkId, v4, v6 }) => {
    return networkId !== network.id || [...v4, ...v6].every((address) => holds(network, address))
  })
}

/** Whether one of the network's subnets holds the address. */
export function holds({ subnets }: Network, address: string): boolean {
  const bytes = parseAddress(address)
  return bytes !== undefined && subnets.some((subnet) => subnetContains(subnet, bytes))
}

/**
 * How this machine's packets get to a network: it is a local engine's; by routes that somebody has set (`reach: routed`);
 * over the LAN that it is on; or not at all, as far as is known.
 */
export function wayTo(engines: Engines, network: Network): 'here' | 'routed' | 'lan' | 'none' {
  if (isLocal(engines, network.engine)) return 'here'
  // An overlay's members alone reach it, and an internal network lets nothing in from elsewhere.
  if (network.driver === 'overlay' || network.sealed) return 'none'
  if (network.onLan) return 'lan'
  return engines.get(network.engine)?.remote === 'routed' ? 'routed' : 'none'
}
