// Finds names on networks in a given order: by Docker's rules first, then by berth's.
import { isBelow, namesAbove } from '../dns/name.ts'
import { literalName } from '../dns/told.ts'
import { hasNames } from './table.ts'
import type { Endpoint, NetworkTable } from './types.ts'

export interface Found {
  readonly table: NetworkTable
  readonly endpoints: readonly Endpoint[]
}

/** The asking container's links: network id → alias → target. */
export type Links = ReadonlyMap<string, ReadonlyMap<string, string>>

export const noLinks: Links = new Map()

/** Addresses that are asked for; undefined: any. */
export type Family = 'v4' | 'v6' | undefined

/**
 * A name on `tables`: as Docker reads it, then as berth does. Networks are not merged: the first that has the name
 * answers, and for addresses the first that has one of the family for it. Kinds of names are not merged either: what
 * Docker itself would answer is never mixed with what berth adds. Names by label are not in it (findLabelled).
 */
export function findName(
  tables: readonly NetworkTable[],
  name: string,
  links: Links = noLinks,
  family: Family = undefined,
): Found | undefined {
  return findAsDocker(tables, name, links, family) ?? findBeyondDocker(tables, name, links, family)
}

/** What findName finds besides: what berth adds to Docker's names, then Compose's SERVICE.PROJECT. */
export function findBeyondDocker(
  tables: readonly NetworkTable[],
  name: string,
  links: Links = noLinks,
  family: Family = undefined,
): Found | undefined {
  const added: Find = (table, name) => {
    const target = links.get(table.network.id)?.get(name)
    if (target === undefined) return table.added.get(name)
    return table.network.hasResolver ? undefined : table.added.get(target)
  }
  return (
    findQualified(tables, links.size === 0 ? inAdded : added, name, family) ??
    findQualified(tables, inReplicas, name, family)
  )
}

/** Names that labels grant: the name itself, then the closest wildcard above it. They go after all others. */
export function findLabelled(
  tables: readonly NetworkTable[],
  name: string,
  links: Links = noLinks,
  family: Family = undefined,
): Found | undefined {
  const labelled: Find = (table, name) =>
    links.get(table.network.id)?.has(name) ? undefined : table.labelled.get(name)
  const find = links.size === 0 ? inLabelled : labelled
  return findQualified(tables, find, name, family) ?? findWildcard(tables, name, family)
}

/**
 * Docker's lookup (libnetwork, Sandbox.ResolveName): for "a.b.c" the whole name on any of the networks, then "a.b"
 * on the network "c", then "a" on "b.c"; each time links before names. A network on which the name is a link's
 * alias has no other meaning for it.
 */
export function findAsDocker(
  tables: readonly NetworkTable[],
  name: string,
  links: Links,
  family: Family = undefined,
): Found | undefined {
  const find = links.size === 0 ? findNamed : findLinked
  const whole = find(tables, name, family, links)
  if (whole !== undefined) return whole
  for (const { left, where } of readings(tables, name)) {
    const found = find(where, left, family, links)
    if (found !== undefined) return found
  }
  return undefined
}

const inNames: Find = (table, name) => table.names.get(name)
const inAdded: Find = (table, name) => table.added.get(name)
const inReplicas: Find = (table, name) => table.replicas.get(name)
const inLabelled: Find = (table, name) => table.labelled.get(name)
const inWildcards: Find = (table, name) => table.wildcards.get(name)

function findNamed(tables: readonly NetworkTable[], name: string, family: Family): Found | undefined {
  return firstOf(tables, inNames, name, family)
}

function findLinked(
  tables: readonly NetworkTable[],
  name: string,
  family: Family,
  links: Links,
): Found | undefined {
  const target = (table: NetworkTable) => links.get(table.network.id)?.get(name)
  return (
    firstOf(tables, (table) => table.names.get(target(table) ?? ''), name, family) ??
    firstOf(
      tables,
      (table) => (target(table) === undefined ? table.names.get(name) : undefined),
      name,
      family,
    )
  )
}

/** The name as it is, then qualified by a network. */
function findQualified(
  tables: readonly NetworkTable[],
  find: Find,
  name: string,
  family: Family,
): Found | undefined {
  const whole = firstOf(tables, find, name, family)
  if (whole !== undefined) return whole
  for (const { left, where } of readings(tables, name)) {
    const found = firstOf(where, find, left, family)
    if (found !== undefined) return found
  }
  return undefined
}

/** The wildcard that the closest name above has, unless a name in between exists (RFC 4592, 3.3.1). */
function findWildcard(tables: readonly NetworkTable[], name: string, family: Family): Found | undefined {
  if (!isBelowWildcard(tables, name) || exists(tables, name)) return undefined
  for (const above of namesAbove(name)) {
    const found = firstOf(tables, inWildcards, above, family)
    if (found !== undefined || exists(tables, above)) return found
  }
  return undefined
}

