// An index of the configuration's `hosts:`: exact names, wildcards (RFC 4592: the closest one, never over a name that
// exists), and PTRs.
import type { StaticHost } from '../config/types.ts'
import { namesAbove } from '../dns/name.ts'
import type { Scope } from '../scope/scope.ts'

export interface Statics {
  /** The record of a canonical name; 'parent': a wildcard covers it, and only names below it exist. */
  find(name: string, scope: Scope): StaticHost | 'parent' | undefined
  /** Whether names below this one exist. The name itself may be an upstream's, unless a wildcard covers it. */
  isAbove(name: string, scope: Scope): boolean
  /** Names of a canonical address. */
  namesOf(address: string, scope: Scope): readonly string[]
}

/** An index that grows until it is used. */
export interface GrowingStatics {
  add(host: StaticHost): void
  readonly statics: Statics
}

export function indexStatics(hosts: readonly StaticHost[]): Statics {
  const { add, statics } = growStatics()
  for (const host of hosts) add(host)
  return statics
}

export function growStatics(): GrowingStatics {
  const exact = new Map<string, StaticHost[]>()
  const wildcards = new Map<string, StaticHost[]>()
  const reverse = new Map<string, StaticHost[]>()
  /** Names with others below them, and who may see one of those: askers on these networks, or everybody. */
  const below = new Map<string, Set<string> | 'everybody'>()
  let isEmpty = true

  function add(host: StaticHost): void {
    isEmpty = false
    append(host.wildcard ? wildcards : exact, host.name, host)
    if (host.wildcard) addBelow(host.name, host)
    else for (const address of [...host.v4, ...host.v6]) append(reverse, address, host)
    for (const above of namesAbove(host.name)) addBelow(above, host)
  }

  function addBelow(name: string, { networks }: StaticHost): void {
    const known = below.get(name)
    if (known === 'everybody') return
    if (networks === undefined) below.set(name, 'everybody')
    else if (known === undefined) below.set(name, new Set(networks))
    else for (const network of networks) known.add(network)
  }
  const seen = (map: ReadonlyMap<string, StaticHost[]>, name: string, scope: Scope) =>
    map.get(name)?.find((host) => maySee(scope, host))
  const isAbove = (name: string, scope: Scope) => {
    const seers = below.get(name)
    if (seers === undefined || !seesHosts(scope)) return false
    if (seers === 'everybody' || scope.view === 'host') return true
    return scope.networks.some((table) => seers.has(table.name))
  }

  const statics: Statics = {
    isAbove,
    find(name, scope) {
      if (isEmpty) return undefined
      const own = seen(exact, name, scope)
      if (own !== undefined) return own
      const isParent = isAbove(name, scope)
      if (isParent && seen(wildcards, name, scope) !== undefined) return 'parent'
      for (const above of namesAbove(name)) {
        const wildcard = seen(wildcards, above, scope)
        if (wildcard !== undefined) return isParent ? 'parent' : wildcard
        // A closer name ends the search for a wildcard further up.
        if (!isParent && (seen(exact, above, scope) !== undefined || isAbove(above, scope))) return undefined
      }
      return undefined
    },
    namesOf: (address, scope) =>
      (reverse.get(address) ?? []).filter((host) => maySee(scope, host)).map(({ name }) => name),
  }
  return { add, statics }
}

function seesHosts({ view }: Scope): boolean {
  return view !== 'forwarding' && view !== 'nobody'
}

function maySee(scope: Scope, host: StaticHost): boolean {
  if (!seesHosts(scope)) return false
  if (host.networks === undefined || scope.view === 'host') return true
  return scope.networks.some((table) => host.networks!.includes(table.name))
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
