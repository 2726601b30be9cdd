// What becomes of a question that the table can't answer: denied here, or forwarded, and where to. Names that are
// somebody else's on this machine never leave it; the asker is not told why (that would tell that they exist).
import { ede } from '../dns/edns.ts'
import { rcode } from '../dns/header.ts'
import { isBelow, isSingleLabel, isWithin, splitName } from '../dns/name.ts'
import { type ReverseBlock, readReverse } from '../dns/reverse.ts'
import { type } from '../dns/types.ts'
import type { Route } from '../forward/types.ts'
import { subnetContains } from '../lib/ip.ts'
import { isOnLan, isPrivateBlock } from '../lib/ranges.ts'
import { wayTo } from '../registry/locality.ts'
import { isBelowWildcard, isParent, qualified } from '../registry/lookup.ts'
import type { NetworkTable, Snapshot } from '../registry/types.ts'
import {
  type Context,
  type Decision,
  emptyZone,
  negative,
  notReady,
  type Question,
  refusal,
} from './decision.ts'
import { isDockersOwn, isReserved, relaysToDocker } from './reserved.ts'
import type { Routes } from './routes.ts'
import type { Scope } from './scope.ts'
import { findSpecial, type SpecialName } from './special.ts'

export interface PolicySettings {
  readonly routes: Routes
  readonly singleLabel: boolean
}

/** Types that validators ask about every label of a name; denying them would break the names below. */
const validatorTypes: readonly number[] = [type.NS, type.DS, type.DNSKEY, type.SOA]

/** `isAboveHosts`: `hosts:` has names below this one. */
export function decideMiss(
  context: Context,
  settings: PolicySettings,
  question: Question,
  isAboveHosts = false,
): Decision {
  const { scope, zone } = context
  const { name } = question
  if (isReserved(name)) return decideReserved(context, settings, question)
  // A name above others that exist is not denied with them (RFC 8020).
  const inZone = isWithin(name, zone)
  const seen = scope.view === 'networks' || (scope.view === 'host' && inZone) ? scope.networks : none
  const isAbove = isAboveHosts || isParent(seen, inZone ? name.slice(0, -zone.length - 1) : name)

  if (inZone) return missing(context, question, isAbove, `names under ${zone} are never forwarded`)
  if (isBelow(zone, name)) return empty(context, question, `${zone} lies below it`)

  const block = name.endsWith('.arpa') ? readReverse(name) : undefined
  if (block !== undefined) {
    const denied = dockerBlock(context.whole(), block)
    if (denied === 'address') return missing(context, question, isAbove, 'an address in a Docker subnet')
    if (denied === 'above') return empty(context, question, 'above addresses in a Docker subnet')
    if (scope.incomplete && isPrivateBlock(block)) return notReady('it may be an address in a Docker subnet')
  }

  // A route for the name goes before one for the asker; who is sealed in has the latter only.
  const forName = scope.forwards ? settings.routes.forName(name) : undefined
  const chosen = forName ?? settings.routes.forScope(scope)
  if (!context.isForeign && isOnOwnNetworks(scope, name)) {
    return missing(context, question, isAbove, 'a name of the asker’s networks that nobody has now')
  }
  // "_http._tcp.web" goes where "web" may go.
  const owner = hostPart(name)
  if (isSingleLabel(owner)) {
    const forwards = forName !== undefined || settings.singleLabel || validatorTypes.includes(question.type)
    const isKept = scope.incomplete || !forwards
    const { known } = isKept ? context.forReasons : context.whole()
    if (known.has(owner)) {
      return missing(context, question, isAbove, 'the name is out of scope or its container is not running')
    }
    if (isKept) {
      return missing(context, question, isAbove, 'single labels are not forwarded (forward.singleLabel)')
    }
  } else if (isElsewhere(context, owner)) {
    const rule = 'NAME.NETWORK of a container that is out of scope or not running'
    return missing(context, question, isAbove, rule)
  }

  const special = forName === undefined ? findSpecial(name) : undefined
  if (special?.leaves === 'never') {
    const rule = `.${special.zone} is never forwarded (${special.source})`
    return isAbove ? empty(context, question, namesBelow) : emptyZone(context, question, special, rule)
  }

  let route = chosen ?? settings.routes.otherwise(context.upstreams())
  if (special !== undefined && !isForParent(special, question)) {
    route = onLan(route)
    if (route.upstreams.length === 0) {
      const rule = `${special.zone} is for servers of the own network, and no upstream is (${special.source})`
      return isAbove ? empty(context, question, namesBelow) : emptyZone(context, question, special, rule)
    }
  }
  if (!scope.forwards && chosen === undefined) {
    if (isAbove) return empty(context, question, namesBelow)
    // No SOA, so that nothing is kept: with a network that is not internal the next question may pass.
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
    mayBeDockers(context.whole(), question, owner)
  ) {
    route = { ...route, upstreams: route.upstreams.filter((upstream) => !isDockersOwn(upstream)) }
    if (route.upstreams.length === 0) {
      return missing(context, question, isAbove, "Docker's own resolver would answer for our networks")
    }
  }
  const rule = route.explicit ? route.name : `not a name of ours: ${route.name} route`
  return { kind: 'forward', route, rule, isAbove }
}

