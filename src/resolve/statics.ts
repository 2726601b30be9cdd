// The configuration's `hosts:` as an index: exact names, wildcards (RFC 4592: the closest one, never over a name
// that is there), and the addresses' own names.
import type { StaticHost } from '../config/types.ts'
import { namesAbove } from '../dns/name.ts'
import type { Scope } from './scope.ts'

export interface Statics {
  /** The record for a canonical name, or 'parent' where only names below it are there. */
  find(name: string, scope: Scope): StaticHost | 'parent' | undefined
  /** Names of a canonical address. */
  namesOf(address: string, scope: Scope): readonly string[]
}

export function indexStatics(hosts: readonly StaticHost[]): Statics {
  const exact = new Map<string, StaticHost[]>()
  const wildcards = new Map<string, StaticHost[]>()
  const reverse = new Map<string, StaticHost[]>()
  const parents = new Set<string>()
  for (const host of hosts) {
    append(host.wildcard ? wildcards : exact, host.name, host)
    if (host.wildcard) parents.add(host.name)
    else for (const address of [...host.v4, ...host.v6]) append(reverse, address, host)
    for (const above of namesAbove(host.name)) parents.add(above)
  }

  return {
    find(name, scope) {
      const own = exact.get(name)?.find((host) => maySee(scope, host))
      if (own !== undefined) return own
      if (parents.has(name)) return 'parent'
      for (const above of namesAbove(name)) {
        const wildcard = wildcards.get(above)?.find((host) => maySee(scope, host))
        if (wildcard !== undefined) return wildcard
        // A closer name ends the search for a wildcard further up.
        if (exact.has(above) || parents.has(above)) return undefined
      }
      return undefined
    },
    namesOf: (address, scope) =>
      (reverse.get(address) ?? []).filter((host) => maySee(scope, host)).map(({ name }) => name),
  }
}

function maySee(scope: Scope, host: StaticHost): boolean {
  if (scope.view === 'forwarding' || scope.view === 'nobody') return false
  if (host.networks === undefined || scope.view === 'host') return true
  return scope.networks.some((table) => host.networks!.includes(table.name))
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
