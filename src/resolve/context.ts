// What one decision depends on, and what of that it has looked at. One object for each question: its class has all else.
import type { Config, Upstream } from '../config/types.ts'
import type { LocalAddresses } from '../lib/interfaces.ts'
import { subnetContains } from '../lib/ip.ts'
import type { Gone } from '../registry/gone.ts'
import type { Snapshot } from '../registry/types.ts'
import type { Scope } from '../scope/scope.ts'
import type { Context } from './decision.ts'
import { isForeign } from './name-lookup.ts'

export interface ContextOptions {
  readonly config: Pick<Config, 'zone' | 'ttl' | 'health'>
  /** The default route's, at this moment. */
  readonly upstreams: () => readonly Upstream[]
  /** undefined: names that are gone are nobody's at once. */
  readonly gone?: Pick<Gone, 'has' | 'hadParent'> | undefined
  /** This namespace's, at this moment. */
  readonly addresses: () => LocalAddresses
  /** [0, 1) */
  readonly random: () => number
}

export class QuestionContext implements Context {
  readonly scope: Scope
  readonly isForeign: boolean
  readonly forReasons: Snapshot
  /** The whole table was looked at; what holds for this moment alone was: upstreams, our own addresses, what is gone. */
  isWhole = false
  isPassing = false
  readonly #options: ContextOptions

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

  get health(): Context['health'] {
    return this.#options.config.health
  }

  get random(): () => number {
    return this.#options.random
  }

  get serial(): number {
    return this.forReasons.version
  }

  isNetwork(name: string): boolean {
    return this.forReasons.networksByName.has(name)
  }

  isProject(name: string): boolean {
    return this.forReasons.projects.byName.has(name)
  }

  isGone(name: string): boolean {
    return this.#passing(this.#options.gone?.has(name) === true)
  }

  wasParent(name: string): boolean {
    return this.#passing(this.#options.gone?.hadParent(name) === true)
  }

  whole(): Snapshot {
    this.isWhole = true
    return this.forReasons
  }

  isAttached(address: Uint8Array): boolean {
    this.isPassing = true
    return this.#options.addresses().all.some(({ subnet }) => subnetContains(subnet, address))
  }

  upstreams(): readonly Upstream[] {
    this.isPassing = true
    return this.#options.upstreams()
  }

  #passing(found: boolean): boolean {
    this.isPassing ||= found
    return found
  }
}