function decideReserved(context: Context, settings: PolicySettings, question: Question): Decision {
  const relays = context.scope.forwards ? relaysToDocker(question.name, context.upstreams()) : []
  if (relays.length > 0) {
    const route = { ...settings.routes.otherwise(relays), name: 'Docker Desktop', explicit: true }
    return { kind: 'forward', route, rule: 'a name of Docker Desktop: its own resolver knows' }
  }
  return missing(context, question, false, 'a name of Docker Desktop, which only its own resolver knows')
}

const none: readonly NetworkTable[] = []
const namesBelow = 'names below this one exist'

function empty(context: Context, question: Question, rule: string): Decision {
  return negative(context, question, rcode.NOERROR, rule)
}

/** What nobody has that may be told of: there, if only as what lies above others; else not, or not for certain yet. */
function missing(context: Context, question: Question, isAbove: boolean, rule: string): Decision {
  if (isAbove) return empty(context, question, namesBelow)
  if (context.scope.incomplete) return notReady('an engine has not been read yet')
  return negative(context, question, rcode.NXDOMAIN, rule)
}

/** DS lies with the parent, which is public: what it says lets validators believe the zone's answers (RFC 8375, 4). */
function isForParent({ zone, delegated }: SpecialName, question: Question): boolean {
  return delegated && question.type === type.DS && question.name === zone
}

/** The route as far as it stays on the own network. What its servers say of private names is private by right. */
function onLan(route: Route): Route {
  const upstreams = route.upstreams.filter(({ host }) => isOnLan(host))
  return { ...route, name: `${route.name}, own network`, explicit: true, upstreams }
}

/** Whether Docker's resolver, asked by us, could take the name for one on our own networks, whoever asked us. */
function mayBeDockers({ known, networksByName }: Snapshot, question: Question, owner: string): boolean {
  // It relays other types unseen, those of validators among them.
  if (validatorTypes.includes(question.type)) return false
  if (isSingleLabel(owner) || known.has(owner)) return true
  for (const [, network] of qualified(owner)) if (networksByName.has(network)) return true
  return false
}

/**
 * NAME.NETWORK of a container and network that exist, whoever may see them; NAME.NETWORK.NETWORK too, which a stub with
 * the network as its search domain asks for.
 */
function isElsewhere(context: Context, name: string): boolean {
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    const right = name.slice(dot + 1)
    if (!context.isNetwork(right)) continue
    const left = name.slice(0, dot)
    const bare = withoutSuffixes(left, `.${right}`)
    const tables = context.whole().networksByName.get(right) ?? []
    if (tables.some(({ known }) => known.has(left) || known.has(bare))) return true
  }
  return false
}

function withoutSuffixes(name: string, suffix: string): string {
  let end = name.length
  while (name.endsWith(suffix, end)) end -= suffix.length
  return name.slice(0, end)
}

/** Names of stopped containers, links without a target, and what lies below a wildcard. */
function isOnOwnNetworks({ view, networks, links }: Scope, name: string): boolean {
  if (view !== 'networks') return false
  for (const { network, known } of networks) {
    if (known.has(name) || links?.get(network.id)?.has(name) === true) return true
  }
  return isBelowWildcard(networks, name)
}

/** The name without its leading underscored labels (RFC 8552). */
function hostPart(name: string): string {
  if (!name.startsWith('_')) return name
  const labels = splitName(name)
  const first = labels.findIndex((label) => !label.startsWith('_'))
  return first <= 0 ? name : labels.slice(first).join('.')
}

/**
 * 'address': it is, or lies below, an address in a Docker subnet. 'above': a block wholly inside one. A remote engine's
 * subnets count where they are reached, and private: it has no say in what others' addresses are called.
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
