// The configuration's `hosts:` as an index: exact names, wildcards (RFC 4592: the closest one, never over a name
// that is there), and the addresses' own names.
import type { StaticHost } from '../config/types.ts'
import { namesAbove } from '../dns/name.ts'
import type { Scope } from './scope.ts'

export interface Statics {
  /** The record for a canonical name; 'parent' where a wildcard covers it, or is its own, but only names below are there. */
  find(name: string, scope: Scope): StaticHost | 'parent' | undefined
  /** Whether names below this one are there. Unless a wildcard says otherwise, the name itself may be elsewhere. */
  isAbove(name: string, scope: Scope): boolean
  /** Names of a canonical address. */
  namesOf(address: string, scope: Scope): readonly string[]
}

const none: Statics = { find: () => undefined, isAbove: () => false, namesOf: () => [] }

export function indexStatics(hosts: readonly StaticHost[]): Statics {
  if (hosts.length === 0) return none
  const exact = new Map<string, StaticHost[]>()
  const wildcards = new Map<string, StaticHost[]>()
  const reverse = new Map<string, StaticHost[]>()
  const below = new Map<string, StaticHost[]>()
  for (const host of hosts) {
    append(host.wildcard ? wildcards : exact, host.name, host)
    if (host.wildcard) append(below, host.name, host)
    else for (const address of [...host.v4, ...host.v6]) append(reverse, address, host)
    for (const above of namesAbove(host.name)) append(below, above, host)
  }
  const seen = (map: ReadonlyMap<string, StaticHost[]>, name: string, scope: Scope) =>
    map.get(name)?.find((host) => maySee(scope, host))

  return {
    isAbove: (name, scope) => seen(below, name, scope) !== undefined,
    find(name, scope) {
      const own = seen(exact, name, scope)
      if (own !== undefined) return own
      const isParent = seen(below, name, scope) !== undefined
      if (isParent && seen(wildcards, name, scope) !== undefined) return 'parent'
      for (const above of namesAbove(name)) {
        const wildcard = seen(wildcards, above, scope)
        if (wildcard !== undefined) return isParent ? 'parent' : wildcard
        // A closer name ends the search for a wildcard further up.
        if (!isParent && (seen(exact, above, scope) ?? seen(below, above, scope)) !== undefined)
          return undefined
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
