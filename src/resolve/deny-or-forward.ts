// Denies or forwards a question that the table cannot answer. Names of other containers are never forwarded, and the
// client does not learn why: that would say that they exist.
import { ede } from '../dns/edns.ts'
import { rcode } from '../dns/header.ts'
import { isBelow, isSingleLabel, isWithin } from '../dns/name.ts'
import { isPublic } from '../dns/public.ts'
import { type ReverseBlock, readReverse } from '../dns/reverse.ts'
import { type } from '../dns/types.ts'
import type { Route } from '../forward/types.ts'
import { subnetContains } from '../lib/ip.ts'
import { isOnLan, isPrivateBlock } from '../lib/ranges.ts'
import { isLocal, wayTo } from '../registry/locality.ts'
import { isAboveNames, isBelowWildcard, isPlace, qualified } from '../registry/lookup.ts'
import type { NetworkTable, Snapshot } from '../registry/types.ts'
import type { Scope } from '../scope/scope.ts'
import type { Context } from './context.ts'
import { type Decision, emptyZone, negative, notReady, type Question, refusal } from './decision.ts'
import { isDockersOwn, isReserved, relaysToDocker } from './docker-desktop.ts'
import { findLocalOnly, hostParts } from './local-only.ts'
import { innerName, mayBeSearch } from './name-lookup.ts'
import { podmanDomain, podmanName } from './podman.ts'
import type { Routes } from './routes.ts'
import { findSpecial, type SpecialName } from './special-use.ts'

export interface ForwardingSettings {
  readonly routes: Routes
  readonly singleLabel: boolean
}

/** Types that validators ask about every label of a name; denying them would break the names below. */
const validatorTypes: readonly number[] = [type.NS, type.DS, type.DNSKEY, type.SOA]

/** Types that single-label names are asked for: addresses and services. */
const localTypes: readonly number[] = [type.A, type.AAAA, type.HTTPS, type.SVCB, type.SRV]

/** Types without records (RFC 6895, 3.1). */
const isMeta = (code: number) => code === 0 || (code >= 128 && code <= 255)

/** Types that Docker's resolver looks up among its own names; it relays all others, validators' among them. */
const dockersTypes: readonly number[] = [...localTypes, type.PTR, type.MX]

