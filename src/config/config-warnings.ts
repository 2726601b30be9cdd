// Warnings about a valid configuration: sentences that `serve` logs once and `check` prints. Pure.
import { isWithin } from '../dns/name.ts'
import { parseAddress } from '../lib/ip.ts'
import { isInner } from '../lib/ranges.ts'
import { apiWarnings } from './api-section.ts'
import { localityOf } from './local-engines.ts'
import { formatHostPort } from './text-values.ts'
import type { Config, EngineConfig, HostPort } from './types.ts'

/** Warnings shown at once; a long list may give rise to many. */
const mostWarnings = 100

/** Without duplicates; of very many, the first. */
export function listWarnings(config: Config): string[] {
  const warnings = [...new Set(allWarnings(config))]
  if (warnings.length <= mostWarnings) return warnings
  return [...warnings.slice(0, mostWarnings), 'there are more warnings; only the first are shown']
}

function allWarnings({ listen, scope, http, api, forward, zone, docker }: Config): string[] {
  const warnings: string[] = []
  const open = listen.filter(isOpen)
  if (scope.gateway === 'host' && open.length > 0) {
    warnings.push(
      `scope.gateway is host and ${show(open)} is reachable from elsewhere: clients of a published port ` +
        'appear with a gateway’s address and see every name; publish on 127.0.0.1 only, or set scope.gateway to network',
    )
  }
  if (scope.allow.some(({ prefix }) => prefix === 0) && open.length > 0) {
    warnings.push(
      'scope.allow includes every address: open resolvers are abused to attack others; list your own subnets',
    )
  }
  if (http !== undefined && isOpen(http)) {
    warnings.push(
      `http is ${show([http])}: anyone who can reach it can read /metrics; callers of /api get only their own scope`,
    )
  }
  if (scope.allow.length > 0 && Array.isArray(forward.upstreams) && forward.upstreams.length === 0) {
    warnings.push('scope.allow lets questions be forwarded, but forward.upstreams is empty')
  }
  return [
    ...warnings,
    ...(docker.found?.warning === undefined ? [] : [docker.found.warning]),
    ...engineWarnings(docker.engines),
    ...routeWarnings(forward, zone),
    ...apiWarnings(api),
  ]
}

function engineWarnings(engines: readonly EngineConfig[]): string[] {
  const isHere = (engine: EngineConfig) => localityOf(engine, engines).local
  const warnings = engines
    .filter((engine) => isHere(engine) && engine.reach !== undefined)
    .map(({ name, reach }) => `docker.engines ${name}: reach: ${reach} has no effect on a local engine`)
  if (engines.length > 0 && !engines.some(isHere)) {
    warnings.push(
      'no engine in docker.engines is local, so no container is recognized when it asks; set local: true on this machine’s engine, if it has one',
    )
  }
  return warnings
}

function routeWarnings({ zones, rebindProtection, rebindAllow }: Config['forward'], zone: string): string[] {
  const warnings: string[] = []
  for (const { suffix } of zones) {
    if (isWithin(suffix, zone)) {
      warnings.push(`forward.zones ${suffix} is never used: names under ${zone} are never forwarded (zone)`)
    } else if (isWithin(suffix, 'localhost')) {
      warnings.push(`forward.zones ${suffix} is never used: localhost is always this machine (RFC 6761)`)
    }
  }
  const seen = new Set<string>()
  for (const { suffix } of zones) {
    if (seen.has(suffix)) {
      warnings.push(`forward.zones lists ${suffix} twice, once as part of a subnet; the later entry wins`)
    }
    seen.add(suffix)
  }
  if (rebindAllow.length > 0 && !rebindProtection) {
    warnings.push(
      'forward.rebindAllow names domains, but forward.rebindProtection is off: nothing is withheld',
    )
  }
  return warnings
}

function isOpen({ host }: HostPort): boolean {
  const address = parseAddress(host.replace(/%.*$/, ''))
  if (address === undefined || host === '::' || host === '0.0.0.0') return true
  return !isInner(address)
}

function show(addresses: readonly HostPort[]): string {
  return addresses.map(({ host, port }) => formatHostPort(host, port)).join(', ')
}
