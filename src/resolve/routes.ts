// Where foreign questions may go: the configuration's routes, found by name (`forward.zones`, the longest match) and by
// the asker's network (`forward.networks`).
import type { Config, Upstream } from '../config/types.ts'
import { namesAbove } from '../dns/name.ts'
import type { Route } from '../forward/types.ts'
import type { Scope } from './scope.ts'

export interface Routes {
  forName(name: string): Route | undefined
  /** Of the asker's networks the first, in Docker's order, that has a resolver of its own. */
  forScope(scope: Scope): Route | undefined
  /** The default route, with the upstreams it has at this moment; the same object for the same list. */
  otherwise(upstreams: readonly Upstream[]): Route
}

export function indexRoutes({ zones, networks, policy }: Config['forward']): Routes {
  const byName = new Map<string, Route>()
  for (const { suffix, upstreams, policy: own = policy } of zones) {
    const name = `forward.zones ${suffix}`
    byName.set(suffix, { name, zone: suffix, explicit: true, upstreams, policy: own })
  }
  const byNetwork = new Map<string, Route>()
  for (const { network, upstreams, policy: own = policy } of networks) {
    const name = `forward.networks ${network}`
    byNetwork.set(network, { name, zone: undefined, explicit: true, upstreams, policy: own })
  }
  let latest: Route = { name: 'default', zone: undefined, explicit: false, upstreams: [], policy }
  return {
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
      // Behind a gateway may be anybody: whoever it is, it is not on the network.
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
}