/** `isAboveHosts`: `hosts:` has names below this one. */
export function denyOrForward(
  context: Context,
  settings: ForwardingSettings,
  question: Question,
  isAboveHosts = false,
): Decision {
  const { scope, zone } = context
  const { name } = question
  if (isReserved(name)) return decideReserved(context, settings, question)
  const isAbove = isAboveOthers(context, settings, name, isAboveHosts)

  if (isWithin(name, zone))
    return missing(context, question, isAbove, `names under ${zone} are never forwarded`)
  if (isBelow(zone, name)) return empty(context, question, `${zone} lies below it`)
  if (name === podmanDomain) return empty(context, question, 'Podman’s search domain')
  if (podmanName(name) !== undefined) {
    return missing(context, question, false, `names under ${podmanDomain} are never forwarded`)
  }

  const block = name.endsWith('.arpa') ? readReverse(name) : undefined
  if (block !== undefined) {
    const denied = dockerBlock(context.whole(), block)
    if (denied === 'address') return missing(context, question, isAbove, 'an address in a Docker subnet')
    if (denied === 'above') return empty(context, question, 'above addresses in a Docker subnet')
    if (scope.incomplete && isPrivateBlock(block)) return notReady('it may be an address in a Docker subnet')
  }

  // A route for the name goes before one for the asker; askers on internal networks only have the latter.
  const forName = scope.forwards ? settings.routes.forName(name) : undefined
  const chosen = forName ?? settings.routes.forScope(scope)
  if (!context.isForeign && isOnOwnNetworks(scope, name)) {
    return missing(context, question, isAbove, 'a name of the asker’s networks that no running container has')
  }
  // "_http._tcp.web" goes where "web" may go.
  const owners = hostParts(name)
  const owner = owners.at(-1)!
  for (const each of owners) {
    const rule = isSingleLabel(each)
      ? keepsBare(context, settings, question, each, forName !== undefined)
      : whyLocalOnly(context, each, forName !== undefined)
    if (rule !== undefined) return missing(context, question, isAbove, rule)
  }

  const special = forName === undefined ? findSpecial(name) : undefined
  if (special?.leaves === 'never') {
    const rule = `.${special.zone} is never forwarded (${special.source})`
    return isAbove ? empty(context, question, namesBelow) : emptyZone(context, question, special, rule)
  }

  let route = chosen ?? settings.routes.otherwise(context.upstreams())
  if (isSingleLabel(owner) && route.upstreams.length === 0 && !validatorTypes.includes(question.type)) {
    return missing(
      context,
      question,
      isAbove,
      'no container has this single-label name, and there is no upstream',
    )
  }
  if (special !== undefined && !isForParent(special, question)) {
    route = onLan(route)
    if (route.upstreams.length === 0) {
      const rule = `${special.zone} is for servers of the own network, and no upstream is (${special.source})`
      return isAbove ? empty(context, question, namesBelow) : emptyZone(context, question, special, rule)
    }
  }
  if (!scope.forwards && chosen === undefined) {
    if (isAbove) return empty(context, question, namesBelow)
    // No SOA, so that it is not cached: on a network that is not internal the next question may be forwarded.
    return {
      ...refusal(
        rcode.NXDOMAIN,
        { code: ede.prohibited },
        'not forwarded: no network of the asker has a way out',
      ),
    }
  }
  if (
    forName === undefined &&
    route.upstreams.some(isDockersOwn) &&
    owners.some((each) => mayBeDockers(context.whole(), question, each))
  ) {
    route = { ...route, upstreams: route.upstreams.filter((upstream) => !isDockersOwn(upstream)) }
    if (route.upstreams.length === 0) {
      return missing(context, question, isAbove, "Docker's own resolver would answer for our networks")
    }
  }
  const why = route.explicit ? route.name : `not a name of ours: ${route.name} route`
  return { kind: 'forward', route, rule: why, isAbove }
}

/**
 * Whether names lie below it, so that NXDOMAIN would deny them too (RFC 8020). musl's search ends at NODATA, so this does
 * not hold for names that a search list makes: below the zone only networks and projects count.
 */
function isAboveOthers(
  context: Context,
  { singleLabel }: ForwardingSettings,
  name: string,
  isAboveHosts: boolean,
): boolean {
  const { scope, zone } = context
  if (!isAboveHosts && isWithin(name, zone)) {
    const inner = innerName(context, name) ?? ''
    const seen = scope.view === 'networks' || scope.view === 'host' ? scope.networks : none
    return isSingleLabel(inner) && !singleLabel && isPlace(seen, inner)
  }
  const seen = scope.view === 'networks' ? scope.networks : none
  return (isAboveHosts || isAboveNames(seen, name)) && !mayBeSearch(context, name)
}

function decideReserved(context: Context, settings: ForwardingSettings, question: Question): Decision {
  const relays = context.scope.forwards ? relaysToDocker(question.name, context.upstreams()) : []
  if (relays.length > 0) {
    const route = { ...settings.routes.otherwise(relays), name: 'Docker Desktop', explicit: true }
    return { kind: 'forward', route, rule: 'a name of Docker Desktop: its own resolver answers' }
  }
  return missing(context, question, false, 'a name of Docker Desktop, which only its own resolver knows')
}

const none: readonly NetworkTable[] = []
const namesBelow = 'names below this one exist'

function empty(context: Context, question: Question, rule: string): Decision {
  return negative(context, question, rcode.NOERROR, rule)
}

/** No name that this asker may see: NODATA if it lies above one, SERVFAIL while it may still be read, else NXDOMAIN. */
function missing(context: Context, question: Question, isAbove: boolean, rule: string): Decision {
  if (isAbove) return empty(context, question, namesBelow)
  if (context.scope.incomplete) return notReady('an engine or a network of the asker has not been read yet')
  return negative(context, question, rcode.NXDOMAIN, rule)
}

