// Names that were in the table within the last hour, which must not be forwarded the moment their container is gone. Kept
// as keyed hashes: memory is bounded, and nobody can craft a collision.
import { isSingleLabel } from '../dns/name.ts'
import { type HalfKey, halfSipHash24 } from '../dns/siphash.ts'
import { emptyMap } from '../lib/persistent.ts'
import { namesWithoutNetwork } from './table.ts'
import type { Snapshot } from './types.ts'

export interface Gone {
  /** Whether the name was there within the hour: NAME, NAME.NETWORK, SERVICE.PROJECT or N.SERVICE.PROJECT. */
  has(name: string): boolean
  /** Whether a network or a Compose project of this name was. */
  hadParent(name: string): boolean
  /** To be called with each snapshot, in order. */
  follow(snapshot: Snapshot): void
  /** What another process has to begin with to know the same: for `told`. */
  serialize(): Uint8Array
  /** How many are remembered. */
  readonly size: number
}

export interface GoneOptions {
  /** The same for those that tell each other. */
  readonly key: HalfKey
  /** ms since an arbitrary start; goes on while the machine is suspended. */
  readonly now: () => number
  readonly initial?: Uint8Array
}

/** Seconds. */
const keptFor = 3600
const most = 50_000

/** `snapshot`: what is there when it begins. */
export function createGone({ key, now, initial }: GoneOptions, snapshot: Snapshot): Gone {
  /** Hash → the second when it went, the oldest first. */
  const since = new Map<number, number>()
  let order = since.keys()
  let first: number | undefined
  let before = snapshot
  /** When the last one went, and the last network or project. */
  let last = Number.NEGATIVE_INFINITY
  let lastParent = Number.NEGATIVE_INFINITY

  const seconds = () => Math.floor(now() / 1000)

  function remember(hash: number, at: number): void {
    since.delete(hash)
    if (hash === first) first = undefined
    if (since.size >= most) since.delete(oldest()!)
    since.set(hash, at)
    last = at
  }

  /** Found by going on from where it was found last: what has been deleted before that is not gone through again. */
  function oldest(): number | undefined {
    while (first === undefined || !since.has(first)) {
      const next = order.next()
      if (next.done) order = since.keys()
      if (since.size === 0) return undefined
      first = next.value
    }
    return first
  }

  function rememberParent(name: string, at: number): void {
    remember(hashOfParent(name), at)
    lastParent = at
  }

  const hashOf = (name: string) => halfSipHash24(key, name)
  /** No name begins with a dot. */
  const hashOfParent = (name: string) => halfSipHash24(key, `.${name}`)

  function isWithin(hash: number, time: number): boolean {
    const at = since.get(hash)
    return at !== undefined && time - at < keptFor
  }

  function forget(time: number): void {
    for (let hash = oldest(); hash !== undefined; hash = oldest()) {
      if (time - since.get(hash)! < keptFor) return
      since.delete(hash)
    }
  }

  if (initial !== undefined) {
    // In memory of its own, for eight bytes at a time are read from it.
    const [parentAge, ...rest] = new Float64Array(initial.slice().buffer)
    const time = seconds()
    for (let i = 0; i < rest.length; i += 2) remember(rest[i]!, time - rest[i + 1]!)
    lastParent = time - parentAge!
  }

  return {
    get size() {
      return since.size
    },
    has(name) {
      if (since.size === 0) return false
      const time = seconds()
      if (time - last < keptFor) return isWithin(hashOf(name), time)
      since.clear()
      return false
    },
    hadParent(name) {
      if (since.size === 0) return false
      const time = seconds()
      return time - lastParent < keptFor && isWithin(hashOfParent(name), time)
    },
    follow(after) {
      if (after.networks === before.networks && after.containers === before.containers) return
      const time = seconds()
      forget(time)
      let room = most
      for (const name of namesGone(before, after)) {
        if (room-- === 0) break
        if (name.startsWith('.')) rememberParent(name.slice(1), time)
        else remember(hashOf(name), time)
      }
      before = after
    },
    serialize() {
      const time = seconds()
      const told = new Float64Array(1 + 2 * since.size)
      told[0] = time - lastParent
      let i = 1
      for (const [hash, at] of since) {
        told[i++] = hash
        told[i++] = time - at
      }
      return new Uint8Array(told.buffer)
    },
  }
}

/** Of what was there and is not any more; networks and projects with a dot before their names. */
function* namesGone(before: Snapshot, after: Snapshot): Generator<string, undefined> {
  for (const id of before.containers.keysDifferingIn(after.containers)) {
    const { known, services, projects } = namesWithoutNetwork(before.containers.get(id))
    for (const project of projects) if (!after.projects.byName.has(project)) yield `.${project}`
    for (const name of services) if (!after.services.has(name)) yield name
    for (const name of known) if (isSingleLabel(name) && !after.known.has(name)) yield name
  }
  for (const id of before.networks.keysDifferingIn(after.networks)) {
    const was = before.networks.get(id)
    if (was === undefined) continue
    const is = after.networks.get(id)
    if (!after.networksByName.has(was.name)) yield `.${was.name}`
    for (const project of was.projects.keysMissingIn(is?.projects ?? emptyMap)) {
      if (!after.projects.byName.has(project)) yield `.${project}`
    }
    for (const name of was.services.keysMissingIn(is?.services ?? emptyMap)) {
      if (!after.services.has(name)) yield name
    }
    for (const name of was.known.keysMissingIn(is?.name === was.name ? is.known : emptyMap)) {
      yield `${name}.${was.name}`
      if (isSingleLabel(name) && !after.known.has(name)) yield name
    }
  }
}
