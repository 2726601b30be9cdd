// Where questions are forwarded: the configuration's routes, by name (`forward.zones`, the longest match) and by the
// asker's network (`forward.networks`).
import type { Config, ForwardNetwork, ForwardOrder, ForwardZone, Upstream } from '../config/types.ts'
import { namesAbove } from '../dns/name.ts'
import type { Route } from '../forward/types.ts'
import type { Scope } from '../scope/scope.ts'

export interface Routes {
  forName(name: string): Route | undefined
  /** Of the asker's networks the first, in Docker's order, that has a resolver of its own. */
  forScope(scope: Scope): Route | undefined
  /** The default route, with the upstreams it has at this moment; the same object for the same list. */
  otherwise(upstreams: readonly Upstream[]): Route
}

/** An index that grows until it is used. */
export interface GrowingRoutes {
  addZone(zone: ForwardZone): void
  addNetwork(network: ForwardNetwork): void
  readonly routes: Routes
}

export function indexRoutes({ zones, networks, order }: Config['forward']): Routes {
  const { addZone, addNetwork, routes } = growRoutes(order)
  for (const zone of zones) addZone(zone)
  for (const network of networks) addNetwork(network)
  return routes
}

/** `order`: of whatever has none of its own. */
export function growRoutes(order: ForwardOrder): GrowingRoutes {
  const byName = new Map<string, Route>()
  const byNetwork = new Map<string, Route>()

  function addZone({ suffix, upstreams, order: own = order }: ForwardZone): void {
    const name = `forward.zones ${suffix}`
    byName.set(suffix, { name, zone: suffix, explicit: true, upstreams, order: own })
  }

  function addNetwork({ network, upstreams, order: own = order }: ForwardNetwork): void {
    const name = `forward.networks ${network}`
    byNetwork.set(network, { name, zone: undefined, explicit: true, upstreams, order: own })
  }

  let latest: Route = { name: 'default', zone: undefined, explicit: false, upstreams: [], order }
  const routes: Routes = {
    forName(name) {
      if (byName.size === 0) return undefined
      const own = byName.get(name)
      if (own !== undefined) return own
      for (const above of namesAbove(name)) {
        const route = byName.get(above)
        if (route !== undefined) return route
      }
      return undefined
    },
    forScope({ view, rule, networks }) {
      // An asker behind a gateway is not on the network.
      if (byNetwork.size === 0 || view !== 'networks' || rule === 'gateway') return undefined
      for (const table of networks) {
        const route = byNetwork.get(table.name)
        if (route !== undefined) return route
      }
      return undefined
    },
    otherwise(upstreams) {
      if (latest.upstreams !== upstreams) latest = { ...latest, upstreams }
      return latest
    },
  }
  return { addZone, addNetwork, routes }
}
