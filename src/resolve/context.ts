// What one decision may depend on, at one moment, and a record of what it looked at: that decides how long the answer holds.
import type { Config, Upstream } from '../config/types.ts'
import { isWithin } from '../dns/name.ts'
import type { LocalAddresses } from '../lib/interfaces.ts'
import { subnetContains } from '../lib/ip.ts'
import type { Gone } from '../registry/gone.ts'
import { isNowhere, noLinks } from '../registry/lookup.ts'
import type { Snapshot } from '../registry/types.ts'
import type { Scope } from '../scope/scope.ts'
import { podmanName } from './podman.ts'

export interface ContextOptions {
  readonly config: Pick<Config, 'zone' | 'ttl' | 'health'>
  /** The default route's, at this moment. */
  readonly upstreams: () => readonly Upstream[]
  /** Names that have gone within the hour; undefined: none are remembered. */
  readonly gone?: Pick<Gone, 'has' | 'hadParent'> | undefined
  /** This namespace's, at this moment. */
  readonly addresses: () => LocalAddresses
  /** [0, 1), for the order of addresses. */
  readonly random: () => number
}

/** One for each question: what no question changes lies in its prototype and its options. */
export class Context {
  readonly scope: Scope
  /** The question's name has no meaning on the scope's networks: cheap to find out, and true of most. */
  readonly isForeign: boolean
  /** The whole table, for saying why. A decision must not depend on it: see `whole`. */
  readonly forReasons: Snapshot
  /** The decision depends on the whole table: it holds for one version of it. */
  isWhole = false
  /** The decision depends on what holds for this moment alone: upstreams, our own addresses, names that are gone. */
  isPassing = false
  readonly #options: ContextOptions

  /** `name` is the question's, canonical. */
  constructor(options: ContextOptions, scope: Scope, snapshot: Snapshot, name: string) {
    this.#options = options
    this.scope = scope
    this.isForeign = isForeign(scope, options.config.zone, name)
    this.forReasons = snapshot
  }

  get zone(): string {
    return this.#options.config.zone
  }

  get ttl(): number {
    return this.#options.config.ttl
  }

  get health(): Config['health'] {
    return this.#options.config.health
  }

  get random(): () => number {
    return this.#options.random
  }

  /** The table's version, for our SOA. */
  get serial(): number {
    return this.forReasons.version
  }

  /** Whether a network of this canonical name exists. */
  isNetwork(name: string): boolean {
    return this.forReasons.networksByName.has(name)
  }

  /** Whether a Compose project of this canonical name exists, on whatever network. */
  isProject(name: string): boolean {
    return this.forReasons.projects.byName.has(name)
  }

  isGone(name: string): boolean {
    return this.#passing(this.#options.gone?.has(name) === true)
  }

  /** Whether it was the name of a network or a project within the hour. */
  wasParent(name: string): boolean {
    return this.#passing(this.#options.gone?.hadParent(name) === true)
  }

  /**
   * The whole table. An answer that does without holds for as long as its scope's networks and the sets of networks and
   * projects do.
   */
  whole(): Snapshot {
    this.isWhole = true
    return this.forReasons
  }

  /** Whether a link of ours holds the address. */
  isAttached(address: Uint8Array): boolean {
    this.isPassing = true
    return this.#options.addresses().all.some(({ subnet }) => subnetContains(subnet, address))
  }

  /** The default route's. */
  upstreams(): readonly Upstream[] {
    this.isPassing = true
    return this.#options.upstreams()
  }

  #passing(found: boolean): boolean {
    this.isPassing ||= found
    return found
  }
}

function isForeign({ view, networks, links = noLinks }: Scope, zone: string, name: string): boolean {
  if (view !== 'networks' || links.size > 0 || isWithin(name, zone)) return false
  return podmanName(name) === undefined && isNowhere(networks, name)
}
