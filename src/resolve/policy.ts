// What becomes of a question that the table can't answer: denied here, or forwarded, and where to. Names that are
// somebody else's on this machine never leave it; the asker is not told why (that would tell that they exist).
import type { Upstream } from '../config/types.ts'
import { ede } from '../dns/edns.ts'
import { rcode } from '../dns/header.ts'
import { isWithin, splitName } from '../dns/name.ts'
import { type ReverseBlock, readReverse } from '../dns/reverse.ts'
import { type } from '../dns/types.ts'
import type { Route } from '../forward/types.ts'
import { subnetContains } from '../lib/ip.ts'
import { isOnLan, isPrivateBlock } from '../lib/ranges.ts'
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

/** `upstreams` is the default route's list at this moment; `isAboveHosts`: `hosts:` has names below this one. */
export function decideMiss(
  context: Context,
  settings: PolicySettings,
  upstreams: () => readonly Upstream[],
  question: Question,
  isAboveHosts = false,
): Decision {
  const { scope, zone } = context
  const { name } = question
  const empty = (rule: string) => negative(context, question, rcode.NOERROR, rule)
  const deny = (rule: string) => negative(context, question, rcode.NXDOMAIN, rule)
  // A name above others that exist is not denied with them (RFC 8020).
  const inZone = isWithin(name, zone)
  const reserved = isReserved(name)
  const seen = scope.view === 'networks' || (scope.view === 'host' && inZone) ? scope.networks : []
  const isAbove = isAboveHosts || isParent(seen, inZone ? name.slice(0, -zone.length - 1) : name)
  const missing = (rule: string) => {
    if (isAbove && !reserved) return empty('names below this one exist')
    return scope.incomplete ? notReady('an engine has not been read yet') : deny(rule)
  }

  const relays = reserved && scope.forwards ? relaysToDocker(name, upstreams()) : []
  if (relays.length > 0) {
    const route = { ...settings.routes.otherwise(relays), name: 'Docker Desktop', explicit: true }
    return { kind: 'forward', route, rule: 'a name of Docker Desktop: its own resolver knows' }
  }
  if (reserved) return missing('a name of Docker Desktop, which only its own resolver knows')
  if (inZone) return missing(`names under ${zone} are never forwarded`)
  if (name !== '' && isWithin(zone, name)) return empty(`${zone} lies below it`)

  const block = name.endsWith('.arpa') ? readReverse(name) : undefined
  if (block !== undefined) {
    const denied = dockerBlock(context.whole(), block)
    if (denied === 'address') return missing('an address in a Docker subnet')
    if (denied === 'above') return empty('above addresses in a Docker subnet')
    if (scope.incomplete && isPrivateBlock(block)) return notReady('it may be an address in a Docker subnet')
  }

  // A route for the name goes before one for the asker; who is sealed in has the latter only.
  const forName = scope.forwards ? settings.routes.forName(name) : undefined
  const chosen = forName ?? settings.routes.forScope(scope)
  if (isOnOwnNetworks(scope, name)) return missing('a name of the asker’s networks that nobody has now')
  // "_http._tcp.web" goes where "web" may go.
  const owner = hostPart(name)
  if (splitName(owner).length === 1) {
    const forwards = forName !== undefined || settings.singleLabel || validatorTypes.includes(question.type)
    const isKept = scope.incomplete || !forwards
    const { known } = isKept ? context.forReasons : context.whole()
    if (known.has(owner)) return missing('the name is out of scope or its container is not running')
    if (isKept) return missing('single labels are not forwarded (forward.singleLabel)')
  } else if (isElsewhere(context, owner)) {
    return missing('NAME.NETWORK of a container that is out of scope or not running')
  }

  const special = forName === undefined ? findSpecial(name) : undefined
  const staysHere = (why: string) =>
    isAbove ? empty('names below this one exist') : emptyZone(context, question, special!, why)
  if (special?.leaves === 'never') return staysHere(`.${special.zone} is never forwarded (${special.source})`)

  let route = chosen ?? settings.routes.otherwise(upstreams())
  if (special !== undefined && !isForParent(special, question)) {
    route = onLan(route)
    if (route.upstreams.length === 0) {
      return staysHere(
        `${special.zone} is for servers of the own network, and no upstream is (${special.source})`,
      )
    }
  }
  if (!scope.forwards && chosen === undefined) {
    if (isAbove) return empty('names below this one exist')
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
    if (route.upstreams.length === 0) return missing("Docker's own resolver would answer for our networks")
  }
  const rule = route.explicit ? route.name : `not a name of ours: ${route.name} route`
  return { kind: 'forward', route, rule, isAbove }
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
  if (splitName(owner).length === 1 || known.has(owner)) return true
  for (const [, network] of qualified(owner)) if (networksByName.has(network)) return true
  return false
}

/**
 * NAME.NETWORK of a container and network that exist, whoever may see them; NAME.NETWORK.NETWORK too, which a stub with
 * the network as its search domain asks for.
 */
function isElsewhere(context: Context, name: string): boolean {
  for (const [left, right] of qualified(name)) {
    if (!context.isNetwork(right)) continue
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
  const isKnown = ({ network, known }: NetworkTable) =>
    known.has(name) || links?.get(network.id)?.has(name) === true
  return networks.some(isKnown) || isBelowWildcard(networks, name)
}

/** The name without its leading underscored labels (RFC 8552). */
function hostPart(name: string): string {
  const labels = splitName(name)
  const first = labels.findIndex((label) => !label.startsWith('_'))
  return first <= 0 ? name : labels.slice(first).join('.')
}

/** 'address': it is, or lies below, an address in a Docker subnet. 'above': a block wholly inside one. */
function dockerBlock(snapshot: Snapshot, block: ReverseBlock): 'address' | 'above' | undefined {
  for (const table of snapshot.tables) {
    for (const subnet of table.network.subnets) {
      if (block.prefix >= subnet.prefix && subnetContains(subnet, block.bytes)) {
        return block.malformed || block.prefix === block.bytes.length * 8 ? 'address' : 'above'
      }
    }
  }
  return undefined
}
