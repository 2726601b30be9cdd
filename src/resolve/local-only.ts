// Names that are never forwarded, since a container of this machine has them: NAME.NETWORK, SERVICE.PROJECT and
// N.SERVICE.PROJECT, those of the last hour, and what a stub's search list makes of them and of names under our zone.
import { isWithin, splitName } from '../dns/name.ts'
import { isPublic } from '../dns/public.ts'
import { isBelowWildcard } from '../registry/lookup.ts'
import type { NetworkTable } from '../registry/types.ts'
import type { Context } from './context.ts'

/** Bound on the ends of a name that are tried, since a client chooses the name. A search list adds one. */
const mostEnds = 5

const none: readonly NetworkTable[] = []

/**
 * Why a dotted name is never forwarded, whoever may see its meaning; undefined: it may be. 'above': it would be
 * NAME.NETWORK, but only has names below it, or a wildcard above. A name that ends in a public top-level domain is public
 * except to members of the network or project. `isBelowZone`: it was asked for below our zone, where no name is public.
 */
export function findLocalOnly(
  context: Context,
  name: string,
  withGone: boolean,
  isBelowZone = false,
): 'there' | 'above' | 'gone' | undefined {
  const { view, networks } = context.scope
  const own = !isBelowZone && isPublic(name) ? (view === 'networks' ? networks : none) : undefined
  if (own?.length === 0) return undefined
  const isGone = (each: string) => withGone && context.isGone(each)
  const ends = [name.length]
  let isAbove = false
  for (let i = 0; i < ends.length; i++) {
    const rest = name.slice(0, ends[i])
    if (i > 0 && isWithin(rest, context.zone)) return 'there'
    let isOfOurs = own === undefined
    for (let dot = rest.lastIndexOf('.'); dot > 0; dot = rest.lastIndexOf('.', dot - 1)) {
      const right = rest.slice(dot + 1)
      const isNetwork = own === undefined ? context.isNetwork(right) : own.some(({ name }) => name === right)
      const isProject =
        own === undefined ? context.isProject(right) : own.some(({ projects }) => projects.has(right))
      const isThere = isNetwork || isProject
      // A search list's network may be gone as well.
      const mayBeGone = i === 0 && withGone && own === undefined
      if (!isThere && !(mayBeGone && context.wasParent(right))) continue
      const left = rest.slice(0, dot)
      const bare = withoutSuffixes(left, `.${right}`)
      if (isNetwork && isKnown(context, own, right, left, bare)) return 'there'
      if (isProject && isService(context, own, rest, `${bare}.${right}`)) return 'there'
      if (isNetwork && own === undefined && i === 0) isAbove ||= hasBelow(context, right, left)
      isOfOurs ||= isThere
      for (const end of [dot, bare.length]) if (ends.length < mostEnds && !ends.includes(end)) ends.push(end)
    }
    if (isOfOurs && isGone(rest)) return 'gone'
  }
  return isAbove ? 'above' : undefined
}

/** Whether a network of this name has names below `left`, or a wildcard above it: then LEFT.NETWORK is no public name. */
function hasBelow(context: Context, network: string, left: string): boolean {
  const tables = context.whole().networksByName.get(network)!
  return tables.some(({ parents }) => parents.has(left)) || isBelowWildcard(tables, left)
}

/**
 * Whether a network of this name, one of `own` if given, knows one of two names. A network whose containers have not all
 * been read may.
 */
function isKnown(
  context: Context,
  own: readonly NetworkTable[] | undefined,
  network: string,
  left: string,
  bare: string,
): boolean {
  if (own !== undefined) {
    return own.some(({ name, known }) => name === network && (known.has(left) || known.has(bare)))
  }
  const { engines, networksByName } = context.whole()
  return networksByName
    .get(network)!
    .some(
      ({ known, network: { engine } }) =>
        known.has(left) || known.has(bare) || engines.get(engine)?.synced === false,
    )
}

function isService(
  context: Context,
  own: readonly NetworkTable[] | undefined,
  name: string,
  bare: string,
): boolean {
  if (own !== undefined) return own.some(({ services }) => services.has(name) || services.has(bare))
  const { services } = context.whole()
  return services.has(name) || services.has(bare)
}

function withoutSuffixes(name: string, suffix: string): string {
  let end = name.length
  while (name.endsWith(suffix, end)) end -= suffix.length
  return name.slice(0, end)
}

/** Leading labels that are tried one by one: "_http._tcp." and one more. */
const mostUnderscored = 3

/**
 * What a name with leading underscored labels (RFC 8552) may be below, the name itself first: "_http._tcp.web" is below
 * "web". Aliases and Compose's services may be called "_web", and have an underscore of their own.
 */
export function hostParts(name: string): readonly string[] {
  if (!name.startsWith('_')) return [name]
  const labels = splitName(name)
  const first = labels.findIndex((label) => !label.startsWith('_'))
  const last = first < 0 ? labels.length - 1 : first
  const parts = [name]
  for (let i = 1; i <= last; i++) {
    if (i <= mostUnderscored || i === last) parts.push(labels.slice(i).join('.'))
  }
  return parts
}
