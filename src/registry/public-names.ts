// Networks and Compose projects named like a public top-level domain: names ending so are public for everybody not on them.
import { isPublic } from '../dns/public.ts'
import type { Logger } from '../lib/log.ts'
import type { Snapshot } from './types.ts'

export interface PublicName {
  readonly kind: 'network' | 'project'
  readonly name: string
}

/** Drivers of networks that have no names. */
const nameless: readonly string[] = ['host', 'null']

export function isPublicNetwork(name: string, driver: string): boolean {
  return isPublic(name) && !nameless.includes(driver)
}

export const isPublicProject = isPublic

/** Those in `after` that `before` did not have. */
export function* newPublicNames(before: Snapshot, after: Snapshot): Generator<PublicName, undefined> {
  for (const name of after.networksByName.keysMissingIn(before.networksByName)) {
    const tables = after.networksByName.get(name)!
    if (tables.some(({ network }) => isPublicNetwork(name, network.driver))) {
      yield { kind: 'network', name }
    }
  }
  for (const name of after.projects.byName.keysMissingIn(before.projects.byName)) {
    if (isPublicProject(name)) yield { kind: 'project', name }
  }
}

/** What to make of it: for the log, and for `check`. */
export function describePublicName({ kind, name }: PublicName, zone: string): string {
  const form = kind === 'network' ? 'NAME' : 'SERVICE'
  const local = `${form}.${name}`
  return (
    `the ${kind} ${name} is called like a public domain: ${local} means the public name for whoever is not on it; ` +
    `rename the ${kind}, or ask for ${local}.${zone}`
  )
}

/** So many are told; then one line more says that there are others. */
const most = 100

/** Tells each of them once, whatever comes and goes. To be called with each snapshot, in order. */
export function createPublicNameWarnings(before: Snapshot, log: Pick<Logger, 'warn'>, zone: () => string) {
  const told = new Set<string>()
  let last = before
  return (after: Snapshot): void => {
    const known = last
    last = after
    if (after.networksByName === known.networksByName && after.projects === known.projects) return
    for (const found of newPublicNames(known, after)) {
      const key = `${found.kind} ${found.name}`
      if (told.size > most || told.has(key)) continue
      told.add(key)
      const why =
        told.size > most ? 'there are more, which are not logged' : describePublicName(found, zone())
      log.warn({ why }, 'a name matches a public domain')
    }
  }
}
