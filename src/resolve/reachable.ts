// Which of a container's addresses are given: on a local engine's network all; on a remote one's those that this machine's
// packets reach. Only the host view has remote networks.
import { isLoopback } from '../lib/interfaces.ts'
import { parseAddress } from '../lib/ip.ts'
import { someCarried } from '../lib/ranges.ts'
import { holds, wayTo } from '../registry/locality.ts'
import type { Endpoint, Network, NetworkTable, Snapshot } from '../registry/types.ts'
import type { Context } from './context.ts'

export interface Reachable extends Pick<Endpoint, 'v4' | 'v6'> {
  /** Why there are fewer than the container has, and what to do about it. */
  readonly why?: string
}

export function reachableAddresses(
  context: Context,
  { network }: NetworkTable,
  endpoint: Endpoint,
): Reachable {
  if (context.scope.view !== 'host') return endpoint
  const snapshot = context.whole()
  const way = wayTo(snapshot.engines, network)
  if (way === 'here') return endpoint
  if (way === 'none') return { v4: [], v6: [], why: whyNone(network) }
  const isReached = (address: string) => {
    const bytes = parseAddress(address)
    if (bytes === undefined || isLoopback(address) || !holds(network, address)) return false
    const leadsElsewhere = (each: Uint8Array) =>
      way === 'routed'
        ? snapshot.subnets.contains(each) || context.isAttached(each)
        : !isOnLan(snapshot, each)
    return !leadsElsewhere(bytes) && !someCarried(bytes, leadsElsewhere)
  }
  const [v4, v6] = [endpoint.v4.filter(isReached), endpoint.v6.filter(isReached)]
  if (v4.length === endpoint.v4.length && v6.length === endpoint.v6.length) return endpoint
  const where = `network ${network.name} of the remote engine ${network.engine}`
  return {
    ...{ v4, v6 },
    why: `an address on ${where} is withheld: from here it leads to a network of this machine's own, or it is outside of that network's subnets`,
  }
}

/** Only macvlan and ipvlan networks of this machine share addresses with the LAN. */
function isOnLan({ subnets, networks }: Snapshot, address: Uint8Array): boolean {
  return subnets.holding(address).every((id) => networks.get(id)!.network.onLan)
}

function whyNone({ name, engine, driver, sealed }: Network): string {
  const where = `network ${name} of the remote engine ${engine}`
  if (driver === 'overlay') return `${where} is an overlay, which only its members reach`
  if (sealed) return `${where} is internal, which only its members reach`
  return `${where} is not known to be reached from here: with a route to it, set reach: routed on that engine in docker.engines`
}
