// What becomes of a question that the table can't answer: denied here, or forwarded, and where to. Names that are
// somebody else's on this machine never leave it; the asker is not told why (that would tell that they exist).
import type { ForwardZone, Upstream } from '../config/types.ts'
import { ede } from '../dns/edns.ts'
import { rcode } from '../dns/header.ts'
import { isWithin, splitName } from '../dns/name.ts'
import { type ReverseBlock, readReverse } from '../dns/reverse.ts'
import { type } from '../dns/types.ts'
import { parseAddress, subnetContains } from '../lib/ip.ts'
import { isBelowWildcard, isParent, qualified } from '../registry/lookup.ts'
import type { NetworkTable, Snapshot } from '../registry/types.ts'
import { type Context, type Decision, negative, notReady, type Question, refusal } from './decision.ts'
import { isReserved, relaysToDocker } from './reserved.ts'
import type { Scope } from './scope.ts'

export interface PolicySettings {
  readonly zones: readonly ForwardZone[]
  readonly singleLabel: boolean
}

/** Names that no public server is to be asked for: RFC 6761, RFC 7686 (onion), RFC 9476 (alt). */
const specialUse = ['invalid', 'test', 'onion', 'alt']

/** Types that validators ask about every label of a name; denying them would break the names below. */
const validatorTypes: readonly number[] = [type.NS, type.DS, type.DNSKEY, type.SOA]

/** `upstreams` is the default route's list at this moment. */
export function decideMiss(
  context: Context,
  settings: PolicySettings,
  upstreams: readonly Upstream[],
  question: Question,
): Decision {
  const { snapshot, scope, zone } = context
  const { name } = question
  const empty = (rule: string) => negative(context, question, rcode.NOERROR, rule)
  const deny = (rule: string) => negative(context, question, rcode.NXDOMAIN, rule)
  // A name above others that exist is not denied with them (RFC 8020).
  const inZone = isWithin(name, zone)
  const reserved = isReserved(name)
  const seen = scope.view === 'networks' || (scope.view === 'host' && inZone) ? scope.networks : []
  const isAbove = isParent(seen, inZone ? name.slice(0, -zone.length - 1) : name)
  const missing = (rule: string) => {
    if (isAbove && !reserved) return empty('names below this one exist')
    return scope.incomplete ? notReady('an engine has not been read yet') : deny(rule)
  }

  const relays = scope.forwards ? relaysToDocker(name, upstreams) : []
  if (relays.length > 0) {
    const rule = 'a name of Docker Desktop: its own resolver knows'
    return { kind: 'forward', route: { zone: undefined, upstreams: relays }, rule }
  }
  if (reserved) return missing('a name of Docker Desktop, which only its own resolver knows')
  if (inZone) return missing(`names under ${zone} are never forwarded`)
  if (name !== '' && isWithin(zone, name)) return empty(`${zone} lies below it`)

  const block = name.endsWith('.arpa') ? readReverse(name) : undefined
  if (block !== undefined) {
    const denied = dockerBlock(snapshot, block)
    if (denied === 'address') return missing('an address in a Docker subnet')
    if (denied === 'above') return empty('above addresses in a Docker subnet')
    if (scope.incomplete && isPrivate(block)) return notReady('it may be an address in a Docker subnet')
  }

  const route = longestRoute(settings.zones, name)
  if (isOnOwnNetworks(scope, name)) return missing('a name of the asker’s networks that nobody has now')
  // "_http._tcp.web" goes where "web" may go.
  const owner = hostPart(name)
  if (splitName(owner).length === 1) {
    if (snapshot.known.has(owner)) return missing('the name is out of scope or its container is not running')
    const forwards = route !== undefined || settings.singleLabel || validatorTypes.includes(question.type)
    if (scope.incomplete || !forwards) return missing('single labels are not forwarded (forward.singleLabel)')
  } else if (isElsewhere(snapshot, owner)) {
    return missing('NAME.NETWORK of a container that is out of scope or not running')
  }

  const special = route === undefined ? specialUse.find((top) => isWithin(name, top)) : undefined
  if (special !== undefined) return deny(`.${special} is for special use and never forwarded`)

  if (!scope.forwards) {
    // No SOA, so that nothing is kept: with a network that is not internal the next question may pass.
    return {
      ...refusal(
        rcode.NXDOMAIN,
        { code: ede.prohibited },
        'not forwarded: no network of the asker has a way out',
      ),
    }
  }
  if (route !== undefined) {
    return {
      kind: 'forward',
      route: { zone: route.suffix, upstreams: route.upstreams },
      rule: `forward.zones ${route.suffix}`,
    }
  }
  return { kind: 'forward', route: { zone: undefined, upstreams }, rule: 'not a name of ours' }
}

/** An address inside a Docker subnet that the asker's networks do not cover: nothing an upstream may tell it. */
export function isForeignAddress(snapshot: Snapshot, scope: Scope, address: Uint8Array): boolean {
  const holders = snapshot.subnets.holding(address)
  return holders.length > 0 && !scope.networks.some(({ network }) => holders.includes(network.id))
}

function longestRoute(zones: readonly ForwardZone[], name: string): ForwardZone | undefined {
  let best: ForwardZone | undefined
  for (const zone of zones) {
    if (isWithin(name, zone.suffix) && zone.suffix.length >= (best?.suffix.length ?? 0)) best = zone
  }
  return best
}

/** NAME.NETWORK of a container and network that exist, whoever may see them. */
function isElsewhere(snapshot: Snapshot, name: string): boolean {
  for (const [left, right] of qualified(name)) {
    if (snapshot.networksByName.get(right)?.some((table) => table.known.has(left))) return true
  }
  return false
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
  for (const table of snapshot.networks.values()) {
    for (const subnet of table.network.subnets) {
      if (block.prefix >= subnet.prefix && subnetContains(subnet, block.bytes)) {
        return block.malformed || block.prefix === block.bytes.length * 8 ? 'address' : 'above'
      }
    }
  }
  return undefined
}

const privateBlocks = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['198.18.0.0', 15],
  ['fc00::', 7],
  ['fe80::', 10],
].map(([address, prefix]) => ({ bytes: parseAddress(address as string)!, prefix: prefix as number }))

/** Blocks that Docker's networks are usually made from (RFC 1918, 6598, 3927, 2544, 4193, 4291). */
function isPrivate(block: ReverseBlock): boolean {
  return privateBlocks.some(({ bytes, prefix }) => {
    const family = bytes.length === 4 ? 4 : 6
    return block.prefix >= prefix && subnetContains({ family, bytes, prefix, text: '' }, block.bytes)
  })
}
