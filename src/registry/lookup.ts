// Finds names in the table, on networks in a given order: Docker's readings first, then ours.
import { namesAbove } from '../dns/name.ts'
import type { Endpoint, NetworkTable } from './types.ts'

export interface Found {
  readonly table: NetworkTable
  readonly endpoints: readonly Endpoint[]
}

/** The asking container's links: network id → alias → target. */
export type Links = ReadonlyMap<string, ReadonlyMap<string, string>>

/** Addresses that are asked for; undefined: any. */
export type Family = 'v4' | 'v6' | undefined

/**
 * A name on `tables`: as Docker reads it, then as Compose's SERVICE.PROJECT, then by wildcard. Networks are not
 * merged: the first that has the name answers, and for addresses the first that has one of the family for it.
 */
export function findName(
  tables: readonly NetworkTable[],
  name: string,
  links: Links = new Map(),
  family: Family = undefined,
): Found | undefined {
  return findAsDocker(tables, name, links, family) ?? findBeyondDocker(tables, name, family)
}

/** What findName finds besides. */
export function findBeyondDocker(
  tables: readonly NetworkTable[],
  name: string,
  family: Family = undefined,
): Found | undefined {
  return findReplicas(tables, name, family) ?? findWildcard(tables, name, family)
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
  for (const [left, where] of readings(tables, name)) {
    const target = (table: NetworkTable) => links.get(table.network.id)?.get(left)
    const linked =
      links.size === 0 ? undefined : firstOf(where, (table) => table.names.get(target(table) ?? ''), family)
    const found =
      linked ??
      firstOf(where, (table) => (target(table) === undefined ? table.names.get(left) : undefined), family)
    if (found !== undefined) return found
  }
  return undefined
}

/** SERVICE.PROJECT and N.SERVICE.PROJECT, also qualified by a network. */
function findReplicas(
  tables: readonly NetworkTable[],
  name: string,
  family: Family = undefined,
): Found | undefined {
  for (const [left, where] of readings(tables, name)) {
    const found = firstOf(where, (table) => table.replicas.get(left), family)
    if (found !== undefined) return found
  }
  return undefined
}

/** The wildcard that the closest name above has, unless a name in between exists (RFC 4592, 3.3.1). */
function findWildcard(tables: readonly NetworkTable[], name: string, family: Family): Found | undefined {
  if (!isBelowWildcard(tables, name) || exists(tables, name)) return undefined
  for (const above of namesAbove(name)) {
    const found = firstOf(tables, (table) => table.wildcards.get(above), family)
    if (found !== undefined || exists(tables, above)) return found
  }
  return undefined
}

/** The first network that has it with an address of the family, else the first that has it (Docker 20.10 to 28). */
function firstOf(
  tables: readonly NetworkTable[],
  find: (table: NetworkTable) => readonly Endpoint[] | undefined,
  family: Family,
): Found | undefined {
  let first: Found | undefined
  for (const table of tables) {
    const endpoints = find(table)
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
  return (findAsDocker(tables, name, new Map()) ?? findReplicas(tables, name)) !== undefined
}

/**
 * The whole name on all networks, then every way to read it as NAME.NETWORK, the longest NAME first. It is the networks
 * that are gone through and not the dots: whoever asks decides how many of those there are, up to 126.
 */
function* readings(
  tables: readonly NetworkTable[],
  name: string,
): Generator<[name: string, where: readonly NetworkTable[]]> {
  yield [name, tables]
  if (!name.includes('.')) return
  const named = tables.filter((table) => name.endsWith(`.${table.name}`))
  // Of two that end the name, the shorter is read first; those of one length have one name.
  for (const length of [...new Set(named.map((table) => table.name.length))].sort((a, b) => a - b)) {
    yield [name.slice(0, -length - 1), named.filter((table) => table.name.length === length)]
  }
}

/** Every way to read a dotted name as NAME.NETWORK, the longest NAME first. */
export function* qualified(name: string): Generator<[name: string, network: string]> {
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    yield [name.slice(0, dot), name.slice(dot + 1)]
  }
}

/** Whether something below `name` exists on these networks, while it holds nothing itself (RFC 8020, RFC 4592). */
export function isParent(tables: readonly NetworkTable[], name: string): boolean {
  return tables.some((table) => {
    if (table.names.size === 0) return false
    if (table.parents.has(name) || table.name === name || table.name.endsWith(`.${name}`)) return true
    return name.endsWith(`.${table.name}`) && table.parents.has(name.slice(0, -table.name.length - 1))
  })
}

/** Whether a wildcard of these networks stands above `name`; such a name is never anybody else's. */
export function isBelowWildcard(tables: readonly NetworkTable[], name: string): boolean {
  for (const above of namesAbove(name)) if (tables.some((table) => table.wildcards.has(above))) return true
  return false
}