const localOnlyRules = {
  there: 'NAME.NETWORK or SERVICE.PROJECT of a container that is out of scope, not running or not read yet',
  above: 'NAME.NETWORK that only has names below it, or a wildcard above',
  gone: 'a name of ours that was there within the hour',
} as const

function whyLocalOnly(context: Context, owner: string, hasRoute: boolean): string | undefined {
  const kept = findLocalOnly(context, owner, !hasRoute)
  return kept === undefined || (kept === 'above' && hasRoute) ? undefined : localOnlyRules[kept]
}

/**
 * Why a single-label name is not forwarded, with or without underscored labels before it. For types that local names are
 * not asked for, only if a container has the name; and validators may ask for a public domain all the same.
 */
function keepsBare(
  context: Context,
  settings: ForwardingSettings,
  { type: code }: Question,
  owner: string,
  hasRoute: boolean,
): string | undefined {
  const isLocal = localTypes.includes(code) || isMeta(code)
  const isKept = context.scope.incomplete || (isLocal && !hasRoute && !settings.singleLabel)
  const { known } = isKept ? context.forReasons : context.whole()
  const isOthers = validatorTypes.includes(code) && isPublic(owner)
  if (known.has(owner) && (isKept || !isOthers))
    return 'the name is out of scope or its container is not running'
  if (isKept) return 'single labels are not forwarded (forward.singleLabel)'
  return !hasRoute && !isPublic(owner) && context.isGone(owner) ? localOnlyRules.gone : undefined
}

/** DS is in the parent zone, which is public: validators need its answer to trust the zone's (RFC 8375, 4). */
function isForParent({ zone, delegated }: SpecialName, question: Question): boolean {
  return delegated && question.type === type.DS && question.name === zone
}

/** The route's servers on the local network, which may answer with private addresses. */
function onLan(route: Route): Route {
  const upstreams = route.upstreams.filter(({ host }) => isOnLan(host))
  return { ...route, name: `${route.name}, own network`, explicit: true, upstreams }
}

/**
 * Whether Docker's resolver, asked by us, could answer from our own networks, whoever asked us. It does not know remote
 * engines' networks.
 */
function mayBeDockers(snapshot: Snapshot, question: Question, owner: string): boolean {
  if (validatorTypes.includes(question.type)) return false
  const { engines, known, networks, networksByName } = snapshot
  const isHere = (table: NetworkTable | undefined) =>
    table !== undefined && isLocal(engines, table.network.engine)
  if (known.get(owner)?.some((id) => isHere(networks.get(id)))) return true
  if (isSingleLabel(owner)) return dockersTypes.includes(question.type)
  // A network called "com" does not claim all names below com.
  const isOpen = isPublic(owner)
  for (const [left, network] of qualified(owner)) {
    const tables = networksByName.get(network)?.filter(isHere) ?? none
    if (tables.length > 0 && (!isOpen || tables.some(({ known }) => known.has(left)))) return true
  }
  return false
}

/** Names of stopped containers, links without a target, and names below a wildcard. */
function isOnOwnNetworks({ view, networks, links }: Scope, name: string): boolean {
  if (view !== 'networks') return false
  for (const { network, known } of networks) {
    if (known.has(name) || links?.get(network.id)?.has(name) === true) return true
  }
  return isBelowWildcard(networks, name)
}

/**
 * 'address': it is, or lies below, an address in a Docker subnet. 'above': a block wholly inside one. A remote engine's
 * subnets count only if they are routed and private.
 */
function dockerBlock(snapshot: Snapshot, block: ReverseBlock): 'address' | 'above' | undefined {
  for (const table of snapshot.tables) {
    const way = wayTo(snapshot.engines, table.network)
    if (way !== 'here' && (way !== 'routed' || !isPrivateBlock(block))) continue
    for (const subnet of table.network.subnets) {
      if (block.prefix >= subnet.prefix && subnetContains(subnet, block.bytes)) {
        return block.malformed || block.prefix === block.bytes.length * 8 ? 'address' : 'above'
      }
    }
  }
  return undefined
}