type Find = (table: NetworkTable, name: string) => readonly Endpoint[] | undefined

/** The first network that has it with an address of the family, else the first that has it (Docker 20.10 to 28). */
function firstOf(
  tables: readonly NetworkTable[],
  find: Find,
  name: string,
  family: Family,
): Found | undefined {
  let first: Found | undefined
  for (const table of tables) {
    const endpoints = find(table, name)
    if (endpoints === undefined) continue
    if (hasFamily(endpoints, family)) return { table, endpoints }
    first ??= { table, endpoints }
  }
  return first
}

export function hasFamily(endpoints: readonly Endpoint[], family: Family): boolean {
  return family === undefined || endpoints.some((endpoint) => endpoint[family].length > 0)
}

function exists(tables: readonly NetworkTable[], name: string): boolean {
  if (isParent(tables, name)) return true
  return (findName(tables, name) ?? findQualified(tables, inLabelled, name, undefined)) !== undefined
}

/** A name read as NAME.NETWORK: the NAME, and the networks that are called so. */
interface Reading {
  readonly left: string
  readonly where: readonly NetworkTable[]
}

const none: readonly Reading[] = []

/**
 * Every way to read a name as NAME.NETWORK, the longest NAME first. It is the networks that are gone through and not the
 * dots: whoever asks decides how many of those there are, up to 126. Most names end in no network's.
 */
function readings(tables: readonly NetworkTable[], name: string): readonly Reading[] {
  let named: NetworkTable[] | undefined
  for (const table of tables) {
    if (!isBelow(name, table.name)) continue
    named ??= []
    named.push(table)
  }
  if (named === undefined) return none
  // Of two that end the name, the shorter is read first; those of one length have one name.
  const lengths = [...new Set(named.map((table) => table.name.length))].sort((a, b) => a - b)
  return lengths.flatMap((length) => {
    const left = name.slice(0, -length - 1)
    const there = named.filter((table) => table.name.length === length)
    // Of "bücher" and "xn--bcher-kva" Docker's resolver knows the latter by that name.
    const dockers = there.filter(isCalledSo)
    if (dockers.length === 0 || dockers.length === there.length) return [{ left, where: there }]
    return [
      { left, where: dockers },
      { left, where: there.filter((table) => !dockers.includes(table)) },
    ]
  })
}

function isCalledSo({ name, network }: NetworkTable): boolean {
  return name === network.name || name === literalName(network.name)
}

/** Every way to read a dotted name as NAME.NETWORK, the longest NAME first. */
export function* qualified(name: string): Generator<[name: string, network: string]> {
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    yield [name.slice(0, dot), name.slice(dot + 1)]
  }
}

/** Whether something below `name` exists on these networks, while it holds nothing itself (RFC 8020, RFC 4592). */
export function isParent(tables: readonly NetworkTable[], name: string): boolean {
  for (const table of tables) {
    if (!hasNames(table)) continue
    if (table.parents.has(name) || table.name === name || isBelow(table.name, name)) return true
    if (isBelow(name, table.name) && table.parents.has(name.slice(0, -table.name.length - 1))) return true
  }
  return false
}

/** The same of a name read as it stands, and not as NAME.NETWORK. */
export function isAboveNames(tables: readonly NetworkTable[], name: string): boolean {
  return tables.some((table) => {
    if (!hasNames(table)) return false
    return table.parents.has(name) || table.name === name || isBelow(table.name, name)
  })
}

/** Whether it is what these networks' names, or their Compose projects' services, end in. */
export function isPlace(tables: readonly NetworkTable[], name: string): boolean {
  return tables.some((table) => {
    if (!hasNames(table)) return false
    if (table.name === name || isBelow(table.name, name)) return true
    return table.projects.has(name) && table.parents.has(name)
  })
}

/**
 * Whether nothing on these networks can be meant by a name, links aside: found out with one look at each of them, and so
 * with nearly all names that are others'. `known` has whatever `names`, `added` and `replicas` have.
 */
export function isNowhere(tables: readonly NetworkTable[], name: string): boolean {
  for (const table of tables) {
    if (table.known.has(name) || table.labelled.has(name)) return false
    if (table.wildcards.size > 0 || isBelow(name, table.name)) return false
  }
  return true
}

/** Whether a wildcard of these networks stands above `name`; such a name is never anybody else's. */
export function isBelowWildcard(tables: readonly NetworkTable[], name: string): boolean {
  if (tables.every(({ wildcards }) => wildcards.size === 0)) return false
  for (const above of namesAbove(name)) if (tables.some((table) => table.wildcards.has(above))) return true
  return false
}
